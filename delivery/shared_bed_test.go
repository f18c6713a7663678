package delivery_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// cluster is several gateways that share a store, and deliver to source/app.
type cluster struct {
	*testing.T
	store    *shared
	gateways []*gateway
	ledger   ledger
}

// gateway is one of them, with the app as it sees it.
type gateway struct {
	*seat
	engine  *delivery.Engine
	app     *app
	counter *counter
	ledger  *ledger
	clock   atomic.Int64 // how often the engine has asked what time it is
	ahead   atomic.Int64 // of the clock that it is told, in nanoseconds
}

// ledger sees the attempts of all gateways.
type ledger struct {
	mu        sync.Mutex
	flying    map[int64]int
	attempts  map[int64]int
	delivered map[int64]int
	overlaps  []int64 // events that two attempts were made at the same time with
}

func (l *ledger) begin(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying == nil {
		l.flying, l.attempts, l.delivered = map[int64]int{}, map[int64]int{}, map[int64]int{}
	}
	if l.flying[seq] > 0 {
		l.overlaps = append(l.overlaps, seq)
	}
	l.flying[seq]++
	l.attempts[seq]++
}

func (l *ledger) end(seq int64, delivered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying[seq]--
	if delivered {
		l.delivered[seq]++
	}
}

// of returns how often an event was attempted and delivered.
func (l *ledger) of(seq int64) (attempts, delivered int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.attempts[seq], l.delivered[seq]
}

// Attempt asks the app as this gateway sees it.
func (g *gateway) Attempt(ctx context.Context, d *store.Delivery) delivery.Answer {
	g.ledger.begin(d.Seq)
	a := g.app.Attempt(ctx, d)
	g.ledger.end(d.Seq, a.Status == 200)
	return a
}

// inCluster runs a test of n gateways in fake time, and stops them at its end: the
// bubble fails if a goroutine is left.
func inCluster(t *testing.T, n int, test func(c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{T: t, store: &shared{memory: newMemory()}}
		for range n {
			c.join()
		}
		defer c.store.close()
		defer func() {
			for _, g := range c.gateways {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				g.engine.Stop(ctx)
				cancel()
			}
		}()
		test(c)
	})
}

// join adds a gateway.
func (c *cluster) join() *gateway {
	g := &gateway{seat: c.store.sit(), app: &app{}, counter: &counter{}, ledger: &c.ledger}
	g.engine = delivery.New(g.seat, delivery.Options{
		Now: func() time.Time {
			g.clock.Add(1)
			return time.Now().Add(time.Duration(g.ahead.Load()))
		},
		Rand:     func() float64 { return 0.5 },
		Observer: g.counter,
	})
	c.gateways = append(c.gateways, g)
	return g
}

// begin makes the gateway deliver to the app, with some settings.
func (g *gateway) begin(d delivery.Destination) *delivery.Generation {
	d.Name, d.Transport = toApp, g
	generation := g.engine.Add([]delivery.Destination{d}, nil)
	generation.Begin()
	synctest.Wait()
	return generation
}

// begin makes all gateways deliver to the app.
func (c *cluster) begin(d delivery.Destination) {
	for _, g := range c.gateways {
		g.begin(d)
	}
}

// fill stores n events at a gateway, many at once, and returns the last number.
func (c *cluster) fill(g *gateway, n int) int64 {
	c.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if v, err := g.engine.Accept(context.Background(), arrival(toApp, nil)); err != nil || v.Result != store.Stored {
				c.Errorf("accepting: %v, %v", v, err)
			}
		})
	}
	all.Wait()
	c.store.memory.mu.Lock()
	defer c.store.memory.mu.Unlock()
	return c.store.seq
}

// kill ends a gateway as kill -9 would.
func (g *gateway) kill() {
	g.die()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.engine.Stop(ctx)
}

// wantAll checks that the events up to a number are delivered, each once and after so
// many attempts as it is to have had, and that no two attempts at one met.
func (c *cluster) wantAll(last int64, attempts int) {
	c.Helper()
	c.wantStates(map[store.State]int{store.Delivered: int(last)})
	for seq := int64(1); seq <= last; seq++ {
		if tried, delivered := c.ledger.of(seq); tried != attempts || delivered != 1 {
			c.Errorf("event %d was attempted %d times and delivered %d times; want %d and 1", seq, tried, delivered, attempts)
		}
	}
	c.wantNoOverlap()
}

func (c *cluster) wantNoOverlap() {
	c.Helper()
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if n := len(c.ledger.overlaps); n > 0 {
		c.Errorf("%d times an event was attempted twice at once, the first is %d", n, c.ledger.overlaps[0])
	}
}

// wantStates checks how many deliveries to the app are in each state.
func (c *cluster) wantStates(want map[store.State]int) {
	c.Helper()
	got := c.store.states(toApp)
	for s := store.Pending; s <= store.Dead; s++ {
		if got[s] != want[s] {
			c.Errorf("%d are %s; want %d", got[s], s, want[s])
		}
	}
}

// tried returns how many attempts a gateway has begun.
func (g *gateway) tried() int { return len(g.app.tries()) }
