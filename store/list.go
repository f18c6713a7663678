package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Filter says which events are listed. Zero values select all.
type Filter struct {
	// Source is the name of what sent it.
	Source string
	// Destination is one of those that an event goes to, and its delivery is shown.
	// Without, the first is.
	Destination string
	// Type is the event's; with * at the end, how it begins.
	Type string
	// State is that of the delivery.
	State State
	// From and To bound when it was received: from From on, before To.
	From, To time.Time
	// Before is where the page begins: the number that the page before has
	// returned; 0 for the newest.
	Before int64
	// Limit is how many are returned at most. Default: 50; 500 at most.
	Limit int
	// Among is through how many events, the newest of those before Before, is looked at most
	// for those that have no index; 0 is all. A page that ends for that, even an empty one, has
	// a next one all the same.
	Among int
}

const (
	defaultPage = 50
	maxPage     = 500
	// unsteady is how far the clock may have gone back between two events for them
	// to be found by when they were received.
	unsteady = 24 * time.Hour
	// findIn is among how many of the newest events one is looked for by its id.
	findIn = 1_000_000
	// findMax is how many events of one id are returned.
	findMax = 50
	// maxAttempts is how many attempts of a delivery are returned.
	maxAttempts = 200
)

const eventColumns = `e.seq, e.source, e.origin, e.id, e.type, e.scheme, e.stamp, e.received, e.size`

// deliveryColumns are those of an event with its delivery, or without one: it is
// ignored then.
const deliveryColumns = eventColumns + `,
COALESCE(d.n, 0), COALESCE(d.destination, ''), COALESCE(d.state, 4), COALESCE(d.attempts, 0), COALESCE(d.step, 0),
COALESCE(d.armed, 0), COALESCE(d.due, 0), COALESCE(d.settled, e.received), COALESCE(d.replay, FALSE), COALESCE(d.reason, '')`

func scanDelivery(scan func(...any) error, more ...any) (Delivery, error) {
	var d Delivery
	var stamp, received, armed, due, settled int64
	into := append([]any{
		&d.Seq, &d.Source, &d.Origin, &d.ID, &d.Type, &d.Scheme, &stamp, &received, &d.Size,
		&d.N, &d.Destination, &d.State, &d.Attempts, &d.Step, &armed, &due, &settled, &d.Replay, &d.Reason,
	}, more...)
	if err := scan(into...); err != nil {
		return d, err
	}
	d.Timestamp, d.Received, d.Armed, d.Due, d.Settled = moment(stamp), moment(received), moment(armed), moment(due), moment(settled)
	return d, nil
}

// conditions collects the parts of a WHERE and their arguments.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts, c.args = append(c.parts, part), append(c.args, args...)
}

func (c *conditions) String() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// pageSize is how many are returned if so many are asked for.
func pageSize(limit int) int {
	if limit <= 0 {
		limit = defaultPage
	}
	return min(limit, maxPage)
}

// List returns a page of events, the newest first, without payloads, and where the
// next page begins; 0 if there is none. Ignored events are among them, with
// [IgnoredState] and no destination; of an event with several deliveries the first
// is shown. Only pending and dead ones have an
// index: what is rare among the others is searched for.
func (r *Reader) List(ctx context.Context, f Filter) (page []Delivery, next int64, err error) {
	limit := pageSize(f.Limit)
	least, err := r.least(ctx, &f)
	if err != nil {
		return nil, 0, err
	}
	query, args := f.query(limit, least)
	err = r.Query(ctx, query, args, func(scan func(...any) error) error {
		d, err := scanDelivery(scan)
		page = append(page, d)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if len(page) > limit {
		page = page[:limit]
		return page, page[limit-1].Seq, nil
	}
	return page, least, nil
}

// leastQuery counts events, the newest first.
const leastQuery = "SELECT seq FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?"

// least returns the last event that a list looks at; 0 if that is the first of all.
func (r *Reader) least(ctx context.Context, f *Filter) (int64, error) {
	if f.Among <= 0 || f.State == Pending || f.State == Dead {
		return 0, nil
	}
	before := f.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	return r.one(ctx, leastQuery, before, f.Among-1)
}

// query writes the filter as a query that returns one more than the limit, if there are
// more, of events from the least on.
func (f *Filter) query(limit int, least int64) (string, []any) {
	var where conditions
	join, order := "events e LEFT JOIN deliveries d ON d.event = e.seq AND d.n = 0", " ORDER BY e.seq DESC"
	shown := f.shown()
	if f.Destination != "" {
		join, where = "events e JOIN deliveries d ON d.event = e.seq", shown
	}
	switch f.State {
	case Pending, Dead:
		indexed := f.indexed()
		join = "deliveries d JOIN events e ON e.seq = d.event"
		if f.Type == "" && f.From.IsZero() && f.To.IsZero() {
			// Nothing else selects, so that no more need be looked at, and put in
			// order, than are returned. The signs keep SQLite from reading through a
			// whole table because it is in that order.
			order = " ORDER BY +e.seq DESC"
			where = shown
			where.add("e.seq IN (SELECT d.event FROM deliveries d"+indexed.String()+" ORDER BY +d.event DESC LIMIT ?)", append(indexed.args, limit+1)...)
		} else {
			where = indexed
		}
	case Delivered:
		where.add("d.state = ?", int(f.State))
	case IgnoredState:
		where.add("d.event IS NULL")
	}
	if f.Source != "" {
		where.add("e.source = ?", f.Source)
	}
	if prefix, ok := strings.CutSuffix(f.Type, "*"); ok && prefix != "" {
		where.add("substr(e.type, 1, ?) = ?", utf8.RuneCountInString(prefix), prefix)
	} else if f.Type != "" && !ok {
		where.add("e.type = ?", f.Type)
	}
	if !f.From.IsZero() {
		// Events are numbered as they come, by the clock.
		where.add("e.seq >= ? AND e.received >= ?", f.From.Add(-unsteady).UnixMicro(), millis(f.From))
	}
	if !f.To.IsZero() {
		where.add("e.received < ?", millis(f.To))
	}
	if f.Before > 0 {
		where.add("e.seq < ?", f.Before)
	}
	if least > 0 {
		where.add("e.seq >= ?", least)
	}
	return "SELECT " + deliveryColumns + " FROM " + join + where.String() + order + " LIMIT ?", append(where.args, limit+1)
}

// shown says which delivery of an event is shown.
func (f *Filter) shown() (where conditions) {
	if f.Destination != "" {
		where.add("d.destination = ?", f.Destination)
	} else {
		where.add("d.n = 0")
	}
	return where
}

// indexed is what of a filter for pending or dead ones is in their index. The number of
// the state is written out: it chooses the index.
func (f *Filter) indexed() (where conditions) {
	where = f.shown()
	where.add(fmt.Sprintf("d.state = %d", int(f.State)))
	if f.Source != "" && f.Destination == "" {
		where.add("d.destination = ?", SourceDestination(f.Source))
	}
	if f.Before > 0 {
		where.add("d.event < ?", f.Before)
	}
	return where
}

// Event returns an event with its payload, also an ignored one, which has none. If
// there is no such event the error is [ErrNotFound]; [ErrDamaged] is as for [Reader.Delivery].
func (r *Reader) Event(ctx context.Context, seq int64) (Delivery, error) {
	return r.read(ctx, seq, `events e LEFT JOIN deliveries d ON d.event = e.seq AND d.n = 0 LEFT JOIN payloads p ON p.seq = e.seq WHERE e.seq = ?`, seq)
}

// Delivery returns a delivery with its payload. Without one, Head is nil: it is
// gone. If there is no such delivery the error is [ErrNotFound]. If the payload is not
// what was stored the error is [ErrDamaged], and the rest of the delivery is returned.
func (r *Reader) Delivery(ctx context.Context, id DeliveryID) (Delivery, error) {
	return r.read(ctx, id.Seq, deliveryFrom, id.Seq, id.N)
}

const deliveryFrom = `deliveries d JOIN events e ON e.seq = d.event LEFT JOIN payloads p ON p.seq = d.event WHERE d.event = ? AND d.n = ?`

// keptColumns are those of a delivery with its payload.
const keptColumns = deliveryColumns + `, p.head, p.body, p.sum`

// scanKept scans a delivery with its payload, and reports whether that is damaged.
func scanKept(scan func(...any) error) (d Delivery, damaged bool, err error) {
	var head, body []byte
	var sum sql.NullInt64 // NULL if there is no payload
	if d, err = scanDelivery(scan, &head, &body, &sum); err != nil {
		return d, false, err
	}
	damaged = sum.Valid && sum.Int64 != checksum(head, body)
	if sum.Valid && !damaged { // what is empty is not nil, whatever the driver makes of it
		d.Head, d.Body = blob(head), blob(body)
	}
	return d, damaged, nil
}

// read reads one delivery with its payload.
func (r *Reader) read(ctx context.Context, seq int64, from string, args ...any) (d Delivery, err error) {
	found, damaged := false, false
	err = r.Query(ctx, `SELECT `+keptColumns+` FROM `+from, args, func(scan func(...any) error) (err error) {
		found = true
		d, damaged, err = scanKept(scan)
		return err
	})
	switch {
	case err == nil && !found:
		err = ErrNotFound
	case err == nil && damaged:
		return d, fmt.Errorf("event %d: %w", seq, ErrDamaged)
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("event %d: %w", seq, err)
	}
	return d, nil
}

// Find returns the events of a source that have an id, the newest first: an id may
// have come with several bodies. At most 50 are returned. There is no index on ids,
// as every event would have to pay for it: the newest 1,000,000 events of the store
// are read through, which may take a second.
func (r *Reader) Find(ctx context.Context, source, id string) (found []Delivery, err error) {
	oldest, err := r.one(ctx, `SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?`, findIn-1)
	if err != nil {
		return nil, err
	}
	err = r.Query(ctx, `SELECT `+deliveryColumns+` FROM events e LEFT JOIN deliveries d ON d.event = e.seq AND d.n = 0
WHERE e.seq >= ? AND e.source = ? AND e.id = ? ORDER BY e.seq DESC LIMIT ?`, []any{oldest, source, id, findMax}, func(scan func(...any) error) error {
		d, err := scanDelivery(scan)
		found = append(found, d)
		return err
	})
	return found, err
}

// Attempts returns the attempts of a delivery, the oldest first; of very many, the
// newest 200.
func (r *Reader) Attempts(ctx context.Context, id DeliveryID) (attempts []Attempt, err error) {
	err = r.Query(ctx, `SELECT `+attemptColumns+` FROM (
SELECT * FROM attempts WHERE event = ? AND n = ? ORDER BY number DESC LIMIT ?) a ORDER BY number`, []any{id.Seq, id.N, maxAttempts}, func(scan func(...any) error) error {
		a, err := scanAttempt(scan)
		attempts = append(attempts, a)
		return err
	})
	return attempts, err
}

const attemptColumns = `a.number, a.started, a.took, a.outcome, a.status, a.error, a.response, a.by_hand`

func scanAttempt(scan func(...any) error) (a Attempt, err error) {
	var started, took int64
	err = scan(&a.Number, &started, &took, &a.Outcome, &a.Status, &a.Error, &a.Response, &a.ByHand)
	a.Started, a.Took = moment(started), time.Duration(took)*time.Millisecond
	return a, err
}
