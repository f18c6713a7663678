package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The queries of the engine. The state is written out: it chooses the partial index.
const (
	dueQuery     = `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due <= ? ORDER BY due, armed, event LIMIT ?`
	nextDueQuery = `SELECT MIN(due) FROM deliveries WHERE destination = ? AND state = 1 AND due > ?`
	oldestQuery  = `SELECT MIN(armed) FROM deliveries WHERE destination = ? AND state = 1`
	releaseQuery = `SELECT event FROM deliveries WHERE destination = ? AND state = 1 AND due > ? AND last <= ? AND armed <= ? LIMIT ?`
	expireQuery  = `SELECT event FROM deliveries WHERE destination = ? AND state = 1 AND armed < ? LIMIT ?`
)

// Claim returns at most n pending deliveries of a destination that are due by then,
// with their payloads, those first that are due longest. Those for which held is
// true are left out: the caller has them. If others share the database, what is
// returned is claimed: they leave it alone until its outcome is written, it is
// disowned, or the lease has run out. Without a lease nothing is returned. A payload
// that is gone, or damaged, is no error here, which would hold up all the others: its
// Head is nil.
func (s *Store) Claim(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
	if s.dialect.Claim != "" {
		return s.claim(ctx, destination, by, n, held)
	}
	return s.due(ctx, destination, by, n, held)
}

// claim claims deliveries in one statement.
func (s *Store) claim(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) (deliveries []Delivery, err error) {
	standing := s.db.Standing()
	if !standing.Held {
		return nil, s.trouble()
	}
	not := make([]int64, 0, len(held)) // an event has one delivery to a destination
	for id := range held {
		not = append(not, id.Seq)
	}
	query := `WITH d AS (` + s.dialect.Claim + `) SELECT ` + keptColumns + `
FROM d JOIN events e ON e.seq = d.event LEFT JOIN payloads p ON p.seq = d.event ORDER BY d.due, d.armed, d.event`
	args := []any{standing.Owner, destination, millis(by), standing.Owner, s.dialect.List(not), n}
	err = s.query(ctx, query, args, func(scan func(...any) error) error {
		d, _, err := scanKept(scan)
		d.Owner, d.Term = standing.Owner, standing.Term
		deliveries = append(deliveries, d)
		return err
	})
	if err != nil { // what was claimed nevertheless is not held, and found again
		return nil, err
	}
	return deliveries, nil
}

// Disown lets others have deliveries to a destination that were claimed, and are not
// going to be attempted soon. Where nobody else is there is nothing to do.
func (s *Store) Disown(ctx context.Context, destination string, ids []DeliveryID) error {
	owner := s.db.Standing().Owner
	if owner == 0 || len(ids) == 0 {
		return nil
	}
	events := make([]int64, len(ids))
	for i, id := range ids {
		events[i] = id.Seq
	}
	slices.Sort(events)
	return s.Do(ctx, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE deliveries SET owner = 0 WHERE "+s.dialect.in("event")+" AND destination = ? AND owner = ? AND state = 1", s.dialect.List(events), destination, owner)
		if err != nil {
			return fmt.Errorf("disowning what waits for %s: %w", destination, err)
		}
		return nil
	})
}

// due reads deliveries that nobody else has.
func (r *Reader) due(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
	var ids [][]any
	err := r.query(ctx, dueQuery, []any{destination, millis(by), n + len(held)}, func(scan func(...any) error) error { // the oldest ones may all be held
		var id DeliveryID
		if err := scan(&id.Seq, &id.N); err != nil {
			return err
		}
		if held[id] {
			return nil
		}
		if ids = append(ids, []any{id.Seq, id.N}); len(ids) == n {
			return errEnough
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	// The payloads are read one by one, as those that are held are not to be read.
	deliveries := make([]Delivery, 0, len(ids))
	err = r.each(ctx, `SELECT `+keptColumns+` FROM `+deliveryFrom, ids, func(scan func(...any) error) error {
		d, _, err := scanKept(scan)
		if err == nil && d.State == Pending { // not settled in between
			deliveries = append(deliveries, d)
		}
		return err
	})
	return deliveries, err
}

// NextDue returns when the next delivery of a destination is due after a time; the
// zero time if none is.
func (r *Reader) NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error) {
	due, err := r.one(ctx, nextDueQuery, destination, millis(after))
	return moment(due), err
}

// Oldest returns when the oldest pending delivery of a destination was armed; the
// zero time if none is pending. It reads an index entry for each pending one.
func (r *Reader) Oldest(ctx context.Context, destination string) (time.Time, error) {
	armed, err := r.one(ctx, oldestQuery, destination)
	return moment(armed), err
}

// Release makes due what waits for a later attempt although its last one was made
// by then: at most n deliveries at a time, and it returns how many. Each is due as
// if it had been from the start, so that the oldest come first.
func (s *Store) Release(ctx context.Context, destination string, by time.Time, n int) (int64, error) {
	at := millis(by)
	events, err := s.events(ctx, releaseQuery, destination, at, at, at, n)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return do(ctx, s, func(tx *Tx) (int64, error) {
		released, err := tx.Exec(`UPDATE deliveries SET due = armed WHERE `+s.dialect.in("event")+` AND destination = ? AND state = ? AND last <= ?`,
			s.dialect.List(events), destination, int(Pending), at)
		if err != nil {
			return 0, fmt.Errorf("making due what waits for %s: %w", destination, err)
		}
		return released, nil
	})
}

// Expire gives up what is pending for a destination and was armed before a time: at
// most n deliveries at a time, and it returns how many.
func (s *Store) Expire(ctx context.Context, destination string, armedBefore time.Time, reason string, n int) (int64, error) {
	events, err := s.events(ctx, expireQuery, destination, millis(armedBefore), n)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return do(ctx, s, func(tx *Tx) (int64, error) { return tx.bury(events, destination, reason, armedBefore) })
}

// bury makes those deliveries of events to a destination dead that are pending and were
// armed before a time.
func (tx *Tx) bury(events []int64, destination, reason string, armedBefore time.Time) (int64, error) {
	d := &tx.store.dialect
	changed, err := tx.Exec(`UPDATE deliveries SET state = ?, settled = ?, reason = ?, owner = 0 WHERE `+d.in("event")+` AND destination = ? AND state = ? AND armed < ?`,
		int(Dead), millis(tx.Now), reason, d.List(events), destination, int(Pending), millis(armedBefore))
	if err != nil {
		return 0, fmt.Errorf("giving up what waits for %s: %w", destination, err)
	}
	tx.count(destination, Pending, -changed)
	tx.count(destination, Dead, changed)
	return changed, nil
}

// events reads which events a change is about, in the order in which all change them. It
// is read beside the transaction that makes the change, which therefore looks at each
// again.
func (r *Reader) events(ctx context.Context, query string, args ...any) (events []int64, err error) {
	err = r.query(ctx, query, args, func(scan func(...any) error) error {
		var event int64
		err := scan(&event)
		events = append(events, event)
		return err
	})
	slices.Sort(events)
	return events, err
}
