package portal

import (
	"errors"
	"testing"
	"time"
)

// A date is in the zone of who has chosen it: in UTC without a script, and in its own if it
// says so.
func TestDates(t *testing.T) {
	at := func(text string) time.Time {
		got, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, tt := range []struct{ text, zone, want string }{
		{"2026-01-31T18:30", "", "2026-01-31T18:30:00Z"},
		{"2026-01-31T18:30", "0", "2026-01-31T18:30:00Z"},
		{"2026-01-31T18:30", "-60", "2026-01-31T17:30:00Z"},          // Berlin
		{"2026-01-31T18:30", "-345", "2026-01-31T12:45:00Z"},         // Kathmandu
		{"2026-01-31T18:30", "480", "2026-02-01T02:30:00Z"},          // Los Angeles
		{"2026-01-31T18:30:15", "300", "2026-01-31T23:30:15Z"},       // with seconds
		{"2026-01-31T18:30:15.25", "", "2026-01-31T18:30:15.25Z"},    // and a fraction
		{"2026-01-31 18:30", "", "2026-01-31T18:30:00Z"},             // typed
		{"2026-01-31", "-60", "2026-01-30T23:00:00Z"},                // its midnight
		{"2026-01-31T18:30:00+02:00", "480", "2026-01-31T16:30:00Z"}, // its own zone
	} {
		if got, err := readDate(tt.text, tt.zone); err != nil || !got.Equal(at(tt.want)) || got.Location() != time.UTC {
			t.Errorf("%q in %q: %v, want %v, %v", tt.text, tt.zone, got, tt.want, err)
		}
	}
	if got, err := readDate("", "x"); err != nil || !got.IsZero() {
		t.Errorf("none: %v %v", got, err)
	}
	for _, tt := range [][2]string{
		{"yesterday", ""},
		{"2026-13-01T00:00", ""},
		{"2026-02-30T00:00", ""},
		{"0001-01-01T00:00", ""},
		{"99999-01-01T00:00", ""},
		{"9999-12-31T23:59", ""},
		{"2026-01-31T18:30", "x"},
		{"2026-01-31T18:30", "841"},
		{"2026-01-31T18:30", "-99999999999999999999"},
		{"2026-01-31T18:30", "60.5"},
		{" ", ""},
	} {
		got, err := readDate(tt[0], tt[1])
		var refused *refusal
		if !errors.As(err, &refused) || !got.IsZero() {
			t.Errorf("%q in %q: %v %v", tt[0], tt[1], got, err)
		}
	}
}
