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
	all := make(map[string]Count)
	for k, n := range s.counts.of {
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

// loadCounts reads the counts; both queries are answered from an index alone.
func (s *Store) loadCounts(ctx context.Context) error {
	of := make(map[countKey]int64)
	for _, q := range []struct {
		state State
		query string
	}{
		{Pending, `SELECT destination, COUNT(*) FROM deliveries WHERE state = 1 GROUP BY destination`},
		{Dead, `SELECT destination, COUNT(*) FROM deliveries WHERE state = 3 GROUP BY destination`},
	} {
		rows, err := s.db.Readers().QueryContext(ctx, q.query)
		if err != nil {
			return err
		}
		err = eachRow(rows, func(scan func(...any) error) error {
			var destination string
			var n int64
			if err := scan(&destination, &n); err != nil {
				return err
			}
			of[countKey{destination, q.state}] = n
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.counts.mu.Lock()
	s.counts.of = of
	s.counts.mu.Unlock()
	return nil
}
