package cli

import (
	"testing"
	"time"
)

// TestParsePast: how long ago it was, or when.
func TestParsePast(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2h":                        noon.Add(-2 * time.Hour),
		"2h ago":                    noon.Add(-2 * time.Hour),
		"3d":                        noon.Add(-72 * time.Hour),
		"1d12h":                     noon.Add(-36 * time.Hour),
		"90s":                       noon.Add(-90 * time.Second),
		"2026-02-20T16:25:51Z":      time.Date(2026, 2, 20, 16, 25, 51, 0, time.UTC),
		"2026-02-20T17:25:51+01:00": time.Date(2026, 2, 20, 16, 25, 51, 0, time.UTC),
		"1771604751":                time.Date(2026, 2, 20, 16, 25, 51, 0, time.UTC),
	} {
		if got, err := parsePast(text, noon); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-2h", "0s", "3w", "2026-02-20", "2h later"} {
		if got, err := parsePast(text, noon); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestWhen: one unit, rounded down, on either side of now.
func TestWhen(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 999 * time.Millisecond: "now", -999 * time.Millisecond: "now",
		time.Second: "1s ago", 119 * time.Second: "119s ago", 2 * time.Minute: "2m ago", 119*time.Minute + 59*time.Second: "119m ago",
		2 * time.Hour: "2h ago", 47 * time.Hour: "47h ago", 48 * time.Hour: "2d ago", 1000 * time.Hour: "41d ago",
		-4*time.Minute - time.Second: "in 4m", -50 * time.Hour: "in 2d",
	} {
		if got := when(noon.Add(-d), noon); got != want {
			t.Errorf("%v before is %q, want %q", d, got, want)
		}
	}
	if got := when(time.Time{}, noon); got != "-" {
		t.Errorf("no time is %q", got)
	}
}
