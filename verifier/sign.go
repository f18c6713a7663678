package verifier

import (
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
	// Method defaults to POST. URL is signed by some schemes.
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
	if c.time != nil {
		v[varTimestamp] = formatTime(c.Timestamp.Format, m.Timestamp)
		if _, ok := parseTime(c.Timestamp.Format, v[varTimestamp]); !ok {
			return nil, fmt.Errorf("timestamp %s cannot be written as %s", v[varTimestamp], c.Timestamp.Format)
		}
	}
	for _, n := range []struct {
		from     *source
		unsigned string
		value    string
		end      byte
	}{{c.id, c.UnsignedID, v[varID], c.idEnd}, {c.typ, c.UnsignedType, v[varType], c.typeEnd}} {
		if n.value != "" && !plainName(n.value, n.end) {
			return nil, fmt.Errorf("%q cannot be an id or a type: it has to be 1 to 256 visible ASCII characters without %q", n.value, n.end)
		}
		if n.from != nil && n.from.kind == inHeader {
			if n.value == "" {
				return nil, fmt.Errorf("the scheme signs %s, and there is no value for it", n.from)
			}
			h.Set(n.from.name, n.value)
		}
		if n.unsigned != "" && n.value != "" {
			h.Set(n.unsigned, n.value)
		}
	}
	if c.time != nil && c.time.kind == inHeader {
		h.Set(c.time.name, v[varTimestamp])
	}
	for i := range c.locations {
		l := &c.locations[i]
		h.Set(l.from.name, g.signature(l, &v, m.Body))
	}
	return h, nil
}

// signature returns a location's value: parts first, then one signature a key.
func (g *Signer) signature(l *location, v *values, body []byte) string {
	c := g.scheme
	w := g.ring.borrow()
	defer g.ring.giveBack(w)
	w.pre, w.post = c.pre.append(w.pre[:0], v), c.post.append(w.post[:0], v)
	var out []string
	for _, part := range []struct {
		from  *source
		value string
	}{{c.time, v[varTimestamp]}, {c.id, v[varID]}, {c.typ, v[varType]}} {
		if part.from != nil && part.from.kind == inPart {
			out = append(out, part.from.name+l.Pair+part.value)
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
		out = append(out, item+string(encoding.append(nil, g.ring.sign(nil, i, w, body))))
		if l.List == "" {
			break
		}
	}
	return strings.Join(out, l.List)
}
