package delivery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

var errStore = errors.New("disk full")

// TestStopWaitsForAttempts, and for the commits of their outcomes, but begins none
// (K-14).
func TestStopWaitsForAttempts(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.store.slow(100 * time.Millisecond)
		b.begin(delivery.Destination{})
		b.app.says(after(5*time.Second, status(200)))
		first := b.accept(toApp)
		b.fill(toApp, 99)
		sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if err := b.engine.Stop(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("it took %v; want the rest of 5 s", took)
		}
		b.wantStates(map[store.State]int{store.Delivered: 16, store.Pending: 84})

		b.app.reset()
		b.accept(toApp)
		b.engine.Wake(toApp)
		b.engine.StartJobs()
		b.begin(delivery.Destination{}).Remove()
		if err := b.engine.Retry(context.Background(), store.DeliveryID{Seq: first}); err != nil {
			t.Error(err)
		}
		sleep(time.Hour)
		if n := len(b.app.tries()); n != 0 {
			t.Errorf("%d attempts after the end", n)
		}
		b.wantStates(map[store.State]int{store.Delivered: 15, store.Pending: 86})
		if err := b.engine.Stop(ctx); err != nil {
			t.Errorf("stopped again: %v", err)
		}
	})
}

// TestStopCancelsWhatTakesTooLong: the deliveries stay as they were, and are
// attempted again by the next process (K-07, K-14).
func TestStopCancelsWhatTakesTooLong(t *testing.T) {
	for name, answer := range map[string]answers{
		"hangs": hang,
		"502": func(ctx context.Context, d *store.Delivery) delivery.Answer {
			hang(ctx, d)
			return delivery.Answer{Status: 502}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{Timeout: time.Minute})
				b.app.says(answer)
				b.fill(toApp, 100)
				sleep(time.Second)
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				start := time.Now()
				if err := b.engine.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v; want that it was cut off", err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("it took %v; want 10 s", took)
				}
				if n := b.counter.of(delivery.OutcomeCanceled); n != 16 {
					t.Errorf("%d attempts were canceled; want 16", n)
				}
				b.wantStates(map[store.State]int{store.Pending: 100})
				for seq := range int64(100) {
					if d, attempts := b.store.get(seq + 1); d.Attempts+d.Step+len(attempts) != 0 {
						t.Errorf("event %d: %d attempts count", d.Seq, d.Attempts)
					}
				}
				b.restart()
				b.app.says(nil)
				b.begin(delivery.Destination{})
				sleep(time.Second)
				b.wantStates(map[store.State]int{store.Delivered: 100})
			})
		})
	}
}

// TestStopOfFailedStore ends, although outcomes cannot be written.
func TestStopOfFailedStore(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.store.failing(func(operation string) error {
			if operation != "Accept" {
				return errStore
			}
			return nil
		})
		b.fill(toApp, 100)
		sleep(time.Minute)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.engine.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v; want that it was cut off", err)
		}
		b.wantStates(map[store.State]int{store.Pending: 100})
	})
}

// TestUnwrittenOutcomesBoundTheRepeated: while the store fails, attempts end, no
// event is attempted twice, and all is written once it works (F-03, K-08).
func TestUnwrittenOutcomesBoundTheRepeated(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Concurrency: 4})
		b.app.says(after(10*time.Millisecond, status(200)))
		b.store.failing(func(operation string) error {
			if operation == "Settle" {
				return errStore
			}
			return nil
		})
		b.fill(toApp, 500)
		sleep(time.Hour)
		if tried := len(b.app.tries()); tried != 4 {
			t.Errorf("%d attempts while nothing can be written; want one for each slot", tried)
		}
		b.wantStates(map[store.State]int{store.Pending: 500})
		if n := b.store.called("Settle"); n > 4*460 {
			t.Errorf("%d tries to write in an hour", n)
		}
		if n := b.logs.count("outcomes of attempts cannot be stored"); n != 1 {
			t.Errorf("it is logged %d times", n)
		}
		b.store.failing(nil)
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 500})
		for seq := range int64(500) {
			if n := b.app.got(seq + 1); n != 1 {
				t.Errorf("event %d was delivered %d times", seq+1, n)
			}
		}
		if n := b.logs.count("outcomes of attempts are stored again"); n != 1 {
			t.Errorf("its end is logged %d times", n)
		}
	})
}

// TestShortFailureIsOverSoon: many outcomes that fail together are one failure, so
// that all are written soon after it (F-02).
func TestShortFailureIsOverSoon(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.store.failing(func(operation string) error {
			if operation == "Settle" {
				return errStore
			}
			return nil
		})
		b.fill(toApp, 100)
		sleep(2500 * time.Millisecond)
		b.store.failing(nil)
		sleep(5 * time.Second)
		b.wantStates(map[store.State]int{store.Delivered: 100})
	})
}

// TestFailedSettleKeepsItsSchedule: an outcome that was written late is as it would
// have been (K-10).
func TestFailedSettleKeepsItsSchedule(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.app.says(status(422))
		failures := 3
		b.store.failing(func(operation string) error {
			if operation == "Settle" && failures > 0 {
				failures--
				return errStore
			}
			return nil
		})
		start := time.Now()
		seq := b.accept(toApp)
		sleep(time.Minute)
		d, attempts := b.store.get(seq)
		if d.Attempts != 2 || d.Step != 2 || len(attempts) != 2 {
			t.Errorf("%d attempts, step %d, %d recorded; want 2", d.Attempts, d.Step, len(attempts))
		}
		// Written after 1 + 2 + 4 s, when it was due already.
		if at := b.app.tries()[1].at.Sub(start).Round(100 * time.Millisecond); at != 7*time.Second {
			t.Errorf("the second attempt came after %v; want 7 s", at)
		}
	})
}

// TestUnreadableStore is left alone more and more, and everything is delivered once
// it can be read again (F-03).
func TestUnreadableStore(t *testing.T) {
	for _, broken := range []string{"Due", "NextDue", "Oldest", "Release"} {
		t.Run(broken, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{})
				b.app.says(refuse)
				b.fill(toApp, 40)
				sleep(time.Minute)
				b.store.failing(func(operation string) error {
					if operation == broken {
						return errStore
					}
					return nil
				})
				b.app.says(nil)
				before := b.store.called(broken)
				sleep(time.Hour)
				if n := b.store.called(broken) - before; n > 480 {
					t.Errorf("it was asked %d times in an hour; want eight times a minute", n)
				}
				b.store.failing(nil)
				sleep(2 * time.Minute)
				b.wantStates(map[store.State]int{store.Delivered: 40})
				if n := b.logs.count("the store cannot be read"); n > 1 {
					t.Errorf("it is logged %d times", n)
				}
			})
		})
	}
}
