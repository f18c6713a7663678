package verifier

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// Options are a verifier's settings beyond its scheme and secrets.
type Options struct {
	// Past and Future replace the scheme's tolerance; 0 keeps it. An error for a
	// scheme without a signed timestamp.
	Past, Future time.Duration
	// PublicURL stands for {url}: the URL as the provider has it. The request's
	// own Host is never believed.
	PublicURL string
	// AllowWeak admits SHA-1, tokens, and schemes that do not sign the body.
	AllowWeak bool
}

// Verifier checks webhooks of one scheme against a set of secrets. It is
// immutable and safe for concurrent use.
type Verifier struct {
	scheme    *compiled
	keys      []*key
	publicURL string
}

// New compiles a scheme with its secrets, at most 8, in the order of preference.
// Any of them may match, so that a secret can be rotated. Errors name the scheme
// and the position of the secret, never a byte of it.
func New(s Scheme, secrets []string, o Options) (*Verifier, error) {
	c, err := compile(s, o.AllowWeak)
	if err != nil {
		return nil, err
	}
	v := &Verifier{scheme: c, publicURL: o.PublicURL}
	if o.Past < 0 || o.Future < 0 {
		return nil, fmt.Errorf("scheme %s: a tolerance cannot be negative", s.Name)
	}
	if o.Past > 0 || o.Future > 0 {
		if c.time == nil {
			return nil, fmt.Errorf("scheme %s signs no timestamp, so there is nothing to tolerate: remove the tolerance", s.Name)
		}
		if o.Past > 0 {
			c.past = o.Past
		}
		if o.Future > 0 {
			c.future = o.Future
		}
	}
	if c.template.has(varURL) != (o.PublicURL != "") {
		if o.PublicURL == "" {
			return nil, fmt.Errorf("scheme %s signs the URL: say which one the provider has, with public_url", s.Name)
		}
		return nil, fmt.Errorf("scheme %s does not sign the URL: remove public_url", s.Name)
	}
	if v.keys, err = readSecrets(c, secrets, false); err != nil {
		return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
	}
	return v, nil
}

func readSecrets(c *compiled, secrets []string, signing bool) ([]*key, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret")
	}
	if len(secrets) > maxSecrets {
		return nil, fmt.Errorf("%d secrets are too many, at most %d are tried", len(secrets), maxSecrets)
	}
	var keys []*key
	for i, secret := range secrets {
		raws, err := readSecret(c.Keys, secret, i, signing)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		for _, raw := range raws {
			keys = append(keys, newKey(raw))
		}
	}
	return keys, nil
}

// Verified is the proof that a body is authentic; only [Envelope.Verify] makes
// one.
type Verified struct {
	// Secret is the index of the secret that matched.
	Secret int
	// Timestamp is the signed time; zero if the scheme signs none.
	Timestamp time.Time

	v      *Verifier
	values values
	body   []byte
}

// Verify parses and verifies in one call. The body must not change while the
// result is in use.
func (v *Verifier) Verify(r *Request, body []byte, now time.Time) (Verified, error) {
	var e Envelope
	if err := e.parse(v, r); err != nil {
		return Verified{}, err
	}
	return e.Verify(body, now)
}

// Verify checks the signature over the raw bytes of the body, then freshness.
// All candidates meet all keys and nothing stops early, so that neither time nor
// answer tells how close a forgery came. Errors wrap [ErrInvalidSignature],
// [ErrStaleTimestamp] or [ErrFutureTimestamp]; with the latter two the result is
// valid, as the signature held.
func (e *Envelope) Verify(body []byte, now time.Time) (Verified, error) {
	v := e.v
	s := scratches.Get().(*scratch)
	s.pre, s.post = v.scheme.template.split(&e.values, s.pre[:0], s.post[:0])
	secret := -1
	for _, k := range v.keys {
		if k.matches(e.candidates[:e.n], v.scheme.Encodings, s, body) == 1 && secret < 0 {
			secret = k.secret
		}
	}
	s.free()
	if secret < 0 {
		return Verified{}, refuse(ErrInvalidSignature, "", "no secret verifies it")
	}
	result := Verified{Secret: secret, v: v, values: e.values, body: body}
	if v.scheme.time == nil {
		return result, nil
	}
	result.Timestamp = e.time
	switch {
	case e.time.Before(now.Add(-v.scheme.past)):
		return result, &Refusal{Reason: ErrStaleTimestamp, Where: v.scheme.time.name, Skew: e.time.Sub(now)}
	case e.time.After(now.Add(v.scheme.future)):
		return result, &Refusal{Reason: ErrFutureTimestamp, Where: v.scheme.time.name, Skew: e.time.Sub(now)}
	}
	return result, nil
}

// Event is the authenticated identity of a webhook.
type Event struct {
	// ID is the signed id; empty if there is none. 1 to 256 visible ASCII
	// characters.
	ID string
	// Type is the signed event type; empty if there is none, same form.
	Type string
	// Digest is the SHA-256 of the signed bytes without id and timestamp, which
	// is of the body alone for all schemes that sign no URL. It is the same for
	// every retry and every spelling of the signature.
	Digest [sha256.Size]byte
}

// Event reads id and type, from the signed headers or from the signed body, and
// digests what was signed. Its errors wrap [ErrMalformedBody]: the body names an
// id, but not one that can be told for sure. A body without the member, or that
// is no JSON, simply has no id.
func (p *Verified) Event() (Event, error) {
	s := p.v.scheme
	ev := Event{ID: p.values.id, Type: p.values.typ, Digest: p.digest()}
	if s.id != nil && s.id.kind == inBody {
		id, found, err := s.id.path.lookup(p.body)
		if err == nil && found && !plainName(id, 0) {
			err = errors.New("has to be 1 to 256 visible ASCII characters")
		}
		if err != nil {
			return Event{}, refuse(ErrMalformedBody, s.id.name, err.Error())
		}
		ev.ID = id
	}
	if s.typ != nil && s.typ.kind == inBody {
		// A type decides nothing that the id does not: one that cannot be told is
		// no type.
		if typ, found, err := s.typ.path.lookup(p.body); err == nil && found && plainName(typ, 0) {
			ev.Type = typ
		}
	}
	return ev, nil
}

func (p *Verified) digest() (sum [sha256.Size]byte) {
	s := p.v.scheme
	if !s.template.has(varURL) && !s.template.has(varMethod) && !s.template.has(varType) {
		return sha256.Sum256(p.body)
	}
	h := sha256.New()
	for _, segment := range s.template {
		switch segment.variable {
		case varMethod, varURL, varType:
			h.Write([]byte(p.values.of(segment.variable)))
			h.Write([]byte{0})
		}
	}
	h.Write(p.body)
	h.Sum(sum[:0])
	return sum
}
