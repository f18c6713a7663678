package api

import "time"

// moment is a time as the API writes it: RFC 3339 in UTC, with microseconds.
type moment time.Time

const momentLayout = "2006-01-02T15:04:05.000000Z"

// MarshalText writes the time.
func (m moment) MarshalText() ([]byte, error) {
	return time.Time(m).UTC().AppendFormat(nil, momentLayout), nil
}

// momentOr is a time that may be missing.
func momentOr(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	m := moment(t)
	return &m
}

// textOr is a text that may be missing.
func textOr(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// numberOr is a number that may be missing.
func numberOr(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// listOr is a list that may be missing.
func listOr(list []string) *[]string {
	if list == nil {
		return nil
	}
	return &list
}
