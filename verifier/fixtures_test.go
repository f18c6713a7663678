package verifier_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// noon is the time at which the fixtures are signed.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// everyBody has an id and a type for every preset that reads them in the body.
const everyBody = `{"id":"evt_1","type":"order.paid","event_id":"Ev01","event":{"type":"message"}}`

// fixture is a correctly signed webhook and what verifies it.
type fixture struct {
	name   string
	scheme verifier.Scheme
	secret string
	signer *verifier.Signer
	*verifier.Verifier
	message verifier.Message
	header  http.Header
	event   verifier.Event // apart from the digest
}

// fixtures returns one for each preset, one for the other encoding of Travelbase,
// and one for the asymmetric signatures of Standard Webhooks.
func fixtures(t testing.TB) []*fixture {
	t.Helper()
	var all []*fixture
	for _, scheme := range verifier.Presets() {
		secret := testSecret(scheme)
		all = append(all, newFixture(t, scheme.Name, scheme, secret, secret))
	}
	base64First := preset(t, "travelbase")
	base64First.Encodings = []verifier.Encoding{verifier.Base64, verifier.Hex}
	all = append(all, newFixture(t, "travelbase base64", base64First, testSecret(base64First), testSecret(base64First)))
	public, private := edKey(1)
	standard := preset(t, "standard")
	return append(all, newFixture(t, "standard v1a", standard, public, private))
}

func newFixture(t testing.TB, name string, scheme verifier.Scheme, public, private string) *fixture {
	t.Helper()
	f := &fixture{
		name: name, scheme: scheme, secret: public,
		signer: newSigner(t, scheme, private), Verifier: newVerifier(t, scheme, public),
		message: verifier.Message{ID: "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", Type: "unsigned.type", Timestamp: noon, Body: []byte(everyBody)},
		event:   presetEvents[scheme.Name],
	}
	f.header = sign(t, f.signer, f.message)
	return f
}

// presetEvents is what a preset can tell of the message of the fixtures.
var presetEvents = map[string]verifier.Event{
	"svix":       {ID: "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", Type: "order.paid"},
	"standard":   {ID: "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", Type: "order.paid"},
	"travelbase": {ID: "evt_1", Type: "order.paid"},
	"github":     {},
	"stripe":     {ID: "evt_1", Type: "order.paid"},
	"slack":      {ID: "Ev01", Type: "message"},
	"shopify":    {},
}

func preset(t testing.TB, name string) verifier.Scheme {
	t.Helper()
	s, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("there is no preset %s", name)
	}
	return s
}

// edKey returns the two halves of a key pair.
func edKey(seed byte) (public, private string) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return "whpk_" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)),
		"whsk_" + base64.StdEncoding.EncodeToString(key)
}

func newVerifier(t testing.TB, s verifier.Scheme, secrets ...string) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(s, secrets, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newSigner(t testing.TB, s verifier.Scheme, secrets ...string) *verifier.Signer {
	t.Helper()
	g, err := verifier.NewSigner(s, secrets, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sign(t testing.TB, g *verifier.Signer, m verifier.Message) http.Header {
	t.Helper()
	h, err := g.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// post is a request with these headers.
func post(h http.Header) *verifier.Request {
	return &verifier.Request{Method: http.MethodPost, Header: h}
}

// with returns a copy of h in which a header has these lines; without lines it is
// not there.
func with(h http.Header, name string, lines ...string) http.Header {
	h = h.Clone()
	name = http.CanonicalHeaderKey(name)
	if len(lines) == 0 {
		delete(h, name)
		return h
	}
	h[name] = lines
	return h
}

// accepted verifies at the time of signing and fails the test unless the webhook
// is accepted.
func (f *fixture) accepted(t testing.TB, what string, h http.Header, body []byte) verifier.Event {
	t.Helper()
	verified, err := f.Verify(post(h), body, noon)
	if err != nil {
		t.Errorf("%s: %s: refused: %v", f.name, what, err)
		return verifier.Event{}
	}
	event, err := verified.Event()
	if err != nil {
		t.Errorf("%s: %s: %v", f.name, what, err)
	}
	return event
}

// refused fails the test unless the webhook is refused, for one of the reasons if
// some are given.
func (f *fixture) refused(t testing.TB, what string, h http.Header, body []byte, reasons ...error) {
	t.Helper()
	_, err := f.Verify(post(h), body, noon)
	if err == nil {
		t.Errorf("%s: %s: accepted: headers %q, body %q", f.name, what, h, body)
		return
	}
	if len(reasons) > 0 && !slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) }) {
		t.Errorf("%s: %s: refused as %v; want %v", f.name, what, err, reasons)
	}
}

// signatureHeader is the one header that holds the signature.
func (f *fixture) signatureHeader() string {
	_, name, _ := strings.Cut(string(f.scheme.Signature[0].From), ":")
	return http.CanonicalHeaderKey(name)
}

// unsigned reports whether the signature does not cover the header.
func (f *fixture) unsigned(header string) bool {
	return header == http.CanonicalHeaderKey(f.scheme.UnsignedID) || header == http.CanonicalHeaderKey(f.scheme.UnsignedType)
}

// item is the name that the fixture's signature has in the list, "" if it has none.
func (f *fixture) item() string {
	if strings.HasPrefix(f.secret, "whpk_") {
		return "v1a"
	}
	return f.scheme.Keys[0].Item
}

// split returns the value of the signature header as what is before the signature
// and the signature.
func (f *fixture) split(t testing.TB) (before, signature string) {
	t.Helper()
	l := f.scheme.Signature[0]
	value := f.header[f.signatureHeader()][0]
	mark := f.item() + l.Pair + l.Prefix
	if mark == "" {
		return "", value
	}
	at := strings.LastIndex(value, mark)
	if at < 0 {
		t.Fatalf("%s: no %q in %q", f.name, mark, value)
	}
	return value[:at+len(mark)], value[at+len(mark):]
}

// resigned returns the headers with another text in place of the signature.
func (f *fixture) resigned(t testing.TB, signature string) http.Header {
	t.Helper()
	before, _ := f.split(t)
	return with(f.header, f.signatureHeader(), before+signature)
}

func TestFixturesAreAccepted(t *testing.T) {
	if n := len(fixtures(t)); n != len(verifier.Presets())+2 {
		t.Fatalf("%d fixtures for %d presets", n, len(verifier.Presets()))
	}
	for _, f := range fixtures(t) {
		event := f.accepted(t, "as signed", f.header, f.message.Body)
		event.Digest = [32]byte{}
		if event != f.event {
			t.Errorf("%s: event %+v; want %+v", f.name, event, f.event)
		}
	}
}

// hmacText is the signature of a scheme over signed bytes, by the standard
// library alone.
func hmacText(t testing.TB, s verifier.Scheme, secret, signed string) string {
	t.Helper()
	key := []byte(secret)
	if text, ok := strings.CutPrefix(secret, s.Keys[0].Prefix); ok && s.Keys[0].Encoding == verifier.Base64 {
		var err error
		if key, err = base64.StdEncoding.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	if s.Encodings[0] == verifier.Hex {
		return hex.EncodeToString(mac.Sum(nil))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
