package store

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Tried is an attempt with its delivery.
type Tried struct {
	Delivery
	Attempt Attempt
}

// AttemptPosition is where an attempt stands in a list; the zero value is none.
type AttemptPosition struct {
	Started time.Time
	ID      DeliveryID
	Number  int
}

// Position is where it stands.
func (t *Tried) Position() AttemptPosition {
	return AttemptPosition{Started: t.Attempt.Started, ID: t.DeliveryID(), Number: t.Attempt.Number}
}

// AttemptFilter says which attempts are listed. Zero values select all.
type AttemptFilter struct {
	// From and To bound when they were started: from From on, before To.
	From, To time.Time
	// Before and After are a position: the page is next to it, of older ones or of newer
	// ones. One of them is zero; if both are it begins with the newest.
	Before, After AttemptPosition
	// Limit is how many are returned at most. Default: 50; 500 at most.
	Limit int
	// Body says that the Body of their events is returned, too.
	Body bool
	// Match says which of them; it gets those with the Head of their events. Default: all.
	Match func(*Tried) bool
}

// place is a position as it is stored: started, event, n, number.
type place [4]int64

func (p AttemptPosition) place() place {
	if p == (AttemptPosition{}) {
		return place{}
	}
	return place{millis(p.Started), p.ID.Seq, int64(p.ID.N), int64(p.Number)}
}

func (p place) position() AttemptPosition {
	if p == (place{}) {
		return AttemptPosition{}
	}
	return AttemptPosition{Started: moment(p[0]), ID: DeliveryID{Seq: p[1], N: int(p[2])}, Number: int(p[3])}
}

// Where attempts are looked for.
const (
	attemptsTo = `destination = ? AND destination <> ''`
	attemptsOf = `event = ?`
)

const (
	triedFrom = ` a JOIN deliveries d ON d.event = a.event AND d.n = a.n JOIN events e ON e.seq = a.event LEFT JOIN payloads p ON p.seq = a.event`
	// attemptQuery reads one attempt.
	attemptQuery = `SELECT ` + deliveryColumns + `, p.head, ` + attemptColumns + ` FROM attempts` + triedFrom + ` WHERE a.event = ? AND a.n = ? AND a.number = ?`
)

// attemptsQuery reads attempts next to a position.
func attemptsQuery(where string, up bool) string {
	inDirection := func(of string) string {
		d := direction(up)
		return " ORDER BY " + of + "started" + d + ", " + of + "event" + d + ", " + of + "n" + d + ", " + of + "number" + d
	}
	return `SELECT ` + deliveryColumns + `, p.head, ` + attemptColumns + ` FROM (
SELECT * FROM attempts WHERE ` + where + ` AND (started, event, n, number) > (?, ?, ?, ?) AND (started, event, n, number) < (?, ?, ?, ?)` + inDirection("") + ` LIMIT ?
)` + triedFrom + inDirection("a.")
}

func scanTry(scan func(...any) error) (t Tried, err error) {
	var head []byte
	// Both parts of the row are scanned at once.
	t.Attempt, err = scanAttempt(func(attempt ...any) (err error) {
		t.Delivery, err = scanDelivery(scan, append([]any{&head}, attempt...)...)
		return err
	})
	t.Head, t.Status = head, t.Attempt.Status
	return t, err
}

// AttemptsTo returns a page of the attempts at a destination, of those that were recorded
// as listed, with the Head of their events: the newest first. The page is as that of
// [Reader.Messages], and where the next one begins is a position.
func (r *Reader) AttemptsTo(ctx context.Context, destination string, f AttemptFilter) ([]Tried, AttemptPosition, error) {
	return r.attempts(ctx, attemptsTo, destination, &f)
}

// AttemptsOf returns a page of the attempts at all destinations of an event, the newest
// first, as [Reader.AttemptsTo] does.
func (r *Reader) AttemptsOf(ctx context.Context, seq int64, f AttemptFilter) ([]Tried, AttemptPosition, error) {
	return r.attempts(ctx, attemptsOf, seq, &f)
}

func (r *Reader) attempts(ctx context.Context, where string, of any, f *AttemptFilter) ([]Tried, AttemptPosition, error) {
	l := lister[Tried, place]{
		at:    func(t *Tried) place { return t.Position().place() },
		match: f.Match,
		read: func(from place, up bool, n int) (rows []Tried, err error) {
			lo, hi := f.bounds(from, up)
			args := []any{of, lo[0], lo[1], lo[2], lo[3], hi[0], hi[1], hi[2], hi[3], n}
			err = r.Query(ctx, attemptsQuery(where, up), args, func(scan func(...any) error) error {
				t, err := scanTry(scan)
				rows = append(rows, t)
				return err
			})
			return rows, err
		},
	}
	page, next, err := l.page(f.Before.place(), f.After.place(), f.Limit)
	if err == nil && f.Body {
		of := make([]*Delivery, len(page))
		for i := range page {
			of[i] = &page[i].Delivery
		}
		err = r.bodies(ctx, of)
	}
	return page, next.position(), err
}

// bounds are between which places the attempts are.
func (f *AttemptFilter) bounds(from place, up bool) (lo, hi place) {
	lo, hi = place{math.MinInt64}, place{math.MaxInt64}
	if !f.From.IsZero() {
		lo = place{millis(f.From), -1}
	}
	if !f.To.IsZero() {
		hi = place{millis(f.To), -1}
	}
	switch {
	case from == place{}:
	case up && later(from, lo):
		lo = from
	case !up && later(hi, from):
		hi = from
	}
	return lo, hi
}

// later reports whether a place comes after another.
func later(p, other place) bool {
	for i := range p {
		if p[i] != other[i] {
			return p[i] > other[i]
		}
	}
	return false
}

// Attempt returns an attempt of a delivery by its number, with the Head of the event. If
// there is none the error is [ErrNotFound].
func (r *Reader) Attempt(ctx context.Context, id DeliveryID, number int) (t Tried, err error) {
	found := false
	err = r.Query(ctx, attemptQuery, []any{id.Seq, id.N, number}, func(scan func(...any) error) (err error) {
		found = true
		t, err = scanTry(scan)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("attempt %d at event %d: %w", number, id.Seq, ErrNotFound)
	}
	return t, err
}

// Tally counts attempts.
type Tally struct {
	// Succeeded is how many were answered 2xx, and Failed how many were not.
	Succeeded, Failed int64
}

const tallyQuery = `SELECT COUNT(*), CAST(SUM(CASE WHEN status >= 200 AND status < 300 THEN 1 ELSE 0 END) AS BIGINT)
FROM attempts WHERE destination = ? AND destination <> '' AND started >= ? AND started < ?`

// TallyTo counts the attempts at a destination that were recorded as listed and started
// from a time on and before another. It reads an entry of an index for each.
func (r *Reader) TallyTo(ctx context.Context, destination string, from, to time.Time) (t Tally, err error) {
	err = r.QueryOften(ctx, tallyQuery, []any{destination, millis(from), millis(to)}, func(scan func(...any) error) error {
		var all int64
		var succeeded *int64 // of none the sum is NULL
		if err := scan(&all, &succeeded); err != nil {
			return err
		}
		if succeeded != nil {
			t.Succeeded = *succeeded
		}
		t.Failed = all - t.Succeeded
		return nil
	})
	return t, err
}
