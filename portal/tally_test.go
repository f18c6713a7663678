package portal

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// counted is a store of moments at which something began.
type counted struct {
	began []time.Time
	spans []time.Duration // which were asked for
}

func (c *counted) count(_ context.Context, _ string, from, to time.Time) (h Hour, err error) {
	c.spans = append(c.spans, to.Sub(from))
	for _, at := range c.began {
		if !at.Before(from) && at.Before(to) {
			h.Succeeded++
		}
	}
	return h, nil
}

// Each hour is counted once; of one that goes on only what can have come since is, also
// what is recorded late; and what is fresh is not counted at all.
func TestTallies(t *testing.T) {
	tallies := newTallies(nil)
	c := new(counted)
	now := time.Date(2026, 3, 1, 5, 30, 0, 0, time.UTC)
	look := func() (got Hour, spans []time.Duration) {
		t.Helper()
		c.spans = nil
		hours, err := tallies.last(t.Context(), "ep", now, c.count)
		if err != nil {
			t.Fatal(err)
		}
		if len(hours) != chartHours || !hours[chartHours-1].Start.Equal(now.Truncate(time.Hour)) {
			t.Fatalf("%d hours, the last from %v", len(hours), hours[len(hours)-1].Start)
		}
		return sum(hours), c.spans
	}
	is := func(what string, want int64, asked int) []time.Duration {
		t.Helper()
		got, spans := look()
		if got.Tally != (store.Tally{Succeeded: want}) || len(spans) != asked {
			t.Errorf("%s: %+v of %d questions (%v), want %d of %d", what, got, len(spans), spans, want, asked)
		}
		return spans
	}
	c.began = []time.Time{now.Add(-25 * time.Hour), now.Add(-23 * time.Hour), now.Add(-time.Hour), now.Add(-10 * time.Minute), now.Add(-time.Second)}
	is("at first", 4, chartHours+1)
	is("at once again", 4, 0)
	c.began = append(c.began, now.Add(-time.Minute)) // recorded late
	now = now.Add(freshFor + time.Second)
	for _, span := range is("a little later", 5, 2) {
		if span > time.Hour/2+settling {
			t.Errorf("%v was counted anew", span)
		}
	}
	now = now.Add(time.Hour)
	c.began = append(c.began, now.Add(-40*time.Minute), now)
	is("in the next hour", 6, 3) // the rest of the last one, and twice of this one; the oldest is out
	now = now.Add(freshFor + time.Second)
	is("and then", 6, 2)
}

// An hour that has just ended still takes what is recorded late.
func TestTalliesOfAnHourThatHasEnded(t *testing.T) {
	tallies := newTallies(nil)
	end := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	c := &counted{began: []time.Time{end.Add(-3 * time.Second)}}
	for _, step := range []struct {
		after time.Duration
		late  bool // something more is recorded
		want  int64
	}{{time.Second, false, 1}, {10 * time.Second, true, 2}, {settling + time.Minute, true, 3}, {time.Hour - time.Minute, true, 3}} {
		if step.late {
			c.began = append(c.began, end.Add(-time.Second))
		}
		hours, err := tallies.last(t.Context(), "ep", end.Add(step.after), c.count)
		if err != nil {
			t.Fatal(err)
		}
		if got := hours[chartHours-2].Succeeded; got != step.want {
			t.Errorf("%v after its end: %d, want %d", step.after, got, step.want)
		}
	}
}
