package verifier

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
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
	// Answer asks for a handshake to be answered; nil: all are passed on.
	Answer *Answer
}

// Verifier checks webhooks of one scheme against a set of secrets. It is
// immutable and safe for concurrent use.
type Verifier struct {
	scheme    *compiled
	ring      *keyring
	publicURL string
	secrets   []string // for [Verifier.Explain]
	options   Options
}

// New compiles a scheme with its secrets, at most 8, in the order of preference.
// Any of them may match, so that a secret can be rotated. Errors name the scheme
// and the position of the secret, never a byte of it.
func New(s Scheme, secrets []string, o Options) (*Verifier, error) {
	answered := 0
	if o.Answer != nil {
		var err error
		if s, answered, err = o.Answer.choose(s); err != nil {
			return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
		}
	}
	c, err := compile(s, o.AllowWeak)
	if err != nil {
		return nil, err
	}
	v := &Verifier{scheme: c, publicURL: o.PublicURL, secrets: secrets, options: o}
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
	if o.PublicURL != "" && !strings.HasPrefix(o.PublicURL, "https://") && !strings.HasPrefix(o.PublicURL, "http://") {
		return nil, fmt.Errorf("scheme %s: public_url %q has to be the whole URL, beginning with https:// or http://", s.Name, o.PublicURL)
	}
	if v.ring, err = readSecrets(c, secrets, false); err != nil {
		return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
	}
	if o.Answer != nil {
		if err := v.answerAt(answered, o.Answer.VerifyToken); err != nil {
			return nil, fmt.Errorf("scheme %s: %w", s.Name, err)
		}
	}
	return v, nil
}

func readSecrets(c *compiled, secrets []string, signing bool) (*keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret")
	}
	if most := maxSecrets; !signing && len(secrets) > most {
		return nil, fmt.Errorf("%d secrets are too many, at most %d are tried", len(secrets), most)
	}
	if most := maxCandidates; signing && len(secrets) > most {
		return nil, fmt.Errorf("%d secrets are too many, at most %d sign", len(secrets), most)
	}
	var keys []key
	for i, secret := range secrets {
		raws, err := readSecret(c.Keys, secret, i, signing)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		for _, raw := range raws {
			keys = append(keys, key{rawKey: raw, item: c.item(raw.form.Item)})
		}
	}
	return newKeyring(keys), nil
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
func (v *Verifier) Verify(r *Request, body []byte, now time.Time) (result Verified, err error) {
	var e Envelope
	if err = e.parse(v, r); err == nil {
		err = e.verify(&result, body, now)
	}
	return result, err
}

// Verify checks the signature over the raw bytes of the body, then freshness.
// Neither time nor answer tells how close a forgery came. Errors wrap [ErrInvalidSignature],
// [ErrStaleTimestamp] or [ErrFutureTimestamp]; with the latter two the result is
// valid, as the signature held.
func (e *Envelope) Verify(body []byte, now time.Time) (result Verified, err error) {
	err = e.verify(&result, body, now)
	return result, err
}

func (e *Envelope) verify(result *Verified, body []byte, now time.Time) error {
	v := e.v
	if v.scheme.MaxDecoded > 0 {
		decoded, err := e.decode(body)
		if err != nil {
			return err
		}
		body = decoded
	}
	secret := v.ring.match(e.candidates(), v.scheme, &e.values, body)
	if secret < 0 {
		return refuse(ErrInvalidSignature, "", "no secret verifies it")
	}
	if v.scheme.digestAt != "" {
		if digest := sha256.Sum256(body); Hex.matches(e.digest, digest[:]) == 0 {
			return refuse(ErrInvalidSignature, v.scheme.digestAt, "is not the digest of the body")
		}
	}
	result.Secret, result.v, result.values, result.body = secret, v, e.values, body
	if v.scheme.time == nil {
		return nil
	}
	if v.scheme.time.kind == inBody {
		at, err := v.scheme.time.path.time(body, v.scheme.Timestamp.Format)
		if err != nil {
			return refuse(ErrMalformedBody, v.scheme.time.name, err.Error())
		}
		e.time = at
	}
	result.Timestamp = e.time
	switch skew := skewOf(e.time, now); {
	case skew < -v.scheme.past:
		return &Refusal{Reason: ErrStaleTimestamp, Where: v.scheme.time.name, Skew: skew}
	case skew > v.scheme.future:
		return &Refusal{Reason: ErrFutureTimestamp, Where: v.scheme.time.name, Skew: skew}
	}
	return nil
}

// Event is the authenticated identity of a webhook.
type Event struct {
	// ID is the signed id; empty if there is none. 1 to 256 visible ASCII
	// characters.
	ID string
	// Type is the signed event type; empty if there is none, same form.
	Type string
	// Digest is the SHA-256 of what is signed apart from id and timestamp, which
	// is the body, decoded if the scheme signs it so, alone for all schemes that
	// sign no URL; where the body is not
	// signed, of all that is. It is the same for every retry and every spelling
	// of the signature.
	Digest [sha256.Size]byte
}

// Event reads id and type, from the signed headers or from the signed body, and
// digests what was signed. Its errors wrap [ErrMalformedBody]: the body names an
// id, but not one that can be told for sure. A body without the member, or that
// is no JSON, simply has no id.
func (p *Verified) Event() (Event, error) {
	s := p.v.scheme
	ev := Event{ID: p.values[varID], Type: p.values[varType], Digest: p.digest()}
	if s.IDVaries {
		ev.ID = ""
	}
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
	t, signsBody := p.v.scheme.template, p.v.scheme.bodySafe
	if signsBody && !t.has(varURL) && !t.has(varQuery) && !t.has(varMethod) && !t.has(varType) {
		return sha256.Sum256(p.body)
	}
	h := sha256.New()
	for _, segment := range t {
		switch segment.variable {
		case varID, varTimestamp:
			if signsBody {
				continue
			}
		case literal, varBody:
			continue
		}
		h.Write([]byte(p.values[segment.variable]))
		h.Write([]byte{0})
	}
	if signsBody {
		h.Write(p.body)
	}
	h.Sum(sum[:0])
	return sum
}
