package portal

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// dateForms are the forms that browsers send dates in, and people type them where a browser
// has no field for dates. Seconds may have a fraction.
var dateForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02"}

// maxZone is how far a time zone is from UTC at most, in minutes.
const maxZone = 14 * 60

// readDate reads a date that somebody has chosen; zero for an empty one. The zone is what
// the script has put into the field data-zone beside it: how many minutes UTC is ahead of
// the reader's clock. Without it the date is in UTC. A date that says its zone itself is in
// that. The error is a [refusal], whose words can stand beside the field.
func readDate(text, zone string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	wrong := &refusal{http.StatusUnprocessableEntity, "This is no date", fmt.Sprintf("“%s” cannot be read as a date. Choose one, or write it as 2026-01-31T18:30.", visible(text))}
	at, err := time.Parse(time.RFC3339, text)
	for i := 0; err != nil && i < len(dateForms); i++ {
		var minutes int
		if at, err = time.Parse(dateForms[i], text); err == nil && zone != "" {
			if minutes, err = strconv.Atoi(zone); err != nil || minutes < -maxZone || minutes > maxZone {
				return time.Time{}, wrong
			}
			at = at.Add(time.Duration(minutes) * time.Minute)
		}
	}
	if err != nil || at.Year() < 1971 || at.Year() > 9998 {
		return time.Time{}, wrong
	}
	return at.UTC(), nil
}

// date reads a date of the query, as [readDate] does.
func (v *visit) date(name string) (time.Time, error) { return readDate(v.query(name), v.query("zone")) }
