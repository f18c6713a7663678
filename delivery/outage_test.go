package delivery_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestOutageOfThreeDaysKillsNothing: events keep their steps while the app is down,
// and the first is delivered soon after it is back (U-01, U-12).
func TestOutageOfThreeDaysKillsNothing(t *testing.T) {
	for name, down := range map[string]answers{
		"refused": refuse, "503": status(503), "503 with Retry-After": func(context.Context, *store.Delivery) delivery.Answer {
			return delivery.Answer{Status: 503, RetryAfter: "10"}
		},
		"redirects": status(302), "hangs": hang,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{})
				b.app.says(down)
				const events = 630
				for range events {
					b.accept(toApp)
					sleep(6 * time.Minute)
				}
				b.wantStates(map[store.State]int{store.Pending: events})
				if s := b.status(); s.Down.IsZero() || s.Failures < 5 {
					t.Errorf("after 63 h: %+v", s)
				}
				if tries := len(b.app.tries()); tries > 2*63*60*2+100 {
					t.Errorf("%d attempts in 63 h; want at most one in 30 s or so", tries)
				}
				recorded := 0
				for seq := range int64(events) {
					d, attempts := b.store.get(seq + 1)
					recorded += len(attempts)
					if d.Attempts > 7 || d.Step > 7 {
						t.Errorf("event %d: %d attempts are counted", d.Seq, d.Attempts)
					}
				}
				if recorded > 100 {
					t.Errorf("%d attempts are recorded; want those from before it was down", recorded)
				}

				up := time.Now()
				b.app.reset()
				b.app.says(after(10*time.Millisecond, status(200)))
				sleep(60 * time.Second)
				b.wantStates(map[store.State]int{store.Delivered: events})
				tries := b.app.tries()
				if first := tries[0].at.Sub(up); first > 30*time.Second {
					t.Errorf("the first attempt came after %v; want 30 s at most", first)
				}
				// What follows the probe is the oldest first; those attempted before the
				// outage have the place at which they were due. Those side by side may be
				// swapped.
				tries = slices.DeleteFunc(tries[1:], func(a try) bool { return a.number > 1 })
				for i := range tries {
					if before := tries[max(0, i-16)]; tries[i].seq < before.seq {
						t.Errorf("event %d was attempted after %d", tries[i].seq, before.seq)
					}
				}
				if !b.status().Down.IsZero() {
					t.Error("it is still down")
				}
			})
		})
	}
}

// TestBacklogLaneWidensByRounds: 1, 2, 4, 8, 16 at once, and never more (U-12).
func TestBacklogLaneWidensByRounds(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.fill(toApp, 200)
		b.app.says(after(time.Second, status(200)))
		b.begin(delivery.Destination{})
		var rounds []int
		for range 9 {
			sleep(500 * time.Millisecond)
			rounds = append(rounds, b.status().InFlight)
			sleep(500 * time.Millisecond)
		}
		if want := []int{1, 2, 4, 8, 16, 16, 16, 16, 16}; !slices.Equal(rounds, want) {
			t.Errorf("in flight: %v; want %v", rounds, want)
		}
		if b.status().Limit != 16 {
			t.Errorf("%+v; want the limit at 16", b.status())
		}
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 200})
		if b.app.peak() != 16 {
			t.Errorf("%d were in flight at once; want 16", b.app.peak())
		}
	})
}

// TestFailureHalvesTheBacklogLane: an app that begins to fail under the backlog is
// asked less at once (U-12).
func TestFailureHalvesTheBacklogLane(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.fill(toApp, 100)
		b.app.says(after(time.Second, status(200)))
		b.begin(delivery.Destination{Concurrency: 4})
		sleep(6500 * time.Millisecond)
		if b.status().Limit != 4 {
			t.Fatalf("%+v; want the limit at 4", b.status())
		}
		var failed atomic.Bool
		b.app.says(func(ctx context.Context, d *store.Delivery) delivery.Answer {
			if failed.CompareAndSwap(false, true) {
				return after(1500*time.Millisecond, status(500))(ctx, d)
			}
			return after(time.Second, status(200))(ctx, d)
		})
		sleep(2100 * time.Millisecond) // the failure came at 8.5 s
		if b.status().Limit != 2 {
			t.Errorf("%+v; want the limit at 2", b.status())
		}
	})
}

// TestFlappingDoesNotThrash: every time five failures are needed anew, and nothing
// is lost over it (U-13).
func TestFlappingDoesNotThrash(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		start := time.Now()
		b.app.says(func(context.Context, *store.Delivery) delivery.Answer {
			if time.Since(start)/(2*time.Second)%2 == 0 {
				return delivery.Answer{Err: errRefused}
			}
			return delivery.Answer{Status: 200}
		})
		const events = 600
		for range events {
			b.accept(toApp)
			sleep(100 * time.Millisecond)
		}
		// Within two seconds down there are five failures and a probe; within two
		// seconds up everything is delivered.
		failures := b.counter.of("unreachable")
		if most := 15 * (5 + 16 + 2); failures > most {
			t.Errorf("%d failed attempts in 15 flaps; want at most %d", failures, most)
		}
		b.app.says(nil)
		sleep(40 * time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: events})
		for seq := range int64(events) {
			if n := b.app.got(seq + 1); n != 1 {
				t.Errorf("event %d was delivered %d times", seq+1, n)
			}
		}
	})
}

// TestProbeWaitsForNothingButACommit: all that is pending was attempted a moment ago,
// so that there is nothing to probe with until their outcomes are committed (U-13).
func TestProbeWaitsForNothingButACommit(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Retry: []time.Duration{10 * time.Hour}})
		b.app.says(after(time.Second, refuse))
		b.fill(toApp, 5)
		b.store.slow(10 * time.Second)
		sleep(2 * time.Second)
		if b.status().Down.IsZero() {
			t.Fatal("it is not down")
		}
		b.app.reset()
		sleep(20 * time.Second)
		if n := len(b.app.tries()); n == 0 {
			t.Error("it is not probed")
		}
	})
}
