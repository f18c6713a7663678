package verifier

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// parseTime reads text by the strict grammar of format. Only one spelling of a
// number passes (no sign, no leading zero, no space), because the raw text is
// what is signed and a lenient reader would see another time than the signer.
func parseTime(format TimeFormat, text string) (time.Time, bool) {
	switch format {
	case Unix:
		n, ok := digits(text, 10)
		return time.Unix(n, 0), ok
	case UnixMilli:
		n, ok := digits(text, 13)
		return time.UnixMilli(n), ok
	default:
		return parseRFC3339(text)
	}
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

// digits reads a number of exactly n digits, 8 to 16, that does not begin with 0.
func digits(text string, n int) (int64, bool) {
	if len(text) != n || len(text) < 8 || text[0] == '0' {
		return 0, false
	}
	// Eight digits in a word: pairs of bytes become numbers below 100, pairs of those
	// numbers below 10,000, and the two of them one.
	w := binary.LittleEndian.Uint64([]byte(text[:8])) - '0'*ones
	beyond := (w | (w + (127-9)*ones)) & (0x80 * ones) // a byte is no digit
	w = (w*10 + w>>8) & 0x00ff_00ff_00ff_00ff
	w = (w*100 + w>>16) & 0x0000_ffff_0000_ffff
	v := int64(w&0xffff*10_000 + w>>32)
	for i := 8; i < len(text); i++ {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int64(d)
	}
	return v, beyond == 0
}

// skewOf is at.Sub(now), in a third of the time: no signed time has a monotonic
// clock. Where the two are too far apart for a duration, it is the longest there is.
func skewOf(at, now time.Time) time.Duration {
	const most = math.MaxInt64/int64(time.Second) - 1
	switch seconds := at.Unix() - now.Unix(); {
	case seconds > most:
		return math.MaxInt64
	case seconds < -most:
		return math.MinInt64
	default:
		return time.Duration(seconds)*time.Second + time.Duration(at.Nanosecond()-now.Nanosecond())
	}
}

// rfc3339 is the shape of a date and time before fraction and zone, see [like].
const rfc3339 = "0000-00-00T00:00:00"

// holdsTime reports whether something that looks like an RFC 3339 time begins in
// name, if the time at follows it without a delimiter.
func holdsTime(name, at string) bool {
	const year = len("0000")
	for i := 0; i < len(name); i++ {
		if rest := len(name) - i - year; rest > 0 { // on to the next hyphen that may follow a year
			next := strings.IndexByte(name[i+year:], '-')
			if next < 0 {
				next = rest
			}
			i += next
		}
		inName := min(len(name)-i, len(rfc3339))
		rest := len(rfc3339) - inName
		if rest <= len(at) && like(name[i:i+inName], rfc3339[:inName]) && like(at[:rest], rfc3339[inName:]) {
			return true
		}
	}
	return false
}

// parseRFC3339 reads a time by the letter of RFC 3339: unlike [time.Parse], it takes no
// comma for the point, no lower case, and no zone of 24 hours. It takes a third of the
// time.
func parseRFC3339(text string) (time.Time, bool) {
	if len(text) <= len(rfc3339) {
		return time.Time{}, false
	}
	ok := text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':'
	two := func(text string) int {
		a, b := text[0]-'0', text[1]-'0'
		ok = ok && a <= 9 && b <= 9
		return int(a)*10 + int(b)
	}
	year, month, day := two(text)*100+two(text[2:]), two(text[5:]), two(text[8:])
	hour, minute, second := two(text[11:]), two(text[14:]), two(text[17:])
	ok = ok && 1 <= month && month <= 12 && 1 <= day && hour <= 23 && minute <= 59 && second <= 59

	zone, ns := text[len(rfc3339):], 0
	if zone[0] == '.' {
		n := 1
		for unit := 100_000_000; n < len(zone) && zone[n]-'0' <= 9; unit /= 10 {
			ns += int(zone[n]-'0') * unit
			n++
		}
		ok = ok && 2 <= n && n <= 10
		zone = zone[n:]
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, ns, time.UTC)
	ok = ok && t.Day() == day // which February 30 has not
	if zone == "Z" {
		return t, ok
	}
	if !like(zone, "+00:00") {
		return time.Time{}, false
	}
	hour, minute = two(zone[1:]), two(zone[4:])
	offset := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	if zone[0] == '+' {
		offset = -offset
	}
	return t.Add(offset), ok && hour <= 23 && minute <= 59
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
