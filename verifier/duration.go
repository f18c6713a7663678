package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a [time.Duration] whose JSON form is Caddy's: a text such as
// "5m" or "30d", or a number of nanoseconds.
type Duration time.Duration

// Unbounded as a retry horizon says that the sender retries without end.
const Unbounded Duration = -1

// ParseDuration reads what [time.ParseDuration] reads, and days: "30d",
// "1d12h". A day is 24 hours.
func ParseDuration(text string) (Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		d, err := time.ParseDuration(text)
		return Duration(d), err
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("invalid duration %q: days are a whole number before the d", text)
	}
	total := time.Duration(n) * 24 * time.Hour
	if rest != "" {
		part, err := time.ParseDuration(rest)
		if err != nil || part < 0 {
			return 0, fmt.Errorf("invalid duration %q", text)
		}
		if part > math.MaxInt64-total {
			return 0, fmt.Errorf("duration %q is too long", text)
		}
		total += part
	}
	return Duration(total), nil
}

// MarshalJSON writes the text form.
func (d Duration) MarshalJSON() ([]byte, error) {
	if d == Unbounded {
		return []byte(`"unbounded"`), nil
	}
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads the text form or a number of nanoseconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		var ns int64
		if json.Unmarshal(data, &ns) != nil {
			return errors.New(`a duration is a text such as "5m" or a number of nanoseconds`)
		}
		*d = Duration(ns)
		return nil
	}
	if text == "unbounded" {
		*d = Unbounded
		return nil
	}
	parsed, err := ParseDuration(text)
	*d = parsed
	return err
}
