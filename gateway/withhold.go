package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/verifier"
)

// withholding says which parts of a request are neither stored nor forwarded by a
// stored source: what belongs to the connection it came by, and what a sender, or a
// proxy in front of us, has told us in confidence.
type withholding struct {
	keep   []string // canonical names of headers that are stored all the same
	tokens []string // canonical names of headers that hold a secret
	query  []string // names of values in the query that hold a secret
}

// newWithholding checks what is to be kept.
func newWithholding(keep []string, verifiers []*verifier.Verifier) (withholding, error) {
	var w withholding
	for _, v := range verifiers {
		if !slices.ContainsFunc(v.Scheme().Keys, func(f verifier.KeyForm) bool { return f.Algorithm == verifier.Token }) {
			continue
		}
		for _, place := range v.SignaturePlaces() {
			if name, ok := strings.CutPrefix(place, "query:"); ok {
				w.query = append(w.query, name)
			} else {
				w.tokens = append(w.tokens, place)
			}
		}
	}
	for _, text := range keep {
		if name, ok := strings.CutPrefix(text, "query:"); ok {
			at := slices.Index(w.query, name)
			if at < 0 {
				return w, fmt.Errorf("keep_header %s: no scheme has a token there, so that it is kept anyway; remove it", text)
			}
			w.query = slices.Delete(w.query, at, at+1)
			continue
		}
		name := plain(http.CanonicalHeaderKey(text))
		switch {
		case text == "" || strings.ContainsFunc(text, func(c rune) bool { return c > '~' || !alphanumeric(byte(c)) && !strings.ContainsRune("-_.", c) }):
			return w, fmt.Errorf("keep_header %q: a name consists of letters, digits, -, _ and .; there are no patterns, name each header", text)
		case ours(name):
			return w, fmt.Errorf("keep_header %s: Hookgate-* headers are ours, which is why the app can believe them; remove it", text)
		case ofConnection(name):
			return w, fmt.Errorf("keep_header %s: it belongs to the connection the event came by and means nothing on another; remove it", text)
		}
		w.keep = append(w.keep, name)
	}
	return w, nil
}

// plain returns a canonical name as a CGI-like app reads it, which takes - _ and .
// for one.
func plain(name string) string {
	if !strings.ContainsAny(name, "_.") {
		return name
	}
	return http.CanonicalHeaderKey(hyphens.Replace(name))
}

// ofConnection reports whether a header is about the connection, or about how a
// message is framed there: RFC 9110 7.6.1 and what else would mislead a handler that
// is run later. Early-Data asks for an answer 425 to what may be a replay, which our
// own memory has ruled out.
func ofConnection(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Early-Data", "Expect", "Host", "Http2-Settings", "Keep-Alive",
		"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// header reports whether a header is withheld from a request of which the
// Connection header names others.
func (w *withholding) header(name string, connection []string) bool {
	name = plain(name)
	if ofConnection(name) || ours(name) || slices.Contains(connection, name) {
		return true
	}
	switch name {
	case "Authorization", "Cookie", "Forwarded":
	default:
		if !strings.HasPrefix(name, "Proxy-") && !strings.HasPrefix(name, "X-Forwarded-") && !slices.Contains(w.tokens, name) {
			return false
		}
	}
	return !slices.Contains(w.keep, name)
}

// named returns the headers that Connection names, which are of the connection, too.
func named(h http.Header) (names []string) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, plain(http.CanonicalHeaderKey(strings.Trim(name, " \t"))))
		}
	}
	return names
}

// withoutValues returns a query without the values of these names; what stays is
// byte for byte as it was.
func withoutValues(query string, names []string) string {
	if len(names) == 0 || query == "" {
		return query
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && slices.Contains(names, name) {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "&")
}
