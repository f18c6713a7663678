package portal

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/hookgate/hookgate/store"
)

const (
	// chartHours is how many hours a chart has.
	chartHours = 24
	// settling is how long a count may still change: an attempt is recorded when it has
	// ended, under the time when it began.
	settling = 2 * time.Minute
	// freshFor is how long the count of an hour that goes on is good enough.
	freshFor = 3 * time.Second
	// keptTallies is how many hours are remembered, of all endpoints and applications.
	keptTallies = 64 << 10
)

// tallies count by the hour: attempts at endpoints, and messages of applications. What is
// over is counted once, and of an hour that goes on only what has come since, so that a
// page that is polled costs the same however much there was.
type tallies struct {
	store *store.Store
	mu    sync.Mutex // one counts, others wait for what he finds
	hours *lru.Cache[tallyKey, tallied]
}

// tallyKey is an hour of an endpoint or of an application, whose ids differ.
type tallyKey struct {
	of   string
	hour int64
}

// tallied is what is known of an hour.
type tallied struct {
	settled Hour // of what began before until, which changes no more
	recent  Hour // of the rest
	until   time.Time
	at      time.Time // when it was counted
}

func newTallies(s *store.Store) *tallies {
	hours, _ := lru.New[tallyKey, tallied](keptTallies) // it errs about the size only
	return &tallies{store: s, hours: hours}
}

// Hour is what a chart shows of an hour: attempts, or messages.
type Hour struct {
	Start time.Time
	store.Tally
	// Messages is how many there were; if there were More, how many were counted.
	Messages int64
	More     bool
}

// plus is two parts of an hour.
func (h Hour) plus(other Hour) Hour {
	h.Succeeded += other.Succeeded
	h.Failed += other.Failed
	h.Messages += other.Messages
	h.More = h.More || other.More
	return h
}

// maxCounted is how many messages are counted at once.
const maxCounted = 100_000

// counter counts what began from a time on and before another.
type counter func(ctx context.Context, of string, from, to time.Time) (Hour, error)

// attempts counts the attempts at an endpoint in each of the last hours, the oldest first.
func (t *tallies) attempts(ctx context.Context, endpoint string, now time.Time) ([]Hour, error) {
	return t.last(ctx, endpoint, now, func(ctx context.Context, of string, from, to time.Time) (h Hour, err error) {
		h.Tally, err = t.store.TallyTo(ctx, of, from, to)
		return h, err
	})
}

// messages counts the messages of an application in each of the last hours, the oldest
// first.
func (t *tallies) messages(ctx context.Context, app string, now time.Time) ([]Hour, error) {
	return t.last(ctx, app, now, func(ctx context.Context, of string, from, to time.Time) (Hour, error) {
		n, err := t.store.CountMessages(ctx, of, from, to, maxCounted+1)
		return Hour{Messages: min(n, maxCounted), More: n > maxCounted}, err
	})
}

func (t *tallies) last(ctx context.Context, of string, now time.Time, count counter) ([]Hour, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hours := make([]Hour, chartHours)
	first := now.Truncate(time.Hour).Add(-(chartHours - 1) * time.Hour)
	for i := range hours {
		start := first.Add(time.Duration(i) * time.Hour)
		key := tallyKey{of, start.Unix()}
		known, ok := t.hours.Get(key)
		if !ok {
			known.until = start
		}
		if end := start.Add(time.Hour); known.until.Before(end) && (!ok || now.Sub(known.at).Abs() > freshFor) {
			var err error
			if known, err = known.next(ctx, of, end, now, count); err != nil {
				return nil, err
			}
			t.hours.Add(key, known)
		}
		hours[i] = known.settled.plus(known.recent)
		hours[i].Start = start
	}
	return hours, nil
}

// next counts what has come since.
func (known tallied) next(ctx context.Context, of string, end, now time.Time, count counter) (tallied, error) {
	known.at = now
	if until := earlier(now.Add(-settling), end); until.After(known.until) {
		found, err := count(ctx, of, known.until, until)
		if err != nil {
			return known, err
		}
		known.settled, known.until = known.settled.plus(found), until
	}
	known.recent = Hour{}
	if !known.until.Before(end) {
		return known, nil
	}
	var err error
	known.recent, err = count(ctx, of, known.until, end)
	return known, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sum is of all hours.
func sum(hours []Hour) (all Hour) {
	for _, h := range hours {
		all = all.plus(h)
	}
	return all
}
