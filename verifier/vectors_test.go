package verifier_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// vector is a webhook that a provider, or its library, has published, or one made
// apart from this package where none is. The file it is in has the scheme's name.
type vector struct {
	Scheme string `json:"-"`
	Name   string
	Secret string
	Method string
	URL    string // public_url
	Query  string
	Header map[string]string `json:"h"`
	At     time.Time         // when it was signed, if its scheme signs a time
	Body   string
	Unused []string // headers with a signature of another secret
	Source string   `json:"src"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("../testdata/vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var some []vector
		if err := json.Unmarshal(data, &some); err != nil || len(some) == 0 {
			t.Fatalf("%s: %d vectors, %v", file, len(some), err)
		}
		for _, v := range some {
			v.Scheme = strings.TrimSuffix(filepath.Base(file), ".json")
			if v.Source == "" {
				t.Errorf("%s: %s does not say where it is from", file, v.Name)
			}
			if v.At.IsZero() {
				v.At = noon
			}
			all = append(all, v)
		}
	}
	return all
}

func (v *vector) headers() http.Header {
	h := http.Header{}
	for name, value := range v.Header {
		h.Set(name, value)
	}
	return h
}

// check verifies a vector, and refuses it with a byte of the body, of the
// signature or of the secret changed, and once it is old. scheme may be a preset
// with a shorter least key, as the secrets of documentation are short.
func (v *vector) check(t *testing.T, scheme verifier.Scheme) {
	t.Helper()
	o := verifier.Options{AllowWeak: samples.Weak(scheme), PublicURL: v.URL}
	h, body := v.headers(), []byte(v.Body)
	verify := func(secret string, h http.Header, body []byte, at time.Time) (verifier.Verified, error) {
		t.Helper()
		compiled, err := verifier.New(scheme, []string{secret}, o)
		if err != nil {
			t.Fatal(err)
		}
		return compiled.Verify(&verifier.Request{Method: v.Method, Header: h, RawQuery: v.Query}, body, at)
	}
	verified, err := verify(v.Secret, h, body, v.At)
	if err != nil {
		t.Errorf("refused: %v", err)
		return
	}
	if scheme.Timestamp != nil && !verified.Timestamp.Equal(v.At) {
		t.Errorf("timestamp %v; want %v", verified.Timestamp, v.At)
	}
	if _, err := verified.Event(); err != nil {
		t.Errorf("event: %v", err)
	}
	if _, err := verify(v.Secret, h, append(slices.Clone(body), '\n'), v.At); !errors.Is(err, verifier.ErrInvalidSignature) && scheme.Keys[0].Algorithm != verifier.Token {
		t.Errorf("with a longer body: %v", err)
	}
	if _, err := verify(otherSecret(scheme, v.Secret), h, body, v.At); !errors.Is(err, verifier.ErrInvalidSignature) {
		t.Errorf("with another secret: %v", err)
	}
	for name, value := range v.Header {
		changed := "1"
		if at := len(value) - 3; at > 0 {
			changed = value[:at] + other(value[at]) + value[at+1:]
		}
		_, err := verify(v.Secret, with(h, name, changed), body, v.At)
		unsigned := strings.EqualFold(name, scheme.UnsignedID) || strings.EqualFold(name, scheme.UnsignedType) || slices.Contains(v.Unused, name)
		if (err == nil) != unsigned {
			t.Errorf("with another %s: %v", name, err)
		}
	}
	if scheme.Timestamp != nil {
		past := v.At.Add(time.Duration(scheme.Timestamp.Past) + 6*time.Minute)
		if _, err := verify(v.Secret, h, body, past); !errors.Is(err, verifier.ErrStaleTimestamp) {
			t.Errorf("later: %v", err)
		}
	}
}

// other returns another digit or letter.
func other(c byte) string {
	if c == '1' {
		return "2"
	}
	return "1"
}

// otherSecret returns one of the same form.
func otherSecret(s verifier.Scheme, secret string) string {
	if samples.Slow(s) {
		public, _ := samples.Secrets(s, 1)
		return public
	}
	at := len(secret) / 2
	return secret[:at] + other(secret[at]) + secret[at+1:]
}

// lenient returns the scheme without a least length of its keys.
func lenient(s verifier.Scheme) verifier.Scheme {
	s.Keys = slices.Clone(s.Keys)
	for i := range s.Keys {
		s.Keys[i].MinBytes = 1
	}
	return s
}

// outsideTheModel are the vectors that no scheme can describe, with the reason.
var outsideTheModel = map[string]string{
	"hubspot_v1": "a digest of secret and body is no MAC: anyone can lengthen the body",
	"hubspot_v2": "a digest of secret and body is no MAC: anyone can lengthen the body",
}

// TestVectors runs every vector that a provider has published, and one at least
// for every preset. (G-2) (pitfall 17)
func TestVectors(t *testing.T) {
	ran := map[string]bool{}
	for _, v := range vectors(t) {
		ran[v.Scheme] = true
		if outsideTheModel[v.Scheme] != "" {
			continue
		}
		scheme, ok := verifier.Preset(v.Scheme)
		if i := slices.IndexFunc(customSchemes, func(s verifier.Scheme) bool { return s.Name == v.Scheme }); !ok && i >= 0 {
			scheme, ok = customSchemes[i], true
		}
		if !ok {
			t.Errorf("%s: nothing describes %s, nor says why not", v.Name, v.Scheme)
			continue
		}
		t.Run(v.Scheme+"/"+v.Name, func(t *testing.T) { v.check(t, lenient(scheme)) })
	}
	for _, s := range slices.Concat(verifier.Presets(), customSchemes) {
		if !ran[s.Name] {
			t.Errorf("there is no vector of %s: testdata/vectors/%s.json", s.Name, s.Name)
		}
	}
	if !ran["hubspot_v1"] || !ran["hubspot_v2"] {
		t.Error("a reason outside the model is of no vector")
	}
}

// TestShortSecretsOfVectors: what documentation signs with is refused as a secret.
func TestShortSecretsOfVectors(t *testing.T) {
	if _, err := verifier.New(preset(t, "github"), []string{"mysecret"}, verifier.Options{}); err == nil {
		t.Error("a secret of 8 bytes is taken")
	}
}

// TestSeedExample is the example of Svix's manual: good at its time, stale today.
func TestSeedExample(t *testing.T) {
	h := http.Header{
		"Svix-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Svix-Timestamp": {"1614265330"},
		"Svix-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	v := newVerifier(t, preset(t, "svix"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	body := []byte(`{"test": 2432232314}`)
	verified, err := v.Verify(post(h), body, time.Date(2021, time.February, 25, 15, 2, 10, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if event, err := verified.Event(); err != nil || event.ID != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("event %+v, error %v", event, err)
	}
	if _, err := v.Verify(post(h), body, noon); !errors.Is(err, verifier.ErrStaleTimestamp) {
		t.Errorf("today: %v", err)
	}
}
