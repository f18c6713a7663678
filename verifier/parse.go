package verifier

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The bounds on what a stranger may make the verifier look at.
const (
	maxCandidates = 16  // signatures tried
	maxItems      = 32  // items of a list, signatures or not
	maxName       = 256 // bytes of an id or a type
	maxQuery      = 8 << 10
)

// Request is what a verifier reads of an HTTP request apart from the body.
type Request struct {
	// Method is signed by some schemes.
	Method string
	// Header has canonical keys, as net/http makes them.
	Header http.Header
	// RawQuery is the undecoded query; only schemes that sign in the query read
	// it.
	RawQuery string
}

// candidate is one signature that a request offers.
type candidate struct {
	item string // its name in the list, if it has one
	text string
}

// Envelope is what the headers of a request say, in the right shape but not yet
// authenticated: nothing in it may be believed before [Envelope.Verify].
type Envelope struct {
	v          *Verifier
	values     values
	time       time.Time
	candidates [maxCandidates]candidate
	n          int
}

// Present reports whether the request carries this scheme's signature at all,
// good or bad.
func (v *Verifier) Present(r *Request) bool {
	from := &v.scheme.locations[0].from
	if from.kind == inQuery {
		return strings.Contains(r.RawQuery, from.name)
	}
	for _, name := range from.keys {
		if _, ok := r.Header[name]; ok {
			return true
		}
	}
	return false
}

// Parse reads the headers and checks their shape: everything needed is there
// once, is of its grammar, and at least one signature could be right. Its errors
// wrap [ErrMissingHeader] or [ErrMalformedHeader].
func (v *Verifier) Parse(r *Request) (Envelope, error) {
	var e Envelope
	err := e.parse(v, r)
	return e, err
}

func (e *Envelope) parse(v *Verifier, r *Request) error {
	e.v = v
	s := v.scheme
	e.values.method, e.values.url = r.Method, v.publicURL
	family := v.family(r.Header)
	var first string
	for i := range s.locations {
		value, err := v.read(r, &s.locations[i].from, family)
		if i > 0 && errors.Is(err, ErrMissingHeader) {
			continue // providers with a location per key leave out the unused
		}
		if err != nil {
			return err
		}
		if i == 0 {
			first = value
		}
		if err := e.addCandidates(&s.locations[i], value); err != nil {
			return err
		}
	}
	if err := e.checkCandidates(first); err != nil {
		return err
	}
	for _, want := range [...]struct {
		from *source
		to   *string
		end  byte
	}{{s.time, &e.values.timestamp, 0}, {s.id, &e.values.id, s.idEnd}, {s.typ, &e.values.typ, s.typeEnd}} {
		if want.from == nil || want.from.kind == inBody {
			continue
		}
		value, err := v.readPart(r, want.from, family, first)
		if err != nil {
			return err
		}
		if want.from != s.time && !plainName(value, want.end) {
			return refuse(ErrMalformedHeader, want.from.name, "it has to be 1 to 256 visible ASCII characters without the delimiter of the signed text")
		}
		*want.to = value
	}
	if s.time != nil {
		var ok bool
		if e.time, ok = parseTime(s.Timestamp.Format, e.values.timestamp); !ok {
			return refuse(ErrMalformedHeader, s.time.name, timeHint(s.Timestamp.Format, e.values.timestamp))
		}
	}
	return nil
}

// family chooses the alias family of a request: the first whose signature is
// there.
func (v *Verifier) family(h http.Header) int {
	names := v.scheme.locations[0].from.keys
	if len(names) > 1 {
		for i, name := range names {
			if _, ok := h[name]; ok {
				return i
			}
		}
	}
	return 0
}

// read returns the one value at s.
func (v *Verifier) read(r *Request, s *source, family int) (string, error) {
	if s.kind == inQuery {
		return readQuery(r.RawQuery, s.name)
	}
	if family >= len(s.keys) {
		family = 0
	}
	value, err := readHeader(r.Header, s.keys[family])
	if err != nil {
		return "", err
	}
	for i, name := range s.keys {
		if i == family {
			continue
		}
		if twins, ok := r.Header[name]; ok && (len(twins) != 1 || twins[0] != value) {
			return "", refuse(ErrMalformedHeader, name, "differs from its twin "+s.keys[family])
		}
	}
	return value, nil
}

func readHeader(h http.Header, name string) (string, error) {
	lines := h[name]
	switch {
	case len(lines) == 0:
		return "", refuse(ErrMissingHeader, name, "")
	case len(lines) > 1:
		return "", refuse(ErrMalformedHeader, name, "is there more than once")
	}
	value := trim(lines[0])
	if value == "" {
		return "", refuse(ErrMissingHeader, name, "is empty; the sender may have no secret configured")
	}
	return value, nil
}

func readQuery(raw, name string) (string, error) {
	if len(raw) > maxQuery {
		return "", refuse(ErrMalformedHeader, name, "the query is too long")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "", refuse(ErrMalformedHeader, name, "the query cannot be parsed")
	}
	switch values := query[name]; {
	case len(values) > 1:
		return "", refuse(ErrMalformedHeader, name, "is there more than once")
	case len(values) == 0 || values[0] == "":
		return "", refuse(ErrMissingHeader, name, "")
	default:
		return values[0], nil
	}
}

// readPart is read for a value that may also be an item of the signature list,
// which is then there exactly once.
func (v *Verifier) readPart(r *Request, s *source, family int, list string) (string, error) {
	if s.kind != inPart {
		return v.read(r, s, family)
	}
	l := &v.scheme.locations[0]
	found, value := 0, ""
	for item := range items(l, list) {
		if name, text, ok := strings.Cut(item, l.Pair); ok && trim(name) == s.name {
			found, value = found+1, trim(text)
		}
	}
	switch {
	case found > 1:
		return "", refuse(ErrMalformedHeader, l.from.name, "holds "+s.name+" more than once")
	case value == "":
		return "", refuse(ErrMissingHeader, l.from.name, "holds no "+s.name)
	}
	return value, nil
}

// addCandidates takes the candidate signatures out of a location's value. Items
// of another name are versions or parts that do not concern us.
func (e *Envelope) addCandidates(l *location, value string) error {
	total := 0
	for item := range items(l, value) {
		if total++; total > maxItems {
			return refuse(ErrMalformedHeader, l.from.name, "has too many items")
		}
		c := candidate{text: item}
		if l.Pair != "" {
			name, text, ok := strings.Cut(item, l.Pair)
			if !ok {
				return refuse(ErrMalformedHeader, l.from.name, "has an item without "+l.Pair+" after its name")
			}
			if c.item = e.v.item(trim(name)); c.item == "" {
				continue
			}
			c.text = trim(text)
		}
		text, ok := strings.CutPrefix(c.text, l.Prefix)
		if !ok {
			return refuse(ErrMalformedHeader, l.from.name, "does not begin with "+l.Prefix)
		}
		c.text = text
		if e.n == maxCandidates {
			return refuse(ErrMalformedHeader, l.from.name, "has too many signatures")
		}
		e.candidates[e.n] = c
		e.n++
	}
	return nil
}

// item returns the scheme's own copy of a signature's name, "" if items of that
// name are none.
func (v *Verifier) item(name string) string {
	for _, known := range v.scheme.items {
		if known == name {
			return known
		}
	}
	return ""
}

// checkCandidates refuses a request in which nothing could be a signature, and
// says what is odd about it.
func (e *Envelope) checkCandidates(value string) error {
	s := e.v.scheme
	where := s.locations[0].from.name
	if e.n == 0 {
		return refuse(ErrMalformedHeader, where, "holds no "+strings.Join(s.items, " or ")+" signature")
	}
	if s.lengths == nil {
		return nil
	}
	for i := range e.n {
		for _, length := range s.lengths {
			if len(e.candidates[i].text) == length {
				return nil
			}
		}
	}
	return refuse(ErrMalformedHeader, where, signatureHint(s, value, e.candidates[0].text))
}

// items yields the items of a list, white space trimmed, empty ones left out.
func items(l *location, value string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for value != "" {
			item := value
			if l.List == "" {
				value = ""
			} else if at := strings.IndexByte(value, l.List[0]); at >= 0 {
				item, value = value[:at], value[at+1:]
			} else {
				value = ""
			}
			item = trim(item)
			if l.List == " " {
				item = strings.TrimSuffix(item, ",")
			}
			if item != "" && !yield(item) {
				return
			}
		}
	}
}

// trim removes the optional white space of RFC 9110, and no other.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// plainName reports whether a name can be shown, logged and sent on as a header:
// visible ASCII without the byte that delimits it in the signed text.
func plainName(name string, end byte) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == end {
			return false
		}
	}
	return true
}
