package delivery

import (
	"cmp"
	"context"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Transport makes attempts. It is called from many goroutines at once.
type Transport interface {
	// Attempt makes one attempt at a delivery, the number of which is d.Attempts+1,
	// and returns what came of it. It returns soon after ctx is done; ctx has the
	// attempt's deadline. It neither changes nor keeps d, nor its payload.
	Attempt(ctx context.Context, d *store.Delivery) Answer
}

// Answer is what a destination said to an attempt.
type Answer struct {
	// Status is that of the response; 0 if there was none.
	Status int
	// RetryAfter is the response's header of that name, unparsed.
	RetryAfter string
	// Err says why there is no response, or what else went wrong. A response counts
	// by its status whatever Err is, unless Err wraps [ErrPanic].
	Err error
	// Response is the beginning of the body, if it is to be kept.
	Response []byte
}

// Destination says how deliveries to a destination are made. Zero values take the
// defaults.
type Destination struct {
	// Name is the destination's, such as "source/travtus".
	Name string
	// Transport makes the attempts.
	Transport Transport
	// Retry are the delays after the first attempt, which is immediate. Default: 5s
	// 5m 30m 2h 5h 10h 10h. After the last the delivery is dead, unless Forever
	// repeats it.
	Retry   []time.Duration
	Forever bool
	// GiveUp is how long after a delivery was armed it is dead whatever its step.
	// Default: 14 days.
	GiveUp time.Duration
	// Timeout is for one attempt. Default: 15s.
	Timeout time.Duration
	// Concurrency is how many attempts are made at once at most. Default: 16.
	Concurrency int
	// Rate is how many attempts are begun per second at most, with as many at once, and
	// one at least, after a pause; 0 is any number. It is for this process alone.
	Rate float64
	// MaxHold is how long the destination may ask us to wait, by 429, or 503 with
	// Retry-After. Default: 1 h. It is not for an endpoint.
	MaxHold time.Duration
	// Endpoint says that it is a stranger's. It may ask us to wait for between once and
	// twice what the schedule says, and its attempts are recorded as listed.
	Endpoint bool
	// Settled learns of the outcome of every attempt once that is committed, also if
	// the delivery was settled otherwise meanwhile; not of deliveries that were given up
	// without one. It is called on the store's committer and must not block. Default: nobody.
	Settled func(*store.Outcome)
}

// Directory has destinations that come and go while a generation delivers. It is called
// under locks: it answers from memory and does not call the engine, nor may the engine be
// called with a lock held that it takes.
type Directory interface {
	// Destination returns the one of that name; ok is false if there is none, or none any
	// more. What waits for it is parked then. Once that changes, [Engine.Refresh] says so.
	Destination(name string) (d Destination, ok bool)
}

// withDefaults returns a copy in which no setting is zero.
func (d Destination) withDefaults() *Destination {
	if len(d.Retry) == 0 {
		d.Retry = DefaultRetry()
	}
	d.GiveUp = cmp.Or(max(d.GiveUp, 0), 14*24*time.Hour)
	d.Timeout = cmp.Or(max(d.Timeout, 0), 15*time.Second)
	d.Concurrency = cmp.Or(max(d.Concurrency, 0), 16)
	d.MaxHold = cmp.Or(max(d.MaxHold, 0), time.Hour)
	return &d
}
