package store

import (
	"context"
	"time"
)

// MessageFilter says which messages are listed. Zero values select all.
type MessageFilter struct {
	// Source is whose messages they are.
	Source string
	// From and To bound when they were received: from From on, before To.
	From, To time.Time
	// Before and After are a position, the number of a message: the page is next to it, of
	// older ones or of newer ones. One of them is 0; if both are it begins with the newest.
	Before, After int64
	// Limit is how many are returned at most. Default: 50; 500 at most.
	Limit int
	// Body says that their Body is returned, too.
	Body bool
	// Match says which of them. Default: all.
	Match func(*Delivery) bool
	// Heads says that Match looks at their Head; without, more of them are looked at in the
	// same time.
	Heads bool
}

// messagesQuery reads messages next to a position. The scheme is written out, as in all
// of these queries: it chooses the partial index.
func messagesQuery(up, heads bool) string {
	head, join := "NULL", ""
	if heads {
		head, join = "p.head", " LEFT JOIN payloads p ON p.seq = e.seq"
	}
	return `SELECT ` + eventColumns + `, ` + head + ` FROM (
SELECT * FROM events WHERE source = ? AND scheme = '' AND seq > ? AND seq < ? ORDER BY seq` + direction(up) + ` LIMIT ?
) e` + join + ` ORDER BY e.seq` + direction(up)
}

// Messages returns a page of messages with their Head, the newest first, and where the
// next page in the same direction begins, as Before or After; 0 if there is none. A page
// may have fewer than asked for although there is a next one: so much is looked at in one
// call, and no more. Of the deliveries nothing is told: see [Reader.DeliveriesOf].
func (r *Reader) Messages(ctx context.Context, f MessageFilter) (page []Delivery, next int64, err error) {
	within := newSpan(f.From, f.To)
	match := within.matching(f.Match)
	heads := f.Heads || match == nil // else those of the page alone
	l := lister[Delivery, int64]{
		at:    func(d *Delivery) int64 { return d.Seq },
		match: match,
		read: func(from int64, up bool, n int) (rows []Delivery, err error) {
			s := within.next(from, up)
			err = r.QueryOften(ctx, messagesQuery(up, heads), []any{f.Source, s.lo, s.hi, n}, func(scan func(...any) error) error {
				d, err := scanMessage(scan)
				rows = append(rows, d)
				return err
			})
			return rows, err
		},
	}
	page, next, err = l.page(f.Before, f.After, f.Limit)
	switch {
	case err != nil:
	case f.Body:
		err = r.bodies(ctx, pointers(page))
	case !heads:
		err = r.heads(ctx, page)
	}
	return page, next, err
}

const countMessagesQuery = `SELECT COUNT(*) FROM (
SELECT 1 FROM events WHERE source = ? AND scheme = '' AND seq >= ? AND seq < ? LIMIT ?
) e`

// CountMessages counts the messages of a source that were numbered from a time on and
// before another, which is when they were stored; so many at most. It reads an entry of an
// index for each.
func (r *Reader) CountMessages(ctx context.Context, source string, from, to time.Time, most int64) (n int64, err error) {
	err = r.QueryOften(ctx, countMessagesQuery, []any{source, from.UnixMicro(), to.UnixMicro(), most}, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

const countStepQuery = `SELECT seq FROM events WHERE source = ? AND scheme = '' AND seq >= ? AND seq < ? ORDER BY seq LIMIT 1 OFFSET ?`

// CountStep is [Reader.CountMessages], but for its end: if there are more than so many
// messages it counts so many of them, and returns the end of what it has counted.
func (r *Reader) CountStep(ctx context.Context, source string, from, to time.Time, most int64) (n int64, until time.Time, err error) {
	until = to
	err = r.QueryOften(ctx, countStepQuery, []any{source, from.UnixMicro(), to.UnixMicro(), most}, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		n, until = most, time.UnixMicro(seq)
		return err
	})
	if err != nil || until.Before(to) {
		return n, until, err
	}
	n, err = r.CountMessages(ctx, source, from, to, most)
	return n, to, err
}

func scanMessage(scan func(...any) error) (d Delivery, err error) {
	var stamp, received int64
	err = scan(&d.Seq, &d.Source, &d.Origin, &d.ID, &d.Type, &d.Scheme, &stamp, &received, &d.Size, &d.Head)
	d.Timestamp, d.Received = moment(stamp), moment(received)
	return d, err
}

// matching is a match of those that were received in time.
func (s span) matching(match func(*Delivery) bool) func(*Delivery) bool {
	if match == nil && s == newSpan(time.Time{}, time.Time{}) {
		return nil
	}
	return func(d *Delivery) bool { return s.has(d.Received) && (match == nil || match(d)) }
}

func pointers(list []Delivery) []*Delivery {
	to := make([]*Delivery, len(list))
	for i := range list {
		to[i] = &list[i]
	}
	return to
}

// DeliveryFilter says which deliveries to an endpoint are listed. Zero values select all.
type DeliveryFilter struct {
	// From and To bound when the event was received: from From on, before To.
	From, To time.Time
	// Before and After are a position, the number of an event: the page is next to it, of
	// older ones or of newer ones. One of them is 0; if both are it begins with the newest.
	Before, After int64
	// Limit is how many are returned at most. Default: 50; 500 at most.
	Limit int
	// Body says that their Body is returned, too.
	Body bool
	// Match says which of them; it gets those with their Head and Status. Default: all.
	Match func(*Delivery) bool
}

const (
	// triedColumns are those of a delivery with its Head and the status of its last attempt.
	triedColumns = deliveryColumns + `, p.head, COALESCE(t.status, 0)`
	triedJoins   = ` JOIN events e ON e.seq = d.event LEFT JOIN payloads p ON p.seq = d.event
LEFT JOIN attempts t ON t.event = d.event AND t.n = d.n AND t.number = d.attempts`
)

func scanTried(scan func(...any) error) (d Delivery, err error) {
	var head []byte
	var status int
	d, err = scanDelivery(scan, &head, &status)
	d.Head, d.Status = head, status
	return d, err
}

// deliveriesToQuery reads deliveries next to a position, by their events.
func deliveriesToQuery(up bool) string {
	return `SELECT ` + triedColumns + ` FROM (
SELECT * FROM deliveries WHERE destination = ? AND substr(destination, 1, 3) = 'ep_' AND event > ? AND event < ? ORDER BY event` + direction(up) + ` LIMIT ?
) d` + triedJoins + ` ORDER BY d.event` + direction(up)
}

// DeliveriesTo returns a page of the deliveries to an endpoint, a destination whose name
// begins with ep_: those of the newest events first, with their Head. The page and the
// position of the next are as those of [Reader.Messages].
func (r *Reader) DeliveriesTo(ctx context.Context, destination string, f DeliveryFilter) (page []Delivery, next int64, err error) {
	within := newSpan(f.From, f.To)
	l := lister[Delivery, int64]{
		at:    func(d *Delivery) int64 { return d.Seq },
		match: within.matching(f.Match),
		read: func(from int64, up bool, n int) ([]Delivery, error) {
			s := within.next(from, up)
			return r.tried(ctx, deliveriesToQuery(up), destination, s.lo, s.hi, n)
		},
	}
	if page, next, err = l.page(f.Before, f.After, f.Limit); err == nil && f.Body {
		err = r.bodies(ctx, pointers(page))
	}
	return page, next, err
}

func (r *Reader) tried(ctx context.Context, query string, args ...any) (list []Delivery, err error) {
	err = r.Query(ctx, query, args, func(scan func(...any) error) error {
		d, err := scanTried(scan)
		list = append(list, d)
		return err
	})
	return list, err
}

const deliveriesOfQuery = `SELECT ` + triedColumns + ` FROM deliveries d` + triedJoins + ` WHERE d.event = ? ORDER BY d.n`

// DeliveriesOf returns all deliveries of an event, in their order, with its Head.
func (r *Reader) DeliveriesOf(ctx context.Context, seq int64) ([]Delivery, error) {
	return r.tried(ctx, deliveriesOfQuery, seq)
}
