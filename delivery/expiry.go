package delivery

import (
	"context"
	"time"
)

const (
	// lookAgain is when the age of what is pending is asked for although, by what is
	// known, nothing can have expired: deliveries come from elsewhere, too.
	lookAgain = time.Hour
	// statusAge is how old an age in a status may be.
	statusAge = 15 * time.Second
)

// oldest is what is known of the age of what is pending, under the dispatcher's
// lock. To find out takes the store 100 ms with a million deliveries.
type oldest struct {
	armed time.Time // of the oldest when it was asked for; zero if there was none
	asked time.Time
}

// bound returns a time before which nothing that is pending was armed.
func (o *oldest) bound() time.Time {
	if o.armed.IsZero() {
		return o.asked
	}
	return o.armed
}

// expire gives up what has waited too long, some at a time. What is being attempted
// is judged by its outcome, too.
func (d *dispatcher) expire(now time.Time) error {
	d.mu.Lock()
	if !d.reader.expiring || d.barred() {
		d.reader.expiring = false
		d.mu.Unlock()
		return nil
	}
	before := now.Add(-d.settings.GiveUp)
	known := d.oldest
	d.mu.Unlock()

	if age := now.Sub(known.asked); age >= lookAgain || age >= statusAge && known.bound().Before(before) {
		var err error
		if known, err = d.askOldest(d.engine.ctx, now); err != nil {
			return err
		}
	}
	var n int64
	if !known.armed.IsZero() && known.armed.Before(before) {
		var err error
		if n, err = d.engine.store.Expire(d.engine.ctx, d.name, before, ReasonExpired, rows); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reader.expiring = n >= rows
	return nil
}

// askOldest asks the store how old what is pending is.
func (d *dispatcher) askOldest(ctx context.Context, now time.Time) (oldest, error) {
	armed, err := d.engine.store.Oldest(ctx, d.name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.oldest = oldest{armed: armed, asked: now}
	}
	return d.oldest, err
}
