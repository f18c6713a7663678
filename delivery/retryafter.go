package delivery

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// retryAfter returns how long a Retry-After header asks to wait, which is more than
// nothing; ok is false if it does not say so: it is missing, in the past, or of
// neither form, which are digits for seconds and an HTTP date.
func retryAfter(value string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.Trim(value, " \t")
	if seconds, isNumber := digits(value); isNumber {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now) // of dates too far apart the longest duration there is
	}
	return max(wait, 0), wait > 0
}

// digits reads a decimal number without sign, point or exponent. One that is no
// duration in seconds is the longest that is.
func digits(s string) (n int64, ok bool) {
	const most = math.MaxInt64 / int64(time.Second)
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), most)
	}
	return n, s != ""
}
