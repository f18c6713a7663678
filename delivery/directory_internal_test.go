package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/store"
)

// noStore is a store that is not asked.
type noStore struct{ Store }

func (noStore) Standing() store.Standing       { return store.Standing{} }
func (noStore) Counts() map[string]store.Count { return nil }

// anything is a directory that knows every name.
type anything struct{}

func (anything) Destination(string) (Destination, bool) { return Destination{}, true }

// TestIdle: a dispatcher of which anything is known is not idle, and one that was used a
// moment ago does not retire.
func TestIdle(t *testing.T) {
	now := time.Now()
	for name, change := range map[string]func(d *dispatcher){
		"held":                   func(d *dispatcher) { d.held[store.DeliveryID{Seq: 1}] = true },
		"an outcome":             func(d *dispatcher) { d.unwritten = 1 },
		"left for others":        func(d *dispatcher) { d.left = make([]store.DeliveryID, 1) },
		"an arrival":             func(d *dispatcher) { d.arrivals.in[1] = 1 },
		"being read":             func(d *dispatcher) { d.reader.recent = map[store.DeliveryID]bool{} },
		"unread":                 func(d *dispatcher) { d.reader.unread = true },
		"expiring":               func(d *dispatcher) { d.reader.expiring = true },
		"to be released":         func(d *dispatcher) { d.reader.release = now },
		"due later":              func(d *dispatcher) { d.reader.next = now.Add(time.Hour) },
		"down":                   func(d *dispatcher) { d.health.since = now },
		"asked to wait":          func(d *dispatcher) { d.heldUntil = now.Add(time.Hour) },
		"paused":                 func(d *dispatcher) { d.paused = now },
		"used":                   func(d *dispatcher) { d.used = now },
		"of a configuration":     func(d *dispatcher) { d.lazy = false },
		"parked, with something": func(d *dispatcher) { d.settings, d.unwritten = nil, 1 },
	} {
		e := New(noStore{}, Options{})
		d := newDispatcher(e, "ep_1")
		d.settings, d.lazy, d.reader.unread, d.used = Destination{}.withDefaults(), true, false, now.Add(-time.Hour)
		change(d)
		if d.retire() {
			t.Errorf("%s: it has retired", name)
		}
	}
	for name, change := range map[string]func(d *dispatcher){
		"idle":   func(*dispatcher) {},
		"parked": func(d *dispatcher) { d.settings, d.reader.unread = nil, true },
	} {
		d := newDispatcher(New(noStore{}, Options{}), "ep_1")
		d.settings, d.lazy, d.reader.unread, d.used = Destination{}.withDefaults(), true, false, now.Add(-time.Hour)
		if change(d); !d.retire() {
			t.Errorf("%s: it has not retired", name)
		}
	}
}

// TestRetiredIsNotUsed: who still has one that has retired gets another, whatever for.
func TestRetiredIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(noStore{}, Options{})
		defer func() { _ = e.Stop(context.Background()) }() // nothing is in flight
		e.current = &Generation{engine: e, directory: anything{}}
		old := newDispatcher(e, "ep_1")
		old.settings, old.lazy, old.reader.unread, old.used = Destination{}.withDefaults(), true, false, time.Now().Add(-time.Hour)
		e.dispatchers["ep_1"] = old
		e.tend()
		if e.dispatchers["ep_1"] != nil {
			t.Fatal("it has not retired")
		}
		if _, ok := old.arrive(&store.Target{Destination: "ep_1"}); ok || old.look() || old.arrivals.count() > 0 {
			t.Error("it takes something")
		}
		c := e.arrive(&store.Target{Destination: "ep_1"})
		if c.at == old || c.at.settings == nil || !c.at.lazy || c.at.retired {
			t.Errorf("the other is %+v", c.at)
		}
	})
}
