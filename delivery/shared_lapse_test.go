package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestLapse: a gateway that could not renew its lease for a while makes no attempt at
// what it had queued, as others have it by then; those in flight end, and their outcomes
// do not undo what was written meanwhile. After it, all goes on (K-15, C-05).
func TestLapse(t *testing.T) {
	for name, test := range map[string]struct {
		lapse func(g *gateway)
		taken bool // by the other, meanwhile
	}{
		"for a minute": {func(g *gateway) {
			g.lapse()
			sleep(time.Minute)
			g.renew()
		}, true},
		"within a moment": {func(g *gateway) {
			g.lapse()
			g.renew()
			synctest.Wait()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 2, func(c *cluster) {
				a, b := c.gateways[0], c.gateways[1]
				a.app.says(after(2*time.Minute, status(422)))
				c.begin(delivery.Destination{Timeout: time.Hour, Retry: []time.Duration{time.Hour}})
				last := c.fill(a, 500)
				sleep(10 * time.Second)
				if n := a.tried(); n != 16 {
					t.Fatalf("%d attempts are in flight; want 16", n)
				}
				test.lapse(a)
				if n := a.tried(); n != 16 {
					t.Errorf("it has begun %d attempts without a lease", n-16)
				}
				sleep(3 * time.Minute)
				a.app.says(nil)
				if _, fenced := a.read(); fenced != 16 && test.taken || fenced != 0 && !test.taken {
					t.Errorf("%d of the outcomes were fenced off", fenced)
				}
				sleep(2 * time.Hour)
				c.wantStates(map[store.State]int{store.Delivered: int(last)})
				if n := a.owned(); n > 0 {
					t.Errorf("it has %d still", n)
				}
				for seq := int64(1); seq <= last; seq++ {
					if attempts, delivered := c.ledger.of(seq); delivered != 1 || attempts > 2 {
						t.Errorf("event %d was attempted %d times and delivered %d times", seq, attempts, delivered)
					}
				}
				before := b.tried()
				c.fill(a, 100)
				sleep(time.Second)
				if n := b.tried() - before; n > 0 {
					t.Errorf("the other has made %d attempts at what came after it", n)
				}
			})
		})
	}
}

// TestWithoutLease: events are accepted, nothing is attempted, and the store is left
// alone but for a look now and then (K-15).
func TestWithoutLease(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		a := c.gateways[0]
		c.begin(delivery.Destination{})
		sleep(time.Minute)
		a.lapse()
		last := c.fill(a, 200)
		before, asked := a.called("Claim", "NextDue", "Disown"), a.clock.Load()
		sleep(time.Hour)
		if n := a.tried(); n > 0 {
			t.Errorf("%d attempts", n)
		}
		if n := a.called("Claim", "NextDue", "Disown") - before; n > 2*500 {
			t.Errorf("%d calls in an hour", n)
		}
		if n := a.clock.Load() - asked; n > 10_000 {
			t.Errorf("it has looked at the clock %d times in an hour", n)
		}
		a.renew()
		sleep(3 * time.Second)
		c.wantAll(last, 1)
	})
}

// TestDisownDoesNotFreeWhatIsClaimedAnew: what was to be left to others, and is claimed
// again before that was written, is not attempted by two gateways at once.
func TestDisownDoesNotFreeWhatIsClaimedAnew(t *testing.T) {
	const tooLarge = 33 << 20 // for what all fresh lanes may hold
	for name, test := range map[string]func(c *cluster, a *gateway){
		"paused and resumed": func(c *cluster, a *gateway) {
			c.fill(a, 1000) // more than one transaction takes
			for range 20 {
				if err := a.engine.Pause(context.Background(), toApp); err != nil {
					c.Fatal(err)
				}
				if err := a.engine.Resume(context.Background(), toApp); err != nil {
					c.Fatal(err)
				}
				sleep(300 * time.Millisecond)
			}
		},
		"handed over while it is read": func(c *cluster, a *gateway) {
			a.ack = 200 * time.Millisecond
			go func() {
				_, _ = a.engine.Accept(context.Background(), arrival(toApp, make([]byte, tooLarge)))
			}()
			sleep(10 * time.Millisecond)
			a.engine.Wake(toApp)
		},
		"handed over while others are given back": func(c *cluster, a *gateway) {
			body := make([]byte, tooLarge)
			for range 40 {
				go func() { _, _ = a.engine.Accept(context.Background(), arrival(toApp, body)) }()
				time.Sleep(700 * time.Microsecond)
			}
		},
		"flushed while it is read": func(c *cluster, a *gateway) {
			a.ack = 200 * time.Millisecond
			a.answers(func() { time.Sleep(500 * time.Millisecond) })
			c.fill(a, 4) // no slot is left
			sleep(time.Second)
			go func() { _, _ = a.engine.Accept(context.Background(), arrival(toApp, nil)) }()
			sleep(10 * time.Millisecond)
			a.engine.Wake(toApp) // it finds the event, which is handed over meanwhile
			sleep(300 * time.Millisecond)
			if err := a.engine.Pause(context.Background(), toApp); err != nil {
				c.Fatal(err)
			}
			if err := a.engine.Resume(context.Background(), toApp); err != nil {
				c.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 2, func(c *cluster) {
				a, b := c.gateways[0], c.gateways[1]
				for _, g := range c.gateways {
					g.app.says(after(20*time.Second, status(200)))
				}
				a.begin(delivery.Destination{Concurrency: 4, Timeout: time.Hour})
				b.begin(delivery.Destination{Timeout: time.Hour})
				sleep(time.Minute)
				test(c, a)
				sleep(30 * time.Minute)
				c.wantNoOverlap()
				c.store.memory.mu.Lock()
				last := c.store.seq
				c.store.memory.mu.Unlock()
				c.wantAll(last, 1)
			})
		})
	}
}

// TestProbeThatIsNotMadeIsLeft: what was claimed for a probe, and is not attempted
// because the destination has gone from the configuration meanwhile, others deliver.
func TestProbeThatIsNotMadeIsLeft(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		a.app.says(refuse)
		generation := a.begin(delivery.Destination{Retry: []time.Duration{10 * time.Minute}})
		c.fill(a, 5)
		sleep(100 * time.Millisecond)
		last := c.fill(a, 1)
		if a.engine.Status()[0].Down.IsZero() {
			t.Fatal("it is not down")
		}
		claimed := false
		a.answers(func() {
			claimed = true
			generation.Remove()
		})
		sleep(time.Minute)
		if !claimed {
			t.Fatal("no probe was to be made")
		}
		b.begin(delivery.Destination{})
		sleep(time.Hour)
		c.wantStates(map[store.State]int{store.Delivered: int(last)})
		if n := a.owned(); n > 0 {
			t.Errorf("it keeps %d from the others", n)
		}
	})
}

// TestFailedDisownIsTriedAgain: while it cannot be written that others may have what is
// claimed, nothing is read, and it is tried no more often than need be (F-03).
func TestFailedDisownIsTriedAgain(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		a.app.says(refuse)
		c.begin(delivery.Destination{Concurrency: 2})
		a.failing(func(operation string) error {
			if operation == "Disown" {
				return errStore
			}
			return nil
		})
		last := c.fill(a, 200)
		sleep(time.Minute)
		tries, reads, asked := a.called("Disown"), a.called("Claim"), a.clock.Load()
		sleep(time.Hour)
		if n := a.called("Disown") - tries; n < 60 || n > 500 {
			t.Errorf("it was tried %d times in an hour", n)
		}
		if n := a.called("Claim") - reads; n > 0 {
			t.Errorf("it was read %d times meanwhile", n)
		}
		if n := a.clock.Load() - asked; n > 20_000 {
			t.Errorf("it has looked at the clock %d times in an hour", n)
		}
		if n := b.tried(); n > 10 {
			t.Errorf("the other has made %d attempts at what it may not have", n)
		}
		a.failing(nil)
		sleep(2 * time.Minute)
		c.wantStates(map[store.State]int{store.Delivered: int(last)})
		c.wantNoOverlap()
	})
}

// TestOutcomeThatCannotBeWritten is written later, as the gateway's own, although its
// lease has lapsed meanwhile; unless another has made an attempt of its own, which then
// counts (K-08, K-15).
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	for _, alone := range []bool{true, false} {
		name := map[bool]string{true: "alone", false: "with another"}[alone]
		t.Run(name, func(t *testing.T) {
			inCluster(t, 2, func(c *cluster) {
				a, b := c.gateways[0], c.gateways[1]
				a.app.says(status(410))
				a.begin(delivery.Destination{})
				if !alone {
					b.begin(delivery.Destination{})
				}
				a.failing(func(operation string) error {
					if operation == "Settle" {
						return errStore
					}
					return nil
				})
				seq := c.fill(a, 1)
				sleep(time.Second)
				a.lapse()
				sleep(time.Minute)
				a.renew()
				a.failing(nil)
				sleep(time.Minute)
				want, attempts := store.Delivered, 2
				if alone {
					want, attempts = store.Dead, 1
				}
				d, recorded := c.store.get(seq)
				if d.State != want || len(recorded) != attempts {
					t.Errorf("it is %s after %d attempts; want %s after %d", d.State, len(recorded), want, attempts)
				}
				if n := a.tried(); n != 1 {
					t.Errorf("it was attempted %d times by the one whose outcome was open", n)
				}
			})
		})
	}
}

// TestStopLeavesAllToOthers: attempts in flight end, and what was queued another gateway
// delivers, at once if the one that stops is alive, and when it has left if it is not
// (K-14).
func TestStopLeavesAllToOthers(t *testing.T) {
	for name, lapsed := range map[string]bool{"with a lease": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 2, func(c *cluster) {
				a, b := c.gateways[0], c.gateways[1]
				a.app.says(after(5*time.Second, status(200)))
				c.begin(delivery.Destination{})
				last := c.fill(a, 500)
				sleep(time.Second)
				if lapsed {
					a.silence()
					sleep(fakeLease - fakeMargin)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				if err := a.engine.Stop(ctx); err != nil {
					t.Error(err)
				}
				if n := a.tried(); n > 3*16 {
					t.Errorf("it has made %d attempts", n)
				}
				a.lapse() // it leaves
				more := c.fill(a, 50)
				if n := a.owned(); n > 16+500 {
					t.Errorf("it has claimed %d after its end", n)
				}
				sleep(time.Minute)
				c.wantStates(map[store.State]int{store.Delivered: int(more)})
				c.wantNoOverlap()
				if n := a.tried() + b.tried(); n != int(last)+50 {
					t.Errorf("%d attempts were made; want one at each", n)
				}
			})
		})
	}
}
