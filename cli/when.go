package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// parsePast reads a point in time from the command line: how long ago it was, as
// 90s, 2h or 3d, or else as parseTime does.
func parsePast(text string, now time.Time) (time.Time, error) {
	ago := strings.TrimSpace(strings.TrimSuffix(text, "ago"))
	if d, err := verifier.ParseDuration(ago); err == nil && d > 0 && strings.ContainsAny(ago, "smhd") {
		return now.Add(-time.Duration(d)), nil
	}
	at, err := parseTime(text)
	if err != nil {
		return at, fmt.Errorf("%.40q is neither how long ago it was, as 2h or 3d, nor a time in RFC 3339, as 2026-02-20T16:25:51Z", text)
	}
	return at, nil
}

// when says how far a time is from now, in one unit; "-" for none.
func when(at, now time.Time) string {
	switch d := now.Sub(at); {
	case at.IsZero():
		return "-"
	case d >= time.Second:
		return short(d) + " ago"
	case d <= -time.Second:
		return "in " + short(-d)
	default:
		return "now"
	}
}

// short writes a duration in one unit, rounded down.
func short(d time.Duration) string {
	for _, unit := range []struct {
		name string
		is   time.Duration
		upTo int64
	}{{"s", time.Second, 120}, {"m", time.Minute, 120}, {"h", time.Hour, 48}} {
		if n := int64(d / unit.is); n < unit.upTo {
			return fmt.Sprintf("%d%s", n, unit.name)
		}
	}
	return fmt.Sprintf("%dd", int64(d/(24*time.Hour)))
}

// exactly writes a time, and how far it is from now.
func exactly(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano) + " (" + when(at, now) + ")"
}
