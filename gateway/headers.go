package gateway

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// The headers under which the app learns what was verified. Every value is
// authenticated or our own.
const (
	headerSource         = "Hookgate-Source"
	headerScheme         = "Hookgate-Scheme"
	headerID             = "Hookgate-Id"
	headerType           = "Hookgate-Event-Type"
	headerTimestamp      = "Hookgate-Timestamp"
	headerAttempt        = "Hookgate-Attempt"
	headerReceived       = "Hookgate-Received"
	headerSequence       = "Hookgate-Sequence"
	headerIdempotencyKey = "Hookgate-Idempotency-Key"
	headerVia            = "Hookgate-Via"
	headerReplay         = "Hookgate-Replay"
	// headerResult is on our answers to the sender.
	headerResult = "Hookgate-Result"
)

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// Strip removes every header that an app might take for ours: Hookgate-*, in any
// spelling that a CGI-like app maps to the same name (an underscore, a dot or what
// else a name may hold for the hyphen). A request that announces such a trailer
// loses all of its trailers: their values come with the end of the body, and would
// put it back.
func Strip(r *http.Request) {
	for name := range r.Header {
		if ours(name) {
			delete(r.Header, name)
		}
	}
	for name := range r.Trailer {
		if ours(name) {
			r.Trailer = nil
			break
		}
	}
}

func ours(name string) bool {
	const prefix = "hookgate"
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	rest := name[len(prefix):]
	return rest == "" || !alphanumeric(rest[0])
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

type verifiedKey struct{}

// Guard strips a request that no source has verified. It stands on every route
// beside a source's, so that an app behind several routes may trust
// Hookgate-Source wherever it sees it.
func Guard(r *http.Request) {
	if r.Context().Value(verifiedKey{}) == nil {
		Strip(r)
	}
}

// verifiedContext is a verified request's: its values, but an end of its own. One
// layer rather than three, as the handlers behind look up dozens of values.
type verifiedContext struct {
	context.Context // the end, and no values
	request         context.Context
}

// Value says that the request is verified; else it is the request's.
func (c *verifiedContext) Value(key any) any {
	if key == (verifiedKey{}) {
		return true
	}
	if v := c.Context.Value(key); v != nil {
		return v // how context finds the end
	}
	return c.request.Value(key)
}

var hyphens = strings.NewReplacer("_", "-", ".", "-")

// tidy makes the scheme's own headers unambiguous before the request is passed
// on: of alias families the one that was verified stays, spellings with _ or .
// go, and an unsigned copy of a signed type carries the signed one.
func tidy(h http.Header, v *verifier.Verifier, eventType string) {
	for _, family := range v.AliasHeaders() {
		kept := false
		for _, name := range family {
			if _, ok := h[name]; ok && kept {
				delete(h, name)
			} else if ok {
				kept = true
			}
		}
	}
	for name := range h {
		if strings.ContainsAny(name, "_.") && v.Names(http.CanonicalHeaderKey(hyphens.Replace(name))) {
			delete(h, name)
		}
	}
	s := v.Scheme()
	if s.UnsignedType != "" && s.Type != "" {
		h.Del(s.UnsignedType)
		if eventType != "" {
			h.Set(s.UnsignedType, eventType)
		}
	}
}

// marks are what the app may believe of an event.
type marks struct {
	Source, Scheme, ID, Type string
	Timestamp                time.Time // zero if none is authenticated
	Attempt                  int
	Received                 time.Time
	Sequence                 int64 // 0 for what is no event
	Key, Via                 string
	Replay                   bool
}

// write sets the headers; what is not known has none.
func (m marks) write(h http.Header) {
	values := make([]string, 0, 11) // of all headers, in one allocation
	set := func(name, value string) {
		if value != "" {
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set(headerSource, m.Source)
	set(headerScheme, m.Scheme)
	set(headerID, m.ID)
	set(headerType, m.Type)
	if !m.Timestamp.IsZero() {
		set(headerTimestamp, m.Timestamp.UTC().Format(timeLayout))
	}
	set(headerAttempt, strconv.Itoa(m.Attempt))
	set(headerReceived, m.Received.UTC().Format(timeLayout))
	if m.Sequence != 0 {
		set(headerSequence, strconv.FormatInt(m.Sequence, 10))
	}
	set(headerIdempotencyKey, m.Key)
	set(headerVia, m.Via)
	if m.Replay {
		set(headerReplay, "true")
	}
}
