package verifier_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// byDigest is a scheme that signs the URL with a query that holds the digest of the
// body.
func byDigest() verifier.Scheme {
	return hmacOf("digest", "X-Signature", func(s *verifier.Scheme) {
		s.Signed, s.BodySHA256, s.ID = "{url}?{query}", "query:sha", "json:/id"
	})
}

const digestURL = "https://example.com/hook"

func shaOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// TestBodyByItsDigest: a body is authentic whose digest is in the signed query, and
// no other. The query is signed as it stands. (pitfall 35)
func TestBodyByItsDigest(t *testing.T) {
	const body = `{"id":"evt_1"}`
	s := byDigest()
	secret := testSecret(s)
	v, err := verifier.New(s, []string{secret}, verifier.Options{PublicURL: digestURL})
	if err != nil {
		t.Fatal(err)
	}
	if v.Weak() {
		t.Error("a body signed by its digest is weak")
	}
	good := "a=1&sha=" + shaOf(body)
	signature := hmacText(t, s, secret, digestURL+"?"+good)
	for _, test := range []struct {
		name, query, body string
		want              error
	}{
		{"as signed", good, body, nil},
		{"another body", good, body + " ", verifier.ErrInvalidSignature},
		{"an empty body", good, "", verifier.ErrInvalidSignature},
		{"the digest of another body", "a=1&sha=" + shaOf("{}"), "{}", verifier.ErrInvalidSignature},
		{"another order", "sha=" + shaOf(body) + "&a=1", body, verifier.ErrInvalidSignature},
		{"another spelling", strings.Replace(good, "a=1", "a=%31", 1), body, verifier.ErrInvalidSignature},
		{"upper case", "a=1&sha=" + strings.ToUpper(shaOf(body)), body, verifier.ErrInvalidSignature},
		{"one more value", good + "&b=2", body, verifier.ErrInvalidSignature},
		{"two digests", good + "&sha=" + shaOf("{}"), "{}", verifier.ErrMalformedHeader},
		{"a digest that is none", "a=1&sha=" + strings.Repeat("g", 64), body, verifier.ErrInvalidSignature},
		{"a short digest", "a=1&sha=00", body, verifier.ErrMalformedHeader},
		{"no digest", "a=1", body, verifier.ErrMissingHeader},
		{"no query", "", body, verifier.ErrMissingHeader},
		{"a space", good + " ", body, verifier.ErrMalformedHeader},
		{"not ASCII", good + "é", body, verifier.ErrMalformedHeader},
		{"a semicolon", good + ";b=1", body, verifier.ErrMalformedHeader},
		{"a bad escape", good + "&b=%zz", body, verifier.ErrMalformedHeader},
		{"too long", good + "&b=" + strings.Repeat("a", 8<<10), body, verifier.ErrMalformedHeader},
	} {
		r := &verifier.Request{Method: http.MethodPost, Header: http.Header{"X-Signature": {signature}}, RawQuery: test.query}
		verified, err := v.Verify(r, []byte(test.body), noon)
		if test.want != nil {
			if err == nil || reason(t, err) != test.want {
				t.Errorf("%s: %v; want %v", test.name, err, test.want)
			}
			continue
		}
		if event, eventErr := verified.Event(); err != nil || eventErr != nil || event.ID != "evt_1" {
			t.Errorf("%s: %v, %+v, %v", test.name, err, event, eventErr)
		}
	}
}

// TestSignsAQuery: the signer signs the query of the URL, and says what has to be
// in it.
func TestSignsAQuery(t *testing.T) {
	s, body := byDigest(), []byte(`{"id":"evt_1"}`)
	secret := testSecret(s)
	g := newSigner(t, s, secret)
	query := "sha=" + shaOf(string(body))
	h := sign(t, g, verifier.Message{URL: digestURL + "?" + query, Body: body})
	if want := hmacText(t, s, secret, digestURL+"?"+query); h.Get("X-Signature") != want {
		t.Errorf("signed %s; want %s", h.Get("X-Signature"), want)
	}
	for url, want := range map[string]string{
		digestURL:                        "the scheme signs the query, and \"https://example.com/hook\" has none that can be signed",
		digestURL + "?a=1":               "the query of the URL has to hold the digest of the body, " + query,
		digestURL + "?sha=" + shaOf("x"): "the query of the URL has to hold the digest of the body, " + query,
		digestURL + "?" + query + " ":    "the scheme signs the query, and \"" + digestURL + "?" + query + " \" has none that can be signed",
	} {
		if _, err := g.Sign(verifier.Message{URL: url, Body: body}); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", url, err, want)
		}
	}
}

// TestExplainsADigest: a body that is not the one of the query is told as such.
func TestExplainsADigest(t *testing.T) {
	s := byDigest()
	secret, query := testSecret(s), "sha="+shaOf("{}")
	r := &verifier.Request{Method: http.MethodPost, RawQuery: query, Header: http.Header{"X-Signature": {hmacText(t, s, secret, digestURL+"?"+query)}}}
	x, err := verifier.Explain(s, []string{secret}, verifier.Options{PublicURL: digestURL}, r, []byte("{} "), noon)
	if err != nil || len(x.Findings) != 1 || x.Findings[0].Code != "body_digest" {
		t.Errorf("%v: %+v", err, x.Findings)
	}
	x, err = verifier.Explain(s, []string{secret}, verifier.Options{PublicURL: digestURL}, r, []byte("{}"), noon)
	if err != nil || x.Err != nil || len(x.Findings) != 0 {
		t.Errorf("accepted: %v: %+v", err, x)
	}
	none := "sha=" + strings.Repeat("g", 64)
	r = &verifier.Request{Method: http.MethodPost, RawQuery: none, Header: http.Header{"X-Signature": {hmacText(t, s, secret, digestURL+"?"+none)}}}
	x, err = verifier.Explain(s, []string{secret}, verifier.Options{PublicURL: digestURL}, r, []byte("{}"), noon)
	if err != nil || !errors.Is(x.Err, verifier.ErrInvalidSignature) || len(x.Findings) != 1 || !strings.Contains(x.Findings[0].Text, "no SHA-256 in hexadecimal") {
		t.Errorf("%v: %+v", err, x)
	}
}
