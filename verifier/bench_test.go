package verifier_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// BenchmarkVerify compares Verify with the floor that no verifier can go under:
// a reused HMAC over the same signed bytes.
func BenchmarkVerify(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	for _, size := range []int{1 << 10, 64 << 10} {
		body := bytes.Repeat([]byte("a"), size)
		for _, scheme := range verifier.Presets() {
			secret := testSecret(scheme)
			signer, err := verifier.NewSigner(scheme, []string{secret}, verifier.Options{})
			if err != nil {
				b.Fatal(err)
			}
			v, err := verifier.New(scheme, []string{secret}, verifier.Options{})
			if err != nil {
				b.Fatal(err)
			}
			header, err := signer.Sign(verifier.Message{ID: "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", Timestamp: now, Body: body})
			if err != nil {
				b.Fatal(err)
			}
			request := &verifier.Request{Method: http.MethodPost, Header: header}
			b.Run(fmt.Sprintf("%s/%d", scheme.Name, size), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := v.Verify(request, body, now); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("hmac/%d", size), func(b *testing.B) {
			h := hmac.New(sha256.New, []byte("0123456789abcdef"))
			prefix := []byte("msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g.1700000000.")
			var sum []byte
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				h.Reset()
				h.Write(prefix)
				h.Write(body)
				sum = h.Sum(sum[:0])
			}
		})
	}
}

func testSecret(s verifier.Scheme) string {
	if s.Keys[0].Encoding == verifier.Base64 {
		return s.Keys[0].Prefix + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	}
	return "whsec_0123456789abcdef0123456789"
}
