package verifier

import (
	"crypto/sha256"
	"strings"
	"time"
)

// Envelope is what the headers of a request say, in the right shape but not yet
// authenticated: nothing in it may be believed before [Envelope.Verify].
type Envelope struct {
	v      *Verifier
	values values
	time   time.Time
	gzip   bool   // the body is, and the scheme signs what is in it
	digest string // in hexadecimal, what the query says of the body
	family int    // the alias family of the headers, -1 before it is known

	n    int // candidates, in few or, if they are more than fit, all in more
	few  [fewCandidates]candidate
	more []candidate
	fits bool // one of the candidates could be a signature
}

// Present reports whether the request carries this scheme's signature at all,
// good or bad.
func (v *Verifier) Present(r *Request) bool {
	return v.scheme.locations[0].from.in(r)
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
	if len(text) != Hex.size(sha256.Size) {
		return refuse(ErrMalformedHeader, s.digestAt, "is no SHA-256 in hexadecimal")
	}
	e.digest = text
	return nil
}

func (e *Envelope) readPart(r *Request, p *part, list string) (string, error) {
	if p.kind != inPart {
		return e.read(r, &p.source)
	}
	return e.v.scheme.locations[0].part(list, p.name)
}
