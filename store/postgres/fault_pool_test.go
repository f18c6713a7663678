package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// A server that has no connection left is tried again until it has, at the start and
// later.
func TestNoConnectionIsLeft(t *testing.T) {
	t.Parallel() // it waits most of the time
	server := pgserver.Own(t, "max_connections=12")
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, dsn)
	var others []*pgx.Conn
	use := func() {
		t.Helper()
		await(t, generous, "there are always more connections", func() bool {
			conn, err := pgx.Connect(t.Context(), dsn)
			if err == nil {
				others = append(others, conn)
			}
			return err != nil && strings.Contains(err.Error(), "53300")
		})
	}
	free := func() {
		for _, conn := range others {
			_ = conn.Close(context.Background()) // the server may have been faster
		}
		others = nil
	}
	defer free()
	use()
	b, err := tryFaultBed(t, dsn, dsn, store.Options{})
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	says := func() {
		t.Helper()
		await(t, generous, "nothing says why", func() bool {
			err := b.Trouble()
			return err != nil && strings.Contains(err.Error(), "53300")
		})
	}
	says()
	free()
	b.recovers()
	use()
	run(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hookgate%'")
	use() // those that have become free
	passing(t, b.troubled())
	says()
	free()
	b.recovers()
	b.complete()
}

// A query that is slow holds up others that read if the pool is small, as long as they
// want to wait, and nobody who commits.
func TestSlowQueryInASmallPool(t *testing.T) {
	dsn := pgserver.Database(t)
	b := openFaultBed(t, dsn+"?pool_max_conns=1", dsn, store.Options{})
	v := b.mustSend()
	other := connect(t, dsn)
	run(t, other, "BEGIN", "LOCK TABLE pauses")
	var slow sync.WaitGroup
	slow.Go(func() {
		_, err := b.Pauses(context.Background())
		if err == nil {
			t.Error("a locked table was read")
		} else {
			passing(t, err)
		}
	})
	await(t, generous, "the query does not wait", func() bool {
		return count(t, other, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'hookgate'") > 0
	})
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := b.Event(ctx, v.Seq); err == nil {
		t.Error("two queries run on one connection")
	} else {
		passing(t, err)
	}
	inTime(t, "a query that cannot wait", started, generous)
	b.mustSend()
	if err := b.deliver(v); err != nil {
		t.Error(err)
	}
	if err := b.Trouble(); err != nil {
		t.Errorf("there is trouble: %v", err)
	}
	slow.Wait()
	run(t, other, "ROLLBACK")
	if _, err := b.Pauses(t.Context()); err != nil {
		t.Error(err)
	}
	b.complete()
}
