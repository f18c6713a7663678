package postgres

import (
	"context"
	"time"
)

// Freeze stops the heartbeat without a word to the others, as a crash or a frozen
// process does. The row stays until its time is over.
func (d *Database) Freeze() {
	d.lease.stop()
	<-d.lease.ended
}

// Beat makes the heartbeat beat once. It is for a database that is frozen.
func (d *Database) Beat(ctx context.Context) error { return d.lease.renew(ctx) }

// Lapse ends the lease as far as this process knows, as if the time had gone by.
func (d *Database) Lapse() {
	s := *d.lease.now.Load()
	s.until = time.Now()
	d.lease.now.Store(&s)
}
