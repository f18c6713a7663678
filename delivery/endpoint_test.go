package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// seen is what of outcomes a destination has been told.
type seen struct {
	mu       sync.Mutex
	outcomes []store.Outcome
}

func (s *seen) settled(o *store.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = append(s.outcomes, *o)
}

func (s *seen) all() []store.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outcomes)
}

// TestWithdrawn: what is pending for a destination that is disabled is dead as soon as it
// comes due, whether it is up or down: no attempt is recorded, nobody is told of one, and
// the destination is not blamed.
func TestWithdrawn(t *testing.T) {
	for name, down := range map[string]bool{"up": false, "down": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				var s seen
				b.begin(delivery.Destination{Endpoint: true, Settled: s.settled})
				var attempts int
				if down {
					b.app.says(refuse)
				}
				last := b.fill(toApp, 20)
				if down {
					sleep(time.Minute)
				} else {
					sleep(time.Second)
					last = b.fill(toApp, 0)
				}
				if b.status().Down.IsZero() == down {
					t.Fatalf("%+v", b.status())
				}
				told := len(s.all())
				b.app.says(func(context.Context, *store.Delivery) delivery.Answer {
					return delivery.Answer{Err: fmt.Errorf("it is disabled: %w", delivery.ErrWithdrawn)}
				})
				if !down {
					last = b.fill(toApp, 20)
				}
				sleep(2 * time.Minute)
				want := map[store.State]int{store.Dead: 20}
				if !down {
					want[store.Delivered] = 20
				}
				b.wantStates(want)
				d, made := b.store.get(last)
				for _, a := range made {
					if a.Outcome == "withdrawn" {
						attempts++
					}
				}
				if d.Reason != delivery.ReasonWithdrawn || attempts > 0 || d.Attempts != len(made) {
					t.Errorf("%+v, attempts %+v", d, made)
				}
				if n := len(s.all()); n != told || b.counter.of("withdrawn") != 20 {
					t.Errorf("told of %d outcomes more, and counted %d", n-told, b.counter.of("withdrawn"))
				}
				if b.status().Down.IsZero() == down {
					t.Errorf("%+v", b.status())
				}
			})
		})
	}
}

// TestByHand: one attempt is made, and the schedule does not go on behind it, even if it
// has no end; it says that it was by hand, and counts for the destination's health.
func TestByHand(t *testing.T) {
	inBubble(t, func(b *bed) {
		var s seen
		b.begin(delivery.Destination{Retry: []time.Duration{time.Minute}, Forever: true, GiveUp: time.Hour, Settled: s.settled})
		b.app.says(status(404))
		seq := b.accept(toApp)
		sleep(2 * time.Hour)
		if d, _ := b.store.get(seq); d.State != store.Dead || d.Reason != delivery.ReasonExpired {
			t.Fatalf("%+v", d)
		}
		again := func(code int) (store.Delivery, store.Attempt, store.Outcome) {
			t.Helper()
			b.app.reset()
			b.app.says(status(code))
			if ok, err := b.store.Rearm(context.Background(), store.DeliveryID{Seq: seq}, true); !ok || err != nil {
				t.Fatal(ok, err)
			}
			b.engine.Wake(toApp)
			sleep(10 * time.Minute)
			if n := len(b.app.tries()); n != 1 {
				t.Errorf("%d attempts by hand; want one", n)
			}
			d, made := b.store.get(seq)
			told := s.all()
			return d, made[len(made)-1], told[len(told)-1]
		}
		if first := s.all()[0]; first.ByHand() || first.State != store.Pending || first.Attempt.Number != 1 {
			t.Errorf("the first outcome is %+v", first)
		}
		for range 2 {
			if d, a, o := again(500); d.State != store.Dead || d.Reason != delivery.ReasonExhausted || !a.ByHand || !o.ByHand() || a.Outcome != "failed" {
				t.Errorf("%+v, %+v, %+v", d, a, o)
			}
		}
		if n := b.status().Failures; n != 2 {
			t.Errorf("%d failures in a row; want two", n)
		}
		if d, a, o := again(200); d.State != store.Delivered || !a.ByHand || o.State != store.Delivered {
			t.Errorf("%+v, %+v, %+v", d, a, o)
		}
	})
}

// TestSettled: a destination is told of an attempt's outcome once it is committed, and not
// before; of what is given up without an attempt it is not.
func TestSettled(t *testing.T) {
	inBubble(t, func(b *bed) {
		var s seen
		var early bool
		b.begin(delivery.Destination{Endpoint: true, GiveUp: time.Hour, Settled: func(o *store.Outcome) {
			s.settled(o)
			if _, made := b.store.get(o.ID.Seq); len(made) == 0 {
				early = true
			}
		}})
		b.store.failing(func(operation string) error {
			if operation == "Settle" {
				return errStore
			}
			return nil
		})
		seq := b.accept(toApp)
		sleep(time.Minute)
		if n := len(s.all()); n != 0 {
			t.Errorf("told of %d outcomes that are not committed", n)
		}
		b.store.failing(nil)
		sleep(time.Minute)
		told := s.all()
		if len(told) != 1 || told[0].ID.Seq != seq || told[0].State != store.Delivered || told[0].Attempt.Status != 200 || !told[0].Listed || early {
			t.Errorf("told of %+v, early %v", told, early)
		}
		if err := b.engine.Pause(context.Background(), toApp); err != nil {
			t.Fatal(err)
		}
		b.accept(toApp)
		sleep(2 * time.Hour)
		if err := b.engine.Resume(context.Background(), toApp); err != nil {
			t.Fatal(err)
		}
		b.app.says(nil)
		sleep(5 * time.Minute)
		if n := len(s.all()) + len(b.app.tries()); n > 4 {
			t.Errorf("told of %+v", s.all())
		}
	})
}

// TestEndpointIsHeld: a stranger's endpoint is left alone for between once and twice what
// the schedule says, whatever it asks for.
func TestEndpointIsHeld(t *testing.T) {
	const step = 5 * time.Minute
	for name, test := range map[string]struct {
		code int
		asks string
		want time.Duration
	}{
		"429, asks for nothing":      {429, "", step},
		"429, asks for less":         {429, "1", step},
		"429, asks for zero":         {429, "0", step},
		"429, asks in between":       {429, "400", 400 * time.Second},
		"429, asks for more":         {429, "86400", 2 * step},
		"503, asks for less":         {503, "10", step},
		"503, asks for more":         {503, "86400", 2 * step},
		"503, asks for nothing":      {503, "", 0},
		"429, asks for what is past": {429, "Thu, 01 Jan 1970 00:00:00 GMT", step},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{Endpoint: true, Retry: []time.Duration{step}, MaxHold: time.Minute})
				b.app.says(throttle(test.code, test.asks))
				start := time.Now()
				b.accept(toApp)
				sleep(time.Second)
				b.app.says(nil)
				held := b.status().HeldUntil
				if test.want == 0 && !held.IsZero() || test.want > 0 && held.Sub(start).Round(time.Second) != test.want {
					t.Errorf("held for %v; want %v", held.Sub(start), test.want)
				}
				b.accept(toApp)
				if test.want > 0 {
					sleep(test.want - 2*time.Second)
					if n := len(b.app.tries()); n != 1 {
						t.Errorf("%d attempts while it is held", n)
					}
				}
				sleep(2 * time.Second)
				if n := len(b.app.tries()); n < 2 {
					t.Errorf("%d attempts after %v", n, test.want)
				}
			})
		})
	}
}
