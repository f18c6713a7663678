package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// together lets the committer find everything in its queue at once that queue puts there:
// one batch.
func (b *faultBed) together(queue func()) {
	b.t.Helper()
	held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.Do(context.Background(), func(*store.Tx) error {
			select {
			case <-held: // the second try
			default:
				close(held)
			}
			<-release
			return nil
		})
	}()
	<-held
	queue()
	close(release)
	if err := <-ended; err != nil {
		b.t.Error(err)
	}
}

// inTime makes sure that something has ended after so long.
func inTime(t *testing.T, what string, started time.Time, most time.Duration) {
	t.Helper()
	took := time.Since(started)
	t.Logf("%s took %s", what, took.Round(10*time.Millisecond))
	if took > most {
		t.Errorf("%s took %s", what, took)
	}
}

// Whatever holds a commit up, those who wait are told in time, nothing of it is stored by
// half, and the store goes on as it is: its connections are sound.
func TestHeldUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		begin   []string
		end     []string
		settles bool // an outcome is held up, too
	}{
		{"by a locked table", []string{"BEGIN", "LOCK TABLE events"}, []string{"ROLLBACK"}, false},
		{"by a locked table of later", []string{"BEGIN", "LOCK TABLE deliveries"}, []string{"ROLLBACK"}, true},
		{"by a slow server", []string{
			"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END'",
			"CREATE TRIGGER slow BEFORE INSERT ON payloads FOR EACH ROW EXECUTE FUNCTION slow()",
		}, []string{"DROP TRIGGER slow ON payloads"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := pgserver.Database(t)
			b := openFaultBed(t, dsn, dsn, store.Options{})
			v := b.mustSend()
			other := connect(t, dsn)
			run(t, other, c.begin...)
			started := time.Now()
			_, err := b.send(context.Background())
			inTime(t, "refusing an arrival", started, generous)
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("the error is %v", err)
			}
			if c.settles {
				if err := b.deliver(v); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("of an outcome the error is %v", err)
				}
			}
			run(t, other, c.end...)
			b.mustSend()
			if err := b.deliver(v); err != nil {
				t.Error(err)
			}
			if log := b.log.String(); strings.Contains(log, "has failed") {
				t.Errorf("the store was opened anew: %s", log)
			}
			for _, table := range []string{"events", "payloads", "deliveries"} {
				if n := count(t, other, "SELECT COUNT(*) FROM "+table); n != int64(b.acknowledged()) {
					t.Errorf("%d were acknowledged, and %s has %d", b.acknowledged(), table, n)
				}
			}
			b.complete()
		})
	}
}

// A gateway that is frozen while it stores an event keeps the others from storing a copy
// of it, and what is committed together with that, but not for ever: it is refused in
// good time, and stored as soon as the server has given the frozen one up.
func TestFrozenGateway(t *testing.T) {
	dsn := pgserver.Database(t)
	b := openFaultBed(t, dsn, dsn, store.Options{})
	b.mustSend()
	frozen := connect(t, dsn)
	run(t, frozen, "SET idle_in_transaction_session_timeout = '5s'", "BEGIN") // as gateways have it
	froze := time.Now()
	a := faultArrival("contested")
	if _, err := frozen.Exec(t.Context(), `INSERT INTO events (seq, source, id, type, scheme, stamp, received, size, keep, place, body)
VALUES (nextval('event_numbers'), 'a', 'contested', '', 'svix', 0, 0, 0, 1000, $1, '')`, a.Key.ID[:]); err != nil {
		t.Fatal(err)
	}
	const innocents = 20
	var all sync.WaitGroup
	var contested error
	b.together(func() {
		queued := make(chan struct{}, 4*innocents+4)
		ctx := tellingContext{context.Background(), queued}
		all.Go(func() { _, contested = b.sendAs(ctx, "contested") })
		for i := range innocents {
			all.Go(func() {
				if _, err := b.sendAs(ctx, fmt.Sprint("innocent", i)); err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("of one that came with it the error is %v", err)
				}
			})
		}
		for range innocents + 1 {
			<-queued
		}
	})
	all.Wait()
	inTime(t, "the batch", froze, generous)
	if !errors.Is(contested, store.ErrUnavailable) {
		t.Errorf("of the contested one the error is %v", contested)
	}
	var err error
	await(t, generous, "the contested one is still refused", func() bool {
		_, err = b.sendAs(context.Background(), "contested")
		return err == nil
	})
	inTime(t, "until the frozen one is given up", froze, generous)
	for i := range innocents {
		if _, err := b.sendAs(context.Background(), fmt.Sprint("innocent", i)); err != nil {
			t.Errorf("sent again, innocent %d is refused: %v", i, err)
		}
	}
	b.complete()
}

// Of two transactions that wait for each other the server ends one. If that is the
// store's, it is run again, and nobody hears of it.
func TestDeadlock(t *testing.T) {
	dsn := pgserver.Database(t)
	b := openFaultBed(t, dsn, dsn, store.Options{})
	first, second := b.mustSend(), b.mustSend()
	other := connect(t, dsn)
	watch := connect(t, dsn)
	lock := "SELECT 1 FROM deliveries WHERE event = %d FOR UPDATE"
	run(t, other, "SET deadlock_timeout = '20s'", "BEGIN", fmt.Sprintf(lock, second.Seq))
	var outcomes sync.WaitGroup
	outcomes.Add(2)
	b.together(func() {
		for _, v := range []store.Verdict{first, second} {
			b.Settle(t.Context(), faultOutcome(v, store.Delivered), func(err error) {
				if err != nil {
					t.Errorf("settling: %v", err)
				}
				outcomes.Done()
			})
		}
	})
	await(t, generous, "the store does not wait", func() bool {
		return count(t, watch, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'hookgate'") > 0
	})
	run(t, other, fmt.Sprintf(lock, first.Seq), "ROLLBACK")
	outcomes.Wait()
	await(t, generous, "there was no deadlock", func() bool {
		run(t, watch, "SELECT pg_stat_clear_snapshot()")
		return count(t, watch, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") > 0
	})
	if n := count(t, watch, "SELECT COUNT(*) FROM deliveries d JOIN attempts a ON a.event = d.event WHERE d.state = 2"); n != 2 {
		t.Errorf("%d of 2 are delivered", n)
	}
	b.complete()
}
