package verifier

import (
	"strconv"
	"time"
)

// parseTime reads text by the strict grammar of format. Only one spelling of a
// number passes (no sign, no leading zero, no space), because the raw text is
// what is signed and a lenient reader would see another time than the signer.
func parseTime(format TimeFormat, text string) (time.Time, bool) {
	if format == RFC3339 {
		return parseRFC3339(text)
	}
	return parseNumber(format, text)
}

func parseNumber[T string | ~[]byte](format TimeFormat, text T) (time.Time, bool) {
	switch format {
	case Unix:
		n, ok := digits(text, 10)
		return time.Unix(n, 0), ok
	case UnixMilli:
		n, ok := digits(text, 13)
		return time.UnixMilli(n), ok
	}
	return time.Time{}, false
}

// formatTime is the inverse of parseTime, at the precision providers use.
func formatTime(format TimeFormat, t time.Time) string {
	switch format {
	case UnixMilli:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case RFC3339:
		return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	default:
		return strconv.FormatInt(t.Unix(), 10)
	}
}

// digits reads a number of exactly n digits that does not begin with 0.
func digits[T string | ~[]byte](text T, n int) (int64, bool) {
	if len(text) != n || text[0] == '0' {
		return 0, false
	}
	var v int64
	for i := range n {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	return v, true
}

// rfc3339 is the shape of a date and time before fraction and zone, see [like].
const rfc3339 = "0000-00-00T00:00:00"

// holdsTime reports whether something that looks like an RFC 3339 time begins in
// name, if the time at follows it without a delimiter.
func holdsTime(name, at string) bool {
	for i := range len(name) {
		if name[i]-'0' > 9 {
			continue // a time begins with a digit
		}
		inName := min(len(name)-i, len(rfc3339))
		rest := len(rfc3339) - inName
		if rest <= len(at) && like(name[i:i+inName], rfc3339[:inName]) && like(at[:rest], rfc3339[inName:]) {
			return true
		}
	}
	return false
}

// parseRFC3339 checks the shape byte by byte first, as time.Parse also takes a
// comma for the point and a zone of 24 hours.
func parseRFC3339(text string) (time.Time, bool) {
	if len(text) <= len(rfc3339) || !like(text[:len(rfc3339)], rfc3339) {
		return time.Time{}, false
	}
	zone := text[len(rfc3339):]
	if zone[0] == '.' {
		n := 1
		for n < len(zone) && zone[n]-'0' <= 9 {
			n++
		}
		if n < 2 || n > 10 {
			return time.Time{}, false
		}
		zone = zone[n:]
	}
	if zone != "Z" && (!like(zone, "+00:00") || zone[1:3] > "23" || zone[4:6] > "59") {
		return time.Time{}, false
	}
	if zone == "Z" {
		return parseUTC(text)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// parseUTC reads a text of that shape that ends in Z, as nearly all do, in a third of
// the time of [time.Parse].
func parseUTC(text string) (time.Time, bool) {
	two := func(at int) int { return int(text[at]-'0')*10 + int(text[at+1]-'0') }
	year, month, day, hour, minute, second := two(0)*100+two(2), two(5), two(8), two(11), two(14), two(17)
	ns, unit := 0, 100_000_000
	for i := len(rfc3339) + 1; i < len(text)-1; i++ {
		ns += int(text[i]-'0') * unit
		unit /= 10
	}
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, ns, time.UTC)
	return t, t.Day() == day // which February 30 has not
}

// like reports whether text has the shape: a digit for each 0, + or - for a +,
// anything else as it stands.
func like(text, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i := range len(shape) {
		c := text[i]
		switch shape[i] {
		case '0':
			if c < '0' || c > '9' {
				return false
			}
		case '+':
			if c != '+' && c != '-' {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	return true
}
