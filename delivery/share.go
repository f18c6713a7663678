package delivery

import (
	"maps"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Several gateways may share a store. What one of them is about to attempt it has
// claimed, under a lease; all the rest is there for whoever looks first. How a
// destination fares, its lanes and its concurrency each gateway knows for itself.

const (
	// firstPoll and lastPoll are how often it is looked for what others have left, as
	// long as nothing is found the less often.
	firstPoll = time.Second
	lastPoll  = 8 * time.Second
	// shareEvery is how often a gateway looks what others have changed: pauses, jobs,
	// and who is there.
	shareEvery = time.Second
)

// owns reports whether what was claimed in a term of the lease is this gateway's still.
func (e *Engine) owns(term int64) bool {
	s := e.store.Standing()
	return !s.Shared || s.Held && s.Term == term
}

// poll is when the store is read although nothing says that there is anything: only
// if others share it.
type poll struct {
	at   time.Time
	wait time.Duration
}

// over reports whether it is time, and begins anew.
func (p *poll) over(now time.Time) bool {
	if p.at.IsZero() || now.Before(p.at) {
		return false
	}
	p.at = now.Add(p.wait)
	return true
}

// looked follows a look at the store.
func (p *poll) looked(now time.Time, found bool) {
	p.wait = min(max(2*p.wait, firstPoll), lastPoll)
	if found {
		p.wait = firstPoll
	}
	p.at = now.Add(p.wait)
}

// shared reports whether there may be other gateways.
func (d *dispatcher) shared() bool { return d.engine.store.Standing().Shared }

// polls reports whether it is to be looked for what others have left. For destinations of
// a directory, of which there may be many, the engine knows from the counts.
func (d *dispatcher) polls() bool { return d.shared() && (!d.lazy || d.waiting) }

// leave notes that a delivery which was claimed is for others to have, too.
func (d *dispatcher) leave(id store.DeliveryID) {
	if !d.shared() {
		return
	}
	if d.reader.recent != nil { // it may be among what is being read
		d.reader.recent[id] = true
	}
	d.left = append(d.left, id)
	d.nudge()
}

// taken are the deliveries that are not to be claimed: those that are held, and those
// that are to be disowned first.
func (d *dispatcher) taken() map[store.DeliveryID]bool {
	taken := maps.Clone(d.held)
	for _, id := range d.left {
		taken[id] = true
	}
	return taken
}

// disown lets others have what was left. It is called before anything is read: what is
// claimed anew must not be disowned.
func (d *dispatcher) disown() error {
	d.mu.Lock()
	left := d.left[:min(len(d.left), rows)]
	d.mu.Unlock()
	if len(left) == 0 {
		return nil
	}
	if err := d.engine.store.Disown(d.engine.ctx, d.name, left); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = d.left[len(left):]
	if len(d.left) > 0 {
		d.nudge()
	}
	return nil
}

// share follows what others have changed, once a moment.
func (e *Engine) share() {
	seen := e.store.Standing()
	for e.sleep(shareEvery) {
		now := e.store.Standing()
		if now.Changes != seen.Changes || now.Term != seen.Term || now.Held && !seen.Held {
			e.lookAll() // what others had claimed may be free
		}
		if now.Leads {
			e.StartJobs()
		}
		seen = now
	}
}

// lookAll makes all dispatchers look at the store.
func (e *Engine) lookAll() {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, d := range e.dispatchers {
		d.look()
	}
}
