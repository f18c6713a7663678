package delivery

import (
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// safetyNet is how often the store is read although nothing says that anything is
	// due.
	safetyNet = time.Minute
	// firstBatch and maxBatch are how many deliveries are read at once, with payloads
	// of batchBytes or so.
	firstBatch = 8
	maxBatch   = 128
	batchBytes = 1 << 20
	// rows is how many deliveries one transaction changes at most.
	rows = 500
)

// reader is what a dispatcher knows of what the store has for it, under the
// dispatcher's lock.
type reader struct {
	// unread says that there may be deliveries due which are not held; if there are
	// none, next is when there will be, zero if never.
	unread bool
	next   time.Time
	batch  int
	// recent are those that were let go while the store was being read: what the
	// store said of them may be of before. It is nil at other times.
	recent map[store.DeliveryID]bool
	// probed are the deliveries that probes were made with while it is down.
	probed map[store.DeliveryID]bool
	// release is when the destination came up, until all that waited then is due.
	release time.Time
	// expiring says that deliveries may have waited too long.
	expiring bool
	minute   time.Time // of the next look for safety
	trouble  backoff
	last     time.Time // when the loop was last alive
}

// room reports whether so much of the backlog lane is used up that more may be read.
func (d *dispatcher) room() bool { return d.queues[backlog].len() <= d.reader.batch/2 }

// sooner notes when a delivery which is not held is due.
func (d *dispatcher) sooner(due time.Time) {
	if next := &d.reader.next; !due.IsZero() && (next.IsZero() || due.Before(*next)) {
		*next = due
		d.nudge()
	}
}

// read fills the backlog lane with what is due, or finds out when something is.
func (d *dispatcher) read(now time.Time) error {
	d.mu.Lock()
	r := &d.reader
	if !d.open(now) || !r.unread || !d.room() {
		d.mu.Unlock()
		return nil
	}
	n, held := r.batch, d.taken()
	// What comes meanwhile is noted anew.
	r.unread, r.next, r.recent = false, time.Time{}, make(map[store.DeliveryID]bool)
	d.mu.Unlock()

	var next time.Time
	found, err := d.find(now, n, held)
	if err == nil && len(found) == 0 {
		next, err = d.engine.store.NextDue(d.engine.ctx, d.name, now)
	}

	d.mu.Lock()
	if err != nil || len(found) > 0 { // fewer than asked for need not be all
		r.unread = true
	}
	d.sooner(next)
	d.poll.looked(now, len(found) > 0)
	gone := d.sort(found, now)
	d.start()
	if !d.open(now) {
		d.flush()
	}
	d.mu.Unlock()
	for _, t := range gone {
		d.settle(t)
	}
	return err
}

// find returns deliveries that are due by then and are not held. One that was
// accepted a moment ago may have been found before it was handed over: that is
// waited for.
func (d *dispatcher) find(by time.Time, n int, held map[store.DeliveryID]bool) ([]store.Delivery, error) {
	found, err := d.engine.store.Claim(d.engine.ctx, d.name, by, n, held)
	for i := range found {
		if found[i].Attempts == 0 {
			d.settleArrivals()
			break
		}
	}
	return found, err
}

// sort queues what was found in the store. It returns those that have no payload
// any more, whose outcome is to be written. The reading is over thereby.
func (d *dispatcher) sort(found []store.Delivery, now time.Time) (gone []*task) {
	recent, largest := d.reader.recent, 1
	d.reader.recent = nil
	for i := range found {
		id := found[i].DeliveryID()
		if d.held[id] {
			continue
		}
		if recent[id] {
			d.leave(id) // it was claimed for nothing
			continue
		}
		t := &task{Delivery: found[i], lane: backlog}
		largest = max(largest, len(t.Head)+len(t.Body))
		if t.Head != nil {
			d.push(t)
			continue
		}
		d.bury(t, now)
		gone = append(gone, t)
	}
	if len(found) > 0 {
		d.reader.batch = min(max(batchBytes/largest, 1), maxBatch)
	}
	return gone
}

// bury gives an outcome to a delivery of which there is nothing left to deliver.
func (d *dispatcher) bury(t *task, now time.Time) {
	d.held[t.DeliveryID()] = true
	d.engine.open.Add(1)
	d.unwritten++
	t.outcome = store.Outcome{
		ID: t.DeliveryID(), Destination: t.Destination, State: store.Dead, Step: t.Step,
		Owner: t.Owner, Due: now, Reason: ReasonPayloadGone, At: now,
	}
}

// release makes due what has waited while the destination was down, some at a time.
func (d *dispatcher) release(now time.Time) error {
	d.mu.Lock()
	at := d.reader.release
	idle := at.IsZero() || !d.open(now)
	d.mu.Unlock()
	if idle {
		return nil
	}
	n, err := d.engine.store.Release(d.engine.ctx, d.name, at, rows)
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > 0 {
		d.reader.unread = true
	}
	if err == nil && n < rows && d.reader.release.Equal(at) {
		d.reader.release = time.Time{}
	}
	return err
}
