package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// The queries of the engine. The state is written out: it chooses the partial index.
const (
	nextDueQuery = `SELECT MIN(due) FROM deliveries WHERE destination = ? AND state = 1 AND due > ?`
	oldestQuery  = `SELECT MIN(armed) FROM deliveries WHERE destination = ? AND state = 1`
	releaseQuery = `SELECT event FROM deliveries WHERE destination = ? AND state = 1 AND due > ? AND last <= ? AND armed <= ? LIMIT ?`
	expireQuery  = `SELECT event FROM deliveries WHERE destination = ? AND state = 1 AND armed < ? LIMIT ?`
)

// NextDue returns when the next delivery of a destination is due after a time; the
// zero time if none is.
func (r *Reader) NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error) {
	var due sql.NullInt64
	err := r.QueryOften(ctx, nextDueQuery, []any{destination, millis(after)}, func(scan func(...any) error) error { return scan(&due) })
	return moment(due.Int64), err
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
	err = r.Query(ctx, query, args, func(scan func(...any) error) error {
		var event int64
		err := scan(&event)
		events = append(events, event)
		return err
	})
	slices.Sort(events)
	return events, err
}
