package sender_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
)

// BenchmarkPost compares a post, with the guard, the lookup of what was kept and the
// exchange encoded, to the least that net/http does for it: over a kept connection to
// an endpoint on loopback, with a payload of 1 KiB.
func BenchmarkPost(b *testing.B) {
	s, a := newEndpoint(b, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	})
	payload := bytes.Repeat([]byte("a"), 1024)
	header := func() http.Header {
		return http.Header{
			"Content-Type": {"application/json"}, "Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
			"Webhook-Signature": {"v1," + strings.Repeat("A", 43) + "="},
		}
	}
	b.Run("client", func(b *testing.B) {
		c := newClient(b, sender.ClientOptions{Guard: newGuard(b, "127.0.0.1/32"), RootCAs: a.pool})
		b.ReportAllocs()
		for b.Loop() {
			if ex := c.Post(b.Context(), sender.Post{URL: s.URL, Header: header(), Body: payload}); ex.Status != http.StatusOK || len(ex.Encode()) == 0 {
				b.Fatal(ex.Err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		bare := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool}, ForceAttemptHTTP2: true}}
		defer bare.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL, bytes.NewReader(payload))
			if err != nil {
				b.Fatal(err)
			}
			r.Header = header()
			response, err := bare.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	})
}

// BenchmarkCheckURL is what a URL costs when it is saved, and at each attempt.
func BenchmarkCheckURL(b *testing.B) {
	guard := newGuard(b, "10.0.0.0/8")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sender.CheckURL("https://hooks.example.com/services/T000/B000?tenant=1", guard); err != nil {
			b.Fatal(err)
		}
	}
}
