package store

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// holder is what is known of the event that holds a place.
type holder struct {
	seq     int64
	body    Digest
	window  int64
	state   State // of its first delivery, as is all that follows
	settled int64
	due     int64
	hurried int64
	to      string
}

// judge answers an arrival: the table of duplicates. The first error is the
// arrival's, the second the transaction's.
func (j *judge) judge(a *Arrival) (Verdict, error, error) {
	if a.Key == nil {
		v, refused := j.add(a, nil, false)
		return v, refused, nil
	}
	known, place, conflict, err := j.find(a)
	if err != nil {
		return Verdict{}, nil, err
	}
	if known == nil {
		v, refused := j.add(a, &place, conflict)
		return v, refused, nil
	}
	v := Verdict{Result: Duplicate, Seq: known.seq, Conflict: conflict}
	switch {
	case a.Once:
		v.Conflict = known.body != a.Key.Body
	case known.state == IgnoredState && len(a.To) == 0, known.state == Dead && len(a.To) == 0:
		v.Result = Ignored
	case known.state == IgnoredState:
		// The place is the arrival's own also if it was held under a former name.
		if err := j.release(known, place); err != nil {
			return Verdict{}, nil, err
		}
		return j.judge(a)
	case known.state == Dead:
		v.Result, v.Due = Rearmed, true
		err = j.rearm(known, a)
	case known.state == Pending:
		v.Due, err = j.hurry(known)
	}
	return v, nil, err
}

// find returns the event that an arrival is a copy of and the place it holds; or
// nil and the place that the arrival may take.
func (j *judge) find(a *Arrival) (known *holder, place Digest, conflict bool, err error) {
	for i := range a.Key.Former {
		known, place, other, err := j.look(&a.Key.Former[i], a)
		conflict = conflict || other
		if err != nil || known != nil {
			return known, place, conflict, err
		}
	}
	known, place, other, err := j.look(a.Key, a)
	return known, place, conflict || other, err
}

func (j *judge) look(k *Key, a *Arrival) (known *holder, place Digest, conflict bool, err error) {
	known, err = j.at(k.ID, a)
	if err != nil || a.Once || k.Aside == (Digest{}) || (known != nil && known.body == k.Body) {
		return known, k.ID, false, err
	}
	// Look aside even if the id's own place is free: the body that was there when
	// this one came may have been forgotten since.
	conflict = known != nil
	aside, err := j.at(k.Aside, a)
	if err != nil {
		return nil, place, false, err
	}
	if aside != nil || conflict {
		return aside, k.Aside, conflict, nil
	}
	return nil, k.ID, false, nil
}

// at returns the event that holds a place, unless its time is over, which for what is
// accepted once it is not before the event is gone.
func (j *judge) at(place Digest, a *Arrival) (*holder, error) {
	seq, ok := j.holders[place]
	if !ok {
		return nil, nil
	}
	if held, ok := j.fresh[seq]; ok {
		h := &holder{seq: seq, body: held.Key.Body, state: IgnoredState, settled: millis(held.Received)}
		if len(held.To) > 0 {
			h.state, h.settled, h.to = Pending, 0, held.To[0].Destination
		}
		return h, nil
	}
	h := j.known[seq]
	if h == nil || a.Once {
		return h, nil
	}
	window := max(h.window, a.Window.Milliseconds())
	if (h.state == Delivered || h.state == IgnoredState) && h.settled+window <= millis(j.tx.Now) {
		return nil, j.release(h, place)
	}
	return h, nil
}

const holderColumns = `SELECT e.seq, e.body, e.keep, e.received, d.state, d.settled, d.due, d.hurried, d.destination
FROM events e LEFT JOIN deliveries d ON d.event = e.seq AND d.n = 0 WHERE `

// prefetch reads all events that hold one of the places. Those that are going to be
// changed are locked first, in the order in which all lock them, so that nobody else
// changes them meanwhile and none wait for each other.
func (j *judge) prefetch() error {
	if err := j.read(); err != nil || j.tx.store.dialect.Lock == "" {
		return err
	}
	var changing []int64
	for seq, h := range j.known {
		if h.state == Dead || h.state == Pending && j.hurries(h) {
			changing = append(changing, seq)
		}
	}
	if len(changing) == 0 {
		return nil
	}
	if err := j.tx.lock(changing...); err != nil {
		return fmt.Errorf("locking what is known: %w", err)
	}
	return j.read()
}

// read reads all events that hold one of the places.
func (j *judge) read() error {
	j.known = make(map[int64]*holder, len(j.holders))
	if len(j.holders) == 0 {
		return nil
	}
	dialect := &j.tx.store.dialect
	seqs := slices.Collect(maps.Values(j.holders))
	err := j.tx.Query(holderColumns+dialect.in("e.seq"), []any{dialect.List(seqs)}, func(scan func(...any) error) error {
		h := &holder{}
		var body []byte
		var received int64
		var state, settled, due, hurried sql.NullInt64
		var destination sql.NullString
		if err := scan(&h.seq, &body, &h.window, &received, &state, &settled, &due, &hurried, &destination); err != nil {
			return err
		}
		copy(h.body[:], body)
		h.state, h.settled, h.due, h.hurried, h.to = State(state.Int64), settled.Int64, due.Int64, hurried.Int64, destination.String
		if !state.Valid {
			h.state, h.settled = IgnoredState, received
		}
		j.known[h.seq] = h
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the events that are known: %w", err)
	}
	return nil
}

// release makes an event give up its place.
func (j *judge) release(h *holder, place Digest) error {
	delete(j.holders, place)
	j.tx.give(place)
	if _, ok := j.fresh[h.seq]; ok {
		for i := range j.rows {
			if j.rows[i].seq == h.seq {
				j.rows[i].place = nil
			}
		}
		return nil
	}
	if _, err := j.tx.Exec("UPDATE events SET place = NULL WHERE seq = ?", h.seq); err != nil {
		return fmt.Errorf("forgetting event %d: %w", h.seq, err)
	}
	return nil
}

// rearm starts the schedule of a dead event anew, with the payload that has just
// come if its own was erased.
func (j *judge) rearm(h *holder, a *Arrival) error {
	if err := j.tx.lock(h.seq); err != nil {
		return fmt.Errorf("event %d: %w", h.seq, err)
	}
	n, err := j.tx.Exec("INSERT INTO payloads (seq, sum, head, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", h.seq, checksum(a.Head, a.Body), blob(a.Head), blob(a.Body))
	if err == nil && n > 0 { // where the id alone decides, it may be another body
		_, err = j.tx.Exec("UPDATE events SET size = ? WHERE seq = ?", int64(len(a.Body)), h.seq)
	}
	if err != nil {
		return fmt.Errorf("event %d: %w", h.seq, err)
	}
	armed, err := j.tx.rearm([]int64{h.seq}, h.to, Dead, again{})
	if err == nil && armed == 0 { // retention, or another gateway, was faster: the copy may be a new event
		err = fmt.Errorf("event %d: %w", h.seq, ErrConflict)
	}
	h.state, h.due, h.hurried = Pending, millis(j.tx.Now), millis(j.tx.Now)
	return err
}

// hurryEvery is how often the copies of an event that waits for its next attempt
// may make it due.
const hurryEvery = time.Minute

// hurries reports whether a copy makes a waiting event due.
func (j *judge) hurries(h *holder) bool {
	now := millis(j.tx.Now)
	return h.due > now && h.hurried+hurryEvery.Milliseconds() <= now
}

// hurry makes the next attempt of a waiting event due.
func (j *judge) hurry(h *holder) (due bool, err error) {
	if !j.hurries(h) {
		return false, nil
	}
	now := millis(j.tx.Now)
	_, err = j.tx.Exec("UPDATE deliveries SET due = ?, hurried = ? WHERE event = ? AND n = 0 AND state = ?", now, now, h.seq, int(Pending))
	if err != nil {
		return false, fmt.Errorf("event %d: %w", h.seq, err)
	}
	h.due, h.hurried = now, now
	return true, nil
}
