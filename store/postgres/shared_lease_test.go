package postgres_test

import (
	"testing"

	"github.com/hookgate/hookgate/store"
)

// Each gateway has a number and a lease, one of them leads, and each knows of the others.
func TestGatewaysKnowOfEachOther(t *testing.T) {
	c := newCluster(t, 3, store.Options{})
	seen := make(map[int64]bool)
	for i, n := range c.nodes {
		n.db.Freeze()
		c.must(n.db.Beat(t.Context()))
		s := n.Standing()
		if !s.Shared || s.Owner == 0 || s.Term != 1 || !s.Held || s.Leads != (i == 0) || s.Others != 2 || s.Changes != 0 {
			t.Errorf("gateway %d: %+v", i, s)
		}
		seen[s.Owner] = true
	}
	if len(seen) != 3 {
		t.Errorf("the numbers are %v", seen)
	}
}

// A gateway that closes its store is gone for the others, and what it had claimed is
// there for them at once.
//
// (F-21)
func TestCloseHandsOver(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	b.db.Freeze()
	seq := a.stored(fresh("e"))
	b.none()
	c.must(a.Close())
	if d := b.only(seq); d.Owner != b.Standing().Owner || string(d.Body) != "body" {
		t.Errorf("%+v", d)
	}
	c.must(b.db.Beat(t.Context()))
	if s := b.Standing(); !s.Leads || s.Others != 0 || s.Changes != 1 || s.Term != 1 {
		t.Errorf("the one that is left: %+v", s)
	}
	if s := a.Standing(); s.Held || s.Leads || s.Owner != 0 {
		t.Errorf("the one that has left: %+v", s)
	}
}

// What a gateway that died had claimed is taken over once its lease has run out, and not
// before; its late outcome is recorded, and changes nothing.
//
// (F-21)
func TestTheDeadAreInheritedWhenTheirLeaseIsOver(t *testing.T) {
	for _, late := range []store.State{store.Delivered, store.Dead, store.Pending} {
		t.Run(late.String(), func(t *testing.T) {
			c := newCluster(t, 2, store.Options{})
			a, b := c.nodes[0], c.nodes[1]
			seq := a.stored(fresh("e"))
			was := a.at(seq)
			was.Owner = a.Standing().Owner
			a.db.Freeze()
			b.none()
			c.expire(a)
			is := b.only(seq)
			a.none() // it is the other's now
			a.settle(outcome(was, late))
			is.Attempts++ // its number is the next one
			if d := b.at(seq); d.State != store.Pending || d.Attempts != 0 || d.Step != 0 {
				t.Errorf("after the late outcome: %+v", d)
			}
			b.settle(outcome(is, store.Delivered))
			if d := b.at(seq); d.State != store.Delivered || d.Attempts != 2 {
				t.Errorf("after the heir's: %+v", d)
			}
			made, err := b.Attempts(t.Context(), store.DeliveryID{Seq: seq})
			if err != nil || len(made) != 2 || made[0].Response != nil || made[1].Response == nil {
				t.Errorf("attempts: %+v %v", made, err)
			}
			a.settle(outcome(was, late)) // written again, as it was open whether it is
			if d := a.at(seq); d.State != store.Delivered || d.Attempts != 2 {
				t.Errorf("after the late outcome again: %+v", d)
			}
		})
	}
}

// A gateway that was only slow goes on in a new term: what it had claimed may be
// another's by now, whoever found out first that the lease was over.
func TestALapseIsANewTerm(t *testing.T) {
	for _, test := range []struct {
		name  string
		lapse func(*cluster, *node)
	}{
		{"by its own clock", func(_ *cluster, n *node) { n.db.Lapse() }},
		{"by the database's clock", func(c *cluster, n *node) { c.expire(n) }},
		{"its row is gone", func(c *cluster, n *node) { c.exec("DELETE FROM gateways WHERE number = $1", n.Standing().Owner) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, 2, store.Options{})
			a := c.nodes[0]
			a.db.Freeze()
			c.must(a.db.Beat(t.Context()))
			before := a.Standing()
			test.lapse(c, a)
			c.must(a.db.Beat(t.Context()))
			s := a.Standing()
			if s.Term != before.Term+1 || !s.Held || s.Owner == 0 {
				t.Errorf("%+v after %+v", s, before)
			}
			c.must(a.db.Beat(t.Context()))
			if again := a.Standing(); again.Term != s.Term || again.Owner != s.Owner {
				t.Errorf("%+v after %+v", again, s)
			}
			seq := a.stored(fresh("e")) // and it works
			if d := a.only(seq); d.Owner != s.Owner || d.Term != s.Term {
				t.Errorf("claimed %+v", d)
			}
			if n := c.number("SELECT COUNT(*) FROM gateways WHERE expires > clock_timestamp()"); n != 2 {
				t.Errorf("%d leases run", n)
			}
		})
	}
}

// Without a lease nothing is claimed, neither what is due nor what has just come.
func TestNothingIsClaimedWithoutALease(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	a.db.Freeze()
	a.db.Lapse()
	if s := a.Standing(); s.Held || s.Leads {
		t.Fatalf("%+v", s)
	}
	v := a.accept(fresh("e"))
	if v.Result != store.Stored || v.Owner != 0 || v.Term != 0 {
		t.Errorf("%+v", v)
	}
	a.none()
	b.only(v.Seq)
}

// The least live number leads. That passes on when the leader dies, and does not come
// back to it under its old number while another leads.
func TestLeadershipPassesOn(t *testing.T) {
	c := newCluster(t, 3, store.Options{})
	for _, n := range c.nodes {
		n.db.Freeze()
	}
	leads := func(want ...bool) {
		t.Helper()
		for i, n := range c.nodes {
			if s := n.Standing(); s.Leads != want[i] {
				t.Errorf("gateway %d: %+v", i, s)
			}
		}
	}
	beat := func(nodes ...*node) {
		t.Helper()
		for _, n := range nodes {
			c.must(n.db.Beat(t.Context()))
		}
	}
	beat(c.nodes...)
	leads(true, false, false)
	c.nodes[0].db.Lapse()
	leads(false, false, false)
	c.expire(c.nodes[0])
	beat(c.nodes[1:]...)
	leads(false, true, false)
	for _, n := range c.nodes[1:] {
		if s := n.Standing(); s.Changes != 1 || s.Others != 1 {
			t.Errorf("one of two: %+v", s)
		}
	}
	c.must(c.nodes[1].Close())
	beat(c.nodes[2])
	leads(false, false, true)
	if s := c.nodes[2].Standing(); s.Changes != 2 || s.Others != 0 {
		t.Errorf("the last: %+v", s)
	}
}

// Two gateways never bear one number, not even after an older copy of the database was
// restored, in which neither is known.
func TestNumbersOfGatewaysDoNotComeBack(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	a.db.Freeze()
	b.db.Freeze()
	// The copy was made before either had come.
	c.exec("DELETE FROM gateways")
	c.exec("SELECT setval('gateway_numbers', 1, false)")
	c.must(b.db.Beat(t.Context()))
	c.must(a.db.Beat(t.Context()))
	if a.Standing().Owner == b.Standing().Owner {
		t.Errorf("both are %d", a.Standing().Owner)
	}
}

// The row of a gateway that has left without a word goes after a day.
func TestTheRowsOfTheDeadAreForgotten(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	n.db.Freeze()
	c.exec("INSERT INTO gateways (number, name, since, expires) SELECT -i, 'gone', now(), now() - i * interval '23 h' FROM generate_series(1, 2) i")
	c.must(n.db.Beat(t.Context()))
	if left := c.number("SELECT COUNT(*) FROM gateways WHERE name = 'gone'"); left != 1 {
		t.Errorf("%d are left, want that of 23 hours ago", left)
	}
}
