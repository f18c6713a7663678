package delivery

import (
	"math"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

var retryNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestRetryAfter: seconds and dates; anything that does not ask for a wait is as if
// it were not there (U-05).
func TestRetryAfter(t *testing.T) {
	const longest = time.Duration(math.MaxInt64 / int64(time.Second) * int64(time.Second))
	for value, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"1":                              time.Second,
		"120":                            2 * time.Minute,
		" 7\t":                           7 * time.Second,
		"007":                            7 * time.Second,
		"315360000":                      10 * 365 * 24 * time.Hour,
		"9999999999":                     longest,
		"99999999999999999999999999":     longest,
		"-1":                             0,
		"+1":                             0,
		"1.5":                            0,
		"1e30":                           0,
		"NaN":                            0,
		"Inf":                            0,
		"0x10":                           0,
		"1_000":                          0,
		"12 s":                           0,
		"١":                              0,
		"soon":                           0,
		"Sun, 01 Mar 2026 12:00:30 GMT":  30 * time.Second,
		"Sunday, 01-Mar-26 12:00:30 GMT": 30 * time.Second,
		"Sun Mar  1 12:00:30 2026":       30 * time.Second,
		"Sun, 01 Mar 2026 12:00:00 GMT":  0,
		"Sun, 01 Mar 2026 11:59:59 GMT":  0,
		"Thu, 01 Jan 1970 00:00:00 GMT":  0,
		"Fri, 31 Dec 9999 23:59:59 GMT":  math.MaxInt64,
		"Sun, 32 Mar 2026 12:00:30 GMT":  0,
		"2026-03-01T12:00:30Z":           0,
	} {
		t.Run(value, func(t *testing.T) {
			got, ok := retryAfter(value, retryNow)
			if ok != (want > 0) || ok && got != want {
				t.Errorf("%v, %t; want %v", got, ok, want)
			}
		})
	}
}

// FuzzRetryAfter: whatever a stranger writes, the wait is positive or not there
// (U-05).
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"120", "-1", "1e30", "NaN", "99999999999999999999", "Sun, 01 Mar 2026 12:00:30 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(seed)
	}
	d := Destination{}.withDefaults()
	f.Fuzz(func(t *testing.T, value string) {
		wait, ok := retryAfter(value, retryNow)
		if ok != (wait > 0) || wait < 0 {
			t.Errorf("%v, %t", wait, ok)
		}
		r := &result{Answer: Answer{Status: 429, RetryAfter: value}}
		r.asked, _ = retryAfter(value, retryNow)
		if hold := d.holdFor(r, &store.Delivery{}); hold <= 0 || hold > d.MaxHold {
			t.Errorf("held for %v", hold)
		}
	})
}
