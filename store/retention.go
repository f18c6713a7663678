package store

import (
	"context"
	"fmt"
	"time"
)

// Retention says how long what is settled is kept. Zero values mean for ever. Messages are
// kept as long as each of them says, all of it, whether delivered or dead: see
// [Arrival].Window.
type Retention struct {
	// Age is how long delivered and ignored events are kept after they were settled.
	Age time.Duration
	// Size is how many bytes may be stored before the oldest delivered and ignored
	// events go early.
	Size int64
	// Dead is how long dead letters are kept after they were given up.
	Dead time.Duration
	// Messages is how long any message is kept at least: they are not looked at before.
	Messages time.Duration
	// Window returns how long a source remembers today, and whether there is such a
	// source. The longer of it and what held when an event came decides.
	Window func(source string) (time.Duration, bool)
}

// SetRetention says what is kept from now on.
func (s *Store) SetRetention(r Retention) { s.retention.Store(&r) }

// past is an event as retention sees it.
type past struct {
	seq      int64
	source   string
	message  bool
	received int64
	keep     int64
	size     int64
	place    []byte // empty if the event has none
	pending  bool   // one of its deliveries is
	dead     bool   // one of its deliveries is
	settled  int64  // when the last one was; when it came if it is ignored
	kept     bool   // its payload is; not asked for while it is pending
}

// The columns of past. Payloads lie elsewhere, so those of a backlog are not touched.
const (
	pastColumns = `SELECT e.seq, e.source, e.scheme, e.received, e.keep, e.size, e.place,
COALESCE(MAX(CASE d.state WHEN 1 THEN 1 ELSE 0 END), 0), COALESCE(MAX(CASE d.state WHEN 3 THEN 1 ELSE 0 END), 0), COALESCE(MAX(d.settled), e.received),
CASE WHEN MAX(CASE d.state WHEN 1 THEN 1 ELSE 0 END) = 1 THEN 0 WHEN (SELECT p.seq FROM payloads p WHERE p.seq = e.seq) IS NOT NULL THEN 1 ELSE 0 END
FROM events e LEFT JOIN deliveries d ON d.event = e.seq`
	pastQuery = pastColumns + ` WHERE e.seq > ? GROUP BY e.seq ORDER BY e.seq LIMIT ?`
)

func scanPast(scan func(...any) error) (e past, err error) {
	var scheme string
	err = scan(&e.seq, &e.source, &scheme, &e.received, &e.keep, &e.size, &e.place, &e.pending, &e.dead, &e.settled, &e.kept)
	e.message = scheme == ""
	return e, err
}

// action is what retention does to an event.
type action int

const (
	leave  action = iota
	empty         // delete the payload and the responses
	remove        // delete the event, and with it its key
)

// stage is why retention looks at events.
type stage int

const (
	byAge       stage = iota
	sizePayload       // too much is stored: payloads whatever their age
	sizeRow           // still too much: what is left of events whose time is over
)

// judge decides on an event. Nothing pending goes, no dead letter before its time,
// and no key before its window is over.
func (r *Retention) judge(e *past, at stage, now time.Time) action {
	limit, window := r.Age, time.Duration(e.keep)*time.Millisecond
	switch {
	case e.message:
		limit = window
	case e.dead:
		limit = r.Dead
	}
	over := func(span time.Duration) bool { return e.settled+span.Milliseconds() <= millis(now) }
	early := at != byAge && !e.dead
	if e.pending || (!early && (limit <= 0 || !over(limit))) {
		return leave
	}
	if r.Window != nil && !e.message {
		if today, ok := r.Window(e.source); ok {
			window = max(window, today)
		}
	}
	switch {
	case at != sizePayload && (len(e.place) == 0 || over(window)):
		return remove
	case e.kept:
		return empty
	}
	return leave
}

// enforce does to events what retention says today, after a look at what has become
// of them since they were chosen. It leaves alone those that another process is changing,
// and returns how many.
func (s *Store) enforce(ctx context.Context, r *Retention, at stage, events []int64) (busy int, err error) {
	err = s.Do(ctx, func(tx *Tx) error {
		free, err := tx.lockFree(events)
		if err != nil {
			return fmt.Errorf("retention: %w", err)
		}
		busy = len(events) - len(free)
		var emptied, removed []int64
		err = tx.Query(pastColumns+" WHERE "+s.dialect.in("e.seq")+" GROUP BY e.seq", []any{s.dialect.List(free)}, func(scan func(...any) error) error {
			e, err := scanPast(scan)
			if err != nil {
				return err
			}
			switch r.judge(&e, at, tx.Now) {
			case empty:
				emptied = append(emptied, e.seq)
			case remove:
				removed = append(removed, e.seq)
				if len(e.place) == len(Digest{}) {
					tx.give(Digest(e.place))
				}
			}
			return nil
		})
		if err == nil {
			err = tx.empty(emptied)
		}
		if err == nil {
			err = tx.remove(removed)
		}
		if err != nil {
			return fmt.Errorf("retention: %w", err)
		}
		return nil
	})
	return busy, err
}

// empty deletes the payloads of events and the responses of their attempts.
func (tx *Tx) empty(events []int64) error {
	d := &tx.store.dialect
	return tx.each(events, "DELETE FROM payloads WHERE "+d.in("seq"), "UPDATE attempts SET response = NULL WHERE "+d.in("event")+" AND response IS NOT NULL")
}

// remove deletes events.
func (tx *Tx) remove(events []int64) error {
	d := &tx.store.dialect
	if len(events) > 0 {
		err := tx.Query("SELECT destination, COUNT(*) FROM deliveries WHERE "+d.in("event")+" AND state = ? GROUP BY destination", []any{d.List(events), int(Dead)}, func(scan func(...any) error) error {
			var destination string
			var n int64
			err := scan(&destination, &n)
			tx.count(destination, Dead, -n)
			return err
		})
		if err != nil {
			return err
		}
	}
	return tx.each(events, "DELETE FROM attempts WHERE "+d.in("event"), "DELETE FROM deliveries WHERE "+d.in("event"),
		"DELETE FROM payloads WHERE "+d.in("seq"), "DELETE FROM events WHERE "+d.in("seq"))
}

// each runs statements, the parameter of which is a list of events, if there are any.
func (tx *Tx) each(events []int64, statements ...string) error {
	if len(events) == 0 {
		return nil
	}
	for _, statement := range statements {
		if _, err := tx.Exec(statement, tx.store.dialect.List(events)); err != nil {
			return err
		}
	}
	return nil
}
