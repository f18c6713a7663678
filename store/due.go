package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const deliveryColumns = `e.seq, e.source, e.id, e.type, e.scheme, e.stamp, e.received, e.size,
d.n, d.destination, d.state, d.attempts, d.step, d.armed, d.due, d.settled, d.replay, d.reason`

func scanDelivery(scan func(...any) error, more ...any) (Delivery, error) {
	var d Delivery
	var stamp, received, armed, due, settled int64
	into := append([]any{&d.Seq, &d.Source, &d.ID, &d.Type, &d.Scheme, &stamp, &received, &d.Size,
		&d.N, &d.Destination, &d.State, &d.Attempts, &d.Step, &armed, &due, &settled, &d.Replay, &d.Reason}, more...)
	if err := scan(into...); err != nil {
		return d, err
	}
	d.Timestamp, d.Received, d.Armed, d.Due, d.Settled = moment(stamp), moment(received), moment(armed), moment(due), moment(settled)
	return d, nil
}

// Due returns at most n pending deliveries of a destination that are due by then,
// with their payloads, those first that are due longest. Those for which held is
// true are left out: the caller has them.
func (s *Store) Due(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
	// The oldest ones may all be held.
	rows, err := s.query(ctx, `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due <= ? ORDER BY due, armed, event LIMIT ?`,
		destination, millis(by), n+len(held))
	if err != nil {
		return nil, err
	}
	ids := make([]DeliveryID, 0, n)
	err = eachRow(rows, func(scan func(...any) error) error {
		var id DeliveryID
		if err := scan(&id.Seq, &id.N); err != nil {
			return err
		}
		if !held[id] && len(ids) < n {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, s.db.Classify(err)
	}
	deliveries := make([]Delivery, 0, len(ids))
	for _, id := range ids {
		d, err := s.Delivery(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue // erased in between
		}
		if err != nil {
			return nil, err
		}
		if d.State == Pending { // not settled in between
			deliveries = append(deliveries, d)
		}
	}
	return deliveries, nil
}

// Delivery returns a delivery with its payload. Without one, Head is nil: it is
// gone.
func (s *Store) Delivery(ctx context.Context, id DeliveryID) (Delivery, error) {
	rows, err := s.query(ctx, `SELECT `+deliveryColumns+`, p.head, p.body FROM deliveries d JOIN events e ON e.seq = d.event
LEFT JOIN payloads p ON p.seq = d.event WHERE d.event = ? AND d.n = ?`, id.Seq, id.N)
	if err != nil {
		return Delivery{}, err
	}
	d, found := Delivery{}, false
	err = eachRow(rows, func(scan func(...any) error) (err error) {
		var head, body []byte
		d, err = scanDelivery(scan, &head, &body)
		d.Head, d.Body, found = head, body, true
		return err
	})
	if err != nil {
		return Delivery{}, s.db.Classify(fmt.Errorf("reading event %d: %w", id.Seq, err))
	}
	if !found {
		return Delivery{}, fmt.Errorf("event %d: %w", id.Seq, ErrNotFound)
	}
	return d, nil
}

// NextDue returns when the next delivery of a destination is due after a time; the
// zero time if none is.
func (s *Store) NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error) {
	due, err := s.one(ctx, `SELECT MIN(due) FROM deliveries WHERE destination = ? AND state = 1 AND due > ?`, destination, millis(after))
	return moment(due), err
}

// Oldest returns when the oldest pending delivery of a destination was armed; the
// zero time if none is pending. It reads an index entry for each pending one.
func (s *Store) Oldest(ctx context.Context, destination string) (time.Time, error) {
	armed, err := s.one(ctx, `SELECT MIN(armed) FROM deliveries WHERE destination = ? AND state = 1`, destination)
	return moment(armed), err
}

// Release makes due what waits for a later attempt although its last one was made
// by then: at most n deliveries at a time, and it returns how many. Each is due as
// if it had been from the start, so that the oldest come first.
func (s *Store) Release(ctx context.Context, destination string, by time.Time, n int) (released int64, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		released, err = tx.Exec(`UPDATE deliveries SET due = armed WHERE (event, n) IN (
SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due > ? AND last <= ? AND armed <= ? LIMIT ?)`,
			destination, millis(by), millis(by), millis(by), n)
		return err
	})
	return released, err
}

// query reads with a statement of the common SQL.
func (s *Store) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := s.open(); err != nil && !errors.Is(err, ErrFull) {
		return nil, err
	}
	rows, err := s.db.Readers().QueryContext(ctx, s.dialect.rebind(query), args...)
	if err != nil {
		return nil, s.db.Classify(fmt.Errorf("querying: %w", err))
	}
	return rows, nil
}

// one reads a single number; 0 for none or NULL.
func (s *Store) one(ctx context.Context, query string, args ...any) (int64, error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	var value sql.NullInt64
	err = eachRow(rows, func(scan func(...any) error) error { return scan(&value) })
	if err != nil {
		return 0, s.db.Classify(err)
	}
	return value.Int64, nil
}
