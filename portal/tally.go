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
	// countFor is for how long one look at a page counts, and stepOf how many at once: what
	// is not counted then is by the next look.
	countFor = 25 * time.Millisecond
	stepOf   = 10_000
	// keptTallies is how many hours are remembered, of all endpoints and applications.
	keptTallies = 64 << 10
)

// tallies count by the hour: attempts at endpoints, and messages of applications. What is
// over is counted once, and of an hour that goes on only what has come since, so that a
// page that is polled costs the same however much there was. If there is much to count a
// page shows what is counted so far, the newest first, and that there is more.
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
	at      time.Time // when all of it was counted; zero if it is not
}

func newTallies(s *store.Store) *tallies {
	hours, _ := lru.New[tallyKey, tallied](keptTallies) // it errs about the size only
	return &tallies{store: s, hours: hours}
}

// Hour is what a chart shows of an hour: attempts, or messages.
type Hour struct {
	Start time.Time
	store.Tally
	Messages int64
	// More says that not all are counted yet.
	More bool
}

// plus is two parts of an hour.
func (h Hour) plus(other Hour) Hour {
	h.Succeeded += other.Succeeded
	h.Failed += other.Failed
	h.Messages += other.Messages
	h.More = h.More || other.More
	return h
}

// counter counts what began from a time on and before another, or a part of it: up to where
// it says.
type counter func(ctx context.Context, of string, from, to time.Time) (h Hour, until time.Time, err error)

// attempts counts the attempts at an endpoint in each of the last hours, the oldest first,
// and gives up by a time.
func (t *tallies) attempts(ctx context.Context, endpoint string, now, by time.Time) ([]Hour, error) {
	return t.last(ctx, endpoint, now, by, func(ctx context.Context, of string, from, to time.Time) (h Hour, until time.Time, err error) {
		h.Tally, until, err = t.store.TallyStep(ctx, of, from, to, stepOf)
		return h, until, err
	})
}

// messages counts the messages of an application as attempts does.
func (t *tallies) messages(ctx context.Context, app string, now, by time.Time) ([]Hour, error) {
	return t.last(ctx, app, now, by, func(ctx context.Context, of string, from, to time.Time) (h Hour, until time.Time, err error) {
		h.Messages, until, err = t.store.CountStep(ctx, of, from, to, stepOf)
		return h, until, err
	})
}

func (t *tallies) last(ctx context.Context, of string, now, by time.Time, count counter) ([]Hour, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hours := make([]Hour, chartHours)
	first := now.Truncate(time.Hour).Add(-(chartHours - 1) * time.Hour)
	for i := len(hours) - 1; i >= 0; i-- {
		start := first.Add(time.Duration(i) * time.Hour)
		key := tallyKey{of, start.Unix()}
		known, ok := t.hours.Get(key)
		if !ok {
			known = tallied{until: start, recent: Hour{More: true}}
		}
		if end := start.Add(time.Hour); known.until.Before(end) && now.Sub(known.at).Abs() > freshFor && time.Now().Before(by) {
			var err error
			if known, err = known.next(ctx, of, end, now, by, count); err != nil {
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
func (known tallied) next(ctx context.Context, of string, end, now, by time.Time, count counter) (tallied, error) {
	known.recent, known.at = Hour{More: true}, time.Time{} // until it is counted
	settled := earlier(now.Add(-settling), end)
	for known.until.Before(settled) {
		if !time.Now().Before(by) {
			return known, nil
		}
		found, until, err := count(ctx, of, known.until, settled)
		if err != nil {
			return known, err
		}
		known.settled, known.until = known.settled.plus(found), until
	}
	recent := Hour{}
	for from := known.until; from.Before(end); {
		if !time.Now().Before(by) {
			known.recent = known.recent.plus(recent)
			return known, nil
		}
		found, until, err := count(ctx, of, from, end)
		if err != nil {
			return known, err
		}
		recent, from = recent.plus(found), until
	}
	known.recent, known.at = recent, now
	return known, nil
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
