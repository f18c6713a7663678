package delivery

import "time"

const (
	firstBackoff = time.Second
	lastBackoff  = 8 * time.Second
)

// backoff is how long to leave alone what fails again and again: a second, then
// twice as long each time, and at most as long as what works again may wait. The zero
// value leaves nothing alone.
type backoff struct {
	delay time.Duration
	until time.Time
}

// fail notes a failure and reports whether it is the first since ok.
func (b *backoff) fail(now time.Time) (first bool) {
	first = b.delay == 0
	b.delay = min(max(2*b.delay, firstBackoff), lastBackoff)
	b.until = now.Add(b.delay)
	return first
}

// ok notes that it works, and reports whether it had failed.
func (b *backoff) ok() (failed bool) {
	failed = b.delay > 0
	*b = backoff{}
	return failed
}
