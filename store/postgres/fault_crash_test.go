package postgres_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// load lets callers accept and deliver, each again and again with the same event until
// it is acknowledged, as senders do. It ends with the function that it returns.
func (b *faultBed) load(callers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				b.loadOne(ctx)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

func (b *faultBed) loadOne(ctx context.Context) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	id := b.id()
	var v store.Verdict
	for {
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		var err error
		v, err = b.sendAs(patience, id)
		cancel()
		if err == nil {
			break
		}
		passing(b.t, err)
		<-again.C
		if ctx.Err() != nil {
			return
		}
	}
	for v.Result == store.Stored { // of a copy somebody else has the delivery
		err := b.deliver(v)
		if err == nil || ctx.Err() != nil {
			return
		}
		passing(b.t, err)
		<-again.C
	}
}

func (b *faultBed) acknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acked)
}

// goesOn waits until so many more are acknowledged, and returns how long the first one
// took.
func (b *faultBed) goesOn(more int) time.Duration {
	b.t.Helper()
	before := b.acknowledged()
	took := await(b.t, generous, "nothing is acknowledged", func() bool { return b.acknowledged() > before })
	await(b.t, generous, "little is acknowledged", func() bool { return b.acknowledged() > before+more })
	return took
}

// crash kills a server, and waits until all its processes have noticed: before that it
// cannot be started again.
func crash(t *testing.T, server *pgserver.Server, dsn string) {
	t.Helper()
	rows, err := connect(t, dsn).Query(t.Context(), "SELECT pid FROM pg_stat_activity")
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, generous, "the server's processes are still there", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) == nil })
	})
}

// A server that is killed under load and started again loses nothing that was
// acknowledged, and nobody has to do anything for the store to work again.
//
// (K-03, K-04, K-05, K-06)
func TestServerIsKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := pgserver.Own(t)
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := openFaultBed(t, dsn, dsn, store.Options{})
	stop := b.load(64)
	defer stop()
	for range max(3, faults.Cycles(t, 10)) {
		b.goesOn(200 + rand.IntN(1000))
		crash(t, server, dsn)
		passing(t, b.troubled())
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		took := b.goesOn(0)
		t.Logf("works again %s after the server", took.Round(10*time.Millisecond))
		if took > generous {
			t.Errorf("it took %s until the store worked again", took)
		}
	}
	stop()
	b.complete()
}
