package store

import (
	"context"
	"fmt"
	"time"
)

// The queries of the engine. The state is written out: it chooses the partial index.
const (
	dueQuery     = `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due <= ? ORDER BY due, armed, event LIMIT ?`
	nextDueQuery = `SELECT MIN(due) FROM deliveries WHERE destination = ? AND state = 1 AND due > ?`
	oldestQuery  = `SELECT MIN(armed) FROM deliveries WHERE destination = ? AND state = 1`
	releaseQuery = `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due > ? AND last <= ? AND armed <= ? LIMIT ?`
	expireQuery  = `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND armed < ? LIMIT ?`
)

// Due returns at most n pending deliveries of a destination that are due by then,
// with their payloads, those first that are due longest. Those for which held is
// true are left out: the caller has them. A payload that is gone, or damaged, is no
// error here, which would hold up all the others: its Head is nil.
func (r *Reader) Due(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
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
	ids, err := s.ids(ctx, releaseQuery, destination, at, at, at, n)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return do(ctx, s, func(tx *Tx) (released int64, err error) {
		for _, id := range ids {
			changed, err := tx.Exec(`UPDATE deliveries SET due = armed WHERE event = ? AND n = ? AND state = 1 AND last <= ?`, id.Seq, id.N, at)
			if err != nil {
				return 0, fmt.Errorf("event %d: %w", id.Seq, err)
			}
			released += changed
		}
		return released, nil
	})
}

// Expire gives up what is pending for a destination and was armed before a time: at
// most n deliveries at a time, and it returns how many.
func (s *Store) Expire(ctx context.Context, destination string, armedBefore time.Time, reason string, n int) (int64, error) {
	ids, err := s.ids(ctx, expireQuery, destination, millis(armedBefore), n)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return do(ctx, s, func(tx *Tx) (expired int64, err error) {
		for _, id := range ids {
			changed, err := tx.bury(id, destination, reason, armedBefore)
			if err != nil {
				return 0, err
			}
			expired += changed
		}
		return expired, nil
	})
}

// bury makes a pending delivery dead that was armed before a time.
func (tx *Tx) bury(id DeliveryID, destination, reason string, armedBefore time.Time) (int64, error) {
	changed, err := tx.Exec(`UPDATE deliveries SET state = ?, settled = ?, reason = ? WHERE event = ? AND n = ? AND state = ? AND destination = ? AND armed < ?`,
		int(Dead), millis(tx.Now), reason, id.Seq, id.N, int(Pending), destination, millis(armedBefore))
	if err != nil {
		return 0, fmt.Errorf("giving up event %d: %w", id.Seq, err)
	}
	tx.count(destination, Pending, -changed)
	tx.count(destination, Dead, changed)
	return changed, nil
}

// ids reads which deliveries a change is about. It is read beside the transaction
// that makes the change, which therefore looks at each again.
func (r *Reader) ids(ctx context.Context, query string, args ...any) (ids []DeliveryID, err error) {
	err = r.query(ctx, query, args, func(scan func(...any) error) error {
		var id DeliveryID
		err := scan(&id.Seq, &id.N)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
