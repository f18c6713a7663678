package gateway

import (
	"sync"
	"time"
)

// When most correctly signed requests are stale, or most are from the future,
// the clock that is wrong is ours: senders are many, and we are one. Then a 401,
// which some senders take as final, would lose genuine events.
const (
	skewMinutes = 5  // how far back requests count
	skewLeast   = 10 // how many there must be before they prove anything
)

// clockWatch counts correctly signed requests by their freshness. It is safe for
// concurrent use.
type clockWatch struct {
	mu      sync.Mutex
	buckets [skewMinutes]freshness
}

type freshness struct {
	minute               int64
	fresh, stale, future int
}

// observe counts a correctly signed request and reports whether our own clock is
// to blame for its being stale (skew < 0) or from the future (skew > 0); skew is
// 0 for a fresh one.
func (c *clockWatch) observe(now time.Time, skew time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	minute := now.Unix() / 60
	b := &c.buckets[uint64(minute)%skewMinutes] // a clock before 1970 is wrong, and no panic
	if b.minute != minute {
		*b = freshness{minute: minute}
	}
	switch {
	case skew < 0:
		b.stale++
	case skew > 0:
		b.future++
	default:
		b.fresh++
		return false
	}
	total, same := 0, 0
	for _, b := range c.buckets {
		if age := minute - b.minute; age < 0 || age >= skewMinutes {
			continue
		}
		total += b.fresh + b.stale + b.future
		if skew < 0 {
			same += b.stale
		} else {
			same += b.future
		}
	}
	return total >= skewLeast && 2*same > total
}
