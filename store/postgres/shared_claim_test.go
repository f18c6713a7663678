package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Gateways that claim at once never claim the same, never more than they asked for, and
// all of it in the end.
//
// (C-06)
func TestClaimsAreDisjoint(t *testing.T) {
	c := newCluster(t, 3, store.Options{})
	const events, most = 200, 7
	for i := range events {
		c.nodes[i%3].stored(event(fmt.Sprint(i), "body"))
	}
	claimed := make([]map[int64]bool, len(c.nodes))
	var run []func() error
	for i, n := range c.nodes {
		claimed[i] = make(map[int64]bool)
		run = append(run, func() error {
			held := make(map[store.DeliveryID]bool)
			for {
				page, err := n.Claim(t.Context(), destA, n.Now(), most, held)
				if err != nil || len(page) == 0 {
					return err
				}
				if len(page) > most {
					return fmt.Errorf("%d were claimed, %d at most were asked for", len(page), most)
				}
				for _, d := range page {
					if claimed[i][d.Seq] || d.Owner != n.Standing().Owner || string(d.Body) != "body" {
						return fmt.Errorf("claimed %+v", d)
					}
					claimed[i][d.Seq], held[d.DeliveryID()] = true, true
				}
			}
		})
	}
	atOnce(t, run...)
	all := make(map[int64]int)
	for _, own := range claimed {
		for seq := range own {
			all[seq]++
		}
	}
	for seq, n := range all {
		if n > 1 {
			t.Errorf("event %d was claimed by %d", seq, n)
		}
	}
	if len(all) != events {
		t.Errorf("%d of %d were claimed", len(all), events)
	}
}

// A row that somebody else is just changing is passed over, and holds up nobody.
func TestClaimDoesNotWait(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	first, second := n.stored(event("e", "body")), n.stored(event("f", "body"))
	c.exec("BEGIN")
	c.exec("SELECT 1 FROM deliveries WHERE event = $1 FOR UPDATE", first)
	n.only(second)
	c.exec("ROLLBACK")
	if got := slices.Sorted(maps.Keys(n.claim(10))); !slices.Equal(got, []int64{first, second}) {
		t.Errorf("claimed %v afterwards", got)
	}
}

// What a gateway has claimed is left alone by others until it disowns it; the gateway
// itself finds it again, unless it says that it holds it.
func TestWhatIsClaimed(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	v := a.accept(fresh("e"))
	if s := a.Standing(); v.Owner != s.Owner || v.Term != s.Term || v.Owner == 0 {
		t.Fatalf("%+v under %+v", v, s)
	}
	b.none()
	if got := a.claim(10, v.Seq); len(got) > 0 {
		t.Errorf("what is held is claimed again: %v", got)
	}
	a.only(v.Seq)
	// Of another destination, or by somebody who has not claimed it, nothing is disowned.
	ids := []store.DeliveryID{{Seq: v.Seq}, {Seq: 12345}}
	c.must(a.Disown(t.Context(), "source/b", ids))
	c.must(b.Disown(t.Context(), destA, ids))
	b.none()
	c.must(a.Disown(t.Context(), destA, ids))
	d := b.only(v.Seq)
	a.none()
	c.must(a.Disown(t.Context(), destA, ids)) // it is not its own any more
	a.none()
	// Once its outcome is written it is nobody's.
	o := outcome(d, store.Pending)
	o.Due = time.Now()
	b.settle(o)
	a.only(v.Seq)
	b.none()
}

// A copy that is stored in the ordinary way, not in the express one, is claimed as well.
func TestFreshEventsAreClaimedAlsoIfTheyNeededADecision(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	a.stored(fresh("e"))
	other := event("e", "other body")
	other.To[0].Claim = true
	v := a.accept(other)
	if v.Result != store.Stored || !v.Conflict || v.Owner != a.Standing().Owner || v.Term != a.Standing().Term {
		t.Fatalf("%+v", v)
	}
	b.none()
	if got := a.claim(10); len(got) != 2 {
		t.Errorf("claimed %v", got)
	}
	// Neither an ignored event nor a copy bears an owner.
	gone := fresh("f")
	gone.To = nil
	for _, arrival := range []*store.Arrival{gone, fresh("e")} {
		if v := a.accept(arrival); v.Owner != 0 || v.Term != 0 {
			t.Errorf("%+v", v)
		}
	}
}

// A copy makes a waiting event due, whoever it comes to; the one that comes while it is
// claimed takes it from nobody.
func TestACopyHurriesAnothersEvent(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	seq := a.stored(fresh("e"))
	a.settle(outcome(a.only(seq), store.Pending))
	b.none()
	if v := b.accept(event("e", "body")); v.Result != store.Duplicate || !v.Due || v.Seq != seq {
		t.Fatalf("%+v", v)
	}
	d := a.only(seq)
	if v := b.accept(event("e", "body")); v.Result != store.Duplicate || v.Due {
		t.Errorf("at once again: %+v", v)
	}
	b.none()
	a.settle(outcome(d, store.Delivered))
	if d := b.at(seq); d.State != store.Delivered || d.Attempts != 2 {
		t.Errorf("%+v", d)
	}
}

// What was given up while an attempt was in flight is delivered after all, whoever gave
// it up; what was erased stays so.
//
// (C-02)
func TestGivenUpWhileClaimed(t *testing.T) {
	forever := time.Now().Add(time.Hour)
	for _, test := range []struct {
		name string
		by   func(context.Context, *node, int64) error
		want store.State
	}{
		{"expired", func(ctx context.Context, n *node, _ int64) error {
			changed, err := n.Expire(ctx, destA, forever, "expired", 10)
			if err == nil && changed != 1 {
				err = fmt.Errorf("%d have expired", changed)
			}
			return err
		}, store.Delivered},
		{"erased", func(ctx context.Context, n *node, seq int64) error { return n.Erase(ctx, seq) }, store.Dead},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, 2, store.Options{})
			a, b := c.nodes[0], c.nodes[1]
			seq := a.stored(fresh("e"))
			d := a.only(seq)
			c.must(test.by(t.Context(), b, seq))
			if is := a.at(seq); is.State != store.Dead {
				t.Fatalf("%+v", is)
			}
			a.settle(outcome(d, store.Delivered))
			is := b.at(seq)
			if is.State != test.want {
				t.Errorf("%+v", is)
			}
			made, err := b.Attempts(t.Context(), store.DeliveryID{Seq: seq})
			if err != nil || len(made) != 1 || (made[0].Response != nil) != (test.want == store.Delivered) {
				t.Errorf("attempts: %+v %v", made, err)
			}
			if n := c.number("SELECT COUNT(*) FROM deliveries WHERE owner <> 0"); n != 0 {
				t.Error("it is claimed still")
			}
		})
	}
}

// What was given up and is anew under way belongs to whom has claimed it then.
func TestRearmedWhileAnotherIsStillTrying(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	seq := a.stored(fresh("e"))
	was := a.only(seq)
	if n, err := b.Expire(t.Context(), destA, time.Now().Add(time.Hour), "expired", 10); n != 1 || err != nil {
		t.Fatalf("%d have expired, %v", n, err)
	}
	if v := b.accept(event("e", "body")); v.Result != store.Rearmed {
		t.Fatalf("%+v", v)
	}
	is := b.only(seq)
	a.settle(outcome(was, store.Dead))
	if d := a.at(seq); d.State != store.Pending {
		t.Errorf("%+v", d)
	}
	b.settle(outcome(is, store.Delivered))
	if d := a.at(seq); d.State != store.Delivered {
		t.Errorf("%+v", d)
	}
}

// A delivery that another gateway adopts for a new name, while it is in an attempt, takes
// the outcome of that attempt, and stays claimed until then.
func TestAdoptedWhileClaimed(t *testing.T) {
	for _, state := range []store.State{store.Delivered, store.Pending, store.Dead} {
		t.Run(state.String(), func(t *testing.T) {
			c := newCluster(t, 2, store.Options{})
			a, b := c.nodes[0], c.nodes[1]
			seq := a.stored(fresh("e"))
			d := a.only(seq)
			if n, err := b.Adopt(t.Context(), "a", "b", 10); n != 1 || err != nil {
				t.Fatalf("%d adopted, %v", n, err)
			}
			if page, err := b.Claim(t.Context(), "source/b", b.Now(), 10, nil); len(page) > 0 || err != nil {
				t.Errorf("claimed %v, %v", page, err)
			}
			a.settle(outcome(d, state))
			if is := b.at(seq); is.State != state || is.Destination != "source/b" || is.Source != "b" || is.Origin != "a" || is.Attempts != 1 {
				t.Errorf("%+v", is)
			}
		})
	}
}

// Outcomes of one delivery that come at once are written in their order.
func TestOutcomesOfOneDeliveryKeepTheirOrder(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	for i := range 20 {
		seq := n.stored(event(fmt.Sprint(i), "body"))
		d := n.at(seq)
		first := outcome(d, store.Pending)
		d.Attempts, d.Step = 1, 1
		second := outcome(d, store.Pending)
		second.Due = first.Due.Add(time.Hour)
		first.Destination = "source/former" // as if it had been adopted: the express way leaves it
		c.together(n, func() {
			for _, o := range []*store.Outcome{first, second} {
				n.Settle(t.Context(), o, func(err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
		})
		c.must(n.Do(t.Context(), func(*store.Tx) error { return nil })) // what came before is written
		if d := n.at(seq); d.Step != 2 || d.Attempts != 2 || d.Due.UnixMilli() != second.Due.UnixMilli() {
			t.Fatalf("%+v", d)
		}
	}
}

// together makes what is sent to a store one batch: the committer is busy meanwhile.
func (c *cluster) together(n *node, send func()) {
	c.Helper()
	busy, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- n.Do(c.Context(), func(*store.Tx) error {
			close(busy)
			<-release
			return nil
		})
	}()
	<-busy
	send()
	close(release)
	c.must(<-ended)
}
