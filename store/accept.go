package store

import "fmt"

// acceptAll judges the arrivals of a batch in their order, and inserts those that
// are new in bulk.
func (tx *Tx) acceptAll(batch []*work) error {
	j := judge{tx: tx, fresh: make(map[int64]*Arrival)}
	places := make([]Digest, 0, 2*len(batch))
	n := 0
	for _, w := range batch {
		if w.arrival == nil {
			continue
		}
		n++
		if w.arrival.Key != nil {
			places = w.arrival.Key.places(places)
		}
	}
	if n == 0 {
		return nil
	}
	var err error
	if j.holders, err = tx.store.db.Keys().Holders(tx.ctx, tx, places); err != nil {
		return fmt.Errorf("looking up keys: %w", err)
	}
	if err = j.prefetch(); err != nil {
		return err
	}
	if j.numbers, err = tx.store.db.Numbers(tx.ctx, tx, n); err != nil {
		return fmt.Errorf("numbering: %w", err)
	}
	for _, w := range batch {
		if w.arrival == nil {
			continue
		}
		if w.verdict, w.err, err = j.judge(w.arrival); err != nil {
			return err
		}
	}
	return j.insert()
}

// places adds all places that a key may be found at.
func (k *Key) places(to []Digest) []Digest {
	to = append(to, k.ID)
	if k.Aside != (Digest{}) {
		to = append(to, k.Aside)
	}
	for i := range k.Former {
		to = k.Former[i].places(to)
	}
	return to
}

// judge decides on the arrivals of one transaction.
type judge struct {
	tx      *Tx
	numbers []int64 // not used yet
	holders map[Digest]int64
	known   map[int64]*holder  // who holds a place, as of now in the transaction
	fresh   map[int64]*Arrival // to be inserted
	rows    []row
}

type row struct {
	*Arrival
	seq   int64
	owner int64
	place *Digest // nil: not remembered
}

// add takes an arrival up for insertion.
func (j *judge) add(a *Arrival, place *Digest, conflict bool) (Verdict, error) {
	tx := j.tx
	if full := a.full(tx.pending); full != "" {
		return Verdict{}, fmt.Errorf("%w: %d events wait for %s", ErrBacklog, a.MaxBacklog, full)
	}
	if place != nil && tx.store.db.Keys().Full() {
		return Verdict{}, fmt.Errorf("%w: %d are remembered", ErrKeys, tx.store.db.Keys().Len())
	}
	v := Verdict{Result: Stored, Seq: j.numbers[0], Conflict: conflict}
	j.numbers = j.numbers[1:]
	v.claim(a, tx.standing)
	j.rows = append(j.rows, row{Arrival: a, seq: v.Seq, owner: v.Owner, place: place})
	if place != nil {
		j.holders[*place] = v.Seq
		j.fresh[v.Seq] = a
		tx.take(*place, v.Seq)
	}
	if len(a.To) == 0 {
		v.Result = Ignored
	}
	for i := range a.To {
		tx.count(a.To[i].Destination, Pending, 1)
	}
	return v, nil
}

// full returns a destination of an arrival for which as many events are pending as may
// be; "" if there is none.
func (a *Arrival) full(pending func(destination string) int64) string {
	if a.MaxBacklog <= 0 {
		return ""
	}
	for i := range a.To {
		if to := a.To[i].Destination; pending(to) >= a.MaxBacklog {
			return to
		}
	}
	return ""
}

// claim notes who claims new deliveries, if their arrival asks for it and the lease
// runs.
func (v *Verdict) claim(a *Arrival, s Standing) {
	for i := range a.To {
		if a.To[i].Claim && s.Held {
			v.Owner, v.Term = s.Owner, s.Term
		}
	}
}

// owner returns who claims a delivery.
func (t *Target) owner(claimant int64) int64 {
	if t.Claim {
		return claimant
	}
	return 0
}
