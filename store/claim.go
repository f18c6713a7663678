package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const dueQuery = `SELECT event, n FROM deliveries WHERE destination = ? AND state = 1 AND due <= ? ORDER BY due, armed, event LIMIT ?`

// Claim returns at most n pending deliveries of a destination that are due by then,
// with their payloads, those first that are due longest. Those for which held is
// true are left out: the caller has them. If others share the database, what became
// due in the past within the last second may come later, and what is
// returned is claimed: they leave it alone until its outcome is written, it is
// disowned, or the lease has run out. Without a lease nothing is returned. A payload
// that is gone, or damaged, is no error here, which would hold up all the others: its
// Head is nil.
func (s *Store) Claim(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
	if s.dialect.Claim != "" {
		return s.claim(ctx, destination, by, n, held)
	}
	return s.due(ctx, destination, by, n, held)
}

// claim claims deliveries, one statement at a time. While a backlog is drained it begins
// where it last did: what has been delivered stays in the index for a while, and would
// be read through each time.
func (s *Store) claim(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) ([]Delivery, error) {
	standing := s.db.Standing()
	if !standing.Held {
		return nil, s.trouble()
	}
	not := make([]int64, 0, len(held)+n) // an event has one delivery to a destination
	for id := range held {
		not = append(not, id.Seq)
	}
	from := s.floors.of(destination)
	deliveries, err := s.claimFrom(ctx, standing, destination, from, by, not, n)
	if err == nil && from > 0 && len(deliveries) < n {
		for i := range deliveries {
			not = append(not, deliveries[i].Seq)
		}
		var before []Delivery
		before, err = s.claimFrom(ctx, standing, destination, 0, by, not, n-len(deliveries))
		deliveries = append(deliveries, before...)
	}
	if err != nil { // what was claimed nevertheless is not held, and found again
		return nil, err
	}
	s.floors.drained(destination, deliveries, n)
	return deliveries, nil
}

func (s *Store) claimFrom(ctx context.Context, standing Standing, destination string, from int64, by time.Time, not []int64, n int) (deliveries []Delivery, err error) {
	query := `WITH d AS (` + s.dialect.Claim + `) SELECT ` + keptColumns + `
FROM d JOIN events e ON e.seq = d.event LEFT JOIN payloads p ON p.seq = d.event ORDER BY d.due, d.armed, d.event`
	args := []any{standing.Owner, destination, from, millis(by), standing.Owner, s.dialect.List(not), n}
	err = s.Query(ctx, query, args, func(scan func(...any) error) error {
		d, _, err := scanKept(scan)
		d.Owner, d.Term = standing.Owner, standing.Term
		deliveries = append(deliveries, d)
		return err
	})
	return deliveries, err
}

// floorFor is how long claims may begin where they last did: what has become due before
// waits so long.
const floorFor = time.Second

// floors are where the claims of destinations begin whose backlog is drained.
type floors struct {
	mu sync.Mutex
	at map[string]floor
}

type floor struct {
	due   int64
	until time.Time
}

func (f *floors) of(destination string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.at[destination]; time.Now().Before(at.until) {
		return at.due
	}
	return 0
}

// drained follows a claim of at most n deliveries.
func (f *floors) drained(destination string, claimed []Delivery, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[destination]
	switch {
	case len(claimed) < n || n == 1: // all there is, or a probe
		delete(f.at, destination)
		return
	case !ok || !time.Now().Before(at.until):
		at.until = time.Now().Add(floorFor)
	}
	at.due = millis(claimed[0].Due)
	if f.at == nil {
		f.at = make(map[string]floor)
	}
	f.at[destination] = at
}

// Disown lets others have deliveries to a destination that were claimed, and are not
// going to be attempted soon. Where nobody else is there is nothing to do.
func (s *Store) Disown(ctx context.Context, destination string, ids []DeliveryID) error {
	owner := s.db.Standing().Owner
	if owner == 0 || len(ids) == 0 {
		return nil
	}
	events := make([]int64, len(ids))
	for i, id := range ids {
		events[i] = id.Seq
	}
	slices.Sort(events)
	return s.Do(ctx, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE deliveries SET owner = 0 WHERE "+s.dialect.in("event")+" AND destination = ? AND owner = ? AND state = ?", s.dialect.List(events), destination, owner, int(Pending))
		if err != nil {
			return fmt.Errorf("disowning what waits for %s: %w", destination, err)
		}
		return nil
	})
}

const keptQuery = `SELECT ` + keptColumns + ` FROM ` + deliveryFrom

// due reads deliveries that nobody else has.
func (r *Reader) due(ctx context.Context, destination string, by time.Time, n int, held map[DeliveryID]bool) (deliveries []Delivery, err error) {
	var ids []DeliveryID
	err = r.QueryOften(ctx, dueQuery, []any{destination, millis(by), n + len(held)}, func(scan func(...any) error) error { // the oldest ones may all be held
		var id DeliveryID
		if err := scan(&id.Seq, &id.N); err != nil {
			return err
		}
		if held[id] {
			return nil
		}
		if ids = append(ids, id); len(ids) == n {
			return errEnough
		}
		return nil
	})
	// The payloads are read one by one, as those that are held are not to be read.
	for i := 0; err == nil && i < len(ids); i++ {
		err = r.QueryOften(ctx, keptQuery, []any{ids[i].Seq, ids[i].N}, func(scan func(...any) error) error {
			d, _, err := scanKept(scan)
			if err == nil && d.State == Pending { // not settled in between
				deliveries = append(deliveries, d)
			}
			return err
		})
	}
	return deliveries, err
}
