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
	// settling is how long after an hour its count may still change: an attempt is recorded
	// when it has ended, under the time when it began.
	settling = 2 * time.Minute
	// freshFor is how long the count of an hour that goes on is good enough.
	freshFor = 3 * time.Second
	// keptTallies is how many hours are remembered, of all endpoints.
	keptTallies = 64 << 10
)

// tallies count attempts by the hour. What is over is counted once, so that a page that is
// polled costs the same however many attempts there were.
type tallies struct {
	store *store.Store
	mu    sync.Mutex // one counts, others wait for what he finds
	hours *lru.Cache[tallyKey, tallied]
}

type tallyKey struct {
	endpoint string
	hour     int64
}

type tallied struct {
	store.Tally
	at time.Time
}

func newTallies(s *store.Store) *tallies {
	hours, _ := lru.New[tallyKey, tallied](keptTallies) // it errs about the size only
	return &tallies{store: s, hours: hours}
}

// Hour is a bar of a chart.
type Hour struct {
	store.Tally
	Start time.Time
}

// last counts the attempts at an endpoint in each of the last hours, the oldest first.
func (t *tallies) last(ctx context.Context, endpoint string, now time.Time) ([]Hour, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hours := make([]Hour, chartHours)
	first := now.Truncate(time.Hour).Add(-(chartHours - 1) * time.Hour)
	for i := range hours {
		h := &hours[i]
		h.Start = first.Add(time.Duration(i) * time.Hour)
		end := h.Start.Add(time.Hour)
		key := tallyKey{endpoint, h.Start.Unix()}
		known, ok := t.hours.Get(key)
		if !ok || known.at.Before(end.Add(settling)) && now.Sub(known.at).Abs() > freshFor {
			found, err := t.store.TallyTo(ctx, endpoint, h.Start, end)
			if err != nil {
				return nil, err
			}
			known = tallied{found, now}
			t.hours.Add(key, known)
		}
		h.Tally = known.Tally
	}
	return hours, nil
}

// sum is of all hours.
func sum(hours []Hour) (t store.Tally) {
	for _, h := range hours {
		t.Succeeded += h.Succeeded
		t.Failed += h.Failed
	}
	return t
}
