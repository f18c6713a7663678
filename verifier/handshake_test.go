package verifier_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

const verifyToken = "a-verify-token-of-24-byte"

// handshaker is a verifier that answers a kind: of the provider's own scheme if
// there is a preset, else of github's.
func handshaker(t testing.TB, kind string) (*verifier.Verifier, verifier.Scheme) {
	t.Helper()
	scheme, own := verifier.Preset(kind)
	answer := &verifier.Answer{}
	if !own {
		scheme, answer.Kind = preset(t, "github"), kind
	}
	if kind == "meta" {
		answer.VerifyToken = verifyToken
	}
	v, err := verifier.New(scheme, []string{testSecret(scheme)}, verifier.Options{Answer: answer})
	if err != nil {
		t.Fatal(err)
	}
	return v, scheme
}

// shaking is a request that is a handshake, and the body of a signed one.
type shaking struct {
	kind    string
	request verifier.Request
	body    string
	// what is changed in mutations
	challenge string
	answer    string
	header    map[string]string
}

// shakings are the handshakes as the providers' documents show them. The MACs were
// made with OpenSSL, the secret being that of the fixtures.
func shakings() []shaking {
	get := func(query string) verifier.Request {
		return verifier.Request{Method: "GET", Header: http.Header{}, RawQuery: query}
	}
	post := verifier.Request{Method: "POST", Header: http.Header{}, Body: true}
	text := map[string]string{"Content-Type": "text/plain; charset=utf-8"}
	json := map[string]string{"Content-Type": "application/json"}
	return []shaking{
		{
			"slack", post, `{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`,
			"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", text,
		},
		{
			"zoom", post, `{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}`,
			"qgg8vlvZRS6UYooatFL8Aw", `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"921763303a6a47e4bcf9d98f72a452953aef0e2ae0dcff86f722c565d1a29043"}`, json,
		},
		{
			"twitch", post, `{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"webhook_callback_verification_pending","type":"channel.follow","version":"1"}}`,
			"pogchamp-kappa-360noscope-vohiyo", "pogchamp-kappa-360noscope-vohiyo", text,
		},
		{"x", get("crc_token=MTQ5OTM5NTcyNi1wYmZiZlpWUGNn%3D&nonce=1"), "", "MTQ5OTM5NTcyNi1wYmZiZlpWUGNn=", `{"response_token":"sha256=dqxUVD4ajbSMqMUEbpJcrheWy8W8017C2+Et7YJqkmA="}`, json},
		{"dropbox", get("challenge=AAFh3Xq0_-sample"), "", "AAFh3Xq0_-sample", "AAFh3Xq0_-sample", text},
		{"meta", get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + verifyToken), "", "1158201444", "1158201444", text},
		{
			"graph",
			verifier.Request{Method: "POST", Header: http.Header{}, RawQuery: "validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+9f4a8a41"},
			"",
			"Validation: Testing client application reachability for subscription Request-Id: 9f4a8a41",
			"Validation: Testing client application reachability for subscription Request-Id: 9f4a8a41", text,
		},
		{
			"cloudevents",
			verifier.Request{Method: "OPTIONS", Header: http.Header{"Webhook-Request-Origin": {"eventemitter.example.com"}, "Webhook-Request-Rate": {"120"}}},
			"",
			"eventemitter.example.com", "",
			map[string]string{"WebHook-Allowed-Origin": "eventemitter.example.com", "WebHook-Allowed-Rate": "*", "Allow": "POST"},
		},
		{
			"okta",
			verifier.Request{Method: "GET", Header: http.Header{"X-Okta-Verification-Challenge": {"my_verification-challenge"}}},
			"",
			"my_verification-challenge", `{"verification":"my_verification-challenge"}`, json,
		},
	}
}

// shake has v judge a handshake, as a gateway does.
func shake(t testing.TB, v *verifier.Verifier, scheme verifier.Scheme, s shaking) (*verifier.Challenge, error) {
	t.Helper()
	if s.body == "" {
		return v.Handshake(&s.request)
	}
	if c, err := v.Handshake(&s.request); c != nil || err != nil {
		t.Fatalf("%s: a POST with a body passes unverified: %v", s.kind, err)
	}
	header := sign(t, newSigner(t, scheme, testSecret(scheme)), verifier.Message{ID: samples.ID, Timestamp: noon, Body: []byte(s.body)})
	verified, err := v.Verify(post(header), []byte(s.body), noon)
	if err != nil {
		t.Fatalf("%s: %v", s.kind, err)
	}
	return verified.Handshake()
}

// TestPitfall50Handshakes: each kind is recognised and answered as its provider's
// documents have it. (pitfall 50)
func TestPitfall50Handshakes(t *testing.T) {
	for _, s := range shakings() {
		v, scheme := handshaker(t, s.kind)
		c, err := shake(t, v, scheme, s)
		if err != nil || c == nil {
			t.Errorf("%s: not recognised: %v", s.kind, err)
			continue
		}
		reply := c.Reply()
		if reply == nil || reply.Body != s.answer {
			t.Errorf("%s: answer %+v; want %s", s.kind, reply, s.answer)
			continue
		}
		for name, value := range s.header {
			if reply.Header.Get(name) != value {
				t.Errorf("%s: %s: %q; want %q", s.kind, name, reply.Header.Get(name), value)
			}
		}
		if reply.Header.Get("X-Content-Type-Options") != "nosniff" || reply.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", s.kind, reply.Header)
		}
	}
	if len(shakings()) != len(verifier.Handshakes()) {
		t.Error("a kind has no test")
	}
}

// TestUnaskedIsPassedOn: without an Answer a handshake is recognised, so that it is
// no event, and has no reply. A POST that nobody signed is then a webhook.
func TestUnaskedIsPassedOn(t *testing.T) {
	for _, s := range shakings() {
		scheme, own := verifier.Preset(s.kind)
		if !own {
			scheme = preset(t, "github")
			h, _ := verifier.HandshakeOf(s.kind)
			scheme.Handshakes = []verifier.Handshake{h}
		}
		c, err := shake(t, newVerifier(t, scheme, testSecret(scheme)), scheme, s)
		if s.kind == "graph" {
			if c != nil || err != nil {
				t.Errorf("an unsigned POST passes: %v", err)
			}
			continue
		}
		if err != nil || c == nil || c.Reply() != nil {
			t.Errorf("%s: %v, %v; want it recognised without a reply", s.kind, c, err)
		}
	}
}

// TestPitfall51Reflection: what comes back is of an alphabet that says nothing in
// HTML, JSON or a header, and bounded. (pitfall 51)
func TestPitfall51Reflection(t *testing.T) {
	hostile := []string{
		"", " ", " x", "x ", "<script>alert(1)</script>", `a"b`, `a\b`, "a'b", "a&b", "a;b", "a%b", "{}", "[1]", "a\r\nSet-Cookie: x=1", "a\x00b", "a\tb",
		"ünïcode", "a\u2028b", "\xff\xfe", "＜script＞", strings.Repeat("a", 1025),
	}
	for _, s := range shakings() {
		v, scheme := handshaker(t, s.kind)
		for _, text := range hostile {
			changed := s.with(text)
			if len(s.request.Header) > 0 && strings.TrimSpace(text) == "x" {
				continue // space around a header is no part of it
			}
			if c, err := shake(t, v, scheme, changed); c != nil || !errors.Is(err, verifier.ErrMalformedHandshake) {
				t.Errorf("%s: %q: %v, %v; want it refused", s.kind, text, c, err)
			}
		}
		longest := strings.Repeat("a", 1024)
		if h, _ := verifier.HandshakeOf(s.kind); h.MAC != "" {
			longest = longest[:128]
		}
		if c, err := shake(t, v, scheme, s.with(longest)); c == nil {
			t.Errorf("%s: the longest challenge: %v", s.kind, err)
		}
	}
}

// with returns the handshake with another challenge.
func (s shaking) with(challenge string) shaking {
	s.request.RawQuery = strings.ReplaceAll(s.request.RawQuery, url.QueryEscape(s.challenge), url.QueryEscape(challenge))
	if s.kind == "graph" {
		s.request.RawQuery = "validationToken=" + url.QueryEscape(challenge)
	}
	s.request.Header = s.request.Header.Clone()
	for name, lines := range s.request.Header {
		if lines[0] == s.challenge {
			s.request.Header[name] = []string{challenge}
		}
	}
	s.body = strings.ReplaceAll(s.body, s.challenge, quotedInside(challenge))
	return s
}

// quotedInside escapes what JSON cannot have in a text.
func quotedInside(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' {
			b.WriteString(`\u00` + hex.EncodeToString([]byte{byte(r)}))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestPitfall52SigningOracle: no answer is the signature of a webhook that would be
// accepted: not of a body, not of a body with a time before it, whatever the scheme
// signs. (pitfall 52)
func TestPitfall52SigningOracle(t *testing.T) {
	for _, kind := range []string{"x", "zoom"} {
		for _, signed := range []string{"{body}", "v0:{timestamp}:{body}", "{timestamp}.{body}", "{timestamp}{body}", "{body}{timestamp}"} {
			scheme := preset(t, kind)
			if kind == "x" {
				scheme.Handshakes = slices.Clone(scheme.Handshakes)
			}
			scheme.Signed, scheme.Timestamp = signed, nil
			if strings.Contains(signed, "{timestamp}") {
				scheme.Timestamp = &verifier.Timestamp{From: "header:X-Time", Format: verifier.Unix}
			}
			secret := testSecret(scheme)
			v, err := verifier.New(scheme, []string{secret}, verifier.Options{Answer: &verifier.Answer{}})
			if err != nil || !v.MACs() {
				t.Fatal(err)
			}
			for _, body := range []string{"1", "true", "null", "12345", "a", "{}", `{"a":1}`, "", "0" + strings.Repeat("1", 127), strings.Repeat("a", 129), "a b", `"a"`, "[]"} {
				text := strings.NewReplacer("{timestamp}", "1795435200", "{body}", body).Replace(signed)
				answered := oracle(t, v, scheme, kind, text)
				h := http.Header{}
				h.Set(strings.TrimPrefix(string(scheme.Signature[0].From), "header:"), scheme.Signature[0].Prefix+hmacText(t, scheme, secret, text))
				h.Set("X-Time", "1795435200")
				verified, err := v.Verify(post(h), []byte(body), noon)
				if err != nil {
					t.Fatalf("%s %q %q: %v", kind, signed, body, err)
				}
				if answered != verified.IsChallenge() {
					t.Errorf("%s, %s: body %q is signed by an answer %t, and told as that %t", kind, signed, body, answered, verified.IsChallenge())
				}
			}
		}
	}
}

// oracle reports whether v would make a MAC of a text.
func oracle(t testing.TB, v *verifier.Verifier, scheme verifier.Scheme, kind, text string) bool {
	t.Helper()
	for _, s := range shakings() {
		if s.kind != kind {
			continue
		}
		if s.body == "" {
			changed := s.with(text)
			c, _ := v.Handshake(&changed.request)
			return c != nil
		}
		body := s.with(text).body
		h := sign(t, newSigner(t, scheme, testSecret(scheme)), verifier.Message{Timestamp: noon, Body: []byte(body)})
		verified, err := v.Verify(post(h), []byte(body), noon)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := verified.Handshake()
		return c != nil
	}
	t.Fatalf("no handshake %s", kind)
	return false
}

// TestPitfall49UnsignedHeaderDecidesNothing: that a notification of Twitch calls
// itself a challenge in a header makes it none, and the other way round. (pitfall 49)
func TestPitfall49UnsignedHeaderDecidesNothing(t *testing.T) {
	v, scheme := handshaker(t, "twitch")
	signer := newSigner(t, scheme, testSecret(scheme))
	for body, want := range map[string]bool{
		`{"subscription":{"status":"enabled","type":"channel.follow"},"event":{"user_name":"x"}}`:                                                                                            false,
		`{"challenge":"x","subscription":{"status":"enabled"},"event":{}}`:                                                                                                                   false,
		`{"subscription":{"status":"enabled"},"event":{"challenge":"x","status":"webhook_callback_verification_pending","subscription":{"status":"webhook_callback_verification_pending"}}}`: false,
		`{"challenge":"x","subscription":{"status":"webhook_callback_verification_pending"}}`:                                                                                                true,
	} {
		for _, kind := range []string{"webhook_callback_verification", "notification", "revocation", ""} {
			header := sign(t, signer, verifier.Message{ID: samples.ID, Timestamp: noon, Body: []byte(body)})
			header.Set("Twitch-Eventsub-Message-Type", kind)
			verified, err := v.Verify(post(header), []byte(body), noon)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := verified.Handshake(); (c != nil) != want || err != nil {
				t.Errorf("%s with the type %q: a handshake %t, %v", body, kind, c != nil, err)
			}
		}
	}
}

// TestRotationOfHandshakes: a signed one is answered with the secret that verified it,
// an unsigned one with the first.
func TestRotationOfHandshakes(t *testing.T) {
	old, next := "an-old-secret-of-some-length", "the-next-secret-of-some-length"
	answer := &verifier.Answer{}
	for _, kind := range []string{"zoom", "x"} {
		scheme := preset(t, kind)
		v, err := verifier.New(scheme, []string{next, old}, verifier.Options{Answer: answer})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shakings() {
			if s.kind != kind {
				continue
			}
			for _, secret := range []string{old, next} {
				c, err := v.Handshake(&s.request)
				if s.body != "" {
					header := sign(t, newSigner(t, scheme, secret), verifier.Message{Timestamp: noon, Body: []byte(s.body)})
					verified, verr := v.Verify(post(header), []byte(s.body), noon)
					if verr != nil {
						t.Fatal(verr)
					}
					c, err = verified.Handshake()
				} else {
					secret = next
				}
				if err != nil || c == nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if want := hmacText(t, scheme, secret, s.challenge); !strings.Contains(c.Reply().Body, want) {
					t.Errorf("%s: answered %s; want the MAC of %s", kind, c.Reply().Body, secret)
				}
			}
		}
	}
}

// TestVerifyToken: only its exact text is answered; in which way it is wrong does not
// show. That the comparison is constant in time is [TestPitfall18ComparedInConstantTime]'s.
func TestVerifyToken(t *testing.T) {
	v, scheme := handshaker(t, "meta")
	meta := shakings()[5]
	for _, token := range []string{verifyToken[1:], verifyToken + "x", strings.ToUpper(verifyToken), verifyToken[:len(verifyToken)-1], "x", " " + verifyToken, verifyToken + "\x00", strings.Repeat("x", 4096)} {
		s := meta
		s.request.RawQuery = strings.Replace(s.request.RawQuery, verifyToken, url.QueryEscape(token), 1)
		c, err := shake(t, v, scheme, s)
		var r *verifier.Refusal
		if c != nil || !errors.Is(err, verifier.ErrVerifyToken) || !errors.As(err, &r) || r.Detail != "" || strings.Contains(err.Error(), verifyToken) {
			t.Errorf("%q: %v, %v", token, c, err)
		}
	}
	for _, query := range []string{
		"hub.mode=subscribe&hub.challenge=1", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
		"hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + verifyToken + "&hub.verify_token=" + verifyToken,
	} {
		s := meta
		s.request.RawQuery = query
		if c, err := shake(t, v, scheme, s); c != nil || !errors.Is(err, verifier.ErrMalformedHandshake) {
			t.Errorf("%s: %v, %v", query, c, err)
		}
	}
}
