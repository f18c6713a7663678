package delivery_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

// memory is a store without a disk, so that days of fake time are cheap. What it
// does is what store.Store does: one goroutine commits what waits, in its order,
// and only then answers.
type memory struct {
	latency time.Duration // of a commit
	ack     time.Duration // how long after the commit of an arrival its caller learns of it

	queue chan func() // run by the committer
	ended chan struct{}

	mu       sync.Mutex
	fail     func(operation string) error // nil: nothing fails
	calls    map[string]int
	seq      int64
	rows     map[store.DeliveryID]*row
	pending  map[string][]*row // by destination, in the order of due
	attempts map[store.DeliveryID][]store.Attempt
	pauses   map[string]time.Time
	jobs     []store.Job
	targets  map[string][]store.DeliveryID // what a job has left to do
}

type row struct {
	store.Delivery
	last time.Time
}

func newMemory() *memory {
	m := &memory{
		latency: time.Millisecond, queue: make(chan func(), 2048), ended: make(chan struct{}),
		calls: map[string]int{}, rows: map[store.DeliveryID]*row{}, pending: map[string][]*row{},
		attempts: map[store.DeliveryID][]store.Attempt{}, pauses: map[string]time.Time{}, targets: map[string][]store.DeliveryID{},
	}
	go m.run()
	return m
}

func (m *memory) close() {
	close(m.queue)
	<-m.ended
}

func (m *memory) run() {
	defer close(m.ended)
	for operation := range m.queue {
		batch := []func(){operation}
		for len(m.queue) > 0 && len(batch) < 512 {
			batch = append(batch, <-m.queue)
		}
		m.mu.Lock()
		latency := m.latency
		m.mu.Unlock()
		time.Sleep(latency)
		for _, operation := range batch {
			operation()
		}
	}
}

// failing makes operations fail from now on, if it returns an error for them.
func (m *memory) failing(f func(operation string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = f
}

// slow makes commits take so long from now on.
func (m *memory) slow(latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latency = latency
}

// enter counts a call, and fails it if it is to fail.
func (m *memory) enter(operation string) error {
	m.calls[operation]++
	if m.fail != nil {
		return m.fail(operation)
	}
	return nil
}

func (m *memory) called(operations ...string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, operation := range operations {
		n += m.calls[operation]
	}
	return n
}

// commit runs an operation on the committer's goroutine and waits for it.
func (m *memory) commit(ctx context.Context, name string, operation func() error) error {
	done := make(chan struct{})
	var failed error
	work := func() {
		defer close(done)
		m.mu.Lock()
		defer m.mu.Unlock()
		if failed = m.enter(name); failed == nil {
			failed = operation()
		}
	}
	select {
	case m.queue <- work:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func compare(a, b *row) int {
	if c := a.Due.Compare(b.Due); c != 0 {
		return c
	}
	if c := a.Armed.Compare(b.Armed); c != 0 {
		return c
	}
	return int(a.Seq - b.Seq)
}

// change changes a row, and keeps the order of what is pending.
func (m *memory) change(r *row, f func()) {
	list := m.pending[r.Destination]
	if r.State == store.Pending {
		if i, ok := slices.BinarySearchFunc(list, r, compare); ok {
			list = slices.Delete(list, i, i+1)
		}
	}
	f()
	if r.State == store.Pending {
		i, _ := slices.BinarySearchFunc(list, r, compare)
		list = slices.Insert(list, i, r)
	}
	m.pending[r.Destination] = list
}

func (m *memory) Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
	var v store.Verdict
	err := m.commit(ctx, "Accept", func() error {
		m.seq++
		v = store.Verdict{Result: store.Stored, Seq: m.seq}
		received := a.Received.Truncate(time.Millisecond)
		event := store.Event{Seq: m.seq, Source: a.Source, ID: a.ID, Type: a.Type, Scheme: a.Scheme, Received: received, Size: int64(len(a.Body))}
		for n := range a.To {
			m.add(store.Delivery{Event: event, N: n, Destination: a.To[n].Destination, Armed: received, Due: received, Head: a.Head, Body: a.Body})
		}
		return nil
	})
	if err != nil {
		return store.Verdict{}, err // the operation may still be made
	}
	time.Sleep(m.ack)
	return v, nil
}

// add makes a delivery pending.
func (m *memory) add(d store.Delivery) {
	r := &row{Delivery: d}
	m.rows[r.DeliveryID()] = r
	m.change(r, func() { r.State = store.Pending })
}

func (m *memory) Settle(ctx context.Context, o *store.Outcome, done func(error)) {
	work := func() {
		m.mu.Lock()
		err := m.enter("Settle")
		if err == nil {
			m.settle(o)
		}
		m.mu.Unlock()
		done(err)
	}
	select {
	case m.queue <- work:
	case <-ctx.Done():
		done(ctx.Err())
	}
}

func (m *memory) settle(o *store.Outcome) {
	if o.Attempt != nil {
		m.attempts[o.ID] = append(m.attempts[o.ID], *o.Attempt)
	}
	r := m.rows[o.ID]
	if r == nil || r.State != store.Pending {
		return
	}
	m.change(r, func() {
		r.State, r.Step, r.Reason, r.last = o.State, o.Step, o.Reason, o.At.Truncate(time.Millisecond)
		r.Due = o.Due.Truncate(time.Millisecond)
		if o.Attempt != nil {
			r.Attempts++
		}
	})
}

func (m *memory) Claim(ctx context.Context, destination string, by time.Time, n int, held map[store.DeliveryID]bool) (found []store.Delivery, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("Due"); err != nil {
		return nil, err
	}
	for _, r := range m.pending[destination] {
		if len(found) == n || r.Due.After(by) {
			break
		}
		if !held[r.DeliveryID()] {
			found = append(found, r.Delivery)
		}
	}
	return found, ctx.Err()
}

func (m *memory) NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("NextDue"); err != nil {
		return time.Time{}, err
	}
	list := m.pending[destination]
	i, _ := slices.BinarySearchFunc(list, after, func(r *row, t time.Time) int {
		if r.Due.After(t) {
			return 1
		}
		return -1
	})
	if i == len(list) {
		return time.Time{}, ctx.Err()
	}
	return list[i].Due, ctx.Err()
}

func (m *memory) Oldest(ctx context.Context, destination string) (oldest time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("Oldest"); err != nil {
		return oldest, err
	}
	for _, r := range m.pending[destination] {
		if oldest.IsZero() || r.Armed.Before(oldest) {
			oldest = r.Armed
		}
	}
	return oldest, ctx.Err()
}

func (m *memory) Release(ctx context.Context, destination string, by time.Time, n int) (released int64, err error) {
	err = m.commit(ctx, "Release", func() error {
		for _, r := range slices.Clone(m.pending[destination]) {
			if r.Due.After(by) && !r.last.After(by) && !r.Armed.After(by) && released < int64(n) {
				m.change(r, func() { r.Due = r.Armed })
				released++
			}
		}
		return nil
	})
	return released, err
}

func (m *memory) Expire(ctx context.Context, destination string, before time.Time, reason string, n int) (expired int64, err error) {
	err = m.commit(ctx, "Expire", func() error {
		for _, r := range slices.Clone(m.pending[destination]) {
			if r.Armed.Before(before) && expired < int64(n) {
				m.change(r, func() { r.State, r.Reason = store.Dead, reason })
				expired++
			}
		}
		return nil
	})
	return expired, err
}

func (m *memory) Delivery(_ context.Context, id store.DeliveryID) (store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("Delivery"); err != nil {
		return store.Delivery{}, err
	}
	r := m.rows[id]
	if r == nil {
		return store.Delivery{}, fmt.Errorf("event %d: %w", id.Seq, store.ErrNotFound)
	}
	return r.Delivery, nil
}

func (m *memory) Rearm(ctx context.Context, id store.DeliveryID, once bool) (ok bool, err error) {
	err = m.commit(ctx, "Rearm", func() error {
		ok = m.rearm(id, once)
		return nil
	})
	return ok, err
}

func (m *memory) rearm(id store.DeliveryID, once bool) bool {
	r, now := m.rows[id], time.Now().Truncate(time.Millisecond)
	if r == nil {
		return false
	}
	m.change(r, func() {
		r.Due = now
		if r.State != store.Pending {
			r.State, r.Step, r.Armed, r.Reason = store.Pending, 0, now, ""
			if once {
				r.Step = store.LastStep
			}
		}
	})
	return true
}

func (m *memory) Pauses(context.Context) (map[string]time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("Pauses"); err != nil {
		return nil, err
	}
	return maps.Clone(m.pauses), nil
}

func (m *memory) Pause(ctx context.Context, destination string) error {
	return m.commit(ctx, "Pause", func() error {
		m.pauses[destination] = time.Now()
		return nil
	})
}

func (m *memory) Resume(ctx context.Context, destination string) error {
	return m.commit(ctx, "Resume", func() error {
		delete(m.pauses, destination)
		return nil
	})
}

// createJob makes a job of all settled deliveries to a destination.
func (m *memory) createJob(id, destination string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for delivery, r := range m.rows {
		if r.State != store.Pending && r.Destination == destination {
			m.targets[id] = append(m.targets[id], delivery)
		}
	}
	slices.SortFunc(m.targets[id], func(a, b store.DeliveryID) int { return int(a.Seq - b.Seq) })
	m.jobs = append(m.jobs, store.Job{ID: id, Kind: "replay", Destination: destination, State: "running", Total: int64(len(m.targets[id])), Created: time.Now()})
}

func (m *memory) Jobs(context.Context) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("Jobs"); err != nil {
		return nil, err
	}
	return slices.Clone(m.jobs), nil
}

func (m *memory) AdvanceJob(ctx context.Context, id string, n int) (job store.Job, err error) {
	err = m.commit(ctx, "AdvanceJob "+id, func() error {
		i := slices.IndexFunc(m.jobs, func(j store.Job) bool { return j.ID == id })
		j := &m.jobs[i]
		left := m.targets[id]
		step := left[:min(n, len(left))]
		for _, delivery := range step {
			m.rearm(delivery, false)
		}
		m.targets[id] = left[len(step):]
		j.Done += int64(len(step))
		if len(m.targets[id]) == 0 {
			j.State = "done"
		}
		job = *j
		return nil
	})
	return job, err
}

func (m *memory) Counts() map[string]store.Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls["Counts"]++
	counts := map[string]store.Count{}
	for destination, list := range m.pending {
		counts[destination] = store.Count{Pending: int64(len(list))}
	}
	return counts
}

// states counts the deliveries of a destination by state.
func (m *memory) states(destination string) map[store.State]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[store.State]int{}
	for _, r := range m.rows {
		if r.Destination == destination {
			counts[r.State]++
		}
	}
	return counts
}

// get returns a copy of the only delivery of an event, and its recorded attempts.
func (m *memory) get(seq int64) (store.Delivery, []store.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := store.DeliveryID{Seq: seq}
	return m.rows[id].Delivery, slices.Clone(m.attempts[id])
}

// Standing is that of the only user.
func (m *memory) Standing() store.Standing { return store.Standing{} }

// Disown has nobody to leave anything to.
func (m *memory) Disown(context.Context, string, []store.DeliveryID) error { return nil }
