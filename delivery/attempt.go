package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hookgate/hookgate/store"
)

// work makes attempts, one after another, until there is none to be made.
func (d *dispatcher) work(t *task) {
	for t != nil {
		t = d.finish(t, d.attempt(t))
	}
}

// attempt makes one attempt. Its context is the engine's, whatever becomes of the
// generation that it was begun for.
func (d *dispatcher) attempt(t *task) *result {
	ctx, cancel := context.WithTimeout(d.engine.ctx, t.to.Timeout)
	defer cancel()
	r := &result{started: d.engine.now()}
	begun := time.Now()
	r.Answer = d.call(ctx, t)
	r.took = time.Since(begun)
	r.expired = errors.Is(ctx.Err(), context.DeadlineExceeded)
	r.stopping = d.engine.ctx.Err() != nil
	r.asked, _ = retryAfter(r.RetryAfter, d.engine.now())
	return r
}

// call calls the transport, and survives its panic. What was panicked with may hold
// the payload, so only errors of the runtime are told.
func (d *dispatcher) call(ctx context.Context, t *task) (a Answer) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		what := fmt.Sprintf("%T", p)
		if err, ok := p.(runtime.Error); ok {
			what = err.Error()
		}
		a = Answer{Err: fmt.Errorf("%w: %s", ErrPanic, what)}
		d.engine.logger.LogAttrs(ctx, slog.LevelError, "an attempt panicked",
			slog.String("destination", d.name), slog.Int64("event", t.Seq), slog.String("panic", what), slog.String("stack", string(debug.Stack())))
	}()
	return t.to.Transport.Attempt(ctx, &t.Delivery)
}

// finish learns from an attempt, writes down what becomes of its delivery, and
// takes the next one.
func (d *dispatcher) finish(t *task, r *result) (next *task) {
	e, row, now := d.engine, judge(r), d.engine.now()
	e.watch.Attempted(d.name, t.Attempts+1, row.Outcome, r.took)

	d.mu.Lock()
	d.running[t.lane]--
	c := d.learn(t, row, r, now)
	heldUntil := d.heldUntil
	// A probe that failed has changed nothing: three days of them must not end the
	// schedule, nor fill the disk.
	write := row.Verdict || row.discards() || t.lane != probe && row.effect != leave
	if write {
		t.outcome = t.to.outcome(&t.Delivery, row, r, now, heldUntil, e.random())
		d.unwritten++
	} else {
		d.letGo(t)
		d.leave(t.DeliveryID())
		d.missed()
	}
	d.mu.Unlock()

	d.report(c, r, row.Outcome, heldUntil)
	if write {
		d.settle(t)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	next = d.take()
	d.start()
	return next
}

// learn draws the conclusions from an attempt for the destination.
func (d *dispatcher) learn(t *task, row *Row, r *result, now time.Time) (c change) {
	switch {
	case row.effect == leave, row.discards(): // it says nothing of the destination
		if t.lane == probe {
			d.nudge()
		}
		return unchanged
	case row.Verdict:
		if t.lane == backlog {
			d.lanes.widen(t.to.Concurrency)
		}
		if d.health.verdict() {
			d.reader.release, d.reader.probed = now, nil
			d.reopen()
			c = cameUp
		}
	case t.lane == probe:
		d.health.probed(t.epoch, r.started, now)
		d.nudge()
	default:
		d.lanes.halve()
		if d.health.failed(t.DeliveryID(), t.epoch, now) {
			d.flush()
			c = wentDown
		}
	}
	// A probe that was not told for how long is put off as any other.
	if row.effect == hold && (t.lane != probe || r.asked > 0) {
		until := now.Add(t.to.holdFor(r, &t.Delivery))
		if !now.Before(d.heldUntil) && c == unchanged {
			c = isHeld
		}
		if until.After(d.heldUntil) {
			d.heldUntil = until
			d.flush()
		}
	}
	return c
}

// settle writes an outcome down. It may wait for room in the store's queue, but not
// for the commit.
func (d *dispatcher) settle(t *task) {
	d.engine.store.Settle(d.engine.ctx, &t.outcome, func(err error) { d.settled(t, err) })
}

// settled is called when an outcome is committed, or could not be. Then it is
// written again later, as the attempt has been made.
func (d *dispatcher) settled(t *task, err error) {
	if err == nil && t.outcome.Attempt != nil && t.to.Settled != nil {
		t.to.Settled(&t.outcome)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil && d.engine.ctx.Err() == nil {
		d.failed = append(d.failed, t)
		now := d.engine.now()
		if !now.Before(d.writes.until) && d.writes.fail(now) {
			d.engine.logger.LogAttrs(d.engine.ctx, slog.LevelError, "outcomes of attempts cannot be stored; trying again",
				slog.String("destination", d.name), slog.String("error", err.Error()))
		}
		d.nudge()
		return
	}
	if err == nil && d.writes.ok() {
		d.engine.logger.LogAttrs(d.engine.ctx, slog.LevelInfo, "outcomes of attempts are stored again", slog.String("destination", d.name))
	}
	d.unwritten--
	d.letGo(t)
	if err == nil && t.outcome.State == store.Pending {
		if d.health.down() {
			d.missed() // probes take what is not due, too
		}
		d.sooner(t.outcome.Due)
	}
	if d.stalled || d.health.down() {
		d.stalled = false
		d.start()
		d.nudge()
	}
}

// rewrite writes the outcomes again that could not be committed, if it is time.
func (d *dispatcher) rewrite() {
	d.mu.Lock()
	var again []*task
	if !d.engine.now().Before(d.writes.until) {
		again, d.failed = d.failed, nil
	}
	d.mu.Unlock()
	for _, t := range again {
		d.settle(t)
	}
}

// abandon lets go of outcomes that could not be committed before the engine ended:
// their deliveries are as they were, and will be repeated.
func (d *dispatcher) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.failed {
		d.unwritten--
		d.letGo(t)
	}
	d.failed = nil
}
