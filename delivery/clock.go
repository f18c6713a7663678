package delivery

import (
	"sync"
	"time"
)

// clock is wall time that never goes back while the process runs: if the wall clock
// is set back, it goes on with monotonic time until the wall clock has caught up.
// All that the engine compares and writes is of this clock, so that what was due in
// five minutes is due in five minutes also if the wall clock went back by an hour. The
// clock of a store that gateways share is as it is: they have to agree. It is safe for
// concurrent use.
type clock struct {
	wall   func() time.Time
	shared bool

	mu     sync.Mutex
	base   time.Time // what the clock showed
	anchor time.Time // when, in monotonic time
}

func newClock(wall func() time.Time, shared bool) *clock {
	return &clock{wall: wall, shared: shared, base: wall(), anchor: time.Now()}
}

func (c *clock) now() time.Time {
	if c.shared {
		return c.wall()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, monotonic := c.wall().Round(0), time.Now()
	steady := c.base.Round(0).Add(monotonic.Sub(c.anchor))
	if wall.Before(steady) {
		return steady
	}
	c.base, c.anchor = wall, monotonic
	return wall
}
