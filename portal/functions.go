package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// functions are what templates can do.
var functions = template.FuncMap{
	"time": moment, "date": isoTime, "took": took, "bytes": size, "count": count, "pretty": pretty, "text": text, "visible": visible, "short": shortID, "tab": newTab, "upper": upper,
	"chart": newChart, "attempts": newAttemptTable,
}

// moment shows a time: in UTC, which the script makes the reader's own, with the exact one
// on hover.
func moment(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, //nolint:gosec // it is made of numbers
		t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05.000 UTC"), t.Format("2006-01-02 15:04:05")))
}

// isoTime is a time as a form has it.
func isoTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// took shows how long something was.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}

// size shows a number of bytes.
func size(of any) string {
	switch n := whole(of); {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " bytes"
	case n < 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', 1, 64) + " KiB"
	case n < 1<<30:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	default:
		return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GiB"
	}
}

// whole is any whole number that templates come by.
func whole(n any) int64 { return reflect.ValueOf(n).Int() }

// count shows a number with commas.
func count(n any) string {
	digits := strconv.FormatInt(whole(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// pretty shows a JSON document with a line for each member, and anything else as [text]
// does.
func pretty(body []byte) string {
	out := new(bytes.Buffer)
	if nested(body) > maxNested || json.Indent(out, body, "", "  ") != nil || out.Len() > maxPretty {
		return text(body)
	}
	return visible(out.String())
}

const (
	// maxPretty is how long a document becomes at most by being made pretty; maxText how
	// much of anything is shown.
	maxPretty = 1 << 20
	maxText   = 256 << 10
	// maxNested is how deep a document is at most that is made pretty: each line begins with
	// as many spaces.
	maxNested = 100
)

// nested is how deep a JSON document is, or deeper: brackets in texts count.
func nested(body []byte) (deepest int) {
	depth := 0
	for _, c := range body {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	return deepest
}

// text shows bytes: the beginning, and not at all what is no text.
func text(body []byte) string {
	cut := len(body) > maxText
	if cut {
		body = body[:maxText]
		for i := 0; i < utf8.UTFMax && !utf8.Valid(body[max(0, len(body)-utf8.UTFMax):]); i++ {
			body = body[:len(body)-1]
		}
	}
	if !utf8.Valid(body) {
		return fmt.Sprintf("%d bytes that are no text", len(body))
	}
	shown := visible(string(body))
	if cut {
		shown += "\n… and more: see the raw payload"
	}
	return shown
}

// visible shows what would else change how the text around it is read: controls, and marks
// that reverse its direction.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			return c
		case c < ' ' || c == 0x7f:
			return 0x2400 + c&0x1f // the picture of the control
		case c >= 0x80 && c < 0xa0, c == 0x061c, c == 0x200e, c == 0x200f, c >= 0x2028 && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0xfeff:
			return utf8.RuneError
		}
		return c
	}, s)
}

// shortID is the beginning of an id, by which people tell it from others.
func shortID(id string) string {
	if len(id) <= 16 {
		return id
	}
	return id[:8] + "…" + id[len(id)-4:]
}

// upper begins a sentence.
func upper(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(first)) + s[n:]
}

// tab is a place in the navigation.
type tab struct {
	Label, URL string
	Here       bool
}

func newTab(f *frame, label, url string) tab {
	return tab{label, url, f.Here == url || strings.HasPrefix(f.Here, url+"/")}
}
