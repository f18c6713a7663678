package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestStatus follows a destination through its states.
func TestStatus(t *testing.T) {
	inBubble(t, func(b *bed) {
		start := time.Now()
		b.begin(delivery.Destination{Concurrency: 2, Retry: []time.Duration{24 * time.Hour}})
		if s := b.status(); s != (delivery.Status{Name: toApp, Limit: 1, LastPass: s.LastPass}) || s.LastPass.IsZero() {
			t.Errorf("at first: %+v", s)
		}
		b.app.says(after(10*time.Second, status(500)))
		b.accept(toApp)
		sleep(16 * time.Second)
		oldest := b.status().Oldest
		if age := oldest.Sub(start); age < 0 || age > time.Second {
			t.Errorf("the oldest is of %v; it was stored at %v", oldest, start)
		}
		if s := b.status(); s.Failures != 1 || s.InFlight != 0 || !s.Down.IsZero() {
			t.Errorf("after a failure: %+v", s)
		}
		b.fill(toApp, 10)
		sleep(time.Second)
		if s := b.status(); s.InFlight != 2 {
			t.Errorf("with attempts in flight: %+v", s)
		}
		sleep(30 * time.Second)
		if s := b.status(); s.Down.IsZero() || s.Failures < 5 || s.InFlight > 1 {
			t.Errorf("down: %+v", s)
		}
		b.app.says(nil)
		sleep(time.Minute)
		if s := b.status(); !s.Down.IsZero() || s.Failures != 0 || !s.Oldest.IsZero() || s.Limit != 2 {
			t.Errorf("up again: %+v", s)
		}
	})
}

// TestLoopIsAlive: its last pass is never older than a minute, whatever state the
// destination is in (K-17).
func TestLoopIsAlive(t *testing.T) {
	for name, prepare := range map[string]func(b *bed, g *delivery.Generation){
		"idle":   func(*bed, *delivery.Generation) {},
		"down":   func(b *bed, _ *delivery.Generation) { b.app.says(refuse) },
		"paused": func(b *bed, _ *delivery.Generation) { b.engine.Pause(context.Background(), toApp) },
		"parked": func(_ *bed, g *delivery.Generation) { g.Remove() },
		"held": func(b *bed, _ *delivery.Generation) {
			b.app.says(func(context.Context, *store.Delivery) delivery.Answer {
				return delivery.Answer{Status: 429, RetryAfter: "3600"}
			})
		},
		"store broken": func(b *bed, _ *delivery.Generation) {
			b.store.failing(func(operation string) error {
				if operation == "Accept" {
					return nil
				}
				return errStore
			})
		},
		"all slots hang": func(b *bed, _ *delivery.Generation) { b.app.says(hang) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				prepare(b, b.begin(delivery.Destination{Timeout: 10 * time.Hour}))
				b.fill(toApp, 20)
				for range 100 {
					sleep(37 * time.Second)
					if age := time.Since(b.status().LastPass); age > time.Minute {
						t.Fatalf("the last pass was %v ago", age)
					}
				}
			})
		})
	}
}

// TestStatusIsOfAll, in the order of their names, and asks the store at most once in
// 15 s for each.
func TestStatusIsOfAll(t *testing.T) {
	inBubble(t, func(b *bed) {
		var destinations []delivery.Destination
		for n := range 9 {
			destinations = append(destinations, delivery.Destination{Name: fmt.Sprint("source/", 9-n), Transport: b.app})
		}
		b.engine.Add(destinations, nil).Begin()
		b.accept("source/forgotten")
		sleep(time.Second)
		before := b.store.called("Oldest")
		for range 60 {
			var names []string
			for _, s := range b.engine.Status() {
				names = append(names, s.Name)
				if s.Parked != (s.Name == "source/forgotten") {
					t.Errorf("%+v", s)
				}
			}
			if len(names) != 10 || !slices.IsSorted(names) {
				t.Errorf("names: %v", names)
			}
			sleep(time.Second)
		}
		if n := b.store.called("Oldest") - before; n > 10*5 {
			t.Errorf("the store was asked %d times in a minute for 10 destinations", n)
		}
	})
}
