package delivery

import "time"

// pace keeps attempts from being more per second than a destination is to get. It saves
// up for as many as it is to get in one second, and for one at least. The zero value has
// saved up all. It knows of time what it is told.
type pace struct {
	free float64   // attempts that may begin at once, as of then
	at   time.Time // zero: never used
}

// saved returns how many attempts may begin at once now.
func (p *pace) saved(rate float64, now time.Time) float64 {
	most := max(1, rate)
	if p.at.IsZero() {
		return most
	}
	return min(most, p.free+rate*max(0, now.Sub(p.at).Seconds()))
}

// ready reports whether an attempt may begin. A rate of 0 is any.
func (p *pace) ready(rate float64, now time.Time) bool { return rate <= 0 || p.saved(rate, now) >= 1 }

// spend counts an attempt.
func (p *pace) spend(rate float64, now time.Time) {
	if rate > 0 {
		p.free, p.at = p.saved(rate, now)-1, now
	}
}

// next returns when the next attempt may begin; now if it may.
func (p *pace) next(rate float64, now time.Time) time.Time {
	if p.ready(rate, now) {
		return now
	}
	return now.Add(time.Duration((1-p.saved(rate, now))/rate*float64(time.Second)) + 1)
}
