package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// adoptQuery reads on from where the last step has ended. There is no index on
// sources: a rename is rare.
const adoptQuery = `SELECT seq FROM events WHERE seq > ? AND source = ? ORDER BY seq LIMIT ?`

// adoptions remembers how far they are.
type adoptions struct {
	mu     sync.Mutex
	behind map[[2]string]int64
}

// Adopt gives the events of a source, and their deliveries to it, to another source,
// as after a rename: at most n events at a time, the oldest first. It returns how many,
// and is called until that is 0, and again and again as long as other gateways may
// receive events under the earlier name. They remember their [Event.Origin], of which their
// idempotency keys are made. Their keys here stay as they are: an arrival names its
// former ones.
func (s *Store) Adopt(ctx context.Context, from, to string, n int) (int64, error) {
	s.adoptions.mu.Lock()
	defer s.adoptions.mu.Unlock()
	which := [2]string{from, to}
	newest, err := s.one(ctx, `SELECT MAX(seq) FROM events`)
	if err != nil {
		return 0, err
	}
	var events []int64
	err = s.Query(ctx, adoptQuery, []any{s.adoptions.behind[which], from, n}, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		events = append(events, seq)
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(events) == 0 {
		s.adoptions.reach(which, newest-slow.Microseconds())
		return 0, nil
	}
	if err := s.Do(ctx, func(tx *Tx) error { return tx.adopt(events, from, to) }); err != nil {
		return 0, fmt.Errorf("adopting the events of %s: %w", from, err)
	}
	s.adoptions.reach(which, events[len(events)-1])
	for other := range s.adoptions.behind { // what it has now may be adopted on
		if other[0] == to {
			delete(s.adoptions.behind, other)
		}
	}
	return int64(len(events)), nil
}

// slow is how much later than it was numbered an event is committed at most.
const slow = time.Minute

// reach notes that all events up to a number were looked at.
func (a *adoptions) reach(which [2]string, seq int64) {
	if a.behind == nil {
		a.behind = make(map[[2]string]int64)
	}
	a.behind[which] = max(a.behind[which], seq)
}

func (tx *Tx) adopt(events []int64, from, to string) error {
	if err := tx.lock(events...); err != nil {
		return err
	}
	d := &tx.store.dialect
	if _, err := tx.Exec("UPDATE events SET source = ?, origin = CASE origin WHEN '' THEN source ELSE origin END WHERE "+d.in("seq")+" AND source = ?", to, d.List(events), from); err != nil {
		return err
	}
	was, is := SourceDestination(from), SourceDestination(to)
	err := tx.Query("SELECT state, COUNT(*) FROM deliveries WHERE "+d.in("event")+" AND destination = ? GROUP BY state", []any{d.List(events), was}, func(scan func(...any) error) error {
		var state State
		var n int64
		err := scan(&state, &n)
		tx.count(was, state, -n)
		tx.count(is, state, n)
		return err
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE deliveries SET destination = ? WHERE "+d.in("event")+" AND destination = ?", is, d.List(events), was)
	return err
}
