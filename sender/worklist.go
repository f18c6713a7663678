package sender

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// maxWork is how much may wait. What comes then is left out: operational webhooks,
// and failures of endpoints, which are noted with the next one.
const maxWork = 100_000

// worklist is what waits to be done one after another, beside transactions.
type worklist struct {
	mu      sync.Mutex
	waiting []func(context.Context)
	full    bool
	some    chan struct{} // has room for one
}

func (w *worklist) init() { w.some = make(chan struct{}, 1) }

// add puts something on the list, and reports whether there was room.
func (w *worklist) add(f func(context.Context)) bool {
	w.mu.Lock()
	if w.full = len(w.waiting) >= maxWork; !w.full {
		w.waiting = append(w.waiting, f)
	}
	full := w.full
	w.mu.Unlock()
	w.wake()
	return !full
}

func (w *worklist) wake() {
	select {
	case w.some <- struct{}{}:
	default:
	}
}

// take returns all that waits.
func (w *worklist) take() []func(context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiting
	w.waiting = nil
	return all
}

// later does something soon, beside transactions. It never blocks.
func (s *Sender) later(f func(context.Context)) {
	if !s.work.add(f) {
		s.Logger.Warn("too much waits to be noted of endpoints: some is left out", slog.Int("waiting", maxWork))
	}
}

// lookEvery is how often is looked whether others have changed something, and retryEvery
// how often where there are no others: for what could not be read, and for what the last
// calls of the configuration before have changed.
const (
	lookEvery  = time.Second
	retryEvery = time.Minute
)

// keep does what waits, and follows what others change who share the store.
func (s *Sender) keep(ctx context.Context) {
	every := retryEvery
	if s.Store.Standing().Shared {
		every = lookEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.work.some:
		case <-ticker.C:
		}
		for _, f := range s.work.take() {
			f(ctx)
		}
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Warn("reading the limits of endpoints", slog.Any("error", err))
		}
	}
}
