package delivery

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestClockNeverGoesBack: set back, it goes on at the same pace until the wall has
// caught up; set forward, it follows (C-01, C-02).
func TestClockNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var ahead time.Duration
		c := newClock(func() time.Time { return time.Now().Add(ahead) }, false)
		for _, step := range []struct{ sleep, ahead, want time.Duration }{
			{time.Minute, 0, time.Minute},
			{time.Minute, -time.Hour, 2 * time.Minute},
			{time.Minute, -time.Hour, 3 * time.Minute},
			{time.Minute, 0, 4 * time.Minute},
			{time.Minute, time.Hour, 65 * time.Minute},
			{time.Minute, 0, 66 * time.Minute},
			{58 * time.Minute, 0, 124 * time.Minute},
			{time.Minute, time.Hour, 125 * time.Minute},
		} {
			time.Sleep(step.sleep)
			ahead = step.ahead
			if got := c.now().Sub(start.Round(0)); got != step.want {
				t.Errorf("%v after the start it shows %v; want %v", time.Since(start), got, step.want)
			}
		}
	})
}

// TestSharedClockIsTheStores: gateways that share a store agree on its clock, also if
// that goes back.
func TestSharedClockIsTheStores(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	c := newClock(func() time.Time { return at }, true)
	for _, step := range []time.Duration{time.Hour, -2 * time.Hour, time.Second} {
		at = at.Add(step)
		if got := c.now(); !got.Equal(at) {
			t.Errorf("it shows %v; want %v", got, at)
		}
	}
}
