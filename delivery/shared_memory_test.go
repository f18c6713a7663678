package delivery_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

// The lease of the fake, as of store/postgres: a gateway that does not renew it knows a
// little earlier than the others may take over.
const (
	fakeLease  = 10 * time.Second
	fakeMargin = time.Second
)

// shared is a memory that several gateways share. Each has a seat.
type shared struct {
	*memory
	mu    sync.Mutex // goes after that of memory
	seats []*seat
}

// seat is a gateway's way to the shared memory: what it claims bears its number, and is
// its own as long as its lease runs.
type seat struct {
	*memory
	table  *shared
	number int64

	// Under the lock of the table.
	term    int64
	until   time.Time // zero: it renews the lease all the time
	dead    bool
	peers   map[int64]bool
	changes int
	fail    func(operation string) error
	answer  func() // nil, or what a claim waits for after it was made
	counts  map[string]int
	claims  []time.Time // when it looked for what is due
	found   int         // deliveries that it read
	fenced  int         // outcomes that were not its own to write any more
}

// sit makes a seat, with the next number.
func (s *shared) sit() *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &seat{memory: s.memory, table: s, number: int64(len(s.seats)) + 1, term: 1, peers: map[int64]bool{}, counts: map[string]int{}}
	s.seats = append(s.seats, g)
	return g
}

func (g *seat) lives(now time.Time) bool { return g.until.IsZero() || now.Before(g.until) }

func (g *seat) holds(now time.Time) bool {
	return !g.dead && (g.until.IsZero() || now.Before(g.until.Add(-fakeMargin)))
}

// live returns the numbers whose lease runs by the clock of the store. The lock is held.
func (s *shared) live() map[int64]bool {
	live, now := map[int64]bool{}, time.Now()
	for _, g := range s.seats {
		if g.lives(now) {
			live[g.number] = true
		}
	}
	return live
}

// Standing is the seat's.
func (g *seat) Standing() store.Standing {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	live, held := g.table.live(), g.holds(time.Now())
	for number := range g.peers {
		if !live[number] {
			g.changes++
		}
	}
	g.peers = live
	leads := held
	for number := range live {
		leads = leads && g.number <= number
	}
	return store.Standing{Shared: true, Owner: g.number, Term: g.term, Held: held, Leads: leads, Others: len(live) - 1, Changes: g.changes}
}

// silence ends the renewals of the lease.
func (g *seat) silence() {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.until = time.Now().Add(fakeLease)
}

// lapse makes the lease run out at once, for itself and for the others.
func (g *seat) lapse() {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.until = time.Now()
}

// renew renews the lease from now on, or takes another.
func (g *seat) renew() {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	if !g.holds(time.Now()) {
		g.term++
	}
	g.until = time.Time{}
}

// die cuts it off from the store as a kill would: its lease runs on until it has run out.
func (g *seat) die() {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.dead, g.until = true, time.Now().Add(fakeLease)
}

// failing makes operations of this gateway fail from now on, if it returns an error for
// them.
func (g *seat) failing(f func(operation string) error) {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.fail = f
}

// answers makes every claim wait for f from now on, after it was made.
func (g *seat) answers(f func()) {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.answer = f
}

// enter counts a call, and fails it if it is to fail.
func (g *seat) enter(operation string) error {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.counts[operation]++
	if operation == "Claim" {
		g.claims = append(g.claims, time.Now())
	}
	switch {
	case g.dead:
		return errStore
	case g.fail != nil:
		return g.fail(operation)
	}
	return nil
}

func (g *seat) called(operations ...string) (n int) {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	for _, operation := range operations {
		n += g.counts[operation]
	}
	return n
}

// looks returns when it has looked for what is due.
func (g *seat) looks() []time.Time {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	return slices.Clone(g.claims)
}

// read returns how many deliveries it has read, and how many outcomes were fenced off.
func (g *seat) read() (found, fenced int) {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	return g.found, g.fenced
}

// owned returns how many pending deliveries to the app bear its number.
func (g *seat) owned() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.pending[toApp] {
		if r.Owner == g.number {
			n++
		}
	}
	return n
}

func (g *seat) Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
	var v store.Verdict
	err := g.commit(ctx, "Accept", func() error {
		if err := g.enter("Accept"); err != nil {
			return err
		}
		g.seq++
		v = store.Verdict{Result: store.Stored, Seq: g.seq}
		received := a.Received.Truncate(time.Millisecond)
		event := store.Event{Seq: g.seq, Source: a.Source, ID: a.ID, Received: received, Size: int64(len(a.Body))}
		for n, to := range a.To {
			d := store.Delivery{Event: event, N: n, Destination: to.Destination, Armed: received, Due: received, Head: a.Head, Body: a.Body}
			if s := g.Standing(); to.Claim && s.Held {
				v.Owner, v.Term = s.Owner, s.Term
				d.Owner = s.Owner
			}
			g.add(d)
		}
		return nil
	})
	if err != nil {
		return store.Verdict{}, err
	}
	time.Sleep(g.ack)
	return v, nil
}

// Settle writes an outcome, if the delivery is this gateway's still.
func (g *seat) Settle(ctx context.Context, o *store.Outcome, done func(error)) {
	work := func() {
		g.mu.Lock()
		err := g.enter("Settle")
		if err == nil {
			g.write(o)
		}
		g.mu.Unlock()
		done(err)
	}
	select {
	case g.queue <- work:
	case <-ctx.Done():
		done(ctx.Err())
	}
}

func (g *seat) write(o *store.Outcome) {
	if r := g.rows[o.ID]; r.State != store.Pending || r.Owner != o.Owner {
		g.attempts[o.ID] = append(g.attempts[o.ID], *o.Attempt)
		g.table.mu.Lock()
		g.fenced++
		g.table.mu.Unlock()
		return
	}
	g.settle(o)
	g.rows[o.ID].Owner = 0
}

// Claim takes what is due and nobody has whose lease runs.
func (g *seat) Claim(ctx context.Context, destination string, by time.Time, n int, held map[store.DeliveryID]bool) (found []store.Delivery, err error) {
	if err := g.enter("Claim"); err != nil {
		return nil, err
	}
	s := g.Standing()
	if !s.Held {
		return nil, nil
	}
	g.mu.Lock()
	g.table.mu.Lock()
	live := g.table.live()
	delete(live, g.number)
	for _, r := range g.pending[destination] {
		if len(found) == n || r.Due.After(by) {
			break
		}
		if held[r.DeliveryID()] || live[r.Owner] {
			continue
		}
		r.Owner = g.number
		d := r.Delivery
		d.Term = s.Term
		found = append(found, d)
	}
	g.found += len(found)
	answer := g.answer
	g.table.mu.Unlock()
	g.mu.Unlock()
	if answer != nil {
		answer()
	}
	return found, ctx.Err()
}

// Disown gives back what is its own.
func (g *seat) Disown(ctx context.Context, destination string, ids []store.DeliveryID) error {
	return g.commit(ctx, "Disown", func() error {
		if err := g.enter("Disown"); err != nil {
			return err
		}
		for _, id := range ids {
			if r := g.rows[id]; r != nil && r.State == store.Pending && r.Destination == destination && r.Owner == g.number {
				r.Owner = 0
			}
		}
		return nil
	})
}

// The rest is the memory's, unless it fails for this gateway.

func (g *seat) NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error) {
	if err := g.enter("NextDue"); err != nil {
		return time.Time{}, err
	}
	return g.memory.NextDue(ctx, destination, after)
}

func (g *seat) Oldest(ctx context.Context, destination string) (time.Time, error) {
	if err := g.enter("Oldest"); err != nil {
		return time.Time{}, err
	}
	return g.memory.Oldest(ctx, destination)
}

func (g *seat) Release(ctx context.Context, destination string, by time.Time, n int) (int64, error) {
	if err := g.enter("Release"); err != nil {
		return 0, err
	}
	return g.memory.Release(ctx, destination, by, n)
}

func (g *seat) Expire(ctx context.Context, destination string, before time.Time, reason string, n int) (int64, error) {
	if err := g.enter("Expire"); err != nil {
		return 0, err
	}
	return g.memory.Expire(ctx, destination, before, reason, n)
}

func (g *seat) Pauses(ctx context.Context) (map[string]time.Time, error) {
	if err := g.enter("Pauses"); err != nil {
		return nil, err
	}
	pauses, err := g.memory.Pauses(ctx)
	return maps.Clone(pauses), err
}

func (g *seat) Jobs(ctx context.Context) ([]store.Job, error) {
	if err := g.enter("Jobs"); err != nil {
		return nil, err
	}
	return g.memory.Jobs(ctx)
}

func (g *seat) AdvanceJob(ctx context.Context, id string, n int) (store.Job, error) {
	if err := g.enter("AdvanceJob"); err != nil {
		return store.Job{}, err
	}
	return g.memory.AdvanceJob(ctx, id, n)
}
