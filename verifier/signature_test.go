package verifier_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// (pitfall 1) (S-05)
func TestPitfall01LengthOfASignatureCounts(t *testing.T) {
	for _, f := range fixtures(t) {
		_, signature := f.split(t)
		for n := range len(signature) {
			f.refused(t, fmt.Sprintf("the first %d characters", n), f.resigned(t, signature[:n]), f.message.Body)
			f.refused(t, fmt.Sprintf("the last %d characters", n), f.resigned(t, signature[len(signature)-n:]), f.message.Body)
		}
		for c := range 256 {
			if c == ' ' || c == '\t' {
				continue // white space around a value is not part of it
			}
			separator := f.scheme.Signature[0].List == string(rune(c))
			if !separator && (c != ',' || f.item() != "v1" && f.item() != "v1a") {
				f.refused(t, fmt.Sprintf("byte %#x after it", c), f.resigned(t, signature+string([]byte{byte(c)})), f.message.Body)
			}
			f.refused(t, fmt.Sprintf("byte %#x before it", c), f.resigned(t, string([]byte{byte(c)})+signature), f.message.Body)
		}
		f.refused(t, "twice in one", f.resigned(t, signature+signature), f.message.Body)
	}
}

// (pitfall 2) (S-06, S-08)
func TestPitfall02SignatureLists(t *testing.T) {
	svix := fixtures(t)[0]
	good := svix.header["Svix-Signature"][0]
	bad := "v1," + strings.Repeat("A", 43) + "="
	tests := map[string]bool{
		good:                                true,
		good + " " + bad + " " + bad:        true,
		bad + " " + good + " " + bad:        true,
		bad + " " + bad + " " + good:        true,
		good + " " + good:                   true,
		"v2," + good[3:] + " " + good:       true,
		"v1a," + good[3:] + " " + good:      true,
		"v1a,AAAA " + good:                  true,
		"x,y " + good:                       true,
		good + "  " + bad:                   true,
		bad + " " + bad:                     false,
		"v2," + good[3:]:                    false,
		"v1a," + good[3:]:                   false,
		"v0," + good[3:]:                    false,
		"V1," + good[3:]:                    false,
		"v1 ," + good[3:] + "x":             false,
		"v1":                                false,
		"v1,":                               false,
		"v1," + good:                        false,
		"v1;" + good[3:]:                    false,
		"v1=" + good[3:]:                    false,
		"v1" + good[3:]:                     false,
		good[3:]:                            false,
		"," + good[3:]:                      false,
		good + "," + good[3:]:               false,
		good[3:] + " " + good:               false, // an item that is none
		good + ";" + bad:                    false,
		"v1,v1," + good[3:]:                 false,
		"v1," + bad[3:] + "," + good:        false,
		strings.ReplaceAll(good, ",", ", "): false,
	}
	for value, want := range tests {
		h := with(svix.header, "Svix-Signature", value)
		if want {
			svix.accepted(t, value, h, svix.message.Body)
		} else {
			svix.refused(t, value, h, svix.message.Body)
		}
	}
}

// (pitfall 2)
func TestPitfall02ListsOfStripe(t *testing.T) {
	var stripe *fixture
	for _, f := range fixtures(t) {
		if f.name == "stripe" {
			stripe = f
		}
	}
	value := stripe.header["Stripe-Signature"][0]
	at, good, _ := strings.Cut(value, ",")
	bad := "v1=" + strings.Repeat("0", 64)
	tests := map[string]bool{
		value:                                  true,
		good + "," + at:                        true,
		at + "," + bad + "," + good:            true,
		at + "," + good + "," + bad:            true,
		at + "," + good + ",v0=" + bad[3:]:     true,
		at + ", " + good:                       true,
		at + ",,," + good + ",":                true,
		at + ",unknown=," + good:               true,
		at + "," + bad:                         false,
		at + ",v0=" + good[3:]:                 false,
		at + ",V1=" + good[3:]:                 false,
		at + ";" + good:                        false,
		at + " " + good:                        false,
		at + "," + good[3:]:                    false,
		at + ",v1=" + good:                     false,
		at:                                     false,
		good:                                   false,
		"t=," + good:                           false,
		at + "," + at + "," + good:             false,
		"t=1795435201," + at + "," + good:      false,
		at + "," + good + ",t=1795435201":      false,
		"t=1795435201," + good:                 false,
		"T=" + at[2:] + "," + good:             false,
		at + "," + good + "," + at[2:]:         false,
		at + "," + good[:40] + "," + good[40:]: false,
	}
	for value, want := range tests {
		h := with(stripe.header, "Stripe-Signature", value)
		if want {
			stripe.accepted(t, value, h, stripe.message.Body)
		} else {
			stripe.refused(t, value, h, stripe.message.Body)
		}
	}
}

// One sender joins its signatures with a comma and a space. (pitfall 3) (H-02)
func TestPitfall03CommaAndSpaceBetweenSignatures(t *testing.T) {
	standard := preset(t, "standard")
	secrets := []string{testSecret(standard), otherSecret(standard, testSecret(standard))}
	h := sign(t, newSigner(t, standard, secrets...), verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")})
	joined := strings.ReplaceAll(h["Webhook-Signature"][0], " ", ", ")
	if strings.Count(joined, "v1,") != 2 {
		t.Fatalf("two signatures are %q", joined)
	}
	for i, secret := range secrets {
		v := newVerifier(t, standard, secret)
		if _, err := v.Verify(post(with(h, "webhook-signature", joined)), []byte("{}"), noon); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
		if _, err := v.Verify(post(with(h, "webhook-signature", strings.ReplaceAll(joined, ", ", ","))), []byte("{}"), noon); err == nil {
			t.Errorf("secret %d: accepted without the space", i)
		}
	}
}

// At most 16 signatures and 32 items are looked at; more are refused without a
// MAC, even if one is good. (pitfall 4) (S-08)
func TestPitfall04TooManySignatures(t *testing.T) {
	for _, f := range fixtures(t) {
		l := f.scheme.Signature[0]
		if l.List == "" {
			continue
		}
		value := f.header[f.signatureHeader()][0]
		_, signature := f.split(t)
		junk := l.List + f.item() + l.Pair + strings.Repeat("A", len(signature))
		other := l.List + "other" + l.Pair + "x"
		items := 1 + strings.Count(value, l.List)
		for name, test := range map[string]struct {
			value string
			good  bool
		}{
			"16 signatures":       {value + strings.Repeat(junk, 15), true},
			"17 signatures":       {value + strings.Repeat(junk, 16), false},
			"17, the good first":  {value + strings.Repeat(junk, 16), false},
			"17, the good last":   {strings.TrimPrefix(strings.Repeat(junk, 16), l.List) + l.List + value, false},
			"32 items":            {value + strings.Repeat(other, 32-items), true},
			"33 items":            {value + strings.Repeat(other, 33-items), false},
			"a hundred thousand":  {value + strings.Repeat(junk, 1e5), false},
			"separators for ever": {strings.Repeat(l.List, 1e5) + value + strings.Repeat(l.List, 1e5), true},
		} {
			h := with(f.header, f.signatureHeader(), test.value)
			if test.good {
				f.accepted(t, name, h, f.message.Body)
			} else {
				f.refused(t, name, h, f.message.Body, verifier.ErrMalformedHeader)
			}
		}
	}
}

// (pitfall 5)
func TestPitfall05PrefixIsThereOnceAndFirst(t *testing.T) {
	tried := 0
	for _, f := range fixtures(t) {
		prefix := f.scheme.Signature[0].Prefix
		_, signature := f.split(t)
		for _, wrong := range []string{
			"", "sha1=", "sha512=", "v1=", "v00=", prefix + prefix, "x" + prefix, strings.ToUpper(prefix), prefix + " ",
			strings.TrimSuffix(prefix, "="), prefix + "=", "a,sha256=,v0=" + prefix, "sha256=", "v0=", "v1,", "mac ",
		} {
			if strings.TrimSpace(wrong) == prefix || f.item() != "" {
				continue
			}
			tried++
			f.refused(t, "prefix "+wrong, with(f.header, f.signatureHeader(), wrong+signature), f.message.Body)
		}
	}
	if tried < 50 {
		t.Errorf("%d prefixes were tried; want at least 50", tried)
	}
}

// A right MAC of another algorithm, or in the older header, counts for nothing.
// (pitfall 6) (S-17)
func TestPitfall06RequestDoesNotChooseTheAlgorithm(t *testing.T) {
	github := preset(t, "github")
	secret, body := testSecret(github), []byte("{}")
	v := newVerifier(t, github, secret)
	for _, algorithm := range []verifier.Algorithm{verifier.HMACSHA1, verifier.HMACSHA384, verifier.HMACSHA512} {
		s := github
		s.Keys = []verifier.KeyForm{{Algorithm: algorithm}}
		g, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
		if err != nil {
			t.Fatal(err)
		}
		mac := strings.TrimPrefix(sign(t, g, verifier.Message{Body: body})["X-Hub-Signature-256"][0], "sha256=")
		if _, err := hex.DecodeString(mac); err != nil {
			t.Fatal(err)
		}
		name, _ := strings.CutPrefix(string(algorithm), "hmac-")
		for _, h := range []http.Header{
			{"X-Hub-Signature-256": {name + "=" + mac}},
			{"X-Hub-Signature-256": {"sha256=" + mac}},
			{"X-Hub-Signature-256": {"sha256=" + mac[:min(64, len(mac))]}},
			{"X-Hub-Signature": {name + "=" + mac}},
			{"X-Hub-Signature": {name + "=" + mac}, "X-Hub-Signature-256": {"sha256=" + strings.Repeat("0", 64)}},
		} {
			if _, err := v.Verify(post(h), body, noon); err == nil {
				t.Errorf("%q is accepted", h)
			}
		}
	}
}

// (pitfall 13)
func TestPitfall13WhiteSpace(t *testing.T) {
	for _, f := range fixtures(t) {
		for name, lines := range f.header {
			if f.unsigned(name) {
				continue
			}
			value := lines[0]
			for _, around := range []string{" ", "\t", " \t \t"} {
				f.accepted(t, "white space around "+name, with(f.header, name, around+value+around), f.message.Body)
			}
			for _, other := range []string{"\u00a0", "\n", "\r", "\v", "\f", "\x00", "\u2003", "\x85"} {
				f.refused(t, fmt.Sprintf("%q before %s", other, name), with(f.header, name, other+value), f.message.Body)
				f.refused(t, fmt.Sprintf("%q after %s", other, name), with(f.header, name, value+other), f.message.Body)
			}
		}
		_, signature := f.split(t)
		for _, inside := range []string{" ", "\t", "\n", "\u00a0"} {
			f.refused(t, fmt.Sprintf("%q inside", inside), f.resigned(t, signature[:20]+inside+signature[20:]), f.message.Body)
		}
	}
}

// A sender without a secret is told from one with a wrong secret. (pitfall 14)
func TestPitfall14SenderWithoutASecret(t *testing.T) {
	for _, f := range fixtures(t) {
		before, _ := f.split(t)
		for _, value := range []string{"no-secret-provided", "", before, "null", "undefined", "none"} {
			reasons := []error{verifier.ErrMissingHeader, verifier.ErrMalformedHeader}
			if a := f.scheme.Keys[0].Algorithm; a == verifier.ECDSAP256 || a == verifier.RSAPKCS1 {
				reasons = append(reasons, verifier.ErrInvalidSignature) // a signature may be of any length
			}
			f.refused(t, "sentinel "+value, with(f.header, f.signatureHeader(), value), f.message.Body, reasons...)
		}
		for _, value := range []string{"", f.scheme.Signature[0].Prefix} {
			_, err := f.Verify(post(with(f.header, f.signatureHeader(), value)), f.message.Body, noon)
			if want := "the sender may have no secret configured"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q: %v; want a word that %s", f.name, value, err, want)
			}
		}
	}
}

// (pitfall 15) (S-01) (H-10)
func TestPitfall15NoSignatureIsNoCheckSkipped(t *testing.T) {
	for _, f := range fixtures(t) {
		f.refused(t, "no headers", http.Header{}, f.message.Body, verifier.ErrMissingHeader)
		f.refused(t, "nil headers", nil, f.message.Body, verifier.ErrMissingHeader)
		f.refused(t, "nothing at all", nil, nil, verifier.ErrMissingHeader)
		trailers := http.Header{}
		for name, lines := range f.header {
			trailers[http.TrailerPrefix+name] = lines
		}
		f.refused(t, "trailers", trailers, f.message.Body, verifier.ErrMissingHeader)
		if f.Present(post(http.Header{})) || f.Present(post(trailers)) {
			t.Errorf("%s: there is a signature in a request without one", f.name)
		}
		if !f.Present(post(f.header)) || !f.Present(post(f.resigned(t, "bad"))) || !f.Present(post(with(f.header, f.signatureHeader(), ""))) {
			t.Errorf("%s: there is no signature in a request with one", f.name)
		}
	}
}
