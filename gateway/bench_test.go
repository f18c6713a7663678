package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
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

// BenchmarkStored sets what a stored source costs beside its queue, which answers at
// once: an event of 1 KiB with the headers of a usual sender, and the request of an
// attempt at it.
func BenchmarkStored(b *testing.B) {
	bed := newShelf(b, func(cfg *gateway.Config) { cfg.Logger, cfg.Observer = nil, nil })
	queue := new(counter)
	bed.Forward.Queue = queue
	body := fmt.Appendf(nil, `{"type":"a.b","data":%q}`, strings.Repeat("x", 1000))
	header := bed.signed(b, "svix", verifier.Message{ID: "msg_1", Body: body}).Header
	for name, value := range map[string]string{
		"Accept": "*/*", "Accept-Encoding": "gzip", "Content-Type": "application/json", "Content-Length": "1024", "User-Agent": "Svix-Webhooks/1.24",
		"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Forwarded-For": "192.0.2.1",
	} {
		header.Set(name, value)
	}
	event := func() *http.Request {
		r := bare(header.Clone(), body)
		r.Host, r.RemoteAddr, r.ProtoMajor, r.ProtoMinor = "app.example.com", "192.0.2.1:40312", 1, 1
		return r
	}
	b.Run("accepted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w := &sink{header: http.Header{}}
			if err := bed.Receive(w, event(), ok); err != nil || w.status != http.StatusOK || w.header.Get("Hookgate-Result") != "accepted" {
				b.Fatalf("%d %v, %v", w.status, w.header, err)
			}
		}
	})
	b.Run("attempt", func(b *testing.B) {
		d := delivered(queue.last)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bed.Request(b.Context(), d); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// counter is a queue that costs nothing.
type counter struct {
	last *store.Arrival
	n    int64
}

func (c *counter) Accept(_ context.Context, a *store.Arrival) (store.Verdict, error) {
	c.last, c.n = a, c.n+1
	return store.Verdict{Result: store.Stored, Seq: c.n}, nil
}
