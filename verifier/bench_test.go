package verifier_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// BenchmarkVerify compares Verify with the floor that no verifier can go under:
// a reused HMAC over the same signed bytes.
func BenchmarkVerify(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	for _, size := range []int{1 << 10, 64 << 10} {
		body := bytes.Repeat([]byte("a"), size)
		for _, scheme := range verifier.Presets() {
			public, private := samples.Secrets(scheme, 0)
			v := newVerifier(b, scheme, public)
			header := signWith(b, newSigner(b, scheme, private), scheme, verifier.Message{ID: samples.ID, Timestamp: now, Body: body})
			request := post(header)
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
