package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Explanation is the verdict on a request and what is known of its causes.
type Explanation struct {
	// Err is the [*Refusal] with which the request is refused; nil if it is
	// accepted.
	Err error
	// Authentic says that the signature is right, whatever else is wrong.
	Authentic bool
	// Verified and Event are what [Verifier.Verify] and [Verified.Event] return;
	// zero as far as the request did not get there.
	Verified Verified
	Event    Event
	// Signed says what the signature was checked over.
	Signed Signed
	// Findings are the causes, the likeliest first. An accepted request has one
	// too if something in it is odd.
	Findings []Finding
}

// Finding is one cause of a refusal.
type Finding struct {
	// Code names the kind of finding, for programs.
	Code string `json:"code"`
	// Text is a plain sentence. It holds no secret, no signature and nothing of
	// the body.
	Text string `json:"text"`
}

// Explain verifies a request as [Verifier.Verify] does and, if it is refused,
// tries what usually goes wrong: other readings of the secret, other spellings
// of the headers, other forms of the body. It is a diagnostic for people who hold
// the secret and may take seconds. Only a nil Err means accepted, whatever the
// findings say; none of it may ever decide about a request or be told its sender.
//
// The error is that of [New]; Err is nil then, and nothing is accepted. If only
// the secrets are at fault, the findings still say with which reading of them the
// signature would match.
func Explain(s Scheme, secrets []string, o Options, r *Request, body []byte, now time.Time) (Explanation, error) {
	c, err := compile(s, o.AllowWeak)
	if err != nil {
		return Explanation{}, err
	}
	x := explainer{compiled: c, secrets: secrets, options: o, request: r, body: body, now: now}
	e := Envelope{v: &Verifier{scheme: c}}
	if c.MaxDecoded > 0 && e.readCoding(r.Header["Content-Encoding"]) == nil {
		if decoded, err := e.decode(body); err == nil {
			x.body = decoded
		}
	}
	v, unusable := New(s, secrets, o)
	if unusable == nil {
		x.past, x.future = v.scheme.past, v.scheme.future
		if x.Verified, x.Err = v.Verify(r, body, now); x.Err == nil {
			x.Event, x.Err = x.Verified.Event()
		}
		x.Authentic = x.Verified.v != nil
	}
	x.explain()
	return x.Explanation, unusable
}

// Explain is [Explain] for requests that a verifier in use has refused.
func (v *Verifier) Explain(r *Request, body []byte, now time.Time) Explanation {
	x, err := Explain(v.scheme.Scheme, v.secrets, v.options, r, body, now)
	if err != nil {
		panic("verifier: what New has taken does not compile again: " + err.Error())
	}
	return x
}

// ExplainHead returns what the headers alone tell of a request that [Verifier.Parse]
// refuses. It tries no signature and costs little.
func (v *Verifier) ExplainHead(r *Request, now time.Time) []Finding {
	x := explainer{compiled: v.scheme, options: v.options, request: r, now: now, past: v.scheme.past, future: v.scheme.future}
	_, x.Err = v.Parse(r)
	x.renamed()
	x.Findings = append(x.Findings, x.otherHeaders(nil)...)
	x.shape()
	x.skew()
	x.missing()
	return x.Findings
}

// explainer is one run of Explain.
type explainer struct {
	*compiled
	Explanation
	secrets []string
	options Options
	request *Request
	body    []byte
	now     time.Time
	past    time.Duration
	future  time.Duration
	right   bool // a signature is right, without a change to secret, content or body
}

func (x *explainer) find(code, format string, args ...any) {
	x.Findings = append(x.Findings, Finding{Code: code, Text: fmt.Sprintf(format, args...)})
}

func (x *explainer) explain() {
	x.Signed = x.evidence()
	if x.Authentic {
		x.skew()
		x.unsignedID()
		return
	}
	x.renamed()
	others := x.otherSchemes()
	found := x.bodyDigest() || x.signatures(len(others) > 0)
	x.skew()
	others = append(others, x.otherHeaders(others)...)
	x.Findings = append(x.Findings, others...)
	x.unsignedID()
	x.missing()
	switch {
	case x.right && len(x.Findings) == 0:
		x.find("form", "The signature is right for this secret and this body; only the form of the headers is wrong.")
	case !found && len(others) == 0 && errors.Is(x.Err, ErrInvalidSignature):
		x.hints()
		x.find("unexplained", "No common mistake explains it: most likely the secret is another one, or headers and body are not what was sent.")
	}
}

// bodyDigest reports whether the signed query holds the digest of another body.
func (x *explainer) bodyDigest() bool {
	if x.digestAt == "" || !errors.Is(x.Err, ErrInvalidSignature) {
		return false
	}
	sum := sha256.Sum256(x.body)
	text, err := readQuery(x.request.RawQuery, x.digestAt)
	if err != nil || strings.EqualFold(text, hex.EncodeToString(sum[:])) {
		return false
	}
	if _, err := hex.DecodeString(text); err != nil {
		x.find("body_digest", "What %s of the query holds is no SHA-256 in hexadecimal.", x.digestAt)
		return true
	}
	x.find("body_digest", "The digest in %s of the query is of another body: it was changed on its way.", x.digestAt)
	return true
}

// skew says how far the timestamp is off, proven or not, and if it is of another
// format.
func (x *explainer) skew() {
	if x.time == nil {
		return
	}
	at, format, ok := readTime(x.offer(x.family()).values[varTimestamp])
	if x.time.kind == inBody {
		var err error
		at, err = x.time.path.time(x.body, x.Timestamp.Format)
		format, ok = x.Timestamp.Format, err == nil
	}
	if !ok {
		return
	}
	held := ""
	if x.Authentic || x.right {
		held = " The signature itself is right."
	}
	if format != x.Timestamp.Format {
		x.find("timestamp_format", "The timestamp in %s is %s, this scheme has it %s.%s", x.time.name, format.describe(), x.Timestamp.Format.describe(), held)
	}
	skew := at.Sub(x.now)
	distance, tolerated := "behind", x.past
	if skew > 0 {
		distance, tolerated = "ahead of", x.future
	}
	if skew.Abs() <= tolerated {
		return
	}
	x.find("skew", "The timestamp in %s is %.0f s %s the clock, %.0f s are tolerated.%s", x.time.name, skew.Abs().Seconds(), distance, tolerated.Seconds(), held)
}

// unsignedID compares an id that is not signed with the one in the body.
func (x *explainer) unsignedID() {
	if x.UnsignedID == "" || x.id == nil || x.id.kind != inBody {
		return
	}
	lines := x.request.Header[http.CanonicalHeaderKey(x.UnsignedID)]
	id, found, err := x.id.path.lookup(x.body)
	if err == nil && found && len(lines) > 0 && !slices.ContainsFunc(lines, func(line string) bool { return trim(line) == id }) {
		x.find("id_mismatch", "The header %s, which is not signed, and the id in the body differ: headers and body may be of different events.", x.UnsignedID)
	}
}
