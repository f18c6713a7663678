package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// wantRate checks that of some attempts no more were begun in any time than so many per
// second, and as many at once.
func wantRate(t *testing.T, tries []try, rate float64) {
	t.Helper()
	most := max(1, rate)
	for i := range tries {
		for j := i; j < len(tries); j++ {
			span := tries[j].at.Sub(tries[i].at).Seconds()
			if n := float64(j - i + 1); n > most+rate*span+1e-6 {
				t.Fatalf("%v attempts within %v s; want no more than %v per second", n, span, rate)
			}
		}
	}
}

// TestRate: attempts are no more per second than a destination is to get, be they of events
// that have just come, of a backlog or repeated; and no fewer, as long as something waits.
func TestRate(t *testing.T) {
	for name, test := range map[string]struct {
		rate float64
		n    int
		want time.Duration // for all of them
	}{
		"one in ten seconds": {0.1, 30, 290 * time.Second},
		"one":                {1, 100, 99 * time.Second},
		"two and a half":     {2.5, 100, 39 * time.Second},
		"fifty":              {50, 3000, 59 * time.Second}, // more than memory has room for
		"any":                {0, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bed) {
				b.begin(delivery.Destination{Rate: test.rate})
				start := time.Now()
				b.fill(toApp, test.n/2)
				if err := b.engine.Pause(context.Background(), toApp); err != nil { // the rest is a backlog
					t.Fatal(err)
				}
				b.fill(toApp, test.n-test.n/2)
				if err := b.engine.Resume(context.Background(), toApp); err != nil {
					t.Fatal(err)
				}
				sleep(test.want + 3*time.Second)
				b.wantStates(map[store.State]int{store.Delivered: test.n})
				tries := b.app.tries()
				if test.rate > 0 {
					wantRate(t, tries, test.rate)
				}
				if took := tries[len(tries)-1].at.Sub(start); took < test.want-2*time.Second {
					t.Errorf("all were made within %v; want %v", took, test.want)
				}
				// What was saved up meanwhile is there at once.
				sleep(time.Minute)
				b.app.reset()
				b.fill(toApp, 20)
				sleep(10 * time.Millisecond)
				if n, want := len(b.app.tries()), min(20, max(1, int(test.rate))); test.rate > 0 && n != want {
					t.Errorf("%d attempts at once after a pause; want %d", n, want)
				}
			})
		})
	}
}

// TestRateOfFailures: retries and probes are attempts as well.
func TestRateOfFailures(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.begin(delivery.Destination{Rate: 0.2, Retry: []time.Duration{time.Second, time.Second, time.Minute}})
		b.app.says(refuse)
		b.fill(toApp, 10)
		sleep(time.Hour)
		tries := b.app.tries()
		wantRate(t, tries, 0.2)
		if b.status().Down.IsZero() || len(tries) < 60 {
			t.Errorf("%d attempts, %+v", len(tries), b.status())
		}
		b.app.says(nil)
		sleep(2 * time.Minute)
		wantRate(t, b.app.tries(), 0.2)
		b.wantStates(map[store.State]int{store.Delivered: 10})
	})
}

// TestRateOfOthers: it is for each destination of its own, and may change.
func TestRateOfOthers(t *testing.T) {
	inBubble(t, func(b *bed) {
		d := b.endpoints(2)
		d.set(endpoint(0), &delivery.Destination{Transport: b.app, Rate: 0.01})
		b.fill(endpoint(0), 10)
		b.fill(endpoint(1), 10)
		sleep(time.Second)
		if n := len(b.app.tries()); n != 11 {
			t.Errorf("%d attempts; want 11", n)
		}
		d.set(endpoint(0), &delivery.Destination{Transport: b.app, Rate: 10})
		b.engine.Refresh(endpoint(0))
		sleep(2 * time.Second)
		if n := len(b.app.tries()); n != 20 {
			t.Errorf("%d attempts; want all", n)
		}
	})
}
