package verifier_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// FuzzSignatureList sends hostile signature headers to every preset. Nothing is
// accepted that does not hold the right signature, and what is refused is refused
// for a reason of the request's.
func FuzzSignatureList(f *testing.F) {
	all := fixtures(f)
	for _, fixture := range all {
		value := fixture.header[fixture.signatureHeader()][0]
		for _, s := range []string{
			value, value + " " + value, value + "," + value, strings.ToUpper(value), value[1:], value + "\n", "\u00a0" + value,
			strings.ReplaceAll(value, "=", "=="), strings.Repeat(value+" ", 20), strings.Repeat(value[:3]+", ", 40),
		} {
			f.Add(s)
		}
	}
	f.Add("")
	f.Add("v1,")
	f.Add("t=,v1=")
	f.Add("no-secret-provided")
	f.Fuzz(func(t *testing.T, value string) {
		for _, fixture := range all {
			verified, err := fixture.Verify(post(with(fixture.header, fixture.signatureHeader(), value)), fixture.message.Body, noon)
			if err == nil {
				found := false
				for _, text := range fixture.spellings(t) {
					found = found || strings.Contains(value, text) || strings.Contains(strings.ToLower(value), text)
				}
				if !found || verified.Secret != 0 {
					t.Fatalf("%s accepts %q", fixture.name, value)
				}
				continue
			}
			if r := reason(t, err); r != verifier.ErrMissingHeader && r != verifier.ErrMalformedHeader && r != verifier.ErrInvalidSignature {
				t.Fatalf("%s refuses %q: %v", fixture.name, value, err)
			}
		}
	})
}

// spellings are the texts that a fixture's signature may have, hex in lower case.
func (f *fixture) spellings(t *testing.T) []string {
	_, signature := f.split(t)
	if f.scheme.Name != "travelbase" {
		return []string{signature}
	}
	raw, err := hex.DecodeString(signature)
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(signature); err != nil {
			t.Fatal(err)
		}
	}
	return []string{hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw)}
}

var strictTimes = map[verifier.TimeFormat]*regexp.Regexp{
	verifier.Unix:      regexp.MustCompile(`^[1-9][0-9]{9}$`),
	verifier.UnixMilli: regexp.MustCompile(`^[1-9][0-9]{12}$`),
	verifier.RFC3339:   regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`),
}

// readTime reads a time by a regular expression and the standard library.
func readTime(format verifier.TimeFormat, text string) (time.Time, bool) {
	if !strictTimes[format].MatchString(text) {
		return time.Time{}, false
	}
	if format == verifier.RFC3339 {
		at, err := time.Parse(time.RFC3339Nano, text)
		return at, err == nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if format == verifier.UnixMilli {
		return time.UnixMilli(n), err == nil
	}
	return time.Unix(n, 0), err == nil
}

// FuzzTimestamp reads a signed time beside another reader of the same grammar: both
// take the same texts for the same instants. What is signed for that instant is
// read as that instant again.
func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{
		"1795435200", "1795435200000", "01795435200", "+1795435200", "9999999999", "1e9", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.293Z",
		"2026-11-23T12:00:00,5Z", "2024-02-29T23:59:59.999999999+23:59", "2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T12:00:60Z",
		"0000-01-01T00:00:00-23:59", "9999-12-31T23:59:59-23:59", "2026-11-23t12:00:00z", "", " ", "-1",
	} {
		f.Add(text)
	}
	type pair struct {
		*verifier.Verifier
		*verifier.Signer
		verifier.Scheme
	}
	var pairs []pair
	for format := range strictTimes {
		s := timed(format)
		pairs = append(pairs, pair{newVerifier(f, s, testSecret(s)), newSigner(f, s, testSecret(s)), s})
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range pairs {
			format := p.Timestamp.Format
			h := http.Header{"X-Time": {text}, "X-Signature": {hmacText(t, p.Scheme, testSecret(p.Scheme), strings.Trim(text, " \t")+".{}")}}
			verified, err := p.Verify(post(h), []byte("{}"), noon)
			good := err == nil || errors.Is(err, verifier.ErrStaleTimestamp) || errors.Is(err, verifier.ErrFutureTimestamp)
			want, wanted := readTime(format, strings.Trim(text, " \t"))
			if good != wanted || good && !verified.Timestamp.Equal(want) {
				t.Fatalf("%q as %s: %v, error %v; want %v, %t", text, format, verified.Timestamp, err, want, wanted)
			}
			if !good {
				continue
			}
			precise := want.Truncate(time.Millisecond)
			again, err := p.Sign(verifier.Message{Timestamp: precise, Body: []byte("{}")})
			if err != nil {
				if year := want.UTC().Year(); format == verifier.RFC3339 && (year < 0 || year > 9999) {
					continue
				}
				t.Fatalf("%v as %s: %v", precise, format, err)
			}
			back, err := p.Verify(post(again), []byte("{}"), precise)
			if err != nil || !back.Timestamp.Equal(precise) {
				t.Fatalf("%v as %s is signed %v and read as %v, error %v", precise, format, again, back.Timestamp, err)
			}
			if format != verifier.RFC3339 && again.Get("X-Time") != strings.Trim(text, " \t") {
				t.Fatalf("%s is written %s", text, again.Get("X-Time"))
			}
		}
	})
}

// secretErrors are all that is ever said of a secret: constant words and lengths.
var secretErrors = regexp.MustCompile(`^scheme [a-z0-9_]+: secret 1: (` + strings.Join([]string{
	`the secret is empty`,
	`the secret begins or ends with white space; remove it`,
	`the secret is not base64`,
	`the secret is not base64url`,
	`the secret is not hexadecimal`,
	`the secret is of no form that this scheme verifies with`,
	`the key is too short: [0-9]+ bytes, at least 16 are needed; ask the provider for a longer one`,
	`an Ed25519 key has (32|64) bytes, this one has [0-9]+`,
	`an Ed25519 key of low order[^0-9]*`,
	`a private key signs and does not verify; give the public one( \(whpk_\))?`,
	`a public key cannot sign; give the private one( \(whsk_\))?`,
	`the secret is no public key as X\.509 has it \(SPKI\)`,
	`the secret is no private key as PKCS #8 has it`,
	`the secret is not one PEM block, -----BEGIN … to … END …-----`,
	`the key is not of [a-z0-9-]+`,
	`the key is of the curve P-[0-9]+; this scheme has P-256`,
	`an RSA key of [0-9]+ bits; it has to have 2048 to 4096`,
}, "|") + `)$`)

// FuzzSecret gives a text as a secret to every preset and every encoding of a key.
// It makes a key that signs and verifies, or an error of constant words.
func FuzzSecret(f *testing.F) {
	public, private := edKey(1)
	for _, s := range []string{
		"", " ", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==", public, private, "base64-MDEyMzQ1Njc4OWFiY2RlZg==",
		"0123456789abcdef0123456789ABCDEF", "It's a Secret to Everybody", "whsec_AAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\xff\xfe\x00é0123456789abcdef", strings.Repeat("A", 300),
	} {
		f.Add(s)
	}
	schemes := verifier.Presets()
	for _, e := range []verifier.Encoding{verifier.Hex, verifier.Base64, verifier.Base64URL} {
		schemes = append(schemes, hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Encoding = e }))
	}
	m := verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")}
	f.Fuzz(func(t *testing.T, secret string) {
		for _, s := range schemes {
			v, verr := verifier.New(s, []string{secret}, samples.Options(s))
			g, gerr := verifier.NewSigner(s, []string{secret}, samples.Options(s))
			for _, err := range []error{verr, gerr} {
				if err != nil && !secretErrors.MatchString(err.Error()) {
					t.Fatalf("%s with %q: %v", s.Name, secret, err)
				}
			}
			half := strings.HasPrefix(secret, "whpk_") || strings.HasPrefix(secret, "whsk_")
			if (verr == nil) != (gerr == nil) && (!half || s.Keys[0].Item != "v1") && !samples.Slow(s) {
				t.Fatalf("%s with %q: verifier %v, signer %v", s.Name, secret, verr, gerr)
			}
			if verr != nil || gerr != nil {
				continue
			}
			if strings.TrimSpace(secret) != secret || len(secret) < 16 {
				t.Fatalf("%s takes %q", s.Name, secret)
			}
			h := signWith(t, g, s, m)
			if _, err := v.Verify(post(h), m.Body, noon); err != nil {
				t.Fatalf("%s with %q: what it signs is refused: %v", s.Name, secret, err)
			}
			if _, err := v.Verify(post(h), []byte("[]"), noon); err == nil && s.Keys[0].Algorithm != verifier.Token {
				t.Fatalf("%s with %q: another body is accepted", s.Name, secret)
			}
		}
	})
}

// FuzzTemplate compiles a text as a template. One that compiles spells what an
// independent reader of it spells, what it signs verifies, and the signed bytes
// cannot be divided in another way.
func FuzzTemplate(f *testing.F) {
	for _, layout := range layouts {
		for i, body := range hostile {
			f.Add(layout, body, uint8(i))
		}
	}
	for _, layout := range []string{"", "{", "}", "{}", "{body", "body}", "{{body}}", "{body}{body}", "{ID}", "a{body}b", "\x00{body}\xff", "{id}é{body}"} {
		f.Add(layout, "{}", uint8(0))
	}
	formats := []verifier.TimeFormat{verifier.Unix, verifier.UnixMilli, verifier.RFC3339}
	stamps := []string{"1795435200", "1795435200000", "2026-11-23T12:00:00.293Z"}
	const public = "https://example.com/"
	f.Fuzz(func(t *testing.T, layout, body string, choice uint8) {
		n := int(choice) % len(formats)
		s := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Signed = layout })
		if strings.Contains(layout, "{id}") {
			s.ID = "header:X-Id"
		}
		if strings.Contains(layout, "{type}") {
			s.Type = "header:X-Type"
		}
		if strings.Contains(layout, "{timestamp}") {
			s.Timestamp = &verifier.Timestamp{From: "header:X-Time", Format: formats[n]}
		}
		o := verifier.Options{AllowWeak: true}
		if strings.Contains(layout, "{url}") {
			o.PublicURL = public
		}
		secret := testSecret(s)
		v, err := verifier.New(s, []string{secret}, o)
		if err != nil {
			return
		}
		g, err := verifier.NewSigner(s, []string{secret}, o)
		if err != nil {
			t.Fatal(err)
		}
		p := parts{"id": "evt_17", "type": "a-b", "timestamp": stamps[n], "method": http.MethodPost, "url": public, "body": body}
		at, _ := readTime(formats[n], stamps[n])
		h, err := g.Sign(verifier.Message{ID: p["id"], Type: p["type"], Timestamp: at, URL: public, Body: []byte(body)})
		if err != nil {
			return // an id that holds the delimiter
		}
		if got, want := h.Get("X-Signature"), hmacText(t, s, secret, assemble(layout, p)); got != want {
			t.Fatalf("%q signs %s; want %s over %q", layout, got, want, assemble(layout, p))
		}
		if _, err := v.Verify(post(h), []byte(body), noon); err != nil {
			t.Fatalf("%q: what it signs is refused: %v", layout, err)
		}
		if len(assemble(layout, p)) < 120 && strings.Contains(layout, "{body}") {
			if _, accepted := shifts(t, s, o, p); accepted != nil {
				t.Fatalf("%q, %s: %q is also good as %q", layout, formats[n], p, accepted[0])
			}
		}
	})
}
