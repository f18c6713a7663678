package verifier

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
)

// maxHandshake bounds the body of a signed handshake: a larger one is an event.
const maxHandshake = 8 << 10

// Challenge is a handshake that was recognised, and is of its exact form.
type Challenge struct {
	v      *Verifier
	h      *handshake
	text   string
	secret int // whose key makes the MAC
}

// Handshake recognises a request that is a handshake without a signature. It is nil
// if r is none. Errors wrap [ErrMalformedHandshake] or [ErrVerifyToken].
func (v *Verifier) Handshake(r *Request) (*Challenge, error) {
	for i := range v.scheme.handshakes {
		if h := &v.scheme.handshakes[i]; h.asks(v, r) {
			return h.read(v, r)
		}
	}
	return nil, nil
}

// asks reports whether r is this handshake, well-formed or not.
func (h *handshake) asks(v *Verifier, r *Request) bool {
	if h.Signed || r.Method != h.Method || !h.challenge.in(r) {
		return false
	}
	if r.Method == http.MethodPost && (!h.answered || r.Body || v.Present(r)) {
		return false // a webhook, to be verified
	}
	for i := range h.when {
		if text, err := h.when[i].from.only(r); err != nil || text != h.when[i].is {
			return false
		}
	}
	return true
}

func (h *handshake) read(v *Verifier, r *Request) (*Challenge, error) {
	if r.Body {
		return nil, refuse(ErrMalformedHandshake, "", "it has a body")
	}
	if h.token != nil {
		token, err := h.token.only(r)
		switch {
		case err != nil:
			return nil, malformedHandshake(err)
		case !h.admits(token):
			return nil, refuse(ErrVerifyToken, h.token.name, "")
		}
	}
	text, err := h.challenge.only(r)
	if err != nil {
		return nil, malformedHandshake(err)
	}
	return h.challenged(v, text, 0) // the first secret is the preferred one
}

// admits reports whether a verify token is the right one, or not for us to judge.
func (h *handshake) admits(token string) bool {
	return h.want == nil || h.want.matchesToken([]candidate{{text: token}}) == 1
}

// malformedHandshake says of a handshake what was wrong with a value of it.
func malformedHandshake(err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return refuse(ErrMalformedHandshake, "", err.Error())
	}
	detail := r.Detail
	if detail == "" {
		detail = "is missing or empty"
	}
	return refuse(ErrMalformedHandshake, r.Where, detail)
}

// Handshake recognises a webhook that is a handshake. It is nil if it is none.
// Errors wrap [ErrMalformedHandshake].
func (p *Verified) Handshake() (*Challenge, error) {
	if len(p.body) > maxHandshake {
		return nil, nil
	}
	for i := range p.v.scheme.handshakes {
		h := &p.v.scheme.handshakes[i]
		if !h.Signed || !h.says(p.body) {
			continue
		}
		text, found, err := h.challenge.path.lookup(p.body)
		if err == nil && !found {
			err = errors.New("is not there")
		}
		if err != nil {
			return nil, refuse(ErrMalformedHandshake, h.challenge.name, err.Error())
		}
		return h.challenged(p.v, text, p.Secret)
	}
	return nil, nil
}

// says reports whether a body is this handshake's.
func (h *handshake) says(body []byte) bool {
	for i := range h.when {
		if text, found, err := h.when[i].from.path.lookup(body); err != nil || !found || text != h.when[i].is {
			return false
		}
	}
	return true
}

func (h *handshake) challenged(v *Verifier, text string, secret int) (*Challenge, error) {
	switch {
	case h.MAC != "" && !isMACed(text):
		return nil, refuse(ErrMalformedHandshake, h.challenge.name, "has to be 1 to 128 letters, digits or + / = _ -")
	case !isEchoed(text):
		return nil, refuse(ErrMalformedHandshake, h.challenge.name, "has to be 1 to 1024 letters, digits, inner spaces or + / = _ - . : ~ @ * ,")
	}
	return &Challenge{v, h, text, secret}, nil
}

// Reply is the answer to a handshake, with status 200.
type Reply struct {
	Header http.Header
	Body   string
}

// Reply returns the answer, nil if the handshake is to be passed on.
func (c *Challenge) Reply() *Reply {
	if !c.h.answered {
		return nil
	}
	mac := ""
	if c.h.MAC != "" {
		h := hmac.New(sha256.New, c.v.ring.hmac(c.secret))
		h.Write([]byte(c.text))
		mac = c.h.MAC.encode(h.Sum(nil))
	}
	r := &Reply{Header: http.Header{}, Body: c.h.answer.fill(c.text, mac)}
	for name, value := range c.h.header {
		r.Header.Set(name, value.fill(c.text, mac))
	}
	kind := "text/plain; charset=utf-8"
	if len(r.Body) > 1 && r.Body[:2] == `{"` {
		kind = "application/json"
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Content-Type-Options", "nosniff")
	r.Header.Set("Cache-Control", "no-store")
	return r
}

// hmac returns the key that a secret is for HMAC-SHA256, nil if it is none.
func (ring *keyring) hmac(secret int) []byte {
	for i := range ring.keys {
		if k := &ring.keys[i]; k.secret == secret && k.form.Algorithm == HMACSHA256 {
			return k.bytes
		}
	}
	return nil
}

// MACs reports whether a handshake of the scheme is answered, by us or by the app,
// with a MAC of a text that the asker has chosen. Whoever verifies with the same
// secrets must then refuse what [Verified.IsChallenge].
func (v *Verifier) MACs() bool {
	for i := range v.scheme.handshakes {
		if v.scheme.handshakes[i].MAC != "" {
			return true
		}
	}
	return false
}

// IsChallenge reports whether what is signed has the form of a challenge that is
// answered with a MAC, so that the signature proves nothing: the answer to a
// handshake would be one. No provider's events have that form.
func (p *Verified) IsChallenge() bool {
	s := p.v.scheme
	body := p.body
	if !s.body {
		body = nil
	}
	if len(body) > maxMACed {
		return false
	}
	signed := s.post.append(append(s.pre.append(nil, &p.values), body...), &p.values)
	return isMACed(string(signed))
}
