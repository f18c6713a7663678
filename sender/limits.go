package sender

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/store"
)

// limits are how many attempts a second endpoints get, of those that have a limit.
type limits struct {
	mu      sync.RWMutex
	rates   map[string]float64
	version atomic.Int64
	stale   atomic.Bool // something has changed here since they were read
}

// of returns the limit of an endpoint; 0 if it has none.
func (l *limits) of(endpoint string) float64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.rates[endpoint]
}

// changed notes in a transaction that endpoints have changed; without any, that all may
// have. What is remembered of them is forgotten once that is committed, here at once and
// soon by others who share the store.
func (s *Sender) changed(tx *store.Tx, endpoints ...string) error {
	if _, err := tx.Exec("INSERT INTO sender_version (one, version) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET version = sender_version.version + 1"); err != nil {
		return fmt.Errorf("noting a change: %w", err)
	}
	tx.Then(func() {
		s.targets.forget(endpoints...)
		s.limits.stale.Store(true)
		s.work.wake()
	})
	return nil
}

// follow reads what is remembered anew if something has changed, here or elsewhere.
func (s *Sender) follow(ctx context.Context) error {
	if s.limits.stale.Load() {
		return s.reload(ctx)
	}
	if !s.Store.Standing().Shared {
		return nil
	}
	version, err := s.version(ctx)
	if err != nil || version == s.limits.version.Load() {
		return err
	}
	s.targets.forget()
	return s.reload(ctx)
}

func (s *Sender) version(ctx context.Context) (version int64, err error) {
	_, err = s.reading(ctx).one("SELECT version FROM sender_version WHERE one = 1", nil, &version)
	return version, err
}

// reload reads the limits and the failing endpoints, and tells the engine whose limit is
// another.
func (s *Sender) reload(ctx context.Context) (err error) {
	s.limits.stale.Store(false)
	defer func() {
		if err != nil {
			s.limits.stale.Store(true)
		}
	}()
	version, err := s.version(ctx) // before the rest: what changes meanwhile is read again
	if err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	rates := make(map[string]float64)
	failing := make(map[string]time.Time)
	err = s.reading(ctx)(`SELECT e.id, CASE WHEN e.rate > 0 THEN e.rate ELSE a.rate END, e.failing
FROM sender_endpoints e JOIN sender_applications a ON a.id = e.app WHERE e.deleted = 0 AND (e.rate > 0 OR a.rate > 0 OR e.failing > 0)`, nil, func(scan func(...any) error) error {
		var id string
		var rate, since int64
		err := scan(&id, &rate, &since)
		if rate > 0 {
			rates[id] = float64(rate)
		}
		if since > 0 {
			failing[id] = moment(since)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading limits: %w", err)
	}
	s.limits.mu.Lock()
	before := s.limits.rates
	s.limits.rates = rates
	s.limits.mu.Unlock()
	s.limits.version.Store(version)
	s.failures.replace(failing)
	for id, rate := range rates {
		// The first time nobody has been told another.
		if before != nil && before[id] != rate {
			s.Engine.Refresh(id)
		}
	}
	for id := range before {
		if _, has := rates[id]; !has {
			s.Engine.Refresh(id)
		}
	}
	return nil
}
