package caddymodule

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/store"
)

// TestQueueWaitsForStart: a request that comes before its configuration has started
// waits, 5 s at most, and then leaves open whether the event is stored.
func TestQueueWaitsForStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := (*queue)(&App{ready: make(chan struct{})})
		began := time.Now()
		if _, err := q.Accept(t.Context(), nil); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != startWait {
			t.Errorf("waited %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := q.Accept(ctx, nil); !errors.Is(err, store.ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
	})
}

// TestQueueOfClosedStore: after the last who used it the store takes nothing.
func TestQueueOfClosedStore(t *testing.T) {
	q := (*queue)(&App{ready: make(chan struct{}), storage: new(storage)})
	close(q.ready)
	if _, err := q.Accept(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
