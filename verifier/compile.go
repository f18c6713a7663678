package verifier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// location is a compiled [Location].
type location struct {
	Location
	from source
	list byte // the separator of items, 0 if there is one item
	pair byte // the separator of an item's name, 0 if it has none
}

// part is a variable that a request names in a header or in the signature's list.
type part struct {
	source
	variable variable
	end      byte // the byte that delimits it in the signed text, 0 if none does
	meets    bool // the timestamp follows at once, and is all that delimits it
}

// compiled is a scheme made ready, and the facts derived from its template.
type compiled struct {
	Scheme
	template  template
	pre, post template // before and after the body
	body      bool     // the template holds the body
	bodySafe  bool     // the body is authenticated, as it is or by its digest
	method    bool     // the method is signed
	query     bool     // the query is signed
	queryEnd  byte     // the byte that delimits it, 0 if none does
	digestAt  string   // the query value that holds the body's digest, "" if none does
	locations []location
	parts     []part
	twins     [][]string // the canonical names of each value that has several
	id, typ   *source
	time      *source
	past      time.Duration
	future    time.Duration
	items     []string // names in a list that are signatures
	lengths   []int    // the lengths a signature may have; nil for tokens
	secretIn  []string // canonical headers that hold the secret itself

	handshakes []handshake
}

// maxKeyForms bounds the readings of one secret, each of which costs a MAC.
const maxKeyForms = 8

// compile checks a scheme and derives what it authenticates. Its errors are for
// the person who wrote the scheme.
func compile(s Scheme, allowWeak bool) (*compiled, error) {
	c := &compiled{Scheme: s}
	for _, step := range []func(*compiled, bool) error{
		(*compiled).compileSigned, (*compiled).compileKeys, (*compiled).compileLocations,
		(*compiled).compileTime, (*compiled).compileNames, (*compiled).compileRest, (*compiled).compileHandshakes,
	} {
		if err := step(c, allowWeak); err != nil {
			return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
		}
	}
	for i := range c.locations {
		c.addTwins(&c.locations[i].from)
	}
	for i := range c.parts {
		c.addTwins(&c.parts[i].source)
	}
	return c, nil
}

func (c *compiled) addTwins(s *source) {
	if len(s.keys) > 1 {
		c.twins = append(c.twins, s.keys)
	}
}

func (c *compiled) compileSigned(allowWeak bool) (err error) {
	if c.template, err = compileTemplate(c.Signed); err != nil {
		return err
	}
	var format TimeFormat
	if c.Timestamp != nil {
		format = c.Timestamp.Format
	}
	if a, b, touch := c.template.touching(format); touch {
		return fmt.Errorf("signed %q: {%s} and {%s} touch, so that bytes could move from one to the other unseen", c.Signed, a, b)
	}
	c.pre, c.post = c.template.around()
	c.body, c.method, c.query = c.template.has(varBody), c.template.has(varMethod), c.template.has(varQuery)
	c.queryEnd = c.template.delimiter(varQuery)
	if err := c.compileDigest(); err != nil {
		return err
	}
	if c.method {
		if end := c.template.delimiter(varMethod); 'A' <= end && end <= 'Z' {
			return fmt.Errorf("signed %q: an upper-case letter cannot delimit {method}", c.Signed)
		}
	}
	if c.MaxDecoded < 0 || c.MaxDecoded > maxDecoded {
		return fmt.Errorf("a decoded body may have at most %d bytes", maxDecoded)
	}
	if c.MaxDecoded > 0 && !c.bodySafe {
		return errors.New("a body that is not signed is not decoded either")
	}
	if !c.bodySafe && !allowWeak {
		return fmt.Errorf("signed %q does not hold {body}, so that anyone could change the body; if that is how the provider signs, say allow_weak", c.Signed)
	}
	return nil
}

// maxDecoded bounds what a small body may become in memory, as that is not counted
// among the bodies being received.
const maxDecoded = 16 << 20

func (c *compiled) compileDigest() error {
	c.bodySafe = c.body
	if c.BodySHA256 == "" {
		return nil
	}
	kind, name, err := c.BodySHA256.split()
	if err != nil {
		return fmt.Errorf("body_sha256: %w", err)
	}
	if kind != inQuery || !c.query || c.body {
		return fmt.Errorf("body_sha256 %s: it is a value of the query, and signed holds {query} and not {body}", c.BodySHA256)
	}
	c.digestAt, c.bodySafe = name, true
	return nil
}

func (c *compiled) compileKeys(allowWeak bool) error {
	if len(c.Keys) == 0 {
		return errors.New("no algorithm is named; hmac-sha256 is the usual one")
	}
	if len(c.Keys) > maxKeyForms {
		return fmt.Errorf("%d forms of the secret are too many, there may be %d", len(c.Keys), maxKeyForms)
	}
	for i := range c.Keys {
		form := c.Keys[i]
		if !form.Algorithm.known() {
			return fmt.Errorf("unknown algorithm %q; there are hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512, ed25519, ecdsa-p256-sha256, rsa-pkcs1-sha256 and token", form.Algorithm)
		}
		if form.Algorithm.weak() && !allowWeak {
			return fmt.Errorf("%s is weak; if the provider offers nothing better, say allow_weak", form.Algorithm)
		}
		switch form.Encoding {
		case "", Text, Hex, Base64, Base64URL, PEM:
		default:
			return fmt.Errorf("unknown encoding %q of the secret; there are text, hex, base64, base64url and pem", form.Encoding)
		}
		if form.Private && !form.Algorithm.pair() {
			return fmt.Errorf("%s has no private keys: one secret signs and verifies", form.Algorithm)
		}
		if form.MinBytes < 0 {
			return errors.New("the least length of a key cannot be negative")
		}
		if form.Item != "" && !slices.Contains(c.items, form.Item) {
			c.items = append(c.items, form.Item)
		}
		for _, e := range c.Encodings {
			if n := form.Algorithm.size(); n > 0 {
				c.lengths = append(c.lengths, e.size(n))
			}
		}
	}
	if slices.ContainsFunc(c.Keys, func(f KeyForm) bool { return f.Algorithm.size() == 0 }) {
		c.lengths = nil // any length
	}
	return c.checkEncodings()
}

// item returns the number under which candidates and keys know the name of a
// signature in a list: 1 and up, 0 for names that are none and for no name.
func (c *compiled) item(name string) byte {
	for i, known := range c.items {
		if known == name {
			return byte(i + 1)
		}
	}
	return 0
}

func (c *compiled) checkEncodings() error {
	if len(c.Encodings) == 0 && slices.ContainsFunc(c.Keys, func(f KeyForm) bool { return f.Algorithm != Token }) {
		return errors.New("no encoding of the signature is named; hex and base64 are the usual ones")
	}
	for i, e := range c.Encodings {
		if e != Hex && e != Base64 && e != Base64URL {
			return fmt.Errorf("unknown encoding %q of the signature; there are hex, base64 and base64url", e)
		}
		for _, other := range c.Encodings[:i] {
			for _, form := range c.Keys {
				switch n := form.Algorithm.size(); {
				case n > 0 && e.size(n) == other.size(n):
					return fmt.Errorf("encodings %s and %s have the same length and cannot be told apart", other, e)
				case n == 0 && form.Algorithm.pair():
					return fmt.Errorf("a signature of %s has no length of its own that would tell %s from %s: name one encoding", form.Algorithm, other, e)
				}
			}
		}
	}
	return nil
}

func (c *compiled) compileLocations(bool) error {
	if len(c.Signature) == 0 {
		return errors.New("no signature is named; write where it is, as in header:X-Signature")
	}
	for _, l := range c.Signature {
		from, err := c.source(l.From)
		if err != nil {
			return fmt.Errorf("signature: %w", err)
		}
		if from.kind != inHeader && from.kind != inQuery {
			return fmt.Errorf("signature: %q: it is in a header or in the query", l.From)
		}
		if l.List != "" && l.List != " " && l.List != "," && l.List != ";" {
			return fmt.Errorf("signature: list separator %q; there are space, comma and semicolon", l.List)
		}
		if l.Pair != "" && l.Pair != "=" && l.Pair != "," && l.Pair != ":" || l.Pair != "" && l.Pair == l.List {
			return fmt.Errorf("signature: pair separator %q; there are =, colon and comma, and it differs from the list's", l.Pair)
		}
		for _, form := range c.Keys {
			if (form.Item == "") == (l.Pair != "") {
				return errors.New("signature: items with names need the name of those that are signatures (item v1), items without take none")
			}
			if l.Pair != "" && strings.ContainsAny(form.Item, " \t"+l.Pair+l.List) {
				return fmt.Errorf("signature: the name %q could not be told from what is around it: it holds a space or a separator", form.Item)
			}
			if form.Algorithm == Token && from.kind == inHeader {
				c.secretIn = append(c.secretIn, from.keys...)
			}
		}
		compiled := location{Location: l, from: from}
		if l.List != "" {
			compiled.list = l.List[0]
		}
		if l.Pair != "" {
			compiled.pair = l.Pair[0]
		}
		c.locations = append(c.locations, compiled)
	}
	return nil
}

func (c *compiled) compileTime(bool) error {
	if c.Timestamp == nil {
		if c.template.has(varTimestamp) {
			return fmt.Errorf("signed %q holds {timestamp}, but timestamp does not say where it is", c.Signed)
		}
		return nil
	}
	t := *c.Timestamp
	from, err := c.source(t.From)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	switch signed := c.template.has(varTimestamp); {
	case from.kind == inQuery:
		return fmt.Errorf("timestamp: %q: it is in a header, a part of the signature or the body", t.From)
	case from.kind == inBody && signed:
		return fmt.Errorf("timestamp %s cannot be {timestamp} as well: the body is signed whole", t.From)
	case from.kind == inBody && !c.bodySafe:
		return fmt.Errorf("timestamp %s: the body is not signed, nothing in it can be believed", t.From)
	case from.kind != inBody && !signed:
		return fmt.Errorf("timestamp %s is not signed ({timestamp} is not in signed): leave it out, it proves nothing", t.From)
	}
	switch t.Format {
	case Unix, UnixMilli, RFC3339:
	default:
		return fmt.Errorf("unknown timestamp format %q; there are unix, unix_ms and rfc3339", t.Format)
	}
	if t.Past < 0 || t.Future < 0 {
		return errors.New("a tolerance cannot be negative")
	}
	const usual = 5 * time.Minute
	c.time, c.past, c.future = &from, usual, usual
	if from.kind != inBody {
		c.parts = append(c.parts, part{source: from, variable: varTimestamp})
	}
	if t.Past > 0 {
		c.past = time.Duration(t.Past)
	}
	if t.Future > 0 {
		c.future = time.Duration(t.Future)
	}
	return nil
}

// compileNames resolves the id and the type. A header that is not signed is
// refused here, so that no later code can mistake it for an authentic one.
func (c *compiled) compileNames(bool) error {
	for _, n := range []struct {
		what string
		ref  Ref
		v    variable
		to   **source
	}{{"id", c.ID, varID, &c.id}, {"type", c.Type, varType, &c.typ}} {
		signed := c.template.has(n.v)
		if n.ref == "" {
			if signed {
				return fmt.Errorf("signed %q holds {%s}, but %s does not say where it is", c.Signed, n.v, n.what)
			}
			continue
		}
		from, err := c.source(n.ref)
		if err != nil {
			return fmt.Errorf("%s: %w", n.what, err)
		}
		switch from.kind {
		case inHeader, inPart:
			if !signed {
				return fmt.Errorf("%s %s is not signed ({%s} is not in signed): name it unsigned_%s", n.what, n.ref, n.v, n.what)
			}
		case inBody:
			if signed {
				return fmt.Errorf("%s %s cannot be {%s} as well: the body is signed whole", n.what, n.ref, n.v)
			}
			if !c.bodySafe {
				return fmt.Errorf("%s %s: the body is not signed, nothing in it can be believed", n.what, n.ref)
			}
		default:
			return fmt.Errorf("%s: %q: it is in a header or in the body", n.what, n.ref)
		}
		*n.to = &from
		if signed {
			c.parts = append(c.parts, part{source: from, variable: n.v, end: c.template.delimiter(n.v), meets: c.template.meetsTime(n.v)})
		}
	}
	return nil
}

func (c *compiled) compileRest(bool) error {
	for _, name := range []string{c.UnsignedID, c.UnsignedType} {
		if name != "" && !headerName(name) {
			return fmt.Errorf("%q is no header name", name)
		}
	}
	if c.IDVaries && (c.id == nil || c.id.kind == inBody) {
		return errors.New("id_varies is for an id that {id} signs; leave out any other that is not the event's")
	}
	if c.BodyVaries && (c.id == nil || c.IDVaries) {
		return errors.New("body_varies needs a signed id: without one nothing tells a duplicate")
	}
	if c.BodyVaries && c.BodyRepeats {
		return errors.New("body_varies and body_repeats cannot both hold")
	}
	if c.MaxBody < 0 || c.ResponseLimit < 0 || c.RetryHorizon < Unbounded {
		return errors.New("a limit cannot be negative")
	}
	return nil
}
