package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Pause ends new attempts at a destination until it is resumed, also over restarts.
// Events for it are accepted and stored.
func (e *Engine) Pause(ctx context.Context, destination string) error {
	e.pausing.Lock()
	defer e.pausing.Unlock()
	if err := e.store.Pause(ctx, destination); err != nil {
		return fmt.Errorf("pausing %s: %w", destination, err)
	}
	e.setPause(destination, e.now())
	return nil
}

// Resume ends a pause: what has waited is attempted, as if the destination had come
// up again. One that is not paused stays as it is.
func (e *Engine) Resume(ctx context.Context, destination string) error {
	e.pausing.Lock()
	defer e.pausing.Unlock()
	if err := e.store.Resume(ctx, destination); err != nil {
		return fmt.Errorf("resuming %s: %w", destination, err)
	}
	e.setPause(destination, time.Time{})
	return nil
}

// setPause follows what was written, unless the pauses have not been read yet.
func (e *Engine) setPause(destination string, since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.pausesKnown {
		return
	}
	if since.IsZero() {
		delete(e.pauses, destination)
	} else if _, paused := e.pauses[destination]; !paused {
		e.pauses[destination] = since
	}
	e.dispatcherLocked(destination).pause(true, e.pauses[destination])
}

// keep reads the pauses at the start, before which nothing is attempted, and then
// again and again if others share it.
func (e *Engine) keep() {
	var trouble backoff
	for {
		pause := safetyNet
		if e.store.Standing().Shared {
			pause = shareEvery
		}
		switch err := e.readPauses(); {
		case err == nil:
			trouble.ok()
		case e.ctx.Err() == nil:
			if trouble.fail(e.now()) {
				e.logger.LogAttrs(e.ctx, slog.LevelError, "it cannot be read which destinations are paused; trying again", slog.String("error", err.Error()))
			}
			pause = trouble.delay
		}
		e.tend()
		if !e.sleep(pause) {
			return
		}
	}
}

func (e *Engine) readPauses() error {
	e.pausing.Lock()
	defer e.pausing.Unlock()
	pauses, err := e.store.Pauses(e.ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pauses = make(map[string]time.Time, len(pauses))
	maps.Copy(e.pauses, pauses)
	e.pausesKnown = true
	for name := range pauses {
		e.dispatcherLocked(name)
	}
	for name, d := range e.dispatchers {
		d.pause(true, e.pauses[name])
	}
	return nil
}

// sleep waits, and reports false if the engine ends meanwhile.
func (e *Engine) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// Retry makes a delivery due now, whatever its state: the schedule of a settled one
// starts anew. It is attempted as soon as its destination takes attempts. The error
// wraps [store.ErrNotFound] if there is no such delivery.
func (e *Engine) Retry(ctx context.Context, id store.DeliveryID) error {
	d, err := e.store.Delivery(ctx, id)
	if err != nil {
		return err
	}
	ok, err := e.store.Rearm(ctx, id, false)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("event %d: %w", id.Seq, store.ErrNotFound)
	}
	e.Wake(d.Destination)
	return nil
}
