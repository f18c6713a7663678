package store

import (
	"context"
	"math"
	"slices"
	"time"
)

const (
	// lookFor is up to how many rows are read at once if not each of them is part of the
	// page: at first no more than it has room for, and then more and more.
	// lookAt is how many are looked at in one call at most, and lookTime for how long it
	// goes on to look at more.
	lookFor  = 500
	lookAt   = 10_000
	lookTime = 25 * time.Millisecond
	// near is how far the number of an event is from when it was received, at most: events
	// are numbered as they come, by the clock.
	near = time.Minute
)

// lister reads a list in pages. P is a position in it, the zero value of which is none.
type lister[T any, P comparable] struct {
	// read returns at most n rows that are next to a position: older ones, or newer ones if
	// it is to go up; those next to it come first.
	read func(from P, up bool, n int) ([]T, error)
	at   func(*T) P
	// match says which rows belong to it; nil: all.
	match func(*T) bool
}

// page returns a page, the newest first, and where the next one in the same direction
// begins; the zero value if there is none. It looks at so many rows only, and for so long:
// there may be a next page although this one is not full.
func (l *lister[T, P]) page(before, after P, limit int) (page []T, next P, err error) {
	var none P
	limit = pageSize(limit)
	from, up := before, after != none
	if up {
		from = after
	}
	began, step := time.Now(), limit+1
	for looked := 0; looked == 0 || looked < lookAt && time.Since(began) < lookTime; {
		n := limit + 1 - len(page)
		if l.match != nil {
			n, step = max(n, step), min(4*step, lookFor)
		}
		rows, err := l.read(from, up, n)
		if err != nil {
			return nil, none, err
		}
		for i := range rows {
			if l.match != nil && !l.match(&rows[i]) {
				continue
			}
			if len(page) == limit {
				next = l.at(&page[limit-1])
				return l.order(page, up), next, nil
			}
			page = append(page, rows[i])
		}
		if len(rows) < n {
			return l.order(page, up), none, nil
		}
		from, looked = l.at(&rows[n-1]), looked+n
	}
	return l.order(page, up), from, nil
}

// order puts the newest first.
func (l *lister[T, P]) order(page []T, up bool) []T {
	if up {
		slices.Reverse(page)
	}
	return page
}

// span is a part of a list of events: behind lo and before hi by their number, from on
// and before to by when they were received.
type span struct {
	lo, hi   int64
	from, to int64
}

func newSpan(from, to time.Time) span {
	s := span{lo: -1, hi: math.MaxInt64, from: math.MinInt64, to: math.MaxInt64}
	if !from.IsZero() {
		s.lo, s.from = from.Add(-near).UnixMicro(), millis(from)
	}
	if !to.IsZero() {
		s.hi, s.to = to.Add(near).UnixMicro(), millis(to)
	}
	return s
}

// sure is between which numbers every event was received in time.
func (s span) sure() (lo, hi int64) {
	lo, hi = s.lo, s.hi
	if s.from != math.MinInt64 {
		lo += 2 * near.Microseconds()
	}
	if s.to != math.MaxInt64 {
		hi -= 2 * near.Microseconds()
	}
	return lo, hi
}

// next is the part that is next to a position.
func (s span) next(at int64, up bool) span {
	switch {
	case at == 0:
	case up:
		s.lo = max(s.lo, at)
	default:
		s.hi = min(s.hi, at)
	}
	return s
}

// has reports whether an event of that part was received in time.
func (s span) has(received time.Time) bool {
	at := millis(received)
	return s.from <= at && at < s.to
}

// direction writes the order of a query for its direction.
func direction(up bool) string {
	if up {
		return ""
	}
	return " DESC"
}

// heads adds their Head to those whose payload is kept.
func (r *Reader) heads(ctx context.Context, of []Delivery) error {
	events := make([]int64, len(of))
	by := make(map[int64]*Delivery, len(of))
	for i := range of {
		events[i] = of[i].Seq
		by[of[i].Seq] = &of[i]
	}
	if len(events) == 0 {
		return nil
	}
	return r.Query(ctx, headsQuery+r.dialect.in("seq"), []any{r.dialect.List(events)}, func(scan func(...any) error) error {
		var seq int64
		var head []byte
		err := scan(&seq, &head)
		if d := by[seq]; d != nil {
			d.Head = blob(head)
		}
		return err
	})
}

const headsQuery = "SELECT seq, head FROM payloads WHERE "

// bodies adds payloads to deliveries whose payload is kept; a damaged one is taken for one
// that is not.
func (r *Reader) bodies(ctx context.Context, of []*Delivery) error {
	events := make([]int64, len(of))
	by := make(map[int64][]*Delivery, len(of))
	for i, d := range of {
		events[i] = d.Seq
		by[d.Seq] = append(by[d.Seq], d)
		d.Head = nil
	}
	if len(events) == 0 {
		return nil
	}
	return r.Query(ctx, "SELECT seq, sum, head, body FROM payloads WHERE "+r.dialect.in("seq"), []any{r.dialect.List(events)}, func(scan func(...any) error) error {
		var seq, sum int64
		var head, body []byte
		if err := scan(&seq, &sum, &head, &body); err != nil || sum != checksum(head, body) {
			return err
		}
		for _, d := range by[seq] {
			d.Head, d.Body = blob(head), blob(body)
		}
		return nil
	})
}
