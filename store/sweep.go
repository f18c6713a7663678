package store

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"
)

const (
	// sweepEvery is how often it is looked for what is past its time.
	sweepEvery = time.Second
	// revisitEvery is how often events are looked at again that could not go when
	// their age was reached. In between only those are looked at that reach it.
	revisitEvery = time.Hour
	// sweepPause is left to others between two transactions at least.
	sweepPause = 5 * time.Millisecond
	// sweepLook is how many events are looked at in one go, beside the commits;
	// sweepRows and sweepBytes how many are deleted in one transaction.
	sweepLook  = 1000
	sweepRows  = 100
	sweepBytes = 4 << 20
	rowBytes   = 512 // about what an event takes up without its payload
)

// sweeper remembers how far the passes over the events are: behind these numbers.
type sweeper struct {
	mu       sync.Mutex // one pass at a time
	revisit  time.Time
	cursors  [3]int64 // by stage
	reported bool     // the last pass has failed
}

// sweeps deletes what is past its time, until the store is closed.
func (s *Store) sweeps() {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go func() {
		<-s.stop
		cancel()
	}()
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		if standing := s.db.Standing(); s.retention.Load() == nil || s.unreadable() != nil || standing.Shared && !standing.Leads {
			continue
		}
		err := s.pass(ctx, false)
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return
		}
		if err != nil && !s.sweeper.reported {
			s.Logger.Error("deleting what is past its retention", slog.Any("error", err))
		}
		s.sweeper.reported = err != nil
	}
}

// Sweep deletes at once all that is past its retention, up to what another process is
// changing just then. The store does so by itself now and then.
func (s *Store) Sweep(ctx context.Context) error {
	if s.retention.Load() == nil {
		return nil
	}
	return s.pass(ctx, true)
}

// pass goes on from where the last pass has ended, or over all events from the start
// now and then, or if it is asked to.
func (s *Store) pass(ctx context.Context, all bool) error {
	w := &s.sweeper
	w.mu.Lock()
	defer w.mu.Unlock()
	now := s.Now()
	if all || !now.Before(w.revisit) || w.revisit.Sub(now) > revisitEvery {
		w.revisit, w.cursors = now.Add(revisitEvery), [3]int64{}
	}
	r := s.retention.Load()
	if err := s.sweep(ctx, r, byAge, func() (int64, error) { return math.MaxInt64, nil }); err != nil {
		return err
	}
	if r.Size <= 0 {
		return nil
	}
	tooMuch := func() (int64, error) {
		space, err := s.db.Space(ctx)
		return space.Used - r.Size, err
	}
	for _, at := range []stage{sizePayload, sizeRow} {
		if err := s.sweep(ctx, r, at, tooMuch); err != nil {
			return err
		}
	}
	return nil
}

// sweep goes over the events behind the stage's cursor as long as bytes are to go.
func (s *Store) sweep(ctx context.Context, r *Retention, at stage, tooMuch func() (int64, error)) error {
	cursor := &s.sweeper.cursors[at]
	for {
		bytes, err := tooMuch()
		if err != nil || bytes <= 0 {
			return err
		}
		events, next, err := s.choose(ctx, r, at, *cursor, bytes)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			started := time.Now()
			busy, err := s.enforce(ctx, r, at, events)
			if err != nil || busy > 0 { // the next pass goes on from here
				return err
			}
			if err := rest(ctx, max(sweepPause, time.Since(started))); err != nil {
				return err
			}
		}
		if next == *cursor {
			return nil
		}
		*cursor = next
	}
}

// choose returns the next events of which something has to go, about so many bytes, and
// where to go on; that is the cursor itself at the end.
func (s *Store) choose(ctx context.Context, r *Retention, at stage, cursor, bytes int64) (chosen []int64, next int64, err error) {
	now, size := s.Now(), int64(0)
	next, bytes = cursor, min(bytes, sweepBytes)
	err = s.Query(ctx, pastQuery, []any{cursor, sweepLook}, func(scan func(...any) error) error {
		e, err := scanPast(scan)
		if err != nil {
			return err
		}
		if at == byAge && r.young(&e, now) {
			return errEnough
		}
		next = e.seq
		if r.judge(&e, at, now) == leave {
			return nil
		}
		chosen, size = append(chosen, e.seq), size+rowBytes
		if e.kept {
			size += e.size
		}
		if len(chosen) == sweepRows || size >= bytes {
			return errEnough
		}
		return nil
	})
	return chosen, next, err
}

// young reports whether an event, and so all later ones, cannot be past its age,
// whenever it was settled. One from the future says nothing: the clock was wrong.
func (r *Retention) young(e *past, now time.Time) bool {
	var least time.Duration
	for _, limit := range []time.Duration{r.Age, r.Dead, r.Messages} {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	if least <= 0 {
		return true // everything is kept for ever
	}
	at := millis(now)
	return e.received <= at && e.received+least.Milliseconds() > at
}

// rest waits a moment.
func rest(ctx context.Context, span time.Duration) error {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
