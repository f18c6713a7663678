package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// stopWait is how long attempts in flight may take when the process ends.
const stopWait = 10 * time.Second

// storages are the open stores, by the real path of their files or the name of their
// databases. The pool only
// finds them: a store is closed when the last that uses it lets go, which may be a
// request that is still inside a handler after its configuration is gone.
var storages = caddy.NewUsagePool()

// storage is an open store with the engine that delivers from it.
type storage struct {
	key    string
	place  place
	store  *store.Store
	engine *delivery.Engine
	cache  *sender.Cache
	logger *slog.Logger

	mu    sync.Mutex
	users int
}

// acquireStorage opens the store, or finds it open.
func acquireStorage(ctx context.Context, config *Store, logger *slog.Logger) (*storage, error) {
	p, err := config.place(logger)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	key := p.Name()
	if err := othersSettled(key); err != nil {
		return nil, err
	}
	v, found, err := storages.LoadOrNew(key, func() (caddy.Destructor, error) { return openStorage(ctx, key, p, logger) })
	if err != nil {
		return nil, err
	}
	s := v.(*storage)
	if found {
		s.renew(config)
	}
	return s, nil
}

// othersSettled refuses to leave events behind in another store.
func othersSettled(key string) (err error) {
	storages.Range(func(_, value any) bool {
		s := value.(*storage)
		if destination, n := s.pending(); n > 0 && s.key != key && s.store.Standing().Others == 0 {
			err = fmt.Errorf("the store cannot change from %s to %s while events wait in it (%d for %s): let them be delivered first, or stop Caddy and move the file, or its events with webhook migrate", s.key, key, n, destination)
		}
		return err == nil
	})
	return err
}

// warnOfLeft tells of events in a store that no source uses any more.
func warnOfLeft(logger *slog.Logger) {
	storages.Range(func(_, value any) bool {
		s := value.(*storage)
		if destination, n := s.pending(); n > 0 {
			logger.Warn("events wait in a store, and no source has forward any more: they stay there until one has",
				slog.String("store", s.key), slog.String("destination", destination), slog.Int64("events", n))
		}
		return true
	})
}

// pending returns a destination for which events wait, and how many.
func (s *storage) pending() (destination string, n int64) {
	for destination, count := range s.store.Counts() {
		if count.Pending > 0 {
			return destination, count.Pending
		}
	}
	return "", 0
}

// migrations are those of the packages that keep tables of their own in the store.
func migrations() []store.Migration {
	return slices.Concat(sender.Migrations(), api.Migrations(), portal.Migrations())
}

func openStorage(ctx context.Context, key string, p place, logger *slog.Logger) (*storage, error) {
	opened, err := store.Open(ctx, p, store.Options{
		Logger: logger, Committed: observeCommit, Migrations: migrations(), Match: sender.Match,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &storage{key: key, place: p, store: opened, cache: sender.NewCache(), logger: logger, users: 1}
	s.engine = delivery.New(opened, delivery.Options{Now: opened.Now, Logger: logger, Observer: attemptObserver{}})
	return s, nil
}

// use keeps the store open until release is called; false if it is closed.
func (s *storage) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		return false
	}
	s.users++
	return true
}

// release lets go; the last one closes the store.
func (s *storage) release() error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return errors.Join(s.stop(), s.store.Close())
}

// letGo ends what use began.
func (a *App) letGo() {
	if err := a.storage.release(); err != nil {
		a.logger.Error("closing the store", slog.Any("error", err))
	}
}

// stop ends the attempts; events are still accepted. It may be called again.
func (s *storage) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	return s.engine.Stop(ctx)
}

// Destruct is called by the pool when no configuration uses the store any more.
func (s *storage) Destruct() error { return s.release() }

func releaseStorage(s *storage, logger *slog.Logger) {
	if _, err := storages.Delete(s.key); err != nil {
		logger.Error("closing the store", slog.Any("error", err))
	}
}
