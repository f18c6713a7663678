package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestFreshEventsOvertakeABacklog: 20,000 events drain within the limit, while
// fresh ones are delivered within two seconds (U-12, U-21).
func TestFreshEventsOvertakeABacklog(t *testing.T) {
	for _, concurrency := range []int{1, 2, 16} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			inBubble(t, func(b *bed) {
				events := 20_000
				if concurrency < 16 {
					events = 2000
				}
				b.app.says(refuse)
				b.begin(delivery.Destination{Concurrency: concurrency})
				last := b.fill(toApp, events)
				sleep(time.Minute)
				if b.status().Down.IsZero() {
					t.Fatal("it is not down")
				}
				b.app.reset()
				b.app.says(after(20*time.Millisecond, status(200)))
				sleep(30 * time.Second) // by now it was found to be up
				drained := false
				for n := 0; !drained; n++ {
					seq := b.accept(toApp)
					for wait := 0; b.app.got(seq) == 0; wait++ {
						if wait == 20 {
							t.Fatalf("fresh event %d is not delivered after 2 s", seq)
						}
						sleep(100 * time.Millisecond)
					}
					sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
					drained = b.store.states(toApp)[store.Pending] == 0
					if n == 10 && drained {
						t.Error("nothing was left to drain when the test had hardly begun")
					}
				}
				if b.app.peak() != concurrency {
					t.Errorf("%d in flight at once; want %d", b.app.peak(), concurrency)
				}
				for seq := range last {
					if n := b.app.got(seq + 1); n != 1 {
						t.Fatalf("event %d was delivered %d times", seq+1, n)
					}
				}
			})
		})
	}
}

// TestBacklogIsNotStarved: however much comes in, the backlog has its share.
func TestBacklogIsNotStarved(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			inBubble(t, func(b *bed) {
				last := b.fill(toApp, 300)
				b.app.says(after(100*time.Millisecond, status(200)))
				b.begin(delivery.Destination{Concurrency: concurrency})
				// Twice what the app can take.
				for range 10 * 60 * 2 {
					for range concurrency {
						b.accept(toApp)
					}
					sleep(50 * time.Millisecond)
				}
				left := 0
				for seq := range last {
					if b.app.got(seq+1) == 0 {
						left++
					}
				}
				if left > 0 {
					t.Errorf("%d of the backlog are left after a minute", left)
				}
			})
		})
	}
}

// TestPoisonKeepsNothingBack: events that hang, crash or fail the app are tried by
// the schedule, and all others are delivered meanwhile (U-17).
func TestPoisonKeepsNothingBack(t *testing.T) {
	for name, poison := range map[string]answers{
		"hangs": hang, "500": status(500), "reset": refuse,
		"panics": func(context.Context, *store.Delivery) delivery.Answer { panic("boom") },
	} {
		for _, concurrency := range []int{1, 16} {
			t.Run(fmt.Sprint(name, concurrency), func(t *testing.T) {
				inBubble(t, func(b *bed) {
					b.begin(delivery.Destination{Concurrency: concurrency})
					b.app.says(func(ctx context.Context, d *store.Delivery) delivery.Answer {
						if len(d.Body) > 0 {
							return poison(ctx, d)
						}
						return delivery.Answer{Status: 200}
					})
					start := time.Now()
					var bad []int64
					for n := range 500 {
						if n%250 == 10 { // two: three in a row could be the app
							bad = append(bad, b.accept(toApp, 'x'))
						}
						b.accept(toApp)
						sleep(time.Second)
					}
					sleep(time.Minute)
					if got := b.store.states(toApp)[store.Delivered]; got != 500 {
						t.Errorf("%d of 500 are delivered %v after the first", got, time.Since(start))
					}
					if !b.status().Down.IsZero() {
						t.Error("the app is down for a poisonous event")
					}
					sleep(40 * time.Hour)
					for _, seq := range bad {
						d, attempts := b.store.get(seq)
						if d.State != store.Dead || d.Reason != delivery.ReasonExhausted || len(attempts) != 8 {
							t.Errorf("poison: %s, %q, %d attempts", d.State, d.Reason, len(attempts))
						}
					}
				})
			})
		}
	}
}

// TestOnlyPoisonLeftIsProbed: probes that find nothing but poison go on, each with
// another event, and the first good one that comes is delivered (U-17).
func TestOnlyPoisonLeftIsProbed(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.app.says(func(_ context.Context, d *store.Delivery) delivery.Answer {
			if len(d.Body) > 0 {
				return delivery.Answer{Status: 500}
			}
			return delivery.Answer{Status: 200}
		})
		for range 10 {
			b.accept(toApp, 'x')
		}
		sleep(time.Minute)
		b.app.reset()
		sleep(10 * time.Minute)
		seen := map[int64]bool{}
		tries := b.app.tries()
		for i, a := range tries {
			if i < 10 && seen[a.seq] {
				t.Errorf("probe %d is of event %d again", i, a.seq)
			}
			seen[a.seq] = true
			if a.flying > 1 {
				t.Error("two probes at once")
			}
		}
		if len(tries) < 19 || len(tries) > 21 || len(seen) != 10 {
			t.Errorf("%d probes of %d events within 10 min; want one of each in 30 s", len(tries), len(seen))
		}
		good := b.accept(toApp)
		sleep(6 * time.Minute)
		if b.app.got(good) != 1 {
			t.Error("the good event is not delivered")
		}
	})
}

// TestTarpitDelaysNoOther: a destination that answers nobody, with 10,000 events
// pending, costs the others nothing (U-14).
func TestTarpitDelaysNoOther(t *testing.T) {
	inBubble(t, func(b *bed) {
		const others = 100
		tarpit := &app{answer: hang}
		destinations := []delivery.Destination{{Name: "source/tarpit", Transport: tarpit}}
		for n := range others {
			destinations = append(destinations, delivery.Destination{Name: fmt.Sprint("source/", n), Transport: b.app})
		}
		b.engine.Add(destinations, nil).Begin()
		b.fill("source/tarpit", 10_000)
		for range 20 {
			for n := range others {
				start := time.Now()
				seq := b.accept(fmt.Sprint("source/", n))
				sleep(10 * time.Millisecond)
				if b.app.got(seq) != 1 {
					t.Fatalf("event %d is not delivered after %v", seq, time.Since(start))
				}
			}
		}
		if tarpit.peak() > 16 {
			t.Errorf("%d attempts at once at the tarpit", tarpit.peak())
		}
	})
}

// TestMemoryIsBounded: what the fresh lanes may not hold stays in the store, and is
// delivered all the same.
func TestMemoryIsBounded(t *testing.T) {
	for name, size := range map[string]int{"by count": 1, "by bytes": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				release := make(chan struct{})
				b.app.says(func(context.Context, *store.Delivery) delivery.Answer {
					<-release
					return delivery.Answer{Status: 200}
				})
				b.begin(delivery.Destination{Timeout: time.Hour})
				body := make([]byte, size)
				events := min(3000, 80<<20/size)
				for range events {
					b.accept(toApp, body...)
				}
				reads := b.store.called("Due")
				close(release)
				sleep(30 * time.Second)
				b.wantStates(map[store.State]int{store.Delivered: events})
				if b.store.called("Due") == reads {
					t.Error("the store was not read: memory had everything")
				}
				for seq := range int64(events) {
					if n := b.app.got(seq + 1); n != 1 {
						t.Fatalf("event %d was delivered %d times", seq+1, n)
					}
				}
			})
		})
	}
}

// TestIdleEngineIsQuiet: without anything to do, the store is asked once a minute.
func TestIdleEngineIsQuiet(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.accept(toApp)
		sleep(time.Minute)
		before := b.store.called("Due", "NextDue", "Oldest", "Release", "Expire", "Pauses", "Jobs")
		sleep(time.Hour)
		if n := b.store.called("Due", "NextDue", "Oldest", "Release", "Expire", "Pauses", "Jobs") - before; n > 60*3+1 {
			t.Errorf("%d queries in an hour; want three a minute", n)
		}
	})
}

// TestAttemptedOnce: the store is read again and again while events are accepted,
// attempts are in flight and outcomes wait for their commit.
func TestAttemptedOnce(t *testing.T) {
	for name, test := range map[string]struct{ latency, ack, answer time.Duration }{
		"slow commits":           {300 * time.Millisecond, 0, 200 * time.Millisecond},
		"slow acknowledgements":  {time.Millisecond, 2 * time.Second, 50 * time.Millisecond},
		"slow acknowledgements,": {time.Millisecond, 150 * time.Millisecond, 0},
		"slow attempts":          {time.Millisecond, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.store.ack = test.ack
				b.store.slow(test.latency)
				last := b.fill(toApp, 100)
				b.app.says(after(test.answer, status(200)))
				b.begin(delivery.Destination{})
				const more = 300
				for range more {
					b.engine.Wake(toApp)
					go b.engine.Accept(context.Background(), arrival(toApp, nil))
					sleep(100 * time.Millisecond)
				}
				sleep(10 * time.Minute)
				b.wantStates(map[store.State]int{store.Delivered: int(last) + more})
				for seq := range last + more {
					if n := b.app.got(seq + 1); n != 1 {
						t.Fatalf("event %d was delivered %d times", seq+1, n)
					}
				}
			})
		})
	}
}

// TestAcceptanceThatFailsLeavesNothingBehind (K-04).
func TestAcceptanceThatFailsLeavesNothingBehind(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{})
		b.store.failing(func(operation string) error {
			if operation == "Accept" {
				return errStore
			}
			return nil
		})
		for range 10 {
			if _, err := b.engine.Accept(context.Background(), arrival(toApp, nil)); !errors.Is(err, errStore) {
				t.Errorf("%v; want the store's error", err)
			}
		}
		b.store.failing(nil)
		// An acceptance that is cut off before its commit may have been made: it is
		// found by reading.
		b.store.slow(10 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := b.engine.Accept(ctx, arrival(toApp, nil)); err == nil {
			t.Error("it was not cut off")
		}
		sleep(2 * time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 1})
		if b.app.got(1) != 1 {
			t.Errorf("delivered %d times", b.app.got(1))
		}
	})
}
