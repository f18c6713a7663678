package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// TestHealth: a digit is an attempt at the event of that number that gets no verdict,
// p a failed probe, o a failure of an attempt that was begun before the last change,
// v a verdict. What follows the colon is the state thereafter (U-13, U-17).
func TestHealth(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		attempts string
		down     bool
		next     time.Duration // of the next probe, after the last attempt
	}{
		"none":                          {"", false, 0},
		"four failures":                 {"1234", false, 0},
		"five failures":                 {"12345", true, time.Second},
		"five at three events":          {"11123", true, time.Second},
		"many at two events":            {"1212121212121212", false, 0},
		"many at one event":             {"11111111111111111", false, 0},
		"the third event late":          {"12121213", true, time.Second},
		"a verdict between":             {"1234v5678", false, 0},
		"a verdict, then five":          {"1234v12345", true, time.Second},
		"failures while down":           {"12345678", true, time.Second},
		"one probe":                     {"12345p", true, 2 * time.Second},
		"four probes":                   {"12345pppp", true, 16 * time.Second},
		"five probes":                   {"12345ppppp", true, 30 * time.Second},
		"a hundred probes":              {"12345" + strings.Repeat("p", 100), true, 30 * time.Second},
		"up":                            {"12345pppv", false, 0},
		"up and four":                   {"12345pppv1234", false, 0},
		"up and five":                   {"12345pppv12345", true, time.Second},
		"up, and what began before":     {"12345pppvooooooo", false, 0},
		"late probe of an earlier down": {"12345v12345O", true, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var h health
			for _, c := range test.attempts {
				switch c {
				case 'v':
					if was, up := h.down(), h.verdict(); was != up {
						t.Errorf("down was %t, and a verdict made it up: %t", was, up)
					}
				case 'p':
					h.probed(h.epoch, start, start)
				case 'O':
					h.probed(h.epoch-2, start, start)
				case 'o':
					h.failed(store.DeliveryID{Seq: int64(h.failures)}, h.epoch-1, start)
				default:
					h.failed(store.DeliveryID{Seq: int64(c)}, h.epoch, start)
				}
			}
			if h.down() != test.down {
				t.Errorf("down: %t", h.down())
			}
			if test.down && h.next.Sub(start) != test.next {
				t.Errorf("the next probe is after %v; want %v", h.next.Sub(start), test.next)
			}
		})
	}
}

// TestSlowProbesFollowEachOther: the pause runs from when a probe began, so that an
// app which hangs is found to be back as soon as one that refuses.
func TestSlowProbesFollowEachOther(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := health{since: start, delay: lastProbe}
	h.probed(0, start, start.Add(15*time.Second))
	if got := h.next.Sub(start); got != 30*time.Second {
		t.Errorf("the next begins %v after the last began; want 30 s", got)
	}
	h.probed(0, start, start.Add(time.Minute))
	if got := h.next.Sub(start); got != 61*time.Second {
		t.Errorf("the next begins %v after the last began; want 61 s, which is a second after its end", got)
	}
}
