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
	// Match says which of them. It gets their places, status and destination, and the number
	// and type of their events. Default: all.
	Match func(*Tried) bool
	// Heads says that Match looks at the Head of their events; without, more of them are
	// looked at in the same time.
	Heads bool
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
	return `SELECT ` + deliveryColumns + `, p.head, ` + attemptColumns + ` FROM (
` + attemptsAt("*", where, up) + `
)` + triedFrom + attemptOrder("a.", up)
}

// placesQuery reads of attempts at a destination, next to a position, what is needed to
// choose some of them.
func placesQuery(up, heads bool) string {
	head, join := "NULL", ""
	if heads {
		head, join = "p.head", " LEFT JOIN payloads p ON p.seq = a.event"
	}
	return `SELECT a.event, a.n, a.number, a.started, a.status, e.type, ` + head + ` FROM (
` + attemptsAt("event, n, number, started, status", attemptsTo, up) + `
) a JOIN events e ON e.seq = a.event` + join + attemptOrder("a.", up)
}

// attemptsAt reads some columns of attempts next to a position.
func attemptsAt(columns, where string, up bool) string {
	return `SELECT ` + columns + ` FROM attempts WHERE ` + where + ` AND (started, event, n, number) > (?, ?, ?, ?) AND (started, event, n, number) < (?, ?, ?, ?)` + attemptOrder("", up) + ` LIMIT ?`
}

func attemptOrder(of string, up bool) string {
	d := direction(up)
	return " ORDER BY " + of + "started" + d + ", " + of + "event" + d + ", " + of + "n" + d + ", " + of + "number" + d
}

// chosenQuery reads all attempts at some events.
const chosenQuery = `SELECT ` + deliveryColumns + `, p.head, ` + attemptColumns + ` FROM attempts` + triedFrom + ` WHERE `

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
	if f.Match == nil {
		return r.attempts(ctx, attemptsTo, destination, &f)
	}
	// Of those that are not chosen no more is read than tells so.
	l := lister[Tried, place]{
		at:    func(t *Tried) place { return t.Position().place() },
		match: f.Match,
		read: func(from place, up bool, n int) (rows []Tried, err error) {
			err = r.QueryOften(ctx, placesQuery(up, f.Heads), f.arguments(destination, from, up, n), func(scan func(...any) error) error {
				t, err := scanPlace(scan)
				t.Destination = destination
				rows = append(rows, t)
				return err
			})
			return rows, err
		},
	}
	page, next, err := l.page(f.Before.place(), f.After.place(), f.Limit)
	if err == nil {
		page, err = r.whole(ctx, page)
	}
	if err == nil && f.Body {
		err = r.bodies(ctx, deliveriesIn(page))
	}
	return page, next.position(), err
}

func scanPlace(scan func(...any) error) (t Tried, err error) {
	var started int64
	var head []byte
	err = scan(&t.Seq, &t.N, &t.Attempt.Number, &started, &t.Attempt.Status, &t.Type, &head)
	t.Attempt.Started, t.Head, t.Status = moment(started), head, t.Attempt.Status
	return t, err
}

// whole reads all of attempts of which the places are known. Those that are gone meanwhile
// are left out.
func (r *Reader) whole(ctx context.Context, places []Tried) (page []Tried, err error) {
	if len(places) == 0 {
		return nil, nil
	}
	events := make([]int64, len(places))
	by := make(map[place]*Tried, len(places))
	for i := range places {
		events[i] = places[i].Seq
		by[places[i].Position().place()] = &places[i]
	}
	found := make(map[place]bool, len(places))
	err = r.Query(ctx, chosenQuery+r.dialect.in("a.event"), []any{r.dialect.List(events)}, func(scan func(...any) error) error {
		t, err := scanTry(scan)
		at := t.Position().place()
		if to := by[at]; err == nil && to != nil {
			*to, found[at] = t, true
		}
		return err
	})
	for i := range places {
		if found[places[i].Position().place()] {
			page = append(page, places[i])
		}
	}
	return page, err
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
			err = r.QueryOften(ctx, attemptsQuery(where, up), f.arguments(of, from, up, n), func(scan func(...any) error) error {
				t, err := scanTry(scan)
				rows = append(rows, t)
				return err
			})
			return rows, err
		},
	}
	page, next, err := l.page(f.Before.place(), f.After.place(), f.Limit)
	if err == nil && f.Body {
		err = r.bodies(ctx, deliveriesIn(page))
	}
	return page, next.position(), err
}

func deliveriesIn(page []Tried) []*Delivery {
	of := make([]*Delivery, len(page))
	for i := range page {
		of[i] = &page[i].Delivery
	}
	return of
}

// arguments are those of a query of n attempts next to a place.
func (f *AttemptFilter) arguments(of any, from place, up bool, n int) []any {
	lo, hi := f.bounds(from, up)
	return []any{of, lo[0], lo[1], lo[2], lo[3], hi[0], hi[1], hi[2], hi[3], n}
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

// tallyStepQuery is tallyQuery up to where so many attempts are counted, and says where that
// is: null, if it is the end.
const tallyStepQuery = `SELECT b.until, COUNT(a.started), CAST(SUM(CASE WHEN a.status >= 200 AND a.status < 300 THEN 1 ELSE 0 END) AS BIGINT)
FROM (SELECT (SELECT started FROM attempts WHERE destination = ? AND destination <> '' AND started >= ? AND started < ? ORDER BY started LIMIT 1 OFFSET ?) AS until) b
LEFT JOIN attempts a ON a.destination = ? AND a.destination <> '' AND a.started >= ? AND a.started < COALESCE(b.until, ?) GROUP BY b.until`

// TallyStep is [Reader.TallyTo], but for its end: if there are more than so many attempts it
// counts about so many of them, and returns the end of what it has counted.
func (r *Reader) TallyStep(ctx context.Context, destination string, from, to time.Time, most int) (t Tally, until time.Time, err error) {
	args := []any{destination, millis(from), millis(to), most, destination, millis(from), millis(to)}
	until = to
	err = r.QueryOften(ctx, tallyStepQuery, args, func(scan func(...any) error) error {
		var all int64
		var end, succeeded *int64
		if err := scan(&end, &all, &succeeded); err != nil {
			return err
		}
		if end != nil {
			until = moment(*end)
		}
		if succeeded != nil {
			t.Succeeded = *succeeded
		}
		t.Failed = all - t.Succeeded
		return nil
	})
	if err == nil && until.Before(to) && !until.After(from) { // so many in a millisecond
		until = from.Add(time.Millisecond)
		t, err = r.TallyTo(ctx, destination, from, until)
	}
	return t, until, err
}

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
