package delivery

import "time"

// Of a directory's destinations, of which there may be many, only those have a dispatcher
// that there is something for: it is made when something is accepted or due for one, and
// retires when there was nothing for a while.

// idleFor is after how long one retires.
const idleFor = 10 * time.Minute

// Refresh says that the directory may know other settings of a destination by now.
// Attempts in flight go on as they began.
func (e *Engine) Refresh(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping {
		return
	}
	if d := e.dispatchers[name]; d != nil {
		d.configure(e.settings(name))
	} else if settings, _ := e.settings(name); settings != nil {
		e.dispatcherLocked(name) // something may have waited for it
	}
}

// tend makes dispatchers for what there is something for, and lets those retire for which
// there is nothing.
func (e *Engine) tend() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping {
		return
	}
	e.rouse()
	for name, d := range e.dispatchers {
		if d.retire() {
			delete(e.dispatchers, name)
		}
	}
}

// rouse makes sure that destinations of a directory have a dispatcher if something is
// pending for them, which others who share the store may have added. The engine's lock is
// held.
func (e *Engine) rouse() {
	if e.current == nil || e.current.directory == nil {
		return
	}
	counts := e.store.Counts()
	for name, d := range e.dispatchers {
		d.waits(counts[name].Pending > 0)
	}
	for name, n := range counts {
		if n.Pending <= 0 || e.dispatchers[name] != nil {
			continue
		}
		if settings, lazy := e.settings(name); settings != nil && lazy {
			e.dispatcherLocked(name)
		}
	}
}

// waits tells it whether something is pending for it, as far as the store knows.
func (d *dispatcher) waits(pending bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if pending && !d.waiting && d.shared() {
		d.missed()
	}
	d.waiting = pending
}

// retire ends a dispatcher for which there is nothing, and was nothing for a while, and
// reports whether it did. The engine's lock is held, which keeps those away who look for
// one.
func (d *dispatcher) retire() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.lazy || !d.idle() || d.engine.now().Sub(d.used) < idleFor {
		return false
	}
	d.retired = true
	d.nudge()
	return true
}

// use notes that something happens, which keeps it from retiring.
func (d *dispatcher) use() {
	if d.lazy {
		d.used = d.engine.now()
	}
}

// idle reports whether nothing is known of a dispatcher but its settings, nor is about to be.
func (d *dispatcher) idle() bool {
	r, now := &d.reader, d.engine.now()
	switch {
	case len(d.held) > 0, d.unwritten > 0, len(d.left) > 0, d.arrivals.count() > 0, r.recent != nil:
		return false // something is in hand, or being looked for
	case d.health.down(), now.Before(d.heldUntil), !d.paused.IsZero():
		return false // this would be forgotten
	case d.settings == nil: // whatever waits for it is parked
		return true
	}
	return !r.unread && !r.expiring && r.release.IsZero() && r.next.IsZero() && (!d.shared() || !d.waiting)
}

// gone reports whether it has retired.
func (d *dispatcher) gone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.retired
}

// queued reports whether anything waits in memory.
func (d *dispatcher) queued() bool { return d.queues[fresh].len()+d.queues[backlog].len() > 0 }
