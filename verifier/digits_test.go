package verifier

import (
	"strconv"
	"testing"
	"time"
)

// TestDigits: each byte in each place of a time in seconds and in milliseconds.
func TestDigits(t *testing.T) {
	for _, text := range []string{"1795435200", "9999999999", "1023456789", "1795435200123", "9876543210987"} {
		for at := range len(text) {
			for c := range 256 {
				changed := text[:at] + string([]byte{byte(c)}) + text[at+1:]
				want, err := strconv.ParseInt(changed, 10, 64)
				good := err == nil && '1' <= changed[0] && changed[0] <= '9'
				if got, ok := digits(changed, len(text)); ok != good || ok && got != want {
					t.Fatalf("%q: %d, %v; want %d, %v", changed, got, ok, want, good)
				}
			}
		}
		for _, n := range []int{0, 7, len(text) - 1, len(text) + 1} {
			if _, ok := digits(text, n); ok {
				t.Errorf("%q has %d digits", text, n)
			}
		}
	}
	if _, ok := digits("1234567", 7); ok {
		t.Error("seven digits fill no word")
	}
}

// TestSkewOf is Sub without monotonic clocks, also where a duration ends.
func TestSkewOf(t *testing.T) {
	now := time.Now()
	for _, at := range []time.Time{
		now, now.Add(1), now.Add(-1), now.Add(time.Hour + 1), now.Add(-time.Hour - 1), time.Unix(0, 0), time.Unix(9_999_999_999, 999_999_999), now.AddDate(300, 0, 0), now.AddDate(-300, 0, 0),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		if got, want := skewOf(at, now), at.Round(0).Sub(now.Round(0)); got != want {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	}
}
