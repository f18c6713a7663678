package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The bounds on what a stranger may make the verifier look at.
const (
	maxCandidates = 16  // signatures tried
	fewCandidates = 4   // that many without an allocation
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
	// Body says that the request has one. Only handshakes look at it, which have
	// none.
	Body bool
}

// candidate is one signature that a request offers.
type candidate struct {
	text string
	item byte // its name in the list, see [compiled.item]
}

// Envelope is what the headers of a request say, in the right shape but not yet
// authenticated: nothing in it may be believed before [Envelope.Verify].
type Envelope struct {
	v      *Verifier
	values values
	time   time.Time
	gzip   bool              // the body is, and the scheme signs what is in it
	digest [sha256.Size]byte // what the query says of the body
	family int               // the alias family of the headers, -1 before it is known

	n    int // candidates, in few or, if they are more than fit, all in more
	few  [fewCandidates]candidate
	more []candidate
}

func (e *Envelope) candidates() []candidate {
	if e.more != nil {
		return e.more
	}
	return e.few[:e.n]
}

// Present reports whether the request carries this scheme's signature at all,
// good or bad.
func (v *Verifier) Present(r *Request) bool {
	return v.scheme.locations[0].from.in(r)
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

// Parse reads the headers and checks their shape: everything needed is there
// once, is of its grammar, and at least one signature could be right. Its errors
// wrap [ErrMissingHeader] or [ErrMalformedHeader].
func (v *Verifier) Parse(r *Request) (Envelope, error) {
	var e Envelope
	err := e.parse(v, r)
	return e, err
}

func (e *Envelope) parse(v *Verifier, r *Request) error {
	s := v.scheme
	e.v, e.family = v, -1
	e.values[varMethod], e.values[varURL] = r.Method, v.publicURL
	if s.method && strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return refuse(ErrMalformedHeader, "method", "has to be upper-case letters")
	}
	list, err := e.readSignatures(r)
	if err != nil {
		return err
	}
	if s.query {
		if err := e.readSignedQuery(r.RawQuery); err != nil {
			return err
		}
	}
	if s.MaxDecoded > 0 {
		if err := e.readCoding(r.Header["Content-Encoding"]); err != nil {
			return err
		}
	}
	for i := range s.parts {
		p := &s.parts[i]
		value, err := e.readPart(r, p, list)
		if err != nil {
			return err
		}
		if p.variable != varTimestamp && !plainName(value, p.end) {
			return refuse(ErrMalformedHeader, p.name, "it has to be 1 to 256 visible ASCII characters without the delimiter of the signed text")
		}
		if p.meets && holdsTime(value, e.values[varTimestamp]) {
			return refuse(ErrMalformedHeader, p.name, "holds what looks like a time, so that the signed text could be read in two ways")
		}
		e.values[p.variable] = value
	}
	if s.time == nil || s.time.kind == inBody {
		return nil
	}
	var ok bool
	if e.time, ok = parseTime(s.Timestamp.Format, e.values[varTimestamp]); !ok {
		return refuse(ErrMalformedHeader, s.time.name, timeHint(s.Timestamp.Format, e.values[varTimestamp]))
	}
	return nil
}

// readSignatures takes the candidates from all locations. It returns the value of
// the first location, which may be a list that holds more than signatures.
func (e *Envelope) readSignatures(r *Request) (list string, err error) {
	s := e.v.scheme
	for i := range s.locations {
		l := &s.locations[i]
		if i > 0 && !l.from.in(r) {
			continue // providers with a location per key leave out the unused
		}
		value, err := e.read(r, &l.from)
		if i > 0 && errors.Is(err, ErrMissingHeader) {
			continue // or leave it empty
		}
		if err == nil {
			err = e.addCandidates(l, value)
		}
		if err != nil {
			return "", err
		}
		if i == 0 {
			list = value
		}
	}
	return list, e.checkCandidates()
}

// read returns the one value at s. The first header read decides the alias family
// of all.
func (e *Envelope) read(r *Request, s *source) (string, error) {
	if s.kind == inQuery {
		return readQuery(r.RawQuery, s.name)
	}
	family, lines := e.family, []string(nil)
	if family >= 0 && family < len(s.keys) {
		lines = r.Header[s.keys[family]]
	} else {
		for family = range s.keys {
			if lines = r.Header[s.keys[family]]; lines != nil {
				break
			}
		}
		if lines == nil {
			family = 0
		}
		e.family = family
	}
	value, err := readHeader(lines, s.names[family])
	if err != nil || len(s.keys) == 1 {
		return value, err
	}
	for i, name := range s.keys {
		if i == family {
			continue
		}
		if twins, ok := r.Header[name]; ok && (len(twins) != 1 || twins[0] != value) {
			return "", refuse(ErrMalformedHeader, s.names[i], "differs from its twin "+s.names[family])
		}
	}
	return value, nil
}

func readHeader(lines []string, name string) (string, error) {
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

// queryNames reports whether a query has a value of that name, whatever else is
// wrong with it.
func queryNames(raw, want string) bool {
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == want {
			return true
		}
	}
	return false
}

func readQuery(raw, name string) (string, error) {
	if len(raw) > maxQuery {
		return "", refuse(ErrMalformedHeader, name, "the query is too long")
	}
	found, value := 0, ""
	for pair := range strings.SplitSeq(raw, "&") {
		key, text, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err == nil {
			text, err = url.QueryUnescape(text)
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

// readSignedQuery takes the query as it is in the signed text, and the digest of
// the body in it.
func (e *Envelope) readSignedQuery(raw string) error {
	s := e.v.scheme
	if raw == "" {
		return refuse(ErrMissingHeader, "query", "")
	}
	if len(raw) > maxQuery || !visible(raw, s.queryEnd) {
		return refuse(ErrMalformedHeader, "query", "it has to be at most 8 KiB of visible ASCII without the delimiter of the signed text")
	}
	e.values[varQuery] = raw
	if s.digestAt == "" {
		return nil
	}
	text, err := readQuery(raw, s.digestAt)
	if err != nil {
		return err
	}
	if len(text) != hex.EncodedLen(len(e.digest)) {
		return refuse(ErrMalformedHeader, s.digestAt, "is no SHA-256 in hexadecimal")
	}
	if digest := Hex.decode(e.digest[:0], text); len(digest) != len(e.digest) {
		return refuse(ErrMalformedHeader, s.digestAt, "is no SHA-256 in hexadecimal")
	}
	return nil
}

// readPart is read for a value that may also be an item of the signature list,
// which is then there exactly once.
func (e *Envelope) readPart(r *Request, p *part, list string) (string, error) {
	if p.kind != inPart {
		return e.read(r, &p.source)
	}
	l := &e.v.scheme.locations[0]
	found, value := 0, ""
	for item, rest := l.cut(list); item != ""; item, rest = l.cut(rest) {
		if at := strings.IndexByte(item, l.pair); at >= 0 && trim(item[:at]) == p.name {
			found, value = found+1, trim(item[at+1:])
		}
	}
	switch {
	case found > 1:
		return "", refuse(ErrMalformedHeader, l.from.name, "holds "+p.name+" more than once")
	case value == "":
		return "", refuse(ErrMissingHeader, l.from.name, "holds no "+p.name)
	}
	return value, nil
}

// addCandidates takes the candidate signatures out of a location's value. Items
// of another name are versions or parts that do not concern us.
func (e *Envelope) addCandidates(l *location, value string) error {
	total := 0
	for item, rest := l.cut(value); item != ""; item, rest = l.cut(rest) {
		if total++; total > maxItems {
			return refuse(ErrMalformedHeader, l.from.name, "has too many items")
		}
		c := candidate{text: item}
		if l.pair != 0 {
			at := strings.IndexByte(item, l.pair)
			if at < 0 {
				return refuse(ErrMalformedHeader, l.from.name, "has an item without "+l.Pair+" after its name")
			}
			if c.item = e.v.scheme.item(trim(item[:at])); c.item == 0 {
				continue
			}
			c.text = trim(item[at+1:])
		}
		text, ok := strings.CutPrefix(c.text, l.Prefix)
		if !ok {
			return refuse(ErrMalformedHeader, l.from.name, "does not begin with "+l.Prefix)
		}
		c.text = text
		if e.n == maxCandidates {
			return refuse(ErrMalformedHeader, l.from.name, "has too many signatures")
		}
		e.add(c)
	}
	return nil
}

func (e *Envelope) add(c candidate) {
	switch {
	case e.n < len(e.few):
		e.few[e.n] = c
	case e.n == len(e.few):
		e.more = append(append(make([]candidate, 0, maxCandidates), e.few[:]...), c)
	default:
		e.more = append(e.more, c)
	}
	e.n++
}

// checkCandidates refuses a request in which nothing could be a signature, and
// says what is odd about it.
func (e *Envelope) checkCandidates() error {
	s := e.v.scheme
	where := s.locations[0].from.name
	if e.n == 0 {
		return refuse(ErrMalformedHeader, where, "holds no "+strings.Join(s.items, " or ")+" signature")
	}
	candidates := e.candidates()
	for i := range candidates {
		n := len(candidates[i].text)
		if slices.Contains(s.lengths, n) || s.lengths == nil && n > 0 {
			return nil
		}
	}
	return refuse(ErrMalformedHeader, where, signatureHint(s, candidates[0].text))
}

// cut returns the first item of a list that is not empty, white space trimmed, and
// the rest of the list; "" at its end.
func (l *location) cut(list string) (item, rest string) {
	for list != "" {
		item, list = list, ""
		if l.list != 0 {
			if at := strings.IndexByte(item, l.list); at >= 0 {
				item, list = item[:at], item[at+1:]
			}
		}
		item = trim(item)
		if l.list == ' ' {
			item = strings.TrimSuffix(item, ",")
		}
		if item != "" {
			return item, list
		}
	}
	return "", ""
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
	return name != "" && len(name) <= maxName && visible(name, end)
}

// visible reports whether a text is visible ASCII without that byte.
func visible(text string, end byte) bool {
	for i := range len(text) {
		if text[i]-'!' > '~'-'!' || text[i] == end {
			return false
		}
	}
	return true
}
