package portal

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// errDate says how a date is written.
var errDate = errors.New("This is no date: write it as 2026-01-31T15:04")

// date reads a date of the query, as a field of a form has it; zero if it is empty. It is in
// the reader's time, of which the script says how many minutes it is behind UTC, and
// without the script in UTC.
func (v *visit) date(name string) (time.Time, error) {
	text := strings.TrimSpace(v.query(name))
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	behind, err := strconv.Atoi(v.query("zone"))
	if err != nil || behind < -24*60 || behind > 24*60 {
		behind = 0
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02T15:04:05.000", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.Add(time.Duration(behind) * time.Minute), nil
		}
	}
	return time.Time{}, errDate
}
