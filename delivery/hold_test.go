package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

func throttle(code int, retryAfter string) answers {
	return func(context.Context, *store.Delivery) delivery.Answer {
		return delivery.Answer{Status: code, RetryAfter: retryAfter}
	}
}

// TestProbesRespectTheHold: a destination that is down and says for how long is
// probed no sooner (U-05).
func TestProbesRespectTheHold(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.app.says(throttle(503, "600"))
		b.fill(toApp, 40)
		sleep(90 * time.Minute) // one attempt at a time
		if s := b.status(); s.Down.IsZero() || s.HeldUntil.IsZero() {
			t.Fatalf("%+v; want it down and held", s)
		}
		b.app.reset()
		sleep(2 * time.Hour)
		if n := len(b.app.tries()); n < 11 || n > 13 {
			t.Errorf("%d probes in two hours; want one in ten minutes", n)
		}
		b.app.says(nil)
		sleep(11 * time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 40})
	})
}

// TestProbeThatIsNotToldHowLong is put off as any other, whatever the schedule of
// its event says (U-05).
func TestProbeThatIsNotToldHowLong(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Retry: []time.Duration{time.Hour}})
		b.app.says(refuse)
		b.fill(toApp, 40)
		sleep(10 * time.Minute)
		b.app.says(throttle(429, ""))
		sleep(10 * time.Minute)
		if b.status().Down.IsZero() {
			t.Fatal("it is not down")
		}
		b.app.says(nil)
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 40})
	})
}

// TestHoldIsWritten: what was throttled is due no sooner than the destination has
// asked for, also for the next process (U-05).
func TestHoldIsWritten(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.app.says(throttle(429, "600"))
		start := time.Now()
		seq := b.accept(toApp)
		sleep(time.Second)
		d, _ := b.store.get(seq)
		if wait := d.Due.Sub(start).Round(time.Second); wait != 10*time.Minute {
			t.Errorf("it is due after %v; want 10 min", wait)
		}
		b.engine.Stop(context.Background())
		b.restart()
		b.app.says(nil)
		b.begin(delivery.Destination{})
		sleep(9 * time.Minute)
		b.wantStates(map[store.State]int{store.Pending: 1})
		sleep(2 * time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 1})
	})
}

// TestUpMakesAllDue: what was attempted before the outage does not wait for its
// step, however much it is (U-12).
func TestUpMakesAllDue(t *testing.T) {
	inBubble(t, func(b *bed) {
		const events = 1700 // several batches
		b.begin(delivery.Destination{Retry: []time.Duration{10 * time.Hour}})
		b.app.says(status(422))
		b.fill(toApp, events)
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Pending: events})
		b.app.says(refuse)
		b.fill(toApp, 10)
		sleep(time.Minute)
		if b.status().Down.IsZero() {
			t.Fatal("it is not down")
		}
		b.app.says(nil)
		sleep(40 * time.Second)
		b.wantStates(map[store.State]int{store.Delivered: events + 10})
	})
}
