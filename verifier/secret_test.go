package verifier_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// opening is New or NewSigner, as far as secrets concern them.
var openings = map[string]func(verifier.Scheme, ...string) error{
	"verifier": func(s verifier.Scheme, secrets ...string) error {
		_, err := verifier.New(s, secrets, samples.Options(s))
		return err
	},
	"signer": func(s verifier.Scheme, secrets ...string) error {
		_, err := verifier.NewSigner(s, secrets, samples.Options(s))
		return err
	},
}

// TestPitfall16SecretsThatAreNone: nothing that is empty, or decodes to nothing or
// to little, makes a key. (pitfall 16) (S-02, S-03, S-04)
func TestPitfall16SecretsThatAreNone(t *testing.T) {
	for _, s := range verifier.Presets() {
		for _, secret := range []string{
			"", " ", "\n", "\t \r\n", "whsec_", "whsec_=", "whsec_====", "whsec_!", "whpk_", "whsk_", "changeme", "whsec_test", "x", "12345678",
			"123456789012345", "whsec_AAAA", "base64-",
		} {
			for name, open := range openings {
				if err := open(s, secret); err == nil {
					t.Errorf("%s: %s with %q opens", s.Name, name, secret)
				}
				good, private := samples.Secrets(s, 0)
				if name == "signer" {
					good = private
				}
				if err := open(s, good, secret); err == nil || !strings.HasPrefix(err.Error(), "scheme "+s.Name+": secret 2: ") {
					t.Errorf("%s: %s with %q as second secret: %v", s.Name, name, secret, err)
				}
			}
		}
		for name, open := range openings {
			if err := open(s); err == nil || err.Error() != "scheme "+s.Name+": there is no secret" {
				t.Errorf("%s: %s without secrets: %v", s.Name, name, err)
			}
		}
	}
}

// TestPitfall16PublicKeysOfNoOne: for a point of low order anyone can sign, so it
// is as good as an empty secret. These are all of them, by their order.
// (pitfall 16) (S-02)
func TestPitfall16PublicKeysOfNoOne(t *testing.T) {
	standard := preset(t, "standard")
	for _, point := range []string{
		"01" + strings.Repeat("00", 31),
		"ec" + strings.Repeat("ff", 30) + "7f",
		strings.Repeat("00", 32),
		strings.Repeat("00", 31) + "80",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	} {
		key, err := hex.DecodeString(point)
		if err != nil {
			t.Fatal(err)
		}
		if err := openings["verifier"](standard, "whpk_"+base64.StdEncoding.EncodeToString(key)); err == nil {
			t.Errorf("%s opens", point)
		}
	}
}

// TestSecretErrors: each says what to mend, and nothing of the secret.
func TestSecretErrors(t *testing.T) {
	private := func(n int) string { return "whsk_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	public := func(n int) string { return "whpk_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	keyed := func(e verifier.Encoding) verifier.Scheme {
		return hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Encoding = e })
	}
	few := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].MinBytes = 24 })
	prefixed := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Prefix = "key_" })
	standard := preset(t, "standard")
	_, whsk := edKey(1)
	whpk, _ := edKey(1)
	const none = "the secret is of no form that this scheme verifies with"
	const whole = "a private key signs and does not verify; give the public one (whpk_)"
	for _, test := range []struct {
		scheme           verifier.Scheme
		secret           string
		verifier, signer string
	}{
		{standard, "", "the secret is empty", "the secret is empty"},
		{standard, " \t", "the secret is empty", "the secret is empty"},
		{standard, " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "the secret begins or ends with white space; remove it", "the secret begins or ends with white space; remove it"},
		{standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "the secret begins or ends with white space; remove it", "the secret begins or ends with white space; remove it"},
		{standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "the secret is not base64", "the secret is not base64"},
		{standard, "whsec_MfKQ9r8GKYqrTwjU\nPD8ILPZIo2LaLaSw", "the secret is not base64", "the secret is not base64"},
		{standard, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", "the secret is not base64", "the secret is not base64"},
		{standard, "whsec_MfKQ9r8GKYqrTwjUPD8=", "the key is too short: 14 bytes, at least 16 are needed; ask the provider for a longer one", "the key is too short: 14 bytes, at least 16 are needed; ask the provider for a longer one"},
		{standard, "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "the secret is not base64", "the secret is not base64"},
		{standard, public(31), "an Ed25519 key has 32 bytes, this one has 31", "an Ed25519 key has 32 bytes, this one has 31"},
		{standard, private(63), whole, "an Ed25519 key has 64 bytes, this one has 63"},
		{standard, private(32), whole, "an Ed25519 key has 64 bytes, this one has 32"},
		{standard, whsk, whole, ""},
		{standard, whpk, "", "a public key cannot sign; give the private one (whsk_)"},
		{preset(t, "github"), "fifteen bytes..", "the key is too short: 15 bytes, at least 16 are needed; ask the provider for a longer one", "the key is too short: 15 bytes, at least 16 are needed; ask the provider for a longer one"},
		{few, "twenty-three bytes long", "the key is too short: 23 bytes, at least 24 are needed; ask the provider for a longer one", "the key is too short: 23 bytes, at least 24 are needed; ask the provider for a longer one"},
		{keyed(verifier.Hex), "0123456789abcdef0123456789abcdeg", "the secret is not hexadecimal", "the secret is not hexadecimal"},
		{keyed(verifier.Hex), "0123456789abcdef0123456789abcde", "the secret is not hexadecimal", "the secret is not hexadecimal"},
		{keyed(verifier.Hex), "0123456789abcdef", "the key is too short: 8 bytes, at least 16 are needed; ask the provider for a longer one", "the key is too short: 8 bytes, at least 16 are needed; ask the provider for a longer one"},
		{keyed(verifier.Base64URL), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa+/", "the secret is not base64url", "the secret is not base64url"},
		{prefixed, "another-form-0123456789", none, none},
		{prefixed, "key_0123456789", "the key is too short: 10 bytes, at least 16 are needed; ask the provider for a longer one", "the key is too short: 10 bytes, at least 16 are needed; ask the provider for a longer one"},
	} {
		for name, want := range map[string]string{"verifier": test.verifier, "signer": test.signer} {
			err := openings[name](test.scheme, test.secret)
			if want != "" {
				want = "scheme " + test.scheme.Name + ": secret 1: " + want
			}
			if fmt.Sprint(err) != want && (err != nil || want != "") {
				t.Errorf("%s with %q: %v; want %s", name, test.secret, err, want)
			}
		}
	}
	for _, s := range []verifier.Scheme{standard, preset(t, "github")} {
		for name, open := range openings {
			most, why := 8, "are tried"
			if name == "signer" {
				most, why = 16, "sign"
			}
			secrets := make([]string, most+1)
			for i := range secrets {
				secrets[i] = testSecret(s)
			}
			if err := open(s, secrets[:most]...); err != nil {
				t.Errorf("%s with %d secrets: %v", name, most, err)
			}
			want := fmt.Sprintf("scheme %s: %d secrets are too many, at most %d %s", s.Name, most+1, most, why)
			if err := open(s, secrets...); err == nil || err.Error() != want {
				t.Errorf("%s with %d secrets: %v; want %s", name, most+1, err, want)
			}
		}
	}
}

// TestPitfall17KeyBytes: the same text is another key in another scheme.
// (pitfall 17)
func TestPitfall17KeyBytes(t *testing.T) {
	raw := []byte("0123456789abcdef\x00\xff01")
	keyed := func(e verifier.Encoding, prefix string) verifier.Scheme {
		return hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Encoding, s.Keys[0].Prefix = e, prefix })
	}
	std, safe := base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)
	for name, test := range map[string]struct {
		scheme verifier.Scheme
		secret string
		key    []byte
	}{
		"svix":                    {preset(t, "svix"), "whsec_" + std, raw},
		"svix, no prefix":         {preset(t, "svix"), std, raw},
		"svix, no padding":        {preset(t, "svix"), "whsec_" + strings.TrimRight(std, "="), raw},
		"stripe keeps whsec_":     {preset(t, "stripe"), "whsec_" + std, []byte("whsec_" + std)},
		"hex":                     {keyed(verifier.Hex, ""), hex.EncodeToString(raw), raw},
		"hex, upper case":         {keyed(verifier.Hex, ""), strings.ToUpper(hex.EncodeToString(raw)), raw},
		"base64url":               {keyed(verifier.Base64URL, ""), safe, raw},
		"base64url, padded":       {keyed(verifier.Base64URL, ""), base64.URLEncoding.EncodeToString(raw), raw},
		"a longer prefix":         {keyed(verifier.Base64, "v1,whsec_"), "v1,whsec_" + std, raw},
		"text that looks encoded": {preset(t, "github"), hex.EncodeToString(raw), []byte(hex.EncodeToString(raw))},
		"text with _":             {preset(t, "github"), "a_b_c_d_e_f_g_h_i", []byte("a_b_c_d_e_f_g_h_i")},
		"text with an entity":     {preset(t, "github"), "a&amp;b&lt;0123456789", []byte("a&amp;b&lt;0123456789")},
		"text that is not ASCII":  {preset(t, "github"), "schlüssel-für-die-tür", []byte("schlüssel-für-die-tür")},
		"text with a blank":       {preset(t, "github"), "It's a Secret to Everybody", []byte("It's a Secret to Everybody")},
		"travelbase, text":        {preset(t, "travelbase"), "whsec_" + std, []byte("whsec_" + std)},
	} {
		id := "msg_1"
		h := sign(t, newSigner(t, test.scheme, test.secret), verifier.Message{ID: id, Timestamp: noon, Body: []byte("{}")})
		stamp := map[string]string{"svix": id + ".1795435200.{}", "stripe": "1795435200.{}", "travelbase": "2026-11-23T12:00:00.000Z.{}"}[test.scheme.Name]
		if stamp == "" {
			stamp = "{}"
		}
		plain := test.scheme
		plain.Keys = []verifier.KeyForm{{}} // the key's bytes as they are
		want := hmacText(t, plain, string(test.key), stamp)
		_, header, _ := strings.Cut(string(test.scheme.Signature[0].From), ":")
		if got := h.Get(header); !strings.HasSuffix(got, want) {
			t.Errorf("%s: signature %s; want %s", name, got, want)
		}
		if _, err := newVerifier(t, test.scheme, test.secret).Verify(post(h), []byte("{}"), noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTravelbaseSecretCountsUnderBothReadings: its documentation does not say
// whether base64-… is the key's text or its encoding.
func TestTravelbaseSecretCountsUnderBothReadings(t *testing.T) {
	travelbase := preset(t, "travelbase")
	key := []byte("0123456789abcdef0123")
	secret := "base64-" + base64.StdEncoding.EncodeToString(key)
	v := newVerifier(t, travelbase, testSecret(travelbase), secret)
	plain := travelbase
	plain.Keys = []verifier.KeyForm{{}}
	for name, test := range map[string]struct {
		key  string
		good bool
	}{
		"text":                {secret, true},
		"decoded rest":        {string(key), true},
		"rest, not decoded":   {secret[7:], false},
		"decoded with prefix": {"base64-" + string(key), false},
	} {
		h := with(sign(t, newSigner(t, travelbase, testSecret(travelbase)), verifier.Message{Timestamp: noon, Body: []byte("{}")}),
			"x-webhook-signature", hmacText(t, plain, test.key, "2026-11-23T12:00:00.000Z.{}"))
		verified, err := v.Verify(post(h), []byte("{}"), noon)
		if (err == nil) != test.good || err == nil && verified.Secret != 1 {
			t.Errorf("%s: secret %d, error %v", name, verified.Secret, err)
		}
	}
	// Signing takes one reading, the text.
	h := sign(t, newSigner(t, travelbase, secret), verifier.Message{Timestamp: noon, Body: []byte("{}")})
	if got, want := h.Get("x-webhook-signature"), hmacText(t, plain, secret, "2026-11-23T12:00:00.000Z.{}"); got != want {
		t.Errorf("signed %s; want %s", got, want)
	}
	// What is no base64 is text alone.
	if err := openings["verifier"](travelbase, "base64-"+strings.Repeat("!", 20)); err != nil {
		t.Error(err)
	}
}

// TestRotation: any of the secrets may match, and the result says which; whatever
// order they are in. (S-08, S-09)
func TestRotation(t *testing.T) {
	for _, f := range fixtures(t) {
		var secrets []string
		for i := range 7 {
			secret, _ := samples.Secrets(f.scheme, i+1)
			if f.item() == "v1a" {
				secret, _ = edKey(byte(i + 2))
			}
			secrets = append(secrets, secret)
		}
		for at := range 8 {
			list := append(append(append([]string(nil), secrets[:at]...), f.secret), secrets[at:]...)
			verified, err := newVerifier(t, f.scheme, list...).Verify(post(f.header), f.message.Body, noon)
			if err != nil || verified.Secret != at {
				t.Errorf("%s: as secret %d: matched %d, error %v", f.name, at, verified.Secret, err)
			}
		}
		if _, err := newVerifier(t, f.scheme, secrets...).Verify(post(f.header), f.message.Body, noon); !errors.Is(err, verifier.ErrInvalidSignature) {
			t.Errorf("%s: with the secret gone: %v", f.name, err)
		}
		// The first of two equal ones is the one that matched.
		if verified, _ := newVerifier(t, f.scheme, secrets[0], f.secret, f.secret).Verify(post(f.header), f.message.Body, noon); verified.Secret != 1 {
			t.Errorf("%s: twice the same secret: matched %d; want 1", f.name, verified.Secret)
		}
	}
}

// TestRotationBetweenAlgorithms: an HMAC secret and a key pair verify side by
// side, each under its own version.
func TestRotationBetweenAlgorithms(t *testing.T) {
	standard := preset(t, "standard")
	public, private := edKey(1)
	secret := testSecret(standard)
	v := newVerifier(t, standard, secret, public)
	m := verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")}
	both := sign(t, newSigner(t, standard, private, secret), m)["Webhook-Signature"][0]
	asymmetric, symmetric, _ := strings.Cut(both, " ")
	for value, want := range map[string]int{
		both:                                     0, // the first secret's
		symmetric:                                0,
		asymmetric:                               1,
		"v1a," + symmetric[3:] + " " + symmetric: 0,
		"v1," + asymmetric[4:]:                   -1,
		"v1a," + symmetric[3:]:                   -1,
	} {
		h := sign(t, newSigner(t, standard, secret), m)
		verified, err := v.Verify(post(with(h, "webhook-signature", value)), m.Body, noon)
		if err != nil {
			verified.Secret = -1
		}
		if verified.Secret != want {
			t.Errorf("%s: matched %d, error %v; want %d", value, verified.Secret, err, want)
		}
	}
}

// TestEd25519KeysAreStandard: the halves of a key are those of the Standard
// Webhooks specification. A key of one length is not taken for the other.
func TestEd25519KeysAreStandard(t *testing.T) {
	standard := preset(t, "standard")
	public, private := edKey(7)
	for name, secret := range map[string]string{
		"private half as public": "whpk_" + private[5:],
		"public half as private": "whsk_" + public[5:],
	} {
		for opening, open := range openings {
			if err := open(standard, secret); err == nil {
				t.Errorf("%s: %s opens", name, opening)
			}
		}
	}
	body := bytes.Repeat([]byte("a"), 100_000) // longer than what is kept
	g, v := newSigner(t, standard, private), newVerifier(t, standard, public)
	for range 2 {
		h := sign(t, g, verifier.Message{ID: "msg_1", Timestamp: noon, Body: body})
		if !strings.HasPrefix(h.Get("webhook-signature"), "v1a,") || len(h.Get("webhook-signature")) != len("v1a,")+88 {
			t.Fatalf("signature %s", h.Get("webhook-signature"))
		}
		if _, err := v.Verify(post(h), body, noon); err != nil {
			t.Fatal(err)
		}
		body = body[:10]
	}
}
