package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// life is what chance does to a cluster.
type life struct {
	*cluster
	chance      *rand.Rand
	settings    delivery.Destination
	alive       []*gateway
	generations map[*gateway]*delivery.Generation
	paused      bool
	affected    map[int64]bool // by a death or a lapse of the gateway that had claimed it
}

// TestGatewaysComeAndGo: whatever dies, freezes, fails or is paused, every event is
// delivered, and once unless the gateway that had claimed it has lost its lease
// (K-06, K-07, K-08, K-15).
func TestGatewaysComeAndGo(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inCluster(t, 3, func(c *cluster) {
				l := &life{
					cluster: c, chance: rand.New(rand.NewPCG(seed, 1)), alive: append([]*gateway(nil), c.gateways...),
					settings:    delivery.Destination{Concurrency: 4, Retry: []time.Duration{time.Second, 5 * time.Second}, Forever: true, Timeout: 20 * time.Second},
					generations: map[*gateway]*delivery.Generation{}, affected: map[int64]bool{},
				}
				c.store.ack = time.Duration(l.chance.IntN(20)) * time.Millisecond
				for _, g := range l.alive {
					l.generations[g] = g.begin(l.settings)
					l.answer(g)
				}
				for range 150 {
					l.happen()
				}
				l.settle()
			})
		})
	}
}

func (l *life) any() *gateway { return l.alive[l.chance.IntN(len(l.alive))] }

func (l *life) during(most time.Duration) time.Duration {
	return time.Duration(l.chance.Int64N(int64(most)))
}

// answer gives the app of a gateway another mood.
func (l *life) answer(g *gateway) {
	pause := l.during(300 * time.Millisecond)
	moods := []answers{
		after(pause, status(200)), after(pause, status(200)), after(pause, status(422)), after(pause, status(500)),
		after(pause, refuse), throttle(429, "7"), after(20*pause, status(200)),
	}
	g.app.says(moods[l.chance.IntN(len(moods))])
	g.answers(func() { time.Sleep(pause / 3) })
}

// happen makes one thing happen.
func (l *life) happen() {
	ctx, g := context.Background(), l.any()
	switch l.chance.IntN(12) {
	case 0:
		if len(l.alive) > 1 && l.chance.IntN(2) == 0 {
			l.lose(g, g.die)
			g.kill()
			l.alive = remove(l.alive, g)
			h := l.join()
			l.alive = append(l.alive, h)
			l.generations[h] = h.begin(l.settings)
			l.answer(h)
		}
	case 1:
		l.lose(g, g.lapse)
		time.Sleep(l.during(20 * time.Second))
		g.renew()
	case 2:
		if l.paused = !l.paused; l.paused {
			l.must(g.engine.Pause(ctx, toApp))
		} else {
			l.must(g.engine.Resume(ctx, toApp))
		}
	case 3:
		before := l.generations[g]
		if l.chance.IntN(2) == 0 {
			before.Remove()
			time.Sleep(l.during(2 * time.Second))
		}
		l.generations[g] = g.begin(l.settings)
		before.Remove()
	case 4:
		broken := []string{"Settle", "Disown", "Claim", "NextDue", "Pauses"}[l.chance.IntN(5)]
		g.failing(func(operation string) error {
			if operation == broken {
				return errStore
			}
			return nil
		})
		time.Sleep(l.during(10 * time.Second))
		g.failing(nil)
	case 5, 6:
		l.answer(g)
	default:
		l.fill(g, 1+l.chance.IntN(30))
		time.Sleep(l.during(time.Second))
	}
	time.Sleep(l.during(time.Second))
}

func (l *life) must(err error) {
	if err != nil {
		l.Error(err)
	}
}

func remove(from []*gateway, g *gateway) (left []*gateway) {
	for _, other := range from {
		if other != g {
			left = append(left, other)
		}
	}
	return left
}

// lose makes a gateway lose its lease, and notes what it had claimed.
func (l *life) lose(g *gateway, how func()) {
	l.store.memory.mu.Lock()
	defer l.store.memory.mu.Unlock()
	how()
	for id, r := range l.store.rows {
		if r.State == store.Pending && r.Owner == g.number {
			l.affected[id.Seq] = true
		}
	}
}

// settle lets all end well, and looks what has become of the events.
func (l *life) settle() {
	for _, g := range l.alive {
		g.app.says(nil)
	}
	if l.paused {
		l.must(l.alive[0].engine.Resume(context.Background(), toApp))
	}
	sleep(2 * time.Minute)
	l.store.memory.mu.Lock()
	last := l.store.seq
	l.store.memory.mu.Unlock()
	l.wantStates(map[store.State]int{store.Delivered: int(last)})
	for seq := int64(1); seq <= last; seq++ {
		attempts, delivered := l.ledger.of(seq)
		if delivered == 0 || delivered > 1 && !l.affected[seq] {
			l.Errorf("event %d was attempted %d times and delivered %d times", seq, attempts, delivered)
		}
	}
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	for _, seq := range l.ledger.overlaps {
		if !l.affected[seq] {
			l.Errorf("event %d was attempted twice at once", seq)
		}
	}
	for _, g := range l.alive {
		if n := g.owned(); n > 0 {
			l.Errorf("gateway %d has claimed %d at the end", g.number, n)
		}
	}
}
