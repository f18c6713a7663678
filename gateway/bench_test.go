package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// BenchmarkReceive sets what a source costs beside a handler that only reads the
// body: an event of 1 KiB that is new, one that is known and one that is forged.
func BenchmarkReceive(b *testing.B) {
	body := fmt.Appendf(nil, `{"data":%q}`, strings.Repeat("x", 1000))
	genuine := signed(b, preset(b, "github"), textSecret, verifier.Message{Body: body}).Header
	forged := http.Header{"X-Hub-Signature-256": {"sha256=" + strings.Repeat("0", 64)}}

	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := bare(genuine.Clone(), body)
			if _, err := io.ReadAll(r.Body); err != nil {
				b.Fatal(err)
			}
			if err := ok(&sink{header: http.Header{}}, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, row := range []struct {
		name, result string
		status       int
		header       http.Header
		step         time.Duration // of the clock, each time
	}{
		{"accepted", "", http.StatusOK, genuine, time.Hour}, // the window is over: it is new again
		{"duplicate", "duplicate", http.StatusOK, genuine, 0},
		{"forged", "", http.StatusUnauthorized, forged, time.Hour},
	} {
		b.Run(row.name, func(b *testing.B) {
			bed := newBed(b, of(b, "github"), func(cfg *gateway.Config) {
				cfg.Logger, cfg.Observer, cfg.Dedupe.Window = nil, nil, time.Hour
			})
			if err := bed.Receive(&sink{header: http.Header{}}, bare(genuine.Clone(), body), ok); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				bed.clock.step(row.step)
				w := &sink{header: http.Header{}}
				if err := bed.Receive(w, bare(row.header.Clone(), body), ok); err != nil || w.status != row.status || w.header.Get("Hookgate-Result") != row.result {
					b.Fatalf("%d %v, %v", w.status, w.header, err)
				}
			}
		})
	}
}
