package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Message is a webhook to be signed.
type Message struct {
	// ID, Type and Timestamp go where the scheme puts them: into a header, or
	// nowhere if the scheme expects them in the body.
	ID, Type  string
	Timestamp time.Time
	// Method defaults to POST. URL is signed by some schemes; its query where they
	// sign that.
	Method, URL string
	Body        []byte
}

// Signer signs webhooks of one scheme. It is immutable and safe for concurrent
// use.
type Signer struct {
	scheme *compiled
	ring   *keyring
}

// NewSigner compiles a scheme with its secrets. With several, as during a
// rotation, a scheme that has a list of signatures carries one of each; other
// schemes are signed with the first.
func NewSigner(s Scheme, secrets []string, o Options) (*Signer, error) {
	c, err := compile(s, o.AllowWeak)
	if err != nil {
		return nil, err
	}
	for i, l := range c.locations {
		if l.from.kind != inHeader {
			return nil, fmt.Errorf("scheme %s: cannot sign into %s", s.Name, c.Signature[i].From)
		}
	}
	ring, err := readSecrets(c, secrets, true)
	if err != nil {
		return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
	}
	return &Signer{scheme: c, ring: ring}, nil
}

// Sign returns the headers that make m a webhook of the scheme. It errs if m
// lacks what the scheme signs, or has a value that its own verifier would
// refuse.
func (g *Signer) Sign(m Message) (http.Header, error) {
	c := g.scheme
	h := make(http.Header, 6)
	v := values{varID: m.ID, varType: m.Type, varMethod: m.Method, varURL: m.URL}
	if m.Method == "" {
		v[varMethod] = http.MethodPost
	}
	if c.template.has(varURL) && m.URL == "" {
		return nil, errors.New("the scheme signs the URL, and there is none")
	}
	if c.query {
		var err error
		if v[varURL], v[varQuery], err = c.splitURL(m.URL, m.Body); err != nil {
			return nil, err
		}
	}
	if c.time != nil && c.time.kind != inBody {
		v[varTimestamp] = formatTime(c.Timestamp.Format, m.Timestamp)
		if _, ok := parseTime(c.Timestamp.Format, v[varTimestamp]); !ok {
			return nil, fmt.Errorf("timestamp %s cannot be written as %s", v[varTimestamp], c.Timestamp.Format)
		}
	}
	for i := range c.parts {
		p := &c.parts[i]
		if err := c.checkPart(p, &v); err != nil {
			return nil, err
		}
		if p.kind == inHeader {
			h.Set(p.name, v[p.variable])
		}
	}
	for _, unsigned := range []struct{ name, value string }{{c.UnsignedID, m.ID}, {c.UnsignedType, m.Type}} {
		if unsigned.name == "" || unsigned.value == "" {
			continue
		}
		if !plainName(unsigned.value, 0) {
			return nil, badName(unsigned.value, 0)
		}
		h.Set(unsigned.name, unsigned.value)
	}
	for i := range c.locations {
		l := &c.locations[i]
		h.Set(l.from.name, g.signature(l, &v, m.Body))
	}
	return h, nil
}

// splitURL returns the URL and the query of a webhook, in which the digest of the
// body has to be.
func (c *compiled) splitURL(whole string, body []byte) (url, query string, err error) {
	url, query, _ = strings.Cut(whole, "?")
	if query == "" || len(query) > maxQuery || !visible(query, c.queryEnd) {
		return "", "", fmt.Errorf("the scheme signs the query, and %q has none that can be signed", whole)
	}
	if c.digestAt == "" {
		return url, query, nil
	}
	digest := sha256.Sum256(body)
	want := hex.EncodeToString(digest[:])
	if got, err := readQuery(query, c.digestAt); err != nil || got != want {
		return "", "", fmt.Errorf("the query of the URL has to hold the digest of the body, %s=%s", c.digestAt, want)
	}
	return url, query, nil
}

// checkPart errs if the value of p is missing, or one that [Verifier.Parse] would
// refuse or read as another.
func (c *compiled) checkPart(p *part, v *values) error {
	value := v[p.variable]
	switch {
	case p.variable == varTimestamp:
		return nil
	case value == "":
		return fmt.Errorf("the scheme signs %s, and there is no value for it", p)
	case !plainName(value, p.end):
		return badName(value, p.end)
	case p.kind == inPart && strings.IndexByte(value, c.locations[0].list) >= 0:
		return badName(value, c.locations[0].list)
	case p.meets && holdsTime(value, v[varTimestamp]):
		return fmt.Errorf("%q cannot be an id or a type: it holds what looks like a time, and one follows it without a delimiter", value)
	}
	return nil
}

func badName(value string, end byte) error {
	without := ""
	if end != 0 {
		without = fmt.Sprintf(" without %q", end)
	}
	return fmt.Errorf("%q cannot be an id or a type: it has to be 1 to 256 visible ASCII characters%s", value, without)
}

// signature returns a location's value: parts first, then one signature a key.
func (g *Signer) signature(l *location, v *values, body []byte) string {
	c := g.scheme
	w := g.ring.borrow()
	defer g.ring.giveBack(w)
	w.pre, w.post = c.pre.append(w.pre[:0], v), c.post.append(w.post[:0], v)
	if !c.body {
		body = nil
	}
	var out []string
	for i := range c.parts {
		if p := &c.parts[i]; p.kind == inPart {
			out = append(out, p.name+l.Pair+v[p.variable])
		}
	}
	signed := -1
	for i := range g.ring.keys {
		k := &g.ring.keys[i]
		if k.secret == signed {
			continue // another reading of the same secret
		}
		signed = k.secret
		item := l.Prefix
		if l.Pair != "" {
			item = k.form.Item + l.Pair + l.Prefix
		}
		encoding := Text
		if k.form.Algorithm != Token {
			encoding = c.Encodings[0]
		}
		out = append(out, item+encoding.encode(g.ring.sign(nil, i, w, body)))
		if l.List == "" {
			break
		}
	}
	return strings.Join(out, l.List)
}
