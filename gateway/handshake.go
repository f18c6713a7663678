package gateway

import (
	"net/http"
	"strconv"

	"github.com/hookgate/hookgate/verifier"
)

// unsignedHandshake finds the verifier whose handshake a request is. If it is only
// nearly one, of any of them, that is the error.
func unsignedHandshake(verifiers []*verifier.Verifier, request *verifier.Request, o *Outcome) (*verifier.Challenge, error) {
	var first error
	for _, v := range verifiers {
		c, err := v.Handshake(request)
		if c == nil && err == nil {
			continue
		}
		if c != nil || first == nil {
			o.Scheme = v.Name()
		}
		if c != nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// hasBody reports whether a request certainly has a body. HTTP/2 and 3 may leave it
// open: then a POST is a webhook, and any other passes without.
func hasBody(r *http.Request) bool {
	return r.ContentLength > 0 || len(r.TransferEncoding) > 0 || r.ContentLength < 0 && r.Method == http.MethodPost
}

// shake answers a handshake, or passes it on.
func (s *Source) shake(w http.ResponseWriter, r *http.Request, c *verifier.Challenge, o *Outcome, next Next) error {
	o.Result = ResultHandshake
	s.Observer.Annotate(r, o)
	if reply := c.Reply(); reply != nil {
		answerHandshake(w, reply)
		return nil
	}
	return next(w, r)
}

// shakeUnsigned is shake for one that nobody has verified: nothing marks it, and what
// it may have for a body is left behind.
func (s *Source) shakeUnsigned(w http.ResponseWriter, r *http.Request, c *verifier.Challenge, o *Outcome, next Next) error {
	r.Body, r.ContentLength = http.NoBody, 0
	return s.shake(w, r, c, o, next)
}

// shakeSigned is shake for a verified one. It is marked as that, but has neither a
// number nor a key: it is no event, and its repetition is to be answered again.
func (s *Source) shakeSigned(w http.ResponseWriter, r *http.Request, a *arrived, c *verifier.Challenge, o *Outcome, next Next) error {
	marks{
		Source: o.Source, Scheme: o.Scheme, ID: o.ID, Type: o.Type, Timestamp: o.Timestamp,
		Attempt: 1, Received: a.received, Via: a.hops + s.hop,
	}.write(r.Header)
	return s.shake(w, r, c, o, func(w http.ResponseWriter, r *http.Request) error {
		return s.pass(w, r, a.body, nil, o, next)
	})
}

func answerHandshake(w http.ResponseWriter, reply *verifier.Reply) {
	h := w.Header()
	for name, values := range reply.Header {
		h[name] = values
	}
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	h.Set(headerResult, ResultHandshake)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(reply.Body)) //nolint:gosec // G705: a challenge has no character that means anything in HTML. The sender may be gone
}
