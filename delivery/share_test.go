package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestFreshIsDeliveredWhereItCame: the gateway that has accepted an event attempts it at
// once, and neither it nor another reads it.
func TestFreshIsDeliveredWhereItCame(t *testing.T) {
	inCluster(t, 3, func(c *cluster) {
		c.begin(delivery.Destination{})
		sleep(time.Minute)
		var last int64
		for n, g := range c.gateways {
			last = c.fill(g, 300)
			sleep(time.Duration(n+1) * 10 * time.Second)
			if tried := g.tried(); tried != 300 {
				t.Errorf("gateway %d made %d attempts; want those at its 300 events", g.number, tried)
			}
			if found, _ := g.read(); found > 0 {
				t.Errorf("gateway %d has read %d events", g.number, found)
			}
		}
		c.wantAll(last, 1)
	})
}

// TestOverflowIsForOthers: what a gateway has no room for in memory it does not claim,
// and another that has nothing to do delivers it.
func TestOverflowIsForOthers(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		busy, idle := c.gateways[0], c.gateways[1]
		busy.app.says(after(10*time.Second, status(200)))
		c.begin(delivery.Destination{Concurrency: 1})
		const room = 1024 + 128 + 8 // of its lanes, and for what is in an attempt or on its way from one
		last := c.fill(busy, 3000)
		sleep(30 * time.Second)
		if n := busy.owned(); n > room {
			t.Errorf("the busy one has claimed %d; want no more than its lanes have room for", n)
		}
		if n := idle.tried(); n < 3000-room {
			t.Errorf("the idle one has made %d attempts", n)
		}
		busy.app.says(nil)
		sleep(time.Minute)
		c.wantAll(last, 1)
	})
}

// TestQueuedIsLeftToOthers: what a gateway has claimed and is not going to attempt soon,
// because it finds the destination down, was asked to wait, or has another configuration
// by now, another delivers, and none is attempted by both.
func TestQueuedIsLeftToOthers(t *testing.T) {
	for name, test := range map[string]struct {
		answer    answers
		interfere func(g *gateway, generation *delivery.Generation)
		attempts  int // at most, of the gateway that leaves them
	}{
		"down": {answer: after(time.Second, refuse), attempts: 4 + 5},
		"held": {answer: after(time.Second, throttle(429, "120")), attempts: 4},
		"another configuration": {
			answer: after(time.Second, status(200)), attempts: 4,
			interfere: func(_ *gateway, generation *delivery.Generation) { generation.Remove() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, 2, func(c *cluster) {
				a, b := c.gateways[0], c.gateways[1]
				a.app.says(test.answer)
				schedule := []time.Duration{30 * time.Second}
				generation := a.begin(delivery.Destination{Concurrency: 4, Retry: schedule, Forever: true})
				b.begin(delivery.Destination{Retry: schedule, Forever: true})
				last := c.fill(a, 200)
				if test.interfere != nil {
					test.interfere(a, generation)
				}
				// Its own probes take what waits, one each half minute.
				sleep(20 * time.Second)
				if n := a.tried(); n > test.attempts+5 {
					t.Errorf("it has made %d attempts", n)
				}
				a.app.says(nil)
				sleep(3 * time.Minute)
				c.wantStates(map[store.State]int{store.Delivered: int(last)})
				c.wantNoOverlap()
				if n := a.owned(); n > 0 {
					t.Errorf("it has %d still", n)
				}
				for seq := int64(1); seq <= last; seq++ {
					if _, delivered := c.ledger.of(seq); delivered != 1 {
						t.Errorf("event %d was delivered %d times", seq, delivered)
					}
				}
				if n := b.tried(); n < 150 {
					t.Errorf("the other has made %d attempts; want most of them", n)
				}
			})
		})
	}
}

// TestRetryIsMadeOnce: a retry is due for all gateways, and one of them makes it. None
// comes late, whoever made the first attempt (K-10).
func TestRetryIsMadeOnce(t *testing.T) {
	inCluster(t, 3, func(c *cluster) {
		for _, g := range c.gateways {
			g.app.says(status(422))
		}
		c.begin(delivery.Destination{Retry: []time.Duration{time.Minute}})
		start := time.Now()
		last := c.fill(c.gateways[0], 200)
		sleep(30 * time.Second)
		for _, g := range c.gateways {
			g.app.says(nil)
			g.app.reset()
		}
		sleep(2 * time.Minute)
		c.wantAll(last, 2)
		makers := 0
		for _, g := range c.gateways {
			if g.tried() > 0 {
				makers++
			}
			for _, try := range g.app.tries() {
				if at := try.at.Sub(start); try.number != 2 || at < time.Minute || at > time.Minute+5*time.Second {
					t.Errorf("event %d: attempt %d after %v; want the second after a minute", try.seq, try.number, at)
				}
			}
		}
		if makers < 2 {
			t.Error("one gateway has made them all")
		}
	})
}

// TestDeadGatewayIsReplaced: what a gateway has claimed that was killed the others
// deliver, as soon as its lease has run out and no sooner (K-07).
func TestDeadGatewayIsReplaced(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		a.app.says(hang)
		c.begin(delivery.Destination{Timeout: time.Hour})
		last := c.fill(a, 500)
		sleep(time.Minute)
		died := time.Now()
		a.kill()
		sleep(time.Minute)
		c.wantStates(map[store.State]int{store.Delivered: int(last)})
		c.wantNoOverlap()
		for _, try := range b.app.tries() {
			if at := try.at.Sub(died); at < fakeLease || at > fakeLease+3*time.Second {
				t.Errorf("event %d is attempted %v after the death; want it as the lease ends", try.seq, at)
			}
		}
		twice := 0
		for seq := int64(1); seq <= last; seq++ {
			attempts, delivered := c.ledger.of(seq)
			twice += attempts - 1
			if delivered != 1 {
				t.Errorf("event %d was delivered %d times", seq, delivered)
			}
		}
		if twice != 16 {
			t.Errorf("%d attempts were repeated; want those that were in flight", twice)
		}
	})
}

// TestIdlePolling: a gateway that has nothing to do looks for what others have left ever
// less often, and often again once it has found something; in ten minutes it asks the
// store for little.
func TestIdlePolling(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		b.begin(delivery.Destination{})
		start := time.Now()
		sleep(10 * time.Minute)
		looks := b.looks()
		for i, want := range []time.Duration{0, 1, 3, 7, 15, 23, 31} {
			if at := looks[i].Sub(start).Round(100 * time.Millisecond); at != want*time.Second {
				t.Errorf("look %d is after %v; want %v", i+1, at, want*time.Second)
			}
		}
		for operation, most := range map[string]int{
			"Claim": 90, "NextDue": 90, "Oldest": 1, "Release": 0, "Expire": 0, "Disown": 0, "AdvanceJob": 0, "Jobs": 0, "Pauses": 601,
		} {
			if n := b.called(operation); n > most {
				t.Errorf("%s was called %d times; want %d at most", operation, n, most)
			}
		}
		// The other one has no configuration, and leaves what it accepts.
		c.fill(a, 1)
		sleep(8 * time.Second)
		c.wantAll(1, 1)
		found := len(b.looks())
		sleep(7 * time.Second)
		after := b.looks()[found-1:]
		if n := len(after); n < 3 {
			t.Errorf("it has looked %d times in the seconds after it had found something", n-1)
		}
	})
}

// TestOverflowIsNotStarved: events that come all the time and find no room in memory are
// read by the gateway that has taken them, if there is no other.
func TestOverflowIsNotStarved(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		g := c.gateways[0]
		const hog = "source/hog"
		slow := &app{answer: hang}
		g.engine.Add([]delivery.Destination{
			{Name: toApp, Transport: g},
			{Name: hog, Transport: slow, Concurrency: 1, Timeout: time.Hour},
		}, nil).Begin()
		sleep(time.Second)
		// One is in an attempt, the other waits, and there is no room beside it.
		for range 2 {
			if _, err := g.engine.Accept(context.Background(), arrival(hog, make([]byte, 32<<20-4096))); err != nil {
				t.Fatal(err)
			}
		}
		const events = 5000
		body := make([]byte, 8192)
		for range events {
			if _, err := g.engine.Accept(context.Background(), arrival(toApp, body)); err != nil {
				t.Fatal(err)
			}
		}
		if n := g.tried(); n < events/2 {
			t.Errorf("%d of %d events were attempted while they came", n, events)
		}
		sleep(10 * time.Second)
		c.wantStates(map[store.State]int{store.Delivered: events})
	})
}

// TestClockOfTheStoreGoesBack: after the clock of the store was set back by an hour, as
// when another server takes over, a gateway goes on to look for what others have left.
func TestClockOfTheStoreGoesBack(t *testing.T) {
	inCluster(t, 1, func(c *cluster) {
		g := c.gateways[0]
		c.begin(delivery.Destination{})
		sleep(10 * time.Minute)
		g.ahead.Store(-int64(time.Hour))
		sleep(time.Minute)
		before := len(g.looks())
		sleep(10 * time.Minute)
		if n := len(g.looks()) - before; n < 60 {
			t.Errorf("it has looked %d times in 10 min; want once in 8 s", n)
		}
	})
}

// TestClaimedAndNotQueued: an event that a gateway claims as it stores it, and does not
// deliver any more when that is done, another delivers.
func TestClaimedAndNotQueued(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.gateways[0], c.gateways[1]
		c.store.ack = time.Second
		generation := a.begin(delivery.Destination{})
		b.begin(delivery.Destination{})
		go c.fill(a, 10)
		sleep(100 * time.Millisecond)
		if n := a.owned(); n != 10 {
			t.Fatalf("it has claimed %d; want 10", n)
		}
		generation.Remove()
		sleep(10 * time.Second)
		c.wantAll(10, 1)
		if n := b.tried(); n != 10 {
			t.Errorf("the other has made %d attempts; want 10", n)
		}
	})
}
