package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// counts are how many deliveries of each destination are in each state. The
// committer keeps them; everybody reads them.
type counts struct {
	mu      sync.RWMutex
	of      map[countKey]int64
	changes int // how often they were changed
	stale   bool
	peers   int       // Changes of the last look at who shares the database
	next    time.Time // when they are counted anew at the earliest
}

func (c *counts) get(destination string, state State) int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.of[countKey{destination, state}]
}

func (c *counts) set(of map[countKey]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of = of
}

// recountShare is how much of the time counting anew may take: one part of so many.
const recountShare = 50

// follow notes whether others share the database: what they do is not counted yet. It
// is called often enough for nobody to come and go between.
func (c *counts) follow(s Standing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = c.stale || s.Others > 0 || s.Changes != c.peers
	c.peers = s.Changes
}

// recount counts anew what others who share the database may have changed. What is
// committed while it counts may be counted twice or not at all, until the next time.
func (s *Store) recount() {
	c := &s.counts
	others := s.db.Standing().Others > 0
	c.mu.Lock()
	due := c.stale && !time.Now().Before(c.next)
	before := c.changes
	c.mu.Unlock()
	if !due {
		return
	}
	started := time.Now()
	of, err := s.tally(s.ctx)
	if err != nil {
		s.Logger.Warn("counting what is pending and dead", slog.Any("error", err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of, c.next = of, time.Now().Add(recountShare*time.Since(started))
	c.stale = others || c.changes != before
}

func (c *counts) add(changes map[countKey]int64) {
	if len(changes) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for k, by := range changes {
		c.of[k] += by
	}
}

// Count is how many deliveries of a destination are pending and dead.
type Count struct{ Pending, Dead int64 }

// Counts returns the counts of all destinations that have, or had, deliveries
// pending or dead since the store was opened.
func (s *Store) Counts() map[string]Count {
	s.counts.mu.RLock()
	defer s.counts.mu.RUnlock()
	return perDestination(s.counts.of)
}

func perDestination(of map[countKey]int64) map[string]Count {
	all := make(map[string]Count)
	for k, n := range of {
		c := all[k.destination]
		switch k.state {
		case Pending: // what others have settled is not counted yet
			c.Pending = max(0, n)
		case Dead:
			c.Dead = max(0, n)
		default:
			continue
		}
		all[k.destination] = c
	}
	return all
}

const (
	pendingQuery = `SELECT destination, COUNT(*) FROM deliveries WHERE state = 1 GROUP BY destination`
	deadQuery    = `SELECT destination, COUNT(*) FROM deliveries WHERE state = 3 GROUP BY destination`
)

// Counts counts what is pending and dead, for all destinations that have any.
func (r *Reader) Counts(ctx context.Context) (map[string]Count, error) {
	of, err := r.tally(ctx)
	return perDestination(of), err
}

// tally counts; both queries are answered from an index alone.
func (r *Reader) tally(ctx context.Context) (map[countKey]int64, error) {
	of := make(map[countKey]int64)
	for _, q := range []struct {
		state State
		query string
	}{
		{Pending, pendingQuery},
		{Dead, deadQuery},
	} {
		err := r.Query(ctx, q.query, nil, func(scan func(...any) error) error {
			var destination string
			var n int64
			if err := scan(&destination, &n); err != nil {
				return err
			}
			of[countKey{destination, q.state}] = n
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return of, nil
}
