package delivery

import (
	"time"

	"github.com/hookgate/hookgate/store"
)

// DefaultRetry returns the delays after the first attempt that a destination has
// unless it says otherwise.
func DefaultRetry() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}
}

// jitter is how much of a delay it may be longer or shorter.
const jitter = 0.2

// delay returns how long to wait after the attempt that was the step-th, by the
// schedule alone; ok is false if there is no further one, as there is none after an
// attempt by hand. A step counts from 1.
func (d *Destination) delay(step int) (delay time.Duration, ok bool) {
	if step > len(d.Retry) && (!d.Forever || step > store.LastStep) {
		return 0, false
	}
	return d.Retry[min(step, len(d.Retry))-1], true
}

// spread moves a delay within the jitter, by a random number from [0, 1), so that
// what failed together does not come back together.
func spread(delay time.Duration, random float64) time.Duration {
	return time.Duration(float64(delay) * (1 - jitter + 2*jitter*random))
}
