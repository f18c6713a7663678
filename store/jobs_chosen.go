package store

import (
	"context"
	"time"
)

// The candidates of Missing and Select are looked at one by one, in the order of an index:
// what is chosen of them only Options.Match knows.
const (
	missingQuery = `FROM events e WHERE e.source = ? AND e.scheme = '' AND e.seq > ? AND e.seq < ? AND e.received >= ? AND e.received < ?`
	selectQuery  = `FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.destination = ? AND substr(d.destination, 1, 3) = 'ep_' AND d.event > ? AND d.event < ? AND e.received >= ? AND e.received < ?`

	// failedQuery counts in the index of what was given up: nothing was before it was
	// received. When that was is looked up near the ends only.
	failedQuery = `SELECT COUNT(*) FROM (
SELECT 1 FROM deliveries d WHERE d.destination = ? AND d.state = 3 AND d.settled >= ? AND d.event > ? AND d.event < ?
AND (d.event > ? AND d.event < ? OR EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event AND e.received >= ? AND e.received < ?)) LIMIT ?
) c`

	missingNext = `SELECT ` + deliveryColumns + `, p.head, 0 FROM (SELECT * ` + missingQuery + ` ORDER BY e.seq LIMIT ?
) e LEFT JOIN deliveries d ON d.event = e.seq AND d.destination = ? LEFT JOIN payloads p ON p.seq = e.seq ORDER BY e.seq`
	selectNext = `SELECT ` + triedColumns + ` FROM (SELECT d.* ` + selectQuery + ` ORDER BY d.event LIMIT ?
) d` + triedJoins + ` ORDER BY d.event`
)

// within is the part of all events that a job has still to look at.
func (j *job) within() span { return newSpan(j.Since, j.Until).next(j.seq, true) }

// CountDead returns how many deliveries to an endpoint were given up, of what was received
// from a time on and before another, up to a limit.
func (r *Reader) CountDead(ctx context.Context, destination string, from, to time.Time, limit int) (int64, error) {
	within := newSpan(from, to)
	lo, hi := within.sure()
	return r.one(ctx, failedQuery, destination, millis(from.Add(-near)), within.lo, within.hi, lo, hi, within.from, within.to, limit)
}

// lookAhead is at how many candidates a step looks at most, for each that it may choose.
const lookAhead = 5

// chosen returns what comes next of a job that chooses. It looks ahead as long as it finds
// nothing, so far.
func (s *Store) chosen(ctx context.Context, j *job, n int) (next step, err error) {
	_, args := j.rest()
	args = append(args, n*lookAhead)
	query := selectNext
	if j.Kind == Missing {
		query, args = missingNext, append(args, j.Destination)
	}
	next.last = true
	err = s.Query(ctx, query, args, func(scan func(...any) error) error {
		d, err := scanTried(scan)
		if err != nil {
			return err
		}
		next.seq = d.Seq
		if next.looked++; next.looked == int64(n)*lookAhead {
			next.last = false
		}
		if !s.takes(j, &d) {
			return nil
		}
		if next.events = append(next.events, d.Seq); len(next.events) == n {
			next.last = false
			return errEnough
		}
		return nil
	})
	return next, err
}

// takes reports whether a job takes a candidate.
func (s *Store) takes(j *job, d *Delivery) bool {
	if j.Kind == Missing && d.Destination != "" || j.Kind == Select && d.State == Pending {
		return false
	}
	if j.Kind == Missing { // what there is not is not ignored
		*d = Delivery{Event: d.Event, Head: d.Head}
	}
	return s.Match == nil || s.Match(j.Filter, d)
}
