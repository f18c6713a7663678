package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestFreshMemoryIsGivenBack: what is queued when a destination is paused leaves the
// memory that all destinations share, at once and entirely.
func TestFreshMemoryIsGivenBack(t *testing.T) {
	inBubble(t, func(b *bed) {
		ctx := context.Background()
		other := &app{answer: hang}
		b.engine.Add([]delivery.Destination{
			{Name: toApp, Transport: b.app},
			{Name: "source/other", Transport: other, Timeout: time.Hour},
		}, nil).Begin()
		sleep(time.Second)
		body := make([]byte, 1<<20)
		for range 5 {
			for range 40 { // 16 in flight, 24 MiB queued
				b.accept("source/other", body...)
			}
			if err := b.engine.Pause(ctx, "source/other"); err != nil {
				t.Fatal(err)
			}
			// With less than 16 MiB left, an attempt of the app's would have to come
			// from the store.
			reads := b.store.called("Due")
			b.app.says(after(time.Second, status(200)))
			for range 16 + 16 {
				b.accept(toApp, body...)
			}
			sleep(3 * time.Second)
			if n := b.store.called("Due") - reads; n != 0 {
				t.Errorf("the store was read %d times: there is no memory for fresh events", n)
			}
			if err := b.engine.Resume(ctx, "source/other"); err != nil {
				t.Fatal(err)
			}
		}
		b.wantStates(map[store.State]int{store.Delivered: 5 * 32})
	})
}

// TestBeginReadsAtOnce what has waited while the destination was parked.
func TestBeginReadsAtOnce(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{}).Remove()
		sleep(10 * time.Minute)
		b.fill(toApp, 10)
		sleep(10 * time.Second) // the loop rests for the minute
		b.begin(delivery.Destination{})
		sleep(100 * time.Millisecond)
		b.wantStates(map[store.State]int{store.Delivered: 10})
	})
}

// TestReaderIsNotHeldUpByArrivals: it waits for those that had begun before it read,
// and not for those that go on coming.
func TestReaderIsNotHeldUpByArrivals(t *testing.T) {
	inBubble(t, func(b *bed) {
		last := b.fill(toApp, 100)
		b.store.ack = 2 * time.Second
		start := time.Now()
		for n := range 120 {
			if n == 4 { // by now there is always one on its way
				b.begin(delivery.Destination{})
			}
			go b.engine.Accept(context.Background(), arrival(toApp, nil))
			sleep(500 * time.Millisecond)
		}
		for seq := range last {
			if b.app.got(seq+1) != 1 {
				t.Errorf("event %d is not delivered after %v", seq+1, time.Since(start))
			}
		}
		sleep(10 * time.Second) // until the last has arrived
	})
}
