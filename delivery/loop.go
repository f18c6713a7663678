package delivery

import (
	"log/slog"
	"time"
)

// run is the dispatcher's loop. It ends with the engine.
func (d *dispatcher) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(d.pass())
		if d.gone() {
			return
		}
		select {
		case <-d.engine.ctx.Done():
			d.abandon()
			return
		case <-d.wake:
		case <-timer.C:
		}
	}
}

// pass does what there is to do with the store, and returns how long there will be
// nothing, unless it is woken.
func (d *dispatcher) pass() time.Duration {
	d.rewrite()
	now := d.engine.now()
	if d.tick(now) {
		err := d.disown()
		if err == nil {
			err = d.expire(now)
		}
		if err == nil {
			err = d.release(now)
		}
		if err == nil {
			err = d.read(now)
		}
		if err == nil {
			err = d.probe(now)
		}
		d.judgeStore(err)
	}
	return d.rest(d.engine.now())
}

// tick follows the time, and reports whether the store may be asked.
func (d *dispatcher) tick(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := &d.reader
	if r.last.Sub(now) > time.Second { // the clock of a shared store has gone back
		d.again(now)
	}
	r.last = now
	if !now.Before(r.minute) {
		r.minute = now.Add(safetyNet)
		r.unread, r.expiring = true, true
	}
	if !r.next.IsZero() && !now.Before(r.next) {
		r.unread, r.next = true, time.Time{}
	}
	if d.polls() && d.poll.over(now) {
		r.unread = true
	}
	d.start() // those that were too many per second
	return !now.Before(r.trouble.until)
}

// judgeStore leaves the store alone for a while if it is in trouble.
func (d *dispatcher) judgeStore(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := d.engine.logger
	name := slog.String("destination", d.name)
	switch {
	case err == nil:
		if d.reader.trouble.ok() {
			log.LogAttrs(d.engine.ctx, slog.LevelInfo, "the store can be read again", name)
		}
	case d.engine.ctx.Err() != nil: // the end
	case d.reader.trouble.fail(d.engine.now()):
		log.LogAttrs(d.engine.ctx, slog.LevelError, "the store cannot be read; trying again", name, slog.String("error", err.Error()))
	}
}

// rest returns how long there is nothing to do.
func (d *dispatcher) rest(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	span := d.span(now)
	d.rests = now.Add(span)
	return span
}

func (d *dispatcher) span(now time.Time) time.Duration {
	r := &d.reader
	until := r.minute
	earlier := func(t time.Time) {
		if t.Before(until) {
			until = t
		}
	}
	if len(d.failed) > 0 {
		earlier(d.writes.until)
	}
	switch {
	case now.Before(r.trouble.until):
		earlier(r.trouble.until)
		return until.Sub(now)
	case d.barred():
		return until.Sub(now)
	case d.health.down():
		if d.probing() {
			earlier(latest(latest(d.health.next, d.heldUntil), d.pace.next(d.settings.Rate, now)))
		}
	case now.Before(d.heldUntil):
		earlier(d.heldUntil)
	case r.unread && d.room() || !r.release.IsZero():
		return 0
	case !r.unread && !r.next.IsZero():
		earlier(r.next)
	}
	if d.queued() && !d.pace.ready(d.settings.Rate, now) {
		earlier(d.pace.next(d.settings.Rate, now))
	}
	if r.expiring || len(d.left) > 0 {
		return 0
	}
	if d.polls() && !d.poll.at.IsZero() {
		earlier(d.poll.at)
	}
	return until.Sub(now)
}

// again forgets what was put off by a clock that was ahead.
func (d *dispatcher) again(now time.Time) {
	r := &d.reader
	r.minute, r.next, r.trouble.until, d.writes.until, d.oldest.asked = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	d.health.next = now
	if !d.poll.at.IsZero() {
		d.poll.at = now
	}
}
