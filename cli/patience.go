package cli

import (
	"context"
	"time"
)

// patience is how long is waited before something is looked at again: longer and longer.
type patience struct{ now, most time.Duration }

func (h Host) patience() *patience {
	first := h.poll
	if first == 0 {
		first = pollEvery
	}
	return &patience{first, 16 * first}
}

func (p *patience) grow() { p.now = min(2*p.now, p.most) }

// pass waits, and reports whether that was not interrupted.
func (p *patience) pass(ctx context.Context) bool {
	timer := time.NewTimer(p.now)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
