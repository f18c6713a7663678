package verifier_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// inQuery is a scheme that signs in the query.
func inQuery(change func(*verifier.Scheme)) verifier.Scheme {
	return hmacOf("query", "X-Signature", func(s *verifier.Scheme) {
		s.Signature[0].From, s.Encodings = "query:signature", []verifier.Encoding{verifier.Base64}
		if change != nil {
			change(s)
		}
	})
}

// TestSignatureInTheQuery, of at most 8 KiB, there once, escaped as a form.
func TestSignatureInTheQuery(t *testing.T) {
	s := inQuery(nil)
	secret := testSecret(s)
	v := newVerifier(t, s, secret)
	mac := hmacText(t, s, secret, "{}")
	for i := 0; !strings.Contains(mac, "+"); i++ { // one that has to be escaped
		secret = fmt.Sprintf("whsec_0123456789abcdef%d", i)
		v, mac = newVerifier(t, s, secret), hmacText(t, s, secret, "{}")
	}
	escaped := url.QueryEscape(mac)
	pad := func(n int) string { return strings.Repeat("a", n-len("&signature="+escaped)) + "&signature=" + escaped }
	const missing, twice, malformed = "missing header signature", "malformed header signature: is there more than once", "malformed header signature: the query cannot be parsed"
	for query, want := range map[string]string{
		"signature=" + escaped:              "<nil>",
		"a=b&signature=" + escaped + "&c=d": "<nil>",
		"s%69gnature=" + escaped:            "<nil>",
		pad(8 << 10):                        "<nil>",
		pad(8<<10 + 1):                      "malformed header signature: the query is too long",
		strings.Repeat("&", 1<<20):          "malformed header signature: the query is too long",
		"":                                  missing,
		"signature":                         missing,
		"signature=":                        missing,
		"Signature=" + escaped:              missing,
		"signature2=" + escaped:             missing,
		"a=signature=" + escaped:            missing,
		"signature=" + escaped + "&signature=" + escaped:     twice,
		"signature=" + escaped + "&signature=":               twice,
		"signature=&s%69gnature=" + escaped:                  twice,
		"signature=" + escaped + ";a=b":                      malformed,
		"signature=%zz":                                      malformed,
		"signature=" + mac:                                   "invalid signature: no secret verifies it", // + is a space
		"signature=" + url.QueryEscape(otherText(mac)):       "invalid signature: no secret verifies it",
		"signature=" + escaped[:len(escaped)-3]:              "malformed header signature: has a signature of 43 characters; there should be 44 (base64)",
		"signature=" + url.QueryEscape(mac[:4]+" "+mac[4:]):  "malformed header signature: has a signature of 45 characters; there should be 44 (base64)",
		"signature=" + url.QueryEscape("sha256="+mac):        `malformed header signature: begins with "sha256=", but signatures of this scheme have no such prefix`,
		"signature=" + url.QueryEscape(url.QueryEscape(mac)): "malformed header signature: …",
	} {
		_, err := v.Verify(&verifier.Request{Method: http.MethodPost, RawQuery: query}, []byte("{}"), noon)
		start, _, open := strings.Cut(want, "…")
		if said := fmt.Sprint(err); !strings.HasPrefix(said, start) || !open && said != start {
			t.Errorf("%.60s: %v; want %s", query, err, want)
		}
	}
	// The query alone counts, not a header of that name.
	r := post(http.Header{"Signature": {mac}})
	if _, err := v.Verify(r, []byte("{}"), noon); fmt.Sprint(err) != missing || v.Present(r) || v.SignatureHeaders() != nil {
		t.Errorf("in a header: %v, present %t, headers %v", err, v.Present(r), v.SignatureHeaders())
	}
}

// TestPresentInTheQuery: the parameter decides whose request it is, not a word that
// looks like it.
func TestPresentInTheQuery(t *testing.T) {
	s := inQuery(nil)
	v := newVerifier(t, s, testSecret(s))
	for query, want := range map[string]bool{
		"signature=x": true, "signature=": true, "signature": true, "a=b&signature=x": true, "s%69gnature=x": true, "signature=x&signature=y": true,
		"": false, "a=b": false, "signature_version=2": false, "a=signature": false, "a=signature=x": false, "Signature=x": false, "x-signature=x": false,
	} {
		if got := v.Present(&verifier.Request{RawQuery: query}); got != want {
			t.Errorf("%s: present %t; want %t", query, got, want)
		}
	}
}

// otherText is another signature of the same length.
func otherText(mac string) string {
	return other(mac[0]) + mac[1:]
}

// TestToken: the secret itself is compared, whole.
func TestToken(t *testing.T) {
	s := hmacOf("token", "X-Token", func(s *verifier.Scheme) { s.Keys[0].Algorithm, s.Encodings = verifier.Token, nil })
	const secret = "a-token-of-some-length"
	v, err := verifier.New(s, []string{"another-token-of-some-length", secret}, verifier.Options{AllowWeak: true})
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		secret:              "<nil>",
		" " + secret + "\t": "<nil>",
		secret + "x":        "invalid signature: no secret verifies it",
		secret[1:]:          "invalid signature: no secret verifies it",
		"A" + secret[1:]:    "invalid signature: no secret verifies it",
		secret + "\x00":     "invalid signature: no secret verifies it",
		secret + secret:     "invalid signature: no secret verifies it",
		"x":                 "invalid signature: no secret verifies it",
		"":                  "missing header X-Token: is empty; the sender may have no secret configured",
	} {
		verified, err := v.Verify(post(http.Header{"X-Token": {value}}), []byte("any body"), noon)
		if fmt.Sprint(err) != want || err == nil && verified.Secret != 1 {
			t.Errorf("%q: matched %d, error %v; want %s", value, verified.Secret, err, want)
		}
	}
}

// TestEveryPlaceInAListCounts: the good signature is found wherever it stands,
// with each number of others and whichever secret it is of. What matched first
// does not keep the others from being looked at: the lowest secret wins.
func TestEveryPlaceInAListCounts(t *testing.T) {
	standard := preset(t, "standard")
	secrets := []string{testSecret(standard), otherSecret(standard, testSecret(standard)), "whsec_AAAAAAAAAAAAAAAAAAAAAAAA"}
	v := newVerifier(t, standard, secrets...)
	m := verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")}
	var good []string
	for _, secret := range secrets {
		good = append(good, sign(t, newSigner(t, standard, secret), m)["Webhook-Signature"][0])
	}
	h := sign(t, newSigner(t, standard, secrets[0]), m)
	bad := "v1," + strings.Repeat("A", 43) + "="
	tried := 0
	for n := range 16 {
		for at := range n + 1 {
			for secret := range secrets {
				list := make([]string, n+1)
				for i := range list {
					list[i] = bad
				}
				list[at] = good[secret]
				want := secret
				if at > 0 { // and a second one before it
					list[0] = good[2-secret]
					want = min(secret, 2-secret)
				}
				verified, err := v.Verify(post(with(h, "webhook-signature", strings.Join(list, " "))), m.Body, noon)
				if err != nil || verified.Secret != want {
					t.Errorf("secret %d at %d of %d: matched %d, error %v; want %d", secret, at, n+1, verified.Secret, err, want)
				}
				tried++
			}
		}
	}
	if tried != 3*16*17/2 {
		t.Errorf("%d lists were tried", tried)
	}
}
