package postgres_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// attempts notes who has which delivery at present.
type attempts struct {
	mu  sync.Mutex
	of  map[int64]*node
	bad []string
}

// take notes that a gateway has a delivery, which nobody else may have.
func (a *attempts) take(n *node, seq int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.of[seq]; other != nil {
		a.bad = append(a.bad, fmt.Sprintf("event %d is in two attempts, of one gateway: %v", seq, other == n))
	}
	a.of[seq] = n
}

func (a *attempts) drop(seq int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, seq)
}

// held are the deliveries that a gateway has.
func (a *attempts) held(n *node) map[store.DeliveryID]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := make(map[store.DeliveryID]bool)
	for seq, who := range a.of {
		if who == n {
			held[store.DeliveryID{Seq: seq}] = true
		}
	}
	return held
}

// Three gateways at work at once, each with senders, attempts, jobs and an operator: no
// delivery is in two attempts at a time, each event is stored once and delivered in the
// end, and when it is quiet again every gateway counts what is there.
//
// (C-01, C-02, C-06)
func TestBusyGateways(t *testing.T) {
	t.Parallel()
	const ids, rounds = 150, 120
	c := newCluster(t, 3, store.Options{})
	work := &attempts{of: make(map[int64]*node)}
	var mu sync.Mutex
	stored := make(map[string]int64)
	var run []func() error
	for i, n := range c.nodes {
		for worker := range 3 {
			random := rand.New(rand.NewPCG(uint64(i), uint64(worker)))
			run = append(run, func() error {
				return n.sender(random, ids, rounds, func(id string, v store.Verdict) error {
					mu.Lock()
					defer mu.Unlock()
					if before, ok := stored[id]; ok && before != v.Seq {
						return fmt.Errorf("%s is event %d and %d", id, before, v.Seq)
					}
					stored[id] = v.Seq
					return nil
				})
			})
		}
		random := rand.New(rand.NewPCG(uint64(i), 99))
		run = append(run, func() error { return n.courier(random, rounds, work) }, func() error { return n.operator(rounds / 8) })
	}
	atOnce(t, run...)
	for _, bad := range work.bad {
		t.Error(bad)
	}
	if n, lost := c.number("SELECT COUNT(*) FROM events"), c.lost(); n != int64(len(stored)) || lost != 0 {
		t.Errorf("%d events of %d, %d rows without what belongs to them", n, len(stored), lost)
	}
	// All that is left is delivered by the last one, when the others are gone.
	last := c.nodes[0]
	for _, n := range c.nodes[1:] {
		c.must(n.Close())
	}
	for {
		j, err := last.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
		for err == nil && j.State == store.JobRunning {
			j, err = last.AdvanceJob(t.Context(), j.ID, 100)
		}
		c.must(err)
		page, err := last.Claim(t.Context(), destA, time.Now().Add(24*time.Hour), 1000, nil)
		c.must(err)
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			last.settle(outcome(d, store.Delivered))
		}
	}
	if n := c.number("SELECT COUNT(*) FROM deliveries WHERE state = 2"); n != int64(len(stored)) {
		t.Errorf("%d were delivered of %d", n, len(stored))
	}
}

// sender sends copies of a few events.
func (n *node) sender(random *rand.Rand, ids, rounds int, became func(string, store.Verdict) error) error {
	for range rounds {
		id := fmt.Sprint(random.IntN(ids))
		a := event(id, "body")
		a.To[0].Claim = false
		v, err := n.Accept(n.t.Context(), a)
		if err == nil {
			err = became(id, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// courier claims what is due, a part of which it disowns, and makes attempts of the rest.
func (n *node) courier(random *rand.Rand, rounds int, work *attempts) error {
	var mine []store.Delivery
	for range rounds {
		page, err := n.Claim(n.t.Context(), destA, n.Now(), 1+random.IntN(6), work.held(n))
		if err != nil {
			return err
		}
		for _, d := range page {
			work.take(n, d.Seq)
		}
		mine = append(mine, page...)
		for len(mine) > random.IntN(5) {
			d := mine[0]
			mine = mine[1:]
			work.drop(d.Seq) // before another may have it
			if random.IntN(6) == 0 {
				err = n.Disown(n.t.Context(), destA, []store.DeliveryID{d.DeliveryID()})
			} else {
				o := outcome(d, []store.State{store.Delivered, store.Dead, store.Pending}[random.IntN(3)])
				o.Due = time.Now().Add(time.Duration(random.IntN(50)) * time.Millisecond)
				err = n.settling(o)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, d := range mine {
		work.drop(d.Seq)
		if err := n.settling(outcome(d, store.Delivered)); err != nil {
			return err
		}
	}
	return nil
}

// operator recovers what is dead, one way and the other.
func (n *node) operator(rounds int) error {
	for range rounds {
		j, err := n.CreateJob(n.t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
		for err == nil && j.State == store.JobRunning {
			j, err = n.AdvanceJob(n.t.Context(), j.ID, 5)
		}
		if err != nil {
			return err
		}
		page, _, err := n.List(n.t.Context(), store.Filter{State: store.Dead, Limit: 5})
		for _, d := range page {
			_, failed := n.Rearm(n.t.Context(), d.DeliveryID(), false)
			err = errors.Join(err, failed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// What others have stored and delivered is counted soon by everybody.
func TestCountsOfAllBecomeRight(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, store.Options{})
	var run []func() error
	for i := range 90 {
		n, other := c.nodes[i%3], c.nodes[(i+1)%3]
		run = append(run, func() error {
			a := event(fmt.Sprint(i), "body")
			v, err := n.Accept(t.Context(), a)
			if i%3 > 0 && err == nil { // settled by another
				d := store.Delivery{Event: store.Event{Seq: v.Seq}, Destination: destA}
				err = other.settling(outcome(d, []store.State{store.Delivered, store.Dead}[i%3-1]))
			}
			return err
		})
	}
	atOnce(t, run...)
	tables, err := c.nodes[0].Reader.Counts(t.Context())
	if want := (store.Count{Pending: 30, Dead: 30}); err != nil || tables[destA] != want || len(tables) != 1 {
		t.Fatalf("%v, %v", tables, err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for i, n := range c.nodes {
		for !maps.Equal(n.Counts(), tables) {
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("gateway %d counts %v, want %v", i, n.Counts(), tables)
			}
		}
	}
}
