package verifier_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// paired makes the signature a list of named items.
func paired(s *verifier.Scheme) {
	s.Signature[0].List, s.Signature[0].Pair, s.Keys[0].Item = ",", "=", "v1"
}

// named gives a scheme an id, a type and a time, all signed.
func named(s *verifier.Scheme) {
	s.Signed, s.ID, s.Type = "{id}.{type}.{timestamp}.{body}", "header:X-Id", "header:X-Type"
	s.Timestamp = &verifier.Timestamp{From: "header:X-Time", Format: verifier.Unix}
}

// schemeErrors are mistakes in a scheme, and what is said about them.
var schemeErrors = []struct {
	change func(*verifier.Scheme)
	want   string
}{
	// The template.
	{func(s *verifier.Scheme) { s.Signed = "" }, `signed is empty; it is the template of the signed bytes, such as "{timestamp}.{body}"`},
	{func(s *verifier.Scheme) { s.Signed = "{body" }, `signed "{body": a { without its }`},
	{func(s *verifier.Scheme) { s.Signed = "a{" }, `signed "a{": a { without its }`},
	{func(s *verifier.Scheme) { s.Signed = "{Body}" }, `signed "{Body}": unknown variable {Body}; there are {id}, {timestamp}, {type}, {method}, {url}, {query} and {body}`},
	{func(s *verifier.Scheme) { s.Signed = "{}{body}" }, `signed "{}{body}": unknown variable {}; there are {id}, {timestamp}, {type}, {method}, {url}, {query} and {body}`},
	{func(s *verifier.Scheme) { s.Signed = "{ body }" }, `signed "{ body }": unknown variable { body }; there are {id}, {timestamp}, {type}, {method}, {url}, {query} and {body}`},
	{func(s *verifier.Scheme) { s.Signed = "{literal}{body}" }, `signed "{literal}{body}": unknown variable {literal}; there are {id}, {timestamp}, {type}, {method}, {url}, {query} and {body}`},
	{func(s *verifier.Scheme) { s.Signed = "{body}.{body}" }, `signed "{body}.{body}": {body} is there twice`},
	{func(s *verifier.Scheme) { s.Signed, s.ID = "{id}{body}", "header:X-Id" }, `signed "{id}{body}": {id} and {body} touch, so that bytes could move from one to the other unseen`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Signed = "{id}{type}.{timestamp}.{body}"
	}, `signed "{id}{type}.{timestamp}.{body}": {id} and {type} touch, so that bytes could move from one to the other unseen`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Signed = "{type}.{id}{timestamp}{body}"
	}, `signed "{type}.{id}{timestamp}{body}": {id} and {timestamp} touch, so that bytes could move from one to the other unseen`},
	{func(s *verifier.Scheme) { s.Signed = "{method}{body}" }, `signed "{method}{body}": {method} and {body} touch, so that bytes could move from one to the other unseen`},
	{func(s *verifier.Scheme) { s.Signed = "{method}X{body}" }, `signed "{method}X{body}": an upper-case letter cannot delimit {method}`},
	{func(s *verifier.Scheme) { s.Signed = "constant" }, `signed "constant" does not hold {body}, so that anyone could change the body; if that is how the provider signs, say allow_weak`},
	{func(s *verifier.Scheme) { s.Signed = "{timestamp}.{body}" }, `signed "{timestamp}.{body}" holds {timestamp}, but timestamp does not say where it is`},
	{func(s *verifier.Scheme) { s.Signed = "{id}.{body}" }, `signed "{id}.{body}" holds {id}, but id does not say where it is`},
	{func(s *verifier.Scheme) { s.Signed = "{type}.{body}" }, `signed "{type}.{body}" holds {type}, but type does not say where it is`},

	// The keys.
	{func(s *verifier.Scheme) { s.Keys = nil }, `no algorithm is named; hmac-sha256 is the usual one`},
	{func(s *verifier.Scheme) { s.Keys = slices.Repeat(s.Keys, 9) }, `9 forms of the secret are too many, there may be 8`},
	{func(s *verifier.Scheme) { s.Keys[0].Algorithm = "md5" }, `unknown algorithm "md5"; there are hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512, ed25519, ecdsa-p256-sha256, rsa-pkcs1-sha256 and token`},
	{func(s *verifier.Scheme) { s.Keys[0].Algorithm = verifier.HMACSHA1 }, `hmac-sha1 is weak; if the provider offers nothing better, say allow_weak`},
	{func(s *verifier.Scheme) { s.Keys[0].Algorithm = verifier.Token }, `token is weak; if the provider offers nothing better, say allow_weak`},
	{func(s *verifier.Scheme) {
		s.Keys = append(s.Keys, verifier.KeyForm{Prefix: "t_", Algorithm: verifier.Token})
	}, `token is weak; if the provider offers nothing better, say allow_weak`},
	{func(s *verifier.Scheme) { s.Keys[0].Encoding = "base32" }, `unknown encoding "base32" of the secret; there are text, hex, base64, base64url and pem`},
	{func(s *verifier.Scheme) { s.Keys[0].MinBytes = -1 }, `the least length of a key cannot be negative`},

	// The encodings.
	{func(s *verifier.Scheme) { s.Encodings = nil }, `no encoding of the signature is named; hex and base64 are the usual ones`},
	{func(s *verifier.Scheme) { s.Encodings = []verifier.Encoding{verifier.Text} }, `unknown encoding "text" of the signature; there are hex, base64 and base64url`},
	{func(s *verifier.Scheme) { s.Encodings = []verifier.Encoding{verifier.Hex, "HEX"} }, `unknown encoding "HEX" of the signature; there are hex, base64 and base64url`},
	{func(s *verifier.Scheme) { s.Encodings = []verifier.Encoding{verifier.Hex, verifier.Hex} }, `encodings hex and hex have the same length and cannot be told apart`},
	{func(s *verifier.Scheme) {
		s.Keys[0].Algorithm, s.Encodings = verifier.HMACSHA384, []verifier.Encoding{verifier.Base64, verifier.Hex, verifier.Base64URL}
	}, `encodings base64 and base64url have the same length and cannot be told apart`},

	// The signature.
	{func(s *verifier.Scheme) { s.Signature = nil }, `no signature is named; write where it is, as in header:X-Signature`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "X-Signature" }, `signature: "X-Signature" is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "" }, `signature: "" is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "header:" }, `signature: "header:" names nothing`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "header:X Signature" }, `signature: "X Signature" is no header name`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "header:{env.X}" }, `signature: "{env.X}" is no header name`},
	{func(s *verifier.Scheme) { s.Signature[0].From = "json:/signature" }, `signature: "json:/signature": it is in a header or in the query`},
	{func(s *verifier.Scheme) {
		paired(s)
		s.Signature[0].From = "part:v1"
	}, `signature: "part:v1": it is in a header or in the query`},
	{func(s *verifier.Scheme) { s.Signature[0].List = "|" }, `signature: list separator "|"; there are space, comma and semicolon`},
	{func(s *verifier.Scheme) { s.Signature[0].List = ", " }, `signature: list separator ", "; there are space, comma and semicolon`},
	{func(s *verifier.Scheme) { s.Signature[0].Pair = "-" }, `signature: pair separator "-"; there are =, colon and comma, and it differs from the list's`},
	{func(s *verifier.Scheme) { s.Signature[0].List, s.Signature[0].Pair = ",", "," }, `signature: pair separator ","; there are =, colon and comma, and it differs from the list's`},
	{func(s *verifier.Scheme) { s.Signature[0].Pair = "=" }, `signature: items with names need the name of those that are signatures (item v1), items without take none`},
	{func(s *verifier.Scheme) { s.Signature[0].Pair, s.Keys[0].Item = "=", "v=1" }, `signature: the name "v=1" could not be told from what is around it: it holds a space or a separator`},
	{func(s *verifier.Scheme) {
		s.Signature[0].Pair, s.Signature[0].List, s.Keys[0].Item = "=", ",", "v,1"
	}, `signature: the name "v,1" could not be told from what is around it: it holds a space or a separator`},
	{func(s *verifier.Scheme) { s.Signature[0].Pair, s.Keys[0].Item = "=", "v 1" }, `signature: the name "v 1" could not be told from what is around it: it holds a space or a separator`},
	{func(s *verifier.Scheme) { s.Keys[0].Item = "v1" }, `signature: items with names need the name of those that are signatures (item v1), items without take none`},

	// The time.
	{func(s *verifier.Scheme) {
		s.Timestamp = &verifier.Timestamp{From: "header:X-Time", Format: verifier.Unix}
	}, `timestamp header:X-Time is not signed ({timestamp} is not in signed): leave it out, it proves nothing`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.From = "time"
	}, `timestamp: "time" is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.From = "json:/time"
	}, `timestamp json:/time cannot be {timestamp} as well: the body is signed whole`},
	{func(s *verifier.Scheme) {
		s.Timestamp = &verifier.Timestamp{From: "json:time", Format: verifier.Unix}
	}, `timestamp: "json:time": a JSON pointer begins with /`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.From = "query:time"
	}, `timestamp: "query:time": it is in a header, a part of the signature or the body`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.From = "part:t"
	}, `timestamp: "part:t": the signature is no list of named items`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.Format = "iso8601"
	}, `unknown timestamp format "iso8601"; there are unix, unix_ms and rfc3339`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.Past = -1
	}, `a tolerance cannot be negative`},
	{func(s *verifier.Scheme) {
		named(s)
		s.Timestamp.Future = verifier.Unbounded
	}, `a tolerance cannot be negative`},

	// The id and the type.
	{func(s *verifier.Scheme) { s.ID = "header:X-Id" }, `id header:X-Id is not signed ({id} is not in signed): name it unsigned_id`},
	{func(s *verifier.Scheme) { s.Type = "header:X-Type" }, `type header:X-Type is not signed ({type} is not in signed): name it unsigned_type`},
	{func(s *verifier.Scheme) {
		paired(s)
		s.ID = "part:id"
	}, `id part:id is not signed ({id} is not in signed): name it unsigned_id`},
	{func(s *verifier.Scheme) { s.ID = "X-Id" }, `id: "X-Id" is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>`},
	{func(s *verifier.Scheme) { s.ID = "query:id" }, `id: "query:id": it is in a header or in the body`},
	{func(s *verifier.Scheme) { s.ID = "json:id" }, `id: "json:id": a JSON pointer begins with /`},
	{func(s *verifier.Scheme) { s.ID = "json:/1/2/3/4/5/6/7/8/9" }, `id: JSON pointer "/1/2/3/4/5/6/7/8/9" is too deep`},
	{func(s *verifier.Scheme) { s.Type = "json:" }, `type: "json:" names nothing`},
	{func(s *verifier.Scheme) { s.Signed, s.ID = "{id}.{body}", "json:/id" }, `id json:/id cannot be {id} as well: the body is signed whole`},
	{func(s *verifier.Scheme) { s.Signed, s.Type = "{type}.{body}", "json:/type" }, `type json:/type cannot be {type} as well: the body is signed whole`},

	// The rest.
	{func(s *verifier.Scheme) { s.UnsignedID = "X Id" }, `"X Id" is no header name`},
	{func(s *verifier.Scheme) { s.UnsignedType = "header:X-Type" }, `"header:X-Type" is no header name`},
	{func(s *verifier.Scheme) { s.BodyVaries = true }, `body_varies needs a signed id: without one nothing tells a duplicate`},
	{func(s *verifier.Scheme) { s.ID, s.BodyVaries, s.BodyRepeats = "json:/id", true, true }, `body_varies and body_repeats cannot both hold`},
	{func(s *verifier.Scheme) { s.IDVaries = true }, `id_varies is for an id that {id} signs; leave out any other that is not the event's`},
	{func(s *verifier.Scheme) { s.ID, s.IDVaries = "json:/id", true }, `id_varies is for an id that {id} signs; leave out any other that is not the event's`},
	{func(s *verifier.Scheme) { named(s); s.IDVaries, s.BodyVaries = true, true }, `body_varies needs a signed id: without one nothing tells a duplicate`},
	{func(s *verifier.Scheme) { s.BodySHA256 = "query:sha" }, `body_sha256 query:sha: it is a value of the query, and signed holds {query} and not {body}`},
	{func(s *verifier.Scheme) { s.Signed, s.BodySHA256 = "{query}", "header:X-SHA" }, `body_sha256 header:X-SHA: it is a value of the query, and signed holds {query} and not {body}`},
	{func(s *verifier.Scheme) { s.Signed, s.BodySHA256 = "{query}", "sha" }, `body_sha256: "sha" is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>`},
	{func(s *verifier.Scheme) { s.Signed = "{query}{body}" }, `signed "{query}{body}": {query} and {body} touch, so that bytes could move from one to the other unseen`},
	{func(s *verifier.Scheme) { s.Signed = "{query}" }, `signed "{query}" does not hold {body}, so that anyone could change the body; if that is how the provider signs, say allow_weak`},
	{func(s *verifier.Scheme) { s.MaxDecoded = -1 }, `a decoded body may have at most 16777216 bytes`},
	{func(s *verifier.Scheme) { s.MaxDecoded = 16<<20 + 1 }, `a decoded body may have at most 16777216 bytes`},
	{func(s *verifier.Scheme) { s.ResponseLimit = -1 }, `a limit cannot be negative`},
	{func(s *verifier.Scheme) { s.Keys[0].Private = true }, `hmac-sha256 has no private keys: one secret signs and verifies`},
	{func(s *verifier.Scheme) {
		s.Keys[0].Algorithm, s.Encodings = verifier.ECDSAP256, []verifier.Encoding{verifier.Hex, verifier.Base64}
	}, `a signature of ecdsa-p256-sha256 has no length of its own that would tell hex from base64: name one encoding`},
	{func(s *verifier.Scheme) { s.MaxBody = -1 }, `a limit cannot be negative`},
	{func(s *verifier.Scheme) { s.RetryHorizon = -2 }, `a limit cannot be negative`},
	{func(s *verifier.Scheme) { s.Handshakes = []verifier.Handshake{{Method: "GET"}} }, `a handshake is a method and the query parameter or the header that must be there`},
	{func(s *verifier.Scheme) { s.Handshakes = []verifier.Handshake{{Challenge: "query:challenge"}} }, `a handshake is a method and the query parameter or the header that must be there`},
	{func(s *verifier.Scheme) {
		s.Handshakes = []verifier.Handshake{{Method: "POST", Challenge: "header:X-Challenge"}}
	}, `a POST is a webhook and must be signed: a handshake has another method`},
}

// TestSchemeErrors: a scheme that is inconsistent, or weaker than it looks, says
// so, to whoever compiles it.
func TestSchemeErrors(t *testing.T) {
	for _, test := range schemeErrors {
		s := hmacOf("custom", "X-Signature", test.change)
		want := "scheme custom: " + test.want
		secret := "whsec_0123456789abcdef0123456789"
		if _, err := verifier.New(s, []string{secret}, verifier.Options{}); fmt.Sprint(err) != want {
			t.Errorf("New: %v; want %s", err, want)
		}
		if _, err := verifier.NewSigner(s, []string{secret}, verifier.Options{}); fmt.Sprint(err) != want {
			t.Errorf("NewSigner: %v; want %s", err, want)
		}
		if weak := strings.Contains(want, "allow_weak"); weak != (verifier.Check(s) == nil) {
			t.Errorf("Check: %v; want only what no allow_weak mends", verifier.Check(s))
		}
	}
	if err := verifier.Check(hmacOf("custom", "X-Signature", nil)); err != nil {
		t.Errorf("without a mistake: %v", err)
	}
}

// TestPresetsAreConsistent: each loads, as weak if it says so, under a name of its
// own, and says where its facts were read and what its user has to know.
func TestPresetsAreConsistent(t *testing.T) {
	var names []string
	for _, s := range verifier.Presets() {
		names = append(names, s.Name)
		v := newVerifier(t, s, testSecret(s))
		if weak := strings.Contains(s.Notes, "allow_weak"); v.Weak() != weak || samples.Weak(s) != weak {
			t.Errorf("%s: weak %t, where its notes say %t", s.Name, v.Weak(), weak)
		}
		if signsURL := strings.Contains(s.Notes, "public_url"); strings.Contains(s.Signed, "{url}") != signsURL {
			t.Errorf("%s: signed is %s, and its notes speak of public_url: %t", s.Name, s.Signed, signsURL)
		}
		if s.Source == "" || s.Notes == "" {
			t.Errorf("%s: no source or no notes", s.Name)
		}
		if found, ok := verifier.Preset(s.Name); !ok || found.Signed != s.Signed {
			t.Errorf("the preset %s is another one", s.Name)
		}
	}
	slices.Sort(names)
	if once := slices.Compact(slices.Clone(names)); len(once) != len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
}

// TestPublicURL: it is given exactly where the URL is signed.
func TestPublicURL(t *testing.T) {
	url := hmacOf("url", "X-Signature", func(s *verifier.Scheme) { s.Signed = "{url}{body}" })
	github := preset(t, "github")
	for _, test := range []struct {
		scheme verifier.Scheme
		url    string
		want   string
	}{
		{url, "https://example.com/", "<nil>"},
		{url, "", "scheme url signs the URL: say which one the provider has, with public_url"},
		{github, "https://example.com/", "scheme github does not sign the URL: remove public_url"},
		{github, "", "<nil>"},
	} {
		if _, err := verifier.New(test.scheme, []string{testSecret(test.scheme)}, verifier.Options{PublicURL: test.url}); fmt.Sprint(err) != test.want {
			t.Errorf("%s with %q: %v; want %s", test.scheme.Name, test.url, err, test.want)
		}
	}
}

// TestWeak: what is weak loads with allow_weak only, works, and is known for it.
func TestWeak(t *testing.T) {
	for name, change := range map[string]func(*verifier.Scheme){
		"SHA-1": func(s *verifier.Scheme) { s.Keys[0].Algorithm = verifier.HMACSHA1 },
		"token": func(s *verifier.Scheme) { s.Keys[0].Algorithm, s.Encodings = verifier.Token, nil },
		"SHA-1 as second form": func(s *verifier.Scheme) {
			s.Keys = append([]verifier.KeyForm{{Prefix: "none", Algorithm: verifier.HMACSHA256}}, verifier.KeyForm{Algorithm: verifier.HMACSHA1})
		},
	} {
		s := hmacOf("weak", "X-Signature", change)
		secret := testSecret(hmacOf("", "", nil))
		v, err := verifier.New(s, []string{secret}, verifier.Options{AllowWeak: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		g, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
		if err != nil {
			t.Fatal(err)
		}
		h := sign(t, g, verifier.Message{Body: []byte("{}")})
		if _, err := v.Verify(post(h), []byte("{}"), noon); err != nil || !v.Weak() {
			t.Errorf("%s: weak %t, error %v", name, v.Weak(), err)
		}
		for _, wrong := range []string{"x", h.Get("X-Signature")[1:], h.Get("X-Signature") + "0"} {
			if _, err := v.Verify(post(http.Header{"X-Signature": {wrong}}), []byte("{}"), noon); err == nil {
				t.Errorf("%s: %s is accepted", name, wrong)
			}
		}
	}
}

// TestTokenBesideHMAC: a scheme may have both, in either order, and each secret
// counts under its own form. An HMAC needs an encoding whatever stands before it.
func TestTokenBesideHMAC(t *testing.T) {
	token, mac := verifier.KeyForm{Prefix: "tok_", Algorithm: verifier.Token}, verifier.KeyForm{Prefix: "mac_", Algorithm: verifier.HMACSHA256}
	secrets := []string{"tok_0123456789abcdef", "mac_0123456789abcdef"}
	for name, keys := range map[string][]verifier.KeyForm{"token first": {token, mac}, "HMAC first": {mac, token}} {
		s := hmacOf("both", "X-Signature", func(s *verifier.Scheme) { s.Keys = keys })
		v, err := verifier.New(s, secrets, verifier.Options{AllowWeak: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, secret := range secrets {
			g, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
			if err != nil {
				t.Fatal(err)
			}
			verified, err := v.Verify(post(sign(t, g, verifier.Message{Body: []byte("{}")})), []byte("{}"), noon)
			if err != nil || verified.Secret != i {
				t.Errorf("%s: secret %d: matched %d, error %v", name, i, verified.Secret, err)
			}
		}
		s.Encodings = nil
		if err := verifier.Check(s); fmt.Sprint(err) != "scheme both: no encoding of the signature is named; hex and base64 are the usual ones" {
			t.Errorf("%s, no encoding: %v", name, err)
		}
	}
}

// TestAlgorithms: each HMAC signs and verifies in each encoding that its length
// allows, alone and among others.
func TestAlgorithms(t *testing.T) {
	secret := testSecret(hmacOf("", "", nil))
	for _, algorithm := range []verifier.Algorithm{verifier.HMACSHA1, verifier.HMACSHA256, verifier.HMACSHA384, verifier.HMACSHA512} {
		for _, encodings := range [][]verifier.Encoding{
			{verifier.Hex}, {verifier.Base64}, {verifier.Base64URL}, {verifier.Hex, verifier.Base64}, {verifier.Base64URL, verifier.Hex}, {verifier.Base64, verifier.Base64URL},
		} {
			s := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Algorithm, s.Encodings = algorithm, encodings })
			v, err := verifier.New(s, []string{secret}, verifier.Options{AllowWeak: true})
			if err != nil {
				if algorithm != verifier.HMACSHA384 || !strings.Contains(err.Error(), "same length") {
					t.Error(err)
				}
				continue
			}
			for _, encoding := range encodings {
				one := s
				one.Encodings = []verifier.Encoding{encoding}
				g, err := verifier.NewSigner(one, []string{secret}, verifier.Options{AllowWeak: true})
				if err != nil {
					t.Fatal(err)
				}
				h := sign(t, g, verifier.Message{Body: []byte("{}")})
				if _, err := v.Verify(post(h), []byte("{}"), noon); err != nil {
					t.Errorf("%s in %s of %v: %v", algorithm, encoding, encodings, err)
				}
			}
		}
	}
}
