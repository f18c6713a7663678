package verifier_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// noon is the time at which the fixtures are signed.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// fixture is a correctly signed webhook and what verifies it.
type fixture struct {
	name   string
	scheme verifier.Scheme
	secret string // that verifies
	signer *verifier.Signer
	*verifier.Verifier
	message verifier.Message
	header  http.Header
	event   verifier.Event // apart from the digest
}

// fixtures returns one for each preset that signs, one for the other encoding of
// Travelbase, and one for the asymmetric signatures of Standard Webhooks.
func fixtures(t testing.TB) []*fixture {
	t.Helper()
	var all []*fixture
	for _, scheme := range verifier.Presets() {
		if scheme.Keys[0].Algorithm == verifier.Token {
			continue
		}
		public, private := samples.Secrets(scheme, 0)
		all = append(all, newFixture(t, scheme.Name, scheme, public, private))
	}
	base64First := preset(t, "travelbase")
	base64First.Encodings = []verifier.Encoding{verifier.Base64, verifier.Hex}
	all = append(all, newFixture(t, "travelbase base64", base64First, testSecret(base64First), testSecret(base64First)))
	public, private := edKey(1)
	standard := preset(t, "standard")
	return append(all, newFixture(t, "standard v1a", standard, public, private))
}

// tokens returns a fixture for each preset that sends its secret and signs nothing.
func tokens(t testing.TB) []*fixture {
	t.Helper()
	var all []*fixture
	for _, scheme := range verifier.Presets() {
		if scheme.Keys[0].Algorithm == verifier.Token {
			all = append(all, newFixture(t, scheme.Name, scheme, testSecret(scheme), testSecret(scheme)))
		}
	}
	return all
}

// macs returns the fixtures of HMACs.
func macs(t testing.TB) []*fixture {
	return slices.DeleteFunc(fixtures(t), func(f *fixture) bool { return f.slow() })
}

func newFixture(t testing.TB, name string, scheme verifier.Scheme, public, private string) *fixture {
	t.Helper()
	f := &fixture{
		name: name, scheme: scheme, secret: public,
		signer: newSigner(t, scheme, private), Verifier: newVerifier(t, scheme, public),
		message: verifier.Message{ID: samples.ID, Type: "unsigned.type", Timestamp: noon, Body: samples.JSON(scheme, samples.Body, samples.Type)},
		event:   samples.Event(scheme, samples.ID, samples.Body, samples.Type),
	}
	f.header = f.sign(t, f.message)
	return f
}

// queryHeader stands in tests for the query of a request whose scheme signs it.
const queryHeader = "X-Query"

// sign returns the headers of a message, with the signature in the first of its
// places.
func (f *fixture) sign(t testing.TB, m verifier.Message) http.Header {
	t.Helper()
	return signWith(t, f.signer, f.scheme, m)
}

func signWith(t testing.TB, g *verifier.Signer, s verifier.Scheme, m verifier.Message) http.Header {
	t.Helper()
	m.URL = samples.Address(s, m.Body)
	h := sign(t, g, m)
	for _, l := range s.Signature[1:] {
		h.Del(strings.TrimPrefix(string(l.From), "header:"))
	}
	if _, query, ok := strings.Cut(m.URL, "?"); ok {
		h.Set(queryHeader, query)
	}
	return h
}

// slow reports whether its signatures are by a pair of keys.
func (f *fixture) slow() bool { return samples.Slow(f.scheme) || f.item() == "v1a" }

// encoding is how its signatures are spelled.
func (f *fixture) encoding() verifier.Encoding {
	if len(f.scheme.Encodings) == 0 {
		return verifier.Text
	}
	return f.scheme.Encodings[0]
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
	v, err := verifier.New(s, secrets, samples.Options(s))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newSigner(t testing.TB, s verifier.Scheme, secrets ...string) *verifier.Signer {
	t.Helper()
	g, err := verifier.NewSigner(s, secrets, samples.Options(s))
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

// post is a request with these headers, and the query that goes with them.
func post(h http.Header) *verifier.Request {
	return &verifier.Request{Method: http.MethodPost, Header: h, RawQuery: strings.Join(h[queryHeader], "&")}
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

// unsigned reports whether the signature does not cover the header, or covers it as
// a query, which has a grammar of its own.
func (f *fixture) unsigned(header string) bool {
	return header == queryHeader || header == http.CanonicalHeaderKey(f.scheme.UnsignedID) || header == http.CanonicalHeaderKey(f.scheme.UnsignedType)
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
	all := append(fixtures(t), tokens(t)...)
	if len(all) != len(verifier.Presets())+2 {
		t.Fatalf("%d fixtures for %d presets", len(all), len(verifier.Presets()))
	}
	for _, f := range all {
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
	form := s.Keys[0]
	text := strings.TrimPrefix(secret, form.Prefix)
	key := []byte(text)
	var err error
	switch form.Encoding {
	case verifier.Base64:
		key, err = base64.StdEncoding.DecodeString(text)
	case verifier.Hex:
		key, err = hex.DecodeString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	newHash := sha256.New
	if form.Algorithm == verifier.HMACSHA1 {
		newHash = sha1.New
	}
	mac := hmac.New(newHash, key)
	mac.Write([]byte(signed))
	return spelled(s.Encodings[0], mac.Sum(nil))
}

func spelled(e verifier.Encoding, signature []byte) string {
	switch e {
	case verifier.Hex:
		return hex.EncodeToString(signature)
	case verifier.Base64URL:
		return base64.RawURLEncoding.EncodeToString(signature)
	default:
		return base64.StdEncoding.EncodeToString(signature)
	}
}

// signedText is the signature of a preset over signed bytes, made with the sample
// of its secret by the standard library alone.
func signedText(t testing.TB, s verifier.Scheme, signed string) string {
	t.Helper()
	if !samples.Slow(s) {
		return hmacText(t, s, testSecret(s), signed)
	}
	message, hash := []byte(signed), crypto.Hash(0)
	if s.Keys[0].Algorithm != verifier.Ed25519 {
		digest := sha256.Sum256(message)
		message, hash = digest[:], crypto.SHA256
	}
	signature, err := samples.Key(s.Keys[0].Algorithm, 0).Sign(rand.Reader, message, hash)
	if err != nil {
		t.Fatal(err)
	}
	return spelled(s.Encodings[0], signature)
}

func testSecret(s verifier.Scheme) string {
	public, _ := samples.Secrets(s, 0)
	return public
}
