package verifier

import (
	"net/http"
	"net/url"
	"strings"
)

// maxQuery bounds the bytes of a query that is read for what is signed.
const maxQuery = 8 << 10

// Request is what a verifier reads of an HTTP request apart from the body.
type Request struct {
	// Method is signed by some schemes.
	Method string
	// Header has canonical keys, as net/http makes them.
	Header http.Header
	// RawQuery is the undecoded query; only schemes that sign in the query read
	// it.
	RawQuery string
	// Body says that the request has one. Only handshakes look at it, which have
	// none.
	Body bool
}

// in reports whether the request has a value at s, whatever it is.
func (s *source) in(r *Request) bool {
	if s.kind == inQuery {
		return queryNames(r.RawQuery, s.name)
	}
	for _, name := range s.keys {
		if _, ok := r.Header[name]; ok {
			return true
		}
	}
	return false
}

// read returns the one value at s. The first header read that has several names
// decides the alias family of all, so that values of two families never complete each
// other; one that is there under another name too has to be the same.
func (e *Envelope) read(r *Request, s *source) (string, error) {
	if s.kind == inQuery {
		return readQuery(r.RawQuery, s.name)
	}
	if len(s.keys) == 1 {
		return readHeader(r.Header[s.keys[0]], s.name)
	}
	var lines []string
	if e.family < 0 {
		e.family, lines = s.first(r.Header)
	} else {
		lines = r.Header[s.keys[e.family]]
	}
	value, err := readHeader(lines, s.names[e.family])
	if err != nil {
		return "", err
	}
	for i, name := range s.keys {
		if i == e.family {
			continue
		}
		if twins, ok := r.Header[name]; ok && (len(twins) != 1 || twins[0] != value) {
			return "", refuse(ErrMalformedHeader, s.names[i], "differs from its twin "+s.names[e.family])
		}
	}
	return value, nil
}

// first returns the first alias family that has a header of s, and its lines; if none
// has, the scheme's own, and no lines.
func (s *source) first(h http.Header) (family int, lines []string) {
	for i, key := range s.keys {
		if lines := h[key]; lines != nil {
			return i, lines
		}
	}
	return 0, nil
}

// only returns the one value at s, in a header or the query.
func (s *source) only(r *Request) (string, error) {
	if s.kind == inQuery {
		return readQuery(r.RawQuery, s.name)
	}
	var lines []string
	for _, name := range s.keys {
		lines = append(lines, r.Header[name]...)
	}
	return readHeader(lines, s.name)
}

// readHeader returns the value of a header that is there once, without the white
// space around it.
func readHeader(lines []string, name string) (string, error) {
	if len(lines) == 1 {
		if value := trim(lines[0]); value != "" {
			return value, nil
		}
	}
	return "", unreadable(lines, name)
}

// unreadable says why the lines of a header have no value.
func unreadable(lines []string, name string) error {
	switch len(lines) {
	case 0:
		return refuse(ErrMissingHeader, name, "")
	case 1:
		return refuse(ErrMissingHeader, name, "is empty; the sender may have no secret configured")
	default:
		return refuse(ErrMalformedHeader, name, "is there more than once")
	}
}

// queryNames reports whether a query has a value of that name, whatever else is
// wrong with it.
func queryNames(raw, want string) bool {
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := unescape(name); err == nil && name == want {
			return true
		}
	}
	return false
}

// readQuery returns the one value of that name.
func readQuery(raw, name string) (string, error) {
	if len(raw) > maxQuery {
		return "", refuse(ErrMalformedHeader, name, "the query is too long")
	}
	found, value := 0, ""
	for pair := range strings.SplitSeq(raw, "&") {
		key, text, _ := strings.Cut(pair, "=")
		key, err := unescape(key)
		if err == nil {
			text, err = unescape(text)
		}
		if err != nil || strings.IndexByte(pair, ';') >= 0 {
			return "", refuse(ErrMalformedHeader, name, "the query cannot be parsed")
		}
		if key == name {
			found, value = found+1, text
		}
	}
	switch {
	case found > 1:
		return "", refuse(ErrMalformedHeader, name, "is there more than once")
	case value == "":
		return "", refuse(ErrMissingHeader, name, "")
	default:
		return value, nil
	}
}

// unescape is [url.QueryUnescape], which looks at each byte of a text twice, for texts
// that mostly have nothing escaped.
func unescape(text string) (string, error) {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text, nil
	}
	return url.QueryUnescape(text)
}
