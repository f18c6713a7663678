package verifier_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

func gzipped(t testing.TB, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// TestPitfall30DecodedBody: where what is in the body is signed, a body has one
// reading, and a bomb does not go off. (pitfall 30)
func TestPitfall30DecodedBody(t *testing.T) {
	const most = 1 << 10
	s := hmacOf("decoded", "X-Signature", func(s *verifier.Scheme) { s.MaxDecoded, s.ID = most, "json:/id" })
	secret := testSecret(s)
	v := newVerifier(t, s, secret)
	body := []byte(`{"id":"evt_1"}`)
	packed := gzipped(t, body)
	whole, over := bytes.Repeat([]byte(" "), most), bytes.Repeat([]byte(" "), most+1)
	for _, test := range []struct {
		name   string
		signed []byte
		coding []string
		body   []byte
		want   error
	}{
		{"as it is", body, nil, body, nil},
		{"identity", body, []string{"identity"}, body, nil},
		{"empty coding", body, []string{""}, body, nil},
		{"gzip", body, []string{"gzip"}, packed, nil},
		{"gzip, by its other name", body, []string{"X-GZIP"}, packed, nil},
		{"as large as may be", whole, []string{"gzip"}, gzipped(t, whole), nil},
		{"as large as may be, not packed", whole, nil, whole, nil},

		{"a byte too large", over, []string{"gzip"}, gzipped(t, over), verifier.ErrInvalidSignature},
		{"a byte too large, not packed", over, nil, over, verifier.ErrInvalidSignature},
		{"a bomb", over, []string{"gzip"}, gzipped(t, make([]byte, 64<<20)), verifier.ErrInvalidSignature},
		{"the packed bytes signed", packed, []string{"gzip"}, packed, verifier.ErrInvalidSignature},
		{"packed and not said", body, nil, packed, verifier.ErrInvalidSignature},
		{"said and not packed", body, []string{"gzip"}, body, verifier.ErrInvalidSignature},
		{"packed twice", body, []string{"gzip"}, gzipped(t, packed), verifier.ErrInvalidSignature},
		{"something after it", body, []string{"gzip"}, append(bytes.Clone(packed), 'x'), verifier.ErrInvalidSignature},
		{"a second stream", body, []string{"gzip"}, append(bytes.Clone(packed), gzipped(t, nil)...), verifier.ErrInvalidSignature},
		{"cut off", body, []string{"gzip"}, packed[:len(packed)-1], verifier.ErrInvalidSignature},
		{"two codings", body, []string{"gzip, gzip"}, packed, verifier.ErrMalformedHeader},
		{"two lines", body, []string{"gzip", "gzip"}, packed, verifier.ErrMalformedHeader},
		{"another coding", body, []string{"br"}, packed, verifier.ErrMalformedHeader},
	} {
		h := http.Header{"X-Signature": {hmacText(t, s, secret, string(test.signed))}}
		if test.coding != nil {
			h["Content-Encoding"] = test.coding
		}
		verified, err := v.Verify(post(h), test.body, noon)
		if test.want != nil {
			if err == nil || reason(t, err) != test.want {
				t.Errorf("%s: %v; want %v", test.name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		event, err := verified.Event()
		if err != nil || event.Digest != sha256.Sum256(test.signed) || bytes.Equal(test.signed, body) && event.ID != "evt_1" {
			t.Errorf("%s: %+v, %v", test.name, event, err)
		}
	}
}

// TestExplainsADecodedBody: an explanation is of what is in the body.
func TestExplainsADecodedBody(t *testing.T) {
	s := hmacOf("decoded", "X-Signature", func(s *verifier.Scheme) { s.MaxDecoded = 1 << 10 })
	secret := testSecret(s)
	h := http.Header{"Content-Encoding": {"gzip"}, "X-Signature": {hmacText(t, s, secret, "{}\n")}}
	x, err := verifier.Explain(s, []string{secret}, verifier.Options{}, post(h), gzipped(t, []byte("{}")), noon)
	if err != nil || len(x.Findings) != 1 || x.Findings[0].Code != "newline_added" {
		t.Errorf("%v: %+v", err, x.Findings)
	}
}
