package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Status is how a destination fares.
type Status struct {
	Name string
	// Parked says that deliveries wait for it but no generation has it.
	Parked bool
	// Paused and Down are since when it is; HeldUntil is until when it has asked to be
	// left alone. They are zero if it is not.
	Paused, Down, HeldUntil time.Time
	// InFlight counts the attempts in flight, and Limit is how many of the backlog may
	// be at once now: it grows to the destination's concurrency as the backlog drains.
	InFlight, Limit int
	// Failures counts the attempts in a row without a verdict, probes included.
	Failures int
	// LastPass is when its dispatcher last looked what is to be done, which is every
	// minute at least; zero if it never had one.
	LastPass time.Time
	// Oldest is when the oldest of its pending deliveries was armed, zero if there is
	// none; as of at most 15 s ago, unless the store does not answer.
	Oldest time.Time
}

// statusWait is how long the store may take to say how old what is pending is.
const statusWait = 2 * time.Second

// Status returns how all destinations fare that the engine knows, by name: those of
// a generation, and those that it has accepted events for.
func (e *Engine) Status() []Status {
	ctx, cancel := context.WithTimeout(e.ctx, statusWait)
	defer cancel()
	e.mu.RLock()
	all := make([]*dispatcher, 0, len(e.dispatchers))
	parked := make(map[*dispatcher]bool)
	for name, d := range e.dispatchers {
		all = append(all, d)
		parked[d] = e.parked(name)
	}
	e.mu.RUnlock()
	statuses := make([]Status, len(all))
	counts := e.store.Counts()
	for i, d := range all {
		statuses[i] = d.status(ctx, counts[d.name].Pending > 0)
		statuses[i].Parked = parked[d] && !statuses[i].Oldest.IsZero()
	}
	slices.SortFunc(statuses, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return statuses
}

func (d *dispatcher) status(ctx context.Context, pending bool) Status {
	now := d.engine.now()
	d.mu.Lock()
	asked, idle := d.oldest.asked, d.lazy && !pending
	if idle {
		d.oldest = oldest{}
	}
	d.mu.Unlock()
	if !idle && now.Sub(asked) >= statusAge {
		_, _ = d.askOldest(ctx, now) // on an error, what was known before is shown
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Status{
		Name: d.name, Paused: d.paused, Down: d.health.since, Failures: d.health.failures, Limit: d.lanes.width,
		LastPass: d.reader.last, Oldest: d.oldest.armed,
	}
	for _, n := range d.running {
		s.InFlight += n
	}
	if now.Before(d.heldUntil) {
		s.HeldUntil = d.heldUntil
	}
	if d.settings != nil {
		s.Limit = min(s.Limit, d.settings.Concurrency)
	}
	return s
}
