package store

import (
	"context"
	"sync"
)

// counts are how many deliveries of each destination are in each state. The
// committer keeps them; everybody reads them.
type counts struct {
	mu sync.RWMutex
	of map[countKey]int64
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

func (c *counts) add(changes map[countKey]int64) {
	if len(changes) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
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
		case Pending:
			c.Pending = n
		case Dead:
			c.Dead = n
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
		err := r.query(ctx, q.query, nil, func(scan func(...any) error) error {
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
