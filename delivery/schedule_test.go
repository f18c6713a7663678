package delivery_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestScheduleIsExact: every attempt of the default schedule comes when it should,
// within the jitter, and the last is followed by death.
func TestScheduleIsExact(t *testing.T) {
	for _, random := range []float64{0, 0.5, math.Nextafter(1, 0)} {
		inBubble(t, func(b *bed) {
			b.random = random
			b.begin(delivery.Destination{})
			b.app.says(status(422)) // a verdict, so that it is not down
			start := time.Now()
			seq := b.accept(toApp)
			sleep(40 * time.Hour)
			at := start
			tries := b.app.tries()
			if len(tries) != 8 {
				t.Fatalf("%d attempts", len(tries))
			}
			for i, a := range tries {
				if i > 0 {
					at = at.Add(time.Duration(float64(delivery.DefaultRetry()[i-1]) * (0.8 + 0.4*random)))
				}
				if late := a.at.Sub(at); late < -10*time.Millisecond || late > 50*time.Millisecond {
					t.Errorf("attempt %d is %v late", a.number, late)
				}
				if a.number != i+1 {
					t.Errorf("attempt %d has the number %d", i+1, a.number)
				}
			}
			d, attempts := b.store.get(seq)
			if d.State != store.Dead || d.Reason != delivery.ReasonExhausted || d.Step != 8 || len(attempts) != 8 {
				t.Errorf("%s, %q, step %d, %d attempts", d.State, d.Reason, d.Step, len(attempts))
			}
		})
	}
}

func TestForeverRepeatsTheLastDelay(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Retry: []time.Duration{time.Minute, time.Hour}, Forever: true, GiveUp: 100 * 24 * time.Hour})
		b.app.says(status(422))
		seq := b.accept(toApp)
		sleep(90*24*time.Hour + 30*time.Minute)
		if d, _ := b.store.get(seq); d.State != store.Pending || d.Attempts != 90*24+2 {
			t.Errorf("%s after %d attempts", d.State, d.Attempts)
		}
		b.app.says(nil)
		sleep(time.Hour)
		b.wantStates(map[store.State]int{store.Delivered: 1})
	})
}

// TestGiveUp: age ends what the schedule would not, also of a destination that is
// down, but not of one that is paused or parked.
func TestGiveUp(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		answer answers
		before func(b *bed, g *delivery.Generation)
		dead   bool
	}{
		"rejects": {status(422), nil, true},
		"down":    {refuse, nil, true},
		"held time by time": {func(context.Context, *store.Delivery) delivery.Answer {
			return delivery.Answer{Status: 429, RetryAfter: "3600"}
		}, nil, true},
		"paused": {refuse, func(b *bed, _ *delivery.Generation) { b.engine.Pause(context.Background(), toApp) }, false},
		"parked": {refuse, func(_ *bed, g *delivery.Generation) { g.Remove() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				g := b.begin(delivery.Destination{GiveUp: 3 * day, Retry: []time.Duration{6 * time.Hour}, Forever: true})
				b.app.says(test.answer)
				const events = 1200 // several batches
				b.fill(toApp, events)
				if test.before != nil {
					test.before(b, g)
				}
				sleep(3*day - time.Minute)
				b.wantStates(map[store.State]int{store.Pending: events})
				sleep(3 * time.Minute)
				if !test.dead {
					b.wantStates(map[store.State]int{store.Pending: events})
					return
				}
				b.wantStates(map[store.State]int{store.Dead: events})
				for seq := range int64(events) {
					if d, _ := b.store.get(seq + 1); d.Reason != delivery.ReasonExpired {
						t.Fatalf("event %d is dead of %q", seq+1, d.Reason)
					}
				}
			})
		})
	}
}

// TestSetBackClockStallsNothing: what is due in five minutes is attempted in five
// minutes, whatever the wall clock does (C-01, C-05).
func TestSetBackClockStallsNothing(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour": -time.Hour, "ten years": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{})
				b.app.says(status(422))
				b.accept(toApp)
				sleep(time.Minute) // two attempts; the next is due after 5 min
				b.step(by)
				sleep(6 * time.Minute)
				if n := len(b.app.tries()); n != 3 {
					t.Errorf("%d attempts within 7 min; want 3", n)
				}
				sleep(31 * time.Minute)
				if n := len(b.app.tries()); n != 4 {
					t.Errorf("%d attempts within 38 min; want 4", n)
				}
			})
		})
	}
}

// TestSetForwardClockMakesDue what its time has come for, no more at once than
// otherwise (C-02).
func TestSetForwardClockMakesDue(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Concurrency: 4})
		b.app.says(status(422))
		b.fill(toApp, 100)
		sleep(time.Minute)
		b.app.reset()
		b.app.says(after(100*time.Millisecond, status(200)))
		b.step(time.Hour)
		sleep(2 * time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 100})
		if b.app.peak() > 4 {
			t.Errorf("%d at once; want 4", b.app.peak())
		}
	})
}
