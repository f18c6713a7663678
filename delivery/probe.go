package delivery

import (
	"maps"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// maxProbed is how many probes are each made with another event.
	maxProbed = 1000
	// horizon is beyond every schedule.
	horizon = 100 * 365 * 24 * time.Hour
)

// probing reports whether a probe may be made as soon as it is time.
func (d *dispatcher) probing() bool {
	return d.health.down() && !d.barred() && d.reader.unread && d.running[probe] == 0 && !d.full()
}

// probe makes an attempt at a destination that is down, with any event that waits,
// due or not, and each time with another: one alone may be what brings it down.
func (d *dispatcher) probe(now time.Time) error {
	d.mu.Lock()
	r := &d.reader
	if !d.probing() || now.Before(latest(d.health.next, d.heldUntil)) || !d.pace.ready(d.settings.Rate, now) {
		d.mu.Unlock()
		return nil
	}
	if r.probed == nil || len(r.probed) >= maxProbed {
		r.probed = make(map[store.DeliveryID]bool)
	}
	held := d.taken()
	others := maps.Clone(r.probed)
	maps.Copy(others, held)
	r.unread, r.recent = false, make(map[store.DeliveryID]bool)
	d.mu.Unlock()

	found, err := d.find(now.Add(horizon), 1, others)
	round := err == nil && len(found) == 0 && len(others) > len(held) // all had their turn
	if round {
		found, err = d.find(now.Add(horizon), 1, held)
	}

	d.mu.Lock()
	recent := r.recent
	r.recent = nil
	if round {
		clear(r.probed)
	}
	if err != nil || len(found) == 0 {
		r.unread = r.unread || err != nil
		d.mu.Unlock()
		return err
	}
	r.unread = true
	t := &task{Delivery: found[0], lane: probe}
	id := t.DeliveryID()
	if !d.probing() || d.held[id] || recent[id] || !d.engine.owns(t.Term) {
		if !d.held[id] {
			d.leave(id) // it was claimed for nothing
		}
		d.mu.Unlock()
		return nil
	}
	d.held[id] = true
	r.probed[id] = true
	if t.Head == nil {
		d.bury(t, now)
		d.mu.Unlock()
		d.settle(t)
		return nil
	}
	d.begin(t)
	d.mu.Unlock()
	d.engine.work(job{d, t})
	return nil
}
