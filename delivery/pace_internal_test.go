package delivery

import (
	"testing"
	"time"
)

// TestPace: what is saved up is bounded, a clock that goes back gives nothing, and when the
// next attempt may begin it may.
func TestPace(t *testing.T) {
	now := time.Now()
	var p pace
	for _, rate := range []float64{0, 0.3, 1, 7, 1000} {
		if !p.ready(rate, now) || !p.next(rate, now).Equal(now) {
			t.Errorf("at %v nothing may begin at first", rate)
		}
	}
	for range 3 {
		p.spend(3, now)
	}
	if p.ready(3, now) || p.ready(3, now.Add(-time.Hour)) {
		t.Error("more than were saved up")
	}
	for range 100 {
		next := p.next(3, now)
		if wait := next.Sub(now); wait <= 0 || wait > time.Second || !p.ready(3, next) || p.ready(3, next.Add(-time.Millisecond)) {
			t.Fatalf("the next after %v", wait)
		}
		now = next
		p.spend(3, now)
	}
	now = now.Add(time.Hour)
	n := 0
	for ; p.ready(3, now); n++ {
		p.spend(3, now)
	}
	if n != 3 {
		t.Errorf("%d were saved up; want 3", n)
	}
	p.spend(0, now.Add(time.Hour)) // any number leaves nothing to count
	if p.ready(3, now) {
		t.Error("it was counted")
	}
}
