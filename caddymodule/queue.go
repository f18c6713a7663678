package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// startWait is how long a request waits for its configuration: servers may listen
// before the app that holds the store has started.
const startWait = 5 * time.Second

// queue is an app as its sources see it: where events are kept.
type queue App

var _ gateway.Queue = (*queue)(nil)

// Accept stores an event and hands it to the engine.
func (q *queue) Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
	if err := q.started(ctx); err != nil {
		return store.Verdict{}, err
	}
	if !q.storage.use() {
		return store.Verdict{}, store.ErrClosed
	}
	defer (*App)(q).letGo()
	return q.storage.engine.Accept(ctx, a)
}

func (q *queue) started(ctx context.Context) error {
	select {
	case <-q.ready:
		return nil
	default:
	}
	timer := time.NewTimer(startWait)
	defer timer.Stop()
	select {
	case <-q.ready:
		return nil
	case <-timer.C:
		return fmt.Errorf("%w: the configuration has not started", store.ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("%w: the configuration has not started: %w", store.ErrUnavailable, ctx.Err())
	}
}
