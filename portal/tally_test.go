package portal

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/store"
)

// counted is a store of moments at which something began.
type counted struct {
	began []time.Time
	spans []time.Duration // which were asked for
}

func (c *counted) count(_ context.Context, _ string, from, to time.Time) (h Hour, until time.Time, err error) {
	c.spans = append(c.spans, to.Sub(from))
	for _, at := range c.began {
		if !at.Before(from) && at.Before(to) {
			h.Succeeded++
		}
	}
	return h, to, nil
}

// patient is by when a look counts that counts all.
func patient() time.Time { return time.Now().Add(time.Hour) }

// Each hour is counted once; of one that goes on only what can have come since is, also
// what is recorded late; and what is fresh is not counted at all.
func TestTallies(t *testing.T) {
	tallies := newTallies(nil)
	c := new(counted)
	now := time.Date(2026, 3, 1, 5, 30, 0, 0, time.UTC)
	look := func() (got Hour, spans []time.Duration) {
		t.Helper()
		c.spans = nil
		hours, err := tallies.last(t.Context(), "ep", now, patient(), c.count)
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
		hours, err := tallies.last(t.Context(), "ep", end.Add(step.after), patient(), c.count)
		if err != nil {
			t.Fatal(err)
		}
		if got := hours[chartHours-2].Succeeded; got != step.want {
			t.Errorf("%v after its end: %d, want %d", step.after, got, step.want)
		}
	}
}

// What is too much for one look is counted by several, the newest first and each thing once.
// Until then hours say that there is more.
func TestTalliesOfMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tallies := newTallies(nil)
		now := time.Date(2026, 3, 1, 5, 30, 0, 0, time.UTC)
		c := new(counted)
		for i := range 30 * 60 {
			c.began = append(c.began, now.Add(-time.Duration(i)*time.Minute))
		}
		steps := 0
		slow := func(ctx context.Context, of string, from, to time.Time) (Hour, time.Time, error) {
			time.Sleep(10 * time.Millisecond)
			steps++
			until := earlier(to, from.Add(20*time.Minute))
			h, _, err := c.count(ctx, of, from, until)
			return h, until, err
		}
		before := int64(-1)
		for look := 1; ; look++ {
			began := time.Now()
			hours, err := tallies.last(t.Context(), "ep", now, began.Add(25*time.Millisecond), slow)
			if took := time.Since(began); err != nil || took > 30*time.Millisecond {
				t.Fatalf("a look took %v: %v", took, err)
			}
			got := sum(hours)
			if got.Succeeded < before {
				t.Errorf("look %d has counted %d, the one before %d", look, got.Succeeded, before)
			}
			before = got.Succeeded
			if look == 1 && (!got.More || hours[chartHours-1].Succeeded == 0 || hours[0].Succeeded != 0) {
				t.Errorf("the first look: %+v", hours)
			}
			if got.More {
				continue
			}
			if got.Succeeded != 23*60+31 || look < 20 || steps > 80 {
				t.Errorf("%d counted by %d looks, in %d steps", got.Succeeded, look, steps)
			}
			break
		}
	})
}
