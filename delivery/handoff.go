package delivery

import (
	"sync/atomic"

	"github.com/hookgate/hookgate/store"
)

const (
	// maxFresh is how many events a destination's fresh lane may hold, and
	// maxFreshBytes how many bytes all fresh lanes. What is beyond is read from the
	// store when its turn comes.
	maxFresh      = 1024
	maxFreshBytes = 32 << 20
)

// budget is how many bytes the fresh lanes hold together.
type budget struct{ used atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > maxFreshBytes {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// arrivals counts the events that are being accepted for a destination, in two turns,
// so that the reader can wait for those that had begun before it read.
type arrivals struct {
	in   [2]int
	turn int
	over chan struct{} // has room for one
}

// coming is an event that is being accepted, at one of its destinations.
type coming struct {
	at   *dispatcher
	turn int
}

// arrive begins with one target of an event.
func (e *Engine) arrive(to *store.Target) coming {
	for {
		d := e.dispatcher(to.Destination)
		if turn, ok := d.arrive(to); ok {
			return coming{d, turn}
		}
	}
}

// arrive says that an event is about to be stored, and returns its turn; ok is false if
// the dispatcher has retired. It is claimed if it can be attempted soon: what waits for
// long, others may have.
func (d *dispatcher) arrive(to *store.Target) (turn int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.retired {
		return 0, false
	}
	to.Claim = d.open(d.engine.now()) && d.queues[fresh].len()+d.arrivals.count() < maxFresh
	turn = d.arrivals.turn
	d.arrivals.in[turn]++
	d.use()
	return turn, true
}

func (a *arrivals) count() int { return a.in[0] + a.in[1] }

// arrived ends what arrive began, n being the delivery's. An event that was stored is
// handed over; if it cannot be attempted soon, the store alone has it.
func (d *dispatcher) arrived(turn int, a *store.Arrival, n int, v store.Verdict, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
	case v.Result == store.Stored:
		d.offer(a, n, v)
	case v.Due:
		d.missed()
	}
	if d.arrivals.in[turn]--; d.arrivals.in[turn] == 0 {
		select {
		case d.arrivals.over <- struct{}{}:
		default:
		}
	}
}

// settleArrivals waits until all are over that had begun when it was called. Then
// every event that the store had before is held, or is not going to be handed over.
func (d *dispatcher) settleArrivals() {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.arrivals.turn
	d.arrivals.turn = 1 - before
	for d.arrivals.in[before] > 0 {
		d.mu.Unlock()
		select {
		case <-d.arrivals.over:
		case <-d.engine.ctx.Done():
			d.mu.Lock()
			return
		}
		d.mu.Lock()
	}
}

// offer hands over a delivery of an event that has just been committed. The reader cannot
// have it: see settleArrivals.
func (d *dispatcher) offer(a *store.Arrival, n int, v store.Verdict) {
	size, now := int64(len(a.Head)+len(a.Body)), d.engine.now()
	if !a.To[n].Claim || !d.engine.owns(v.Term) || !d.open(now) || !d.engine.memory.take(size) {
		if a.To[n].Claim && v.Owner != 0 {
			d.leave(store.DeliveryID{Seq: v.Seq, N: n})
		}
		d.missed()
		return
	}
	d.push(&task{lane: fresh, size: size, Delivery: store.Delivery{
		Event: store.Event{
			Seq: v.Seq, Source: a.Source, ID: a.ID, Type: a.Type, Scheme: a.Scheme,
			Timestamp: a.Timestamp, Received: a.Received, Size: int64(len(a.Body)),
		},
		N: n, Destination: d.name, State: store.Pending, Armed: now, Due: now,
		Owner: v.Owner, Term: v.Term, Head: a.Head, Body: a.Body,
	}})
	d.start()
}
