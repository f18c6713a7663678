package verifier

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Answer asks for a handshake to be answered rather than passed on.
type Answer struct {
	// Kind of the handshake; empty if the scheme has exactly one of its own.
	Kind string
	// VerifyToken is what the provider was told with the URL, and repeats.
	VerifyToken string
}

// handshake is a compiled [Handshake].
type handshake struct {
	*Handshake
	when      []match
	challenge source
	token     *source // where the verify token is, nil if there is none
	want      *key    // the verify token, nil where it is not for us to judge
	answer    pieces
	header    map[string]pieces
	answered  bool
}

type match struct {
	from source
	is   string
}

// pieces is a compiled answer: literal text, between challenges and MACs.
type pieces []string

const (
	challengeVariable = "{challenge}"
	macVariable       = "{mac}"
)

func cutPieces(text string) (p pieces) {
	for text != "" {
		at := len(text)
		for _, variable := range []string{challengeVariable, macVariable} {
			if i := strings.Index(text, variable); i >= 0 && i < at {
				at = i
			}
		}
		if at == 0 {
			at = strings.IndexByte(text, '}') + 1
		}
		p, text = append(p, text[:at]), text[at:]
	}
	return p
}

func (p pieces) fill(challenge, mac string) string {
	var b strings.Builder
	for _, piece := range p {
		switch piece {
		case challengeVariable:
			piece = challenge
		case macVariable:
			piece = mac
		}
		b.WriteString(piece)
	}
	return b.String()
}

// has reports whether an answer holds a variable.
func (h *handshake) has(variable string) bool {
	for _, p := range h.header {
		if slices.Contains(p, variable) {
			return true
		}
	}
	return slices.Contains(h.answer, variable)
}

func (c *compiled) compileHandshakes(bool) error {
	for i := range c.Handshakes {
		h := handshake{Handshake: &c.Handshakes[i]}
		if err := c.compileHandshake(&h); err != nil {
			return err
		}
		if h.Kind != "" && slices.ContainsFunc(c.handshakes, func(other handshake) bool { return other.Kind == h.Kind }) {
			return fmt.Errorf("handshake %s is there twice", h.Kind)
		}
		c.handshakes = append(c.handshakes, h)
	}
	return nil
}

func (c *compiled) compileHandshake(h *handshake) (err error) {
	switch {
	case h.Method == "" || h.Challenge == "":
		return errors.New("a handshake is a method and the query parameter or the header that must be there")
	case h.Method != http.MethodGet && h.Method != http.MethodOptions && h.Method != http.MethodPost:
		return fmt.Errorf("handshake: method %q; it is GET or OPTIONS", h.Method)
	case h.Signed && (h.Method != http.MethodPost || !c.bodySafe):
		return errors.New("a signed handshake is a POST whose body is signed")
	case h.Method == http.MethodPost && !h.Signed && h.Answer == "":
		return errors.New("a POST is a webhook and must be signed: a handshake has another method")
	case (h.Kind == "") != (h.Answer == "" && len(h.Header) == 0):
		return errors.New("a handshake with an answer has a kind by which it is asked for, any other has none")
	}
	if h.challenge, err = c.handshakeSource(h, h.Challenge); err != nil {
		return err
	}
	for _, m := range h.When {
		from, err := c.handshakeSource(h, m.From)
		if err != nil {
			return err
		}
		if m.Is == "" {
			return fmt.Errorf("handshake: %s: no text is said that has to be there", m.From)
		}
		h.when = append(h.when, match{from, m.Is})
	}
	if h.VerifyToken != "" {
		token, err := c.handshakeSource(h, h.VerifyToken)
		if err != nil {
			return err
		}
		h.token = &token
	}
	return c.compileAnswer(h)
}

// handshakeSource keeps signed handshakes to what is signed, and others from a body
// that nobody has verified.
func (c *compiled) handshakeSource(h *handshake, r Ref) (source, error) {
	from, err := c.source(r)
	switch {
	case err != nil:
		return from, fmt.Errorf("handshake: %w", err)
	case h.Signed && from.kind != inBody:
		return from, fmt.Errorf("handshake: %s is not signed: a signed handshake is told by its body", r)
	case !h.Signed && from.kind != inQuery && from.kind != inHeader:
		return from, fmt.Errorf("handshake: %q: of a handshake that is not signed, it is in a header or in the query", r)
	}
	return from, nil
}

func (c *compiled) compileAnswer(h *handshake) error {
	h.answer, h.header = cutPieces(h.Answer), make(map[string]pieces, len(h.Header))
	for name, value := range h.Header {
		if !headerName(name) {
			return fmt.Errorf("handshake: %q is no header name", name)
		}
		h.header[name] = cutPieces(value)
	}
	for _, text := range append(slices.Collect(maps.Values(h.Header)), h.Answer) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("handshake: an answer is visible ASCII")
		}
	}
	switch mac := h.has(macVariable); {
	case mac != (h.MAC != ""):
		return errors.New("handshake: {mac} is in the answer, and how it is spelled in mac, or neither")
	case mac && h.MAC != Hex && h.MAC != Base64:
		return fmt.Errorf("handshake: unknown encoding %q of the mac; there are hex and base64", h.MAC)
	case mac && !slices.ContainsFunc(c.Keys, func(f KeyForm) bool { return f.Algorithm == HMACSHA256 }):
		return fmt.Errorf("handshake %s is answered with an HMAC-SHA256, and no secret of this scheme is a key for one", h.Kind)
	}
	return nil
}

// choose returns the scheme with the handshake that is to be answered, and where
// that is.
func (a *Answer) choose(s Scheme) (Scheme, int, error) {
	var own []string
	at := -1
	for i, h := range s.Handshakes {
		if h.Kind == "" {
			continue
		}
		own = append(own, h.Kind)
		if a.Kind == "" || a.Kind == h.Kind {
			at = i
		}
	}
	switch {
	case a.Kind == "" && len(own) == 1:
		return s, at, nil
	case a.Kind == "" && len(own) == 0:
		return s, 0, fmt.Errorf("the scheme has no handshake that could be answered: say which is, with handshake answer <kind>; there are %s", HandshakeKinds())
	case a.Kind == "":
		return s, 0, fmt.Errorf("the scheme has several handshakes: say which is answered, with handshake answer and one of %s", strings.Join(own, ", "))
	case len(own) == 1:
		return s, 0, fmt.Errorf("the scheme has one handshake of its own, %s: write handshake answer without a kind", own[0])
	case len(own) > 1 && at < 0:
		return s, 0, fmt.Errorf("the scheme has no handshake %s; it has %s", a.Kind, strings.Join(own, ", "))
	case at >= 0:
		return s, at, nil
	}
	h, ok := HandshakeOf(a.Kind)
	if !ok {
		return s, 0, fmt.Errorf("there is no handshake %q; there are %s", a.Kind, HandshakeKinds())
	}
	s.Handshakes = append(slices.Clip(s.Handshakes), h)
	return s, len(s.Handshakes) - 1, nil
}

// answerAt has the i-th handshake answered.
func (v *Verifier) answerAt(i int, token string) error {
	h := &v.scheme.handshakes[i]
	h.answered = true
	if h.MAC != "" {
		for _, k := range v.ring.keys {
			if v.ring.hmac(k.secret) == nil {
				return fmt.Errorf("handshake %s is answered with an HMAC-SHA256, for which secret %d is no key", h.Kind, k.secret+1)
			}
		}
	}
	switch {
	case h.token == nil && token == "":
		return nil
	case h.token == nil:
		return fmt.Errorf("handshake %s knows no verify token: remove it", h.Kind)
	case token == "":
		return fmt.Errorf("handshake %s is answered only to who repeats the verify token: add the one that the provider was told with the URL, as {env.NAME} or {file./absolute/path}", h.Kind)
	}
	if strings.TrimSpace(token) != token || len(token) < defaultMinKey {
		return fmt.Errorf("handshake %s: the verify token has %d bytes, white space around it is no part of one, and at least %d are needed: choose a longer one, and tell it to the provider", h.Kind, len(token), defaultMinKey)
	}
	h.want = &key{rawKey: rawKey{bytes: []byte(token)}}
	return nil
}
