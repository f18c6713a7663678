package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Express is a [Database] that is reached over a network: it commits in one round trip
// what needs no decision, which is nearly everything. What it leaves is dealt with as
// on any other database.
type Express interface {
	// Express makes a batch one transaction. If it returns an error, nothing of the
	// batch is made, or nobody knows.
	Express(ctx context.Context, b *Batch) error
}

// Batch is what needs no decision, as far as memory knows.
type Batch struct {
	// Now is when the transaction began.
	Now time.Time
	// Newcomers have no place in common. Each is to be stored if none of its places is
	// taken, and left alone otherwise.
	Newcomers []Newcomer
	// Settlements are of different deliveries. Each is to be written, with its attempt,
	// if the delivery is pending for the outcome's destination and has its owner, and
	// left alone otherwise.
	Settlements []Settlement
}

// Newcomer is an arrival as it is stored if it is new.
type Newcomer struct {
	*Arrival
	// Places are all where it may be known, its own first; none if nothing is to be
	// remembered of it.
	Places []Digest
	// Owner claims those of its deliveries that are to be.
	Owner int64
	// Kept says that the payload is stored, and Sum is its checksum.
	Kept bool
	Sum  int64
	// Seq is set to the number under which it is stored.
	Seq int64

	work    *work
	verdict Verdict
}

// OwnerOf is who claims a delivery, by its n; 0 if nobody does.
func (n *Newcomer) OwnerOf(delivery int) int64 { return n.To[delivery].owner(n.Owner) }

// Settlement is an outcome that is to be written.
type Settlement struct {
	*Outcome
	// Done is set if it is.
	Done bool

	work *work
}

// express commits what it can of a batch, and returns what is left; all of it if there
// is an error.
func (s *Store) express(batch []*work) (left []*work, err error) {
	database, ok := s.db.(Express)
	if !ok {
		return batch, nil
	}
	b, left := s.sort(batch)
	if len(b.Newcomers)+len(b.Settlements) == 0 {
		return left, nil
	}
	started := time.Now()
	ctx, cancel := wait(s.ctx, s.dialect.Timeout)
	defer cancel()
	if err = database.Express(ctx, b); err != nil {
		err = s.broken(fmt.Errorf("committing: %w", err))
		if !trouble(err) { // one that others were faster than, or that cannot be stored as it is
			return batch, nil
		}
		return batch, err
	}
	counts := make(map[countKey]int64)
	for i := range b.Newcomers {
		n := &b.Newcomers[i]
		if n.Seq == 0 {
			left = append(left, n.work)
			continue
		}
		n.verdict.Seq = n.Seq
		n.work.verdict = n.verdict
		for k := range n.To {
			counts[countKey{n.To[k].Destination, Pending}]++
		}
	}
	for _, o := range b.Settlements {
		switch {
		case !o.Done:
			left = append(left, o.work)
		case o.State != Pending:
			counts[countKey{o.Destination, Pending}]--
			counts[countKey{o.Destination, o.State}]++
		}
	}
	if len(left) > 1 { // in their order
		place := make(map[*work]int, len(batch))
		for i, w := range batch {
			place[w] = i
		}
		slices.SortFunc(left, func(x, y *work) int { return cmp.Compare(place[x], place[y]) })
	}
	s.counts.add(counts)
	s.busy.Store(true)
	s.Committed(len(batch)-len(left), time.Since(started))
	return left, nil
}

// sort parts a batch into what may need no decision, and what is left.
func (s *Store) sort(batch []*work) (b *Batch, left []*work) {
	b = &Batch{Now: s.Now()}
	standing := s.db.Standing()
	taken := make(map[Digest]bool)
	coming := make(map[string]int64)
	pending := func(destination string) int64 { return s.counts.get(destination, Pending) + coming[destination] }
	settled := make(map[DeliveryID]bool)
	for _, w := range batch {
		if w.outcome != nil && !settled[w.outcome.ID] {
			settled[w.outcome.ID] = true
			b.Settlements = append(b.Settlements, Settlement{Outcome: w.outcome, work: w})
			continue
		}
		if a := w.arrival; a != nil && a.full(pending) == "" {
			if n := newcomer(w, standing); !clash(taken, n.Places) {
				for i := range a.To {
					coming[a.To[i].Destination]++
				}
				b.Newcomers = append(b.Newcomers, n)
				continue
			}
		}
		left = append(left, w)
	}
	// All who change several deliveries do so in this order, so that none wait for each
	// other.
	slices.SortFunc(b.Settlements, func(x, y Settlement) int { return cmp.Compare(x.ID.Seq, y.ID.Seq) })
	return b, left
}

func newcomer(w *work, standing Standing) Newcomer {
	a := w.arrival
	n := Newcomer{Arrival: a, Kept: a.kept(), work: w, verdict: Verdict{Result: Stored}}
	if a.Key != nil {
		n.Places = a.Key.places(nil)
	}
	if len(a.To) == 0 {
		n.verdict.Result = Ignored
	}
	if n.Kept {
		n.Sum = checksum(a.Head, a.Body)
	}
	n.verdict.claim(a, standing)
	n.Owner = n.verdict.Owner
	return n
}

// clash reports whether one of the places is taken, and takes them if not.
func clash(taken map[Digest]bool, places []Digest) bool {
	for _, p := range places {
		if taken[p] {
			return true
		}
	}
	for _, p := range places {
		taken[p] = true
	}
	return false
}
