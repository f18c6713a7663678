package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// TestSlowBody: one that does not arrive in read_timeout, at once or in drops, is
// refused, and the connection ends. (B-03)
func TestSlowBody(t *testing.T) {
	for name, framing := range map[string]struct{ line, drop string }{
		"nothing comes":         {"Content-Length: 26", ""},
		"dripping":              {"Content-Length: 1000", "x"},
		"dripping in chunks":    {"Transfer-Encoding: chunked", "1\r\nx\r\n"},
		"a chunk of no end":     {"Transfer-Encoding: chunked", ""},
		"dripping a chunk size": {"Transfer-Encoding: chunked", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, func(cfg *gateway.Config) { cfg.ReadTimeout = 300 * time.Millisecond })
			c := dial(t, b.serve(t))
			c.write(t, head(b.svix(t, "msg_1").Header, framing.line))
			if name == "a chunk of no end" {
				c.write(t, "fff\r\nx")
			}
			stop := c.drip(framing.drop)
			response, text := c.read(t)
			wantRefusal(t, name, "request_timeout", response.StatusCode, response.Header, text)
			c.ended(t)
			stop()
			if n := len(b.app.take()); n != 0 {
				t.Errorf("the app was called %d times", n)
			}
			eventually(t, "the request ends", func() bool { return b.watcher.results()["request_timeout"] == 1 })
			if held := b.process.Bodies.Used(); held != 0 {
				t.Errorf("%d bytes are held", held)
			}
			b.forwarded(t, "the retry", b.svix(t, "msg_1"))
		})
	}
}

// drip writes text again and again, slowly, until it is stopped or the connection
// ends.
func (c *conn) drip(text string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// TestRefusedBodyIsNotAwaited: a request refused for its head alone does not hold
// its connection for longer than read_timeout either, although its body goes on.
func TestRefusedBodyIsNotAwaited(t *testing.T) {
	for name, change := range map[string]func(http.Header) string{
		"missing_header":     func(h http.Header) string { h.Del("Svix-Signature"); return "POST" },
		"malformed_header":   func(h http.Header) string { h.Set("Svix-Timestamp", "x"); return "POST" },
		"method_not_allowed": func(http.Header) string { return "PUT" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, func(cfg *gateway.Config) { cfg.ReadTimeout = 300 * time.Millisecond })
			c := dial(t, b.serve(t))
			header := b.svix(t, "msg_1").Header
			method := change(header)
			if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			c.write(t, strings.Replace(head(header, "Content-Length: 1000"), "POST", method, 1))
			stop := c.drip("x")
			defer stop()
			response, text := c.read(t)
			wantRefusal(t, name, name, response.StatusCode, response.Header, text)
			c.ended(t)
		})
	}
}

// TestReadTimeoutEndsWithTheBody: it is no limit of the app, nor of what comes next
// on the connection.
func TestReadTimeoutEndsWithTheBody(t *testing.T) {
	const timeout = 200 * time.Millisecond
	b := newBed(t, func(cfg *gateway.Config) { cfg.ReadTimeout = timeout })
	b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
		<-time.After(2 * timeout)
		w.WriteHeader(http.StatusOK)
		return nil
	})
	var gone atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.Receive(w, r, b.app.next); err != nil {
			t.Error(err)
		}
		if r.Context().Err() != nil {
			gone.Add(1) // the server took the deadline for the end of the connection
		}
	}))
	defer server.Close()
	c := dial(t, server.Listener.Addr().String())
	for _, id := range []string{"msg_1", "msg_2"} {
		body := fmt.Sprintf(`{"type":"a.b","n":%q}`, id)
		c.write(t, head(b.svix(t, id).Header, fmt.Sprintf("Content-Length: %d", len(body)))+body)
		if response, text := c.read(t); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", id, response.StatusCode, text)
		}
	}
	if n := gone.Load(); n != 0 {
		t.Errorf("%d requests lost their connection to the deadline", n)
	}
}

// TestReadDeadlineOfEachWay: set before anything is refused, taken away once the body
// is there, and never touched for a handshake, which is the app's to read. Servers
// of HTTP/1 take it away by themselves; others do not.
func TestReadDeadlineOfEachWay(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		want   []bool // whether a call sets a deadline, or takes it away
	}{
		{"accepted", func(*http.Request) {}, []bool{true, false}},
		{"forged", func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)) }, []bool{true, false}},
		{"refused for its head", func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }, []bool{true}},
		{"refused for its size", func(r *http.Request) { r.ContentLength = 1 << 40 }, []bool{true}},
		{"handshake", func(r *http.Request) {
			r.Method, r.URL.RawQuery, r.Body, r.ContentLength = "GET", "hub.challenge=1", http.NoBody, 0
		}, nil},
	} {
		b := newBed(t, custom(handshaking(t), gateway.Dedupe{}), func(cfg *gateway.Config) { cfg.ReadTimeout = time.Hour })
		r := signed(t, handshaking(t), textSecret, verifier.Message{Body: []byte("{}")})
		row.change(r)
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		before := time.Now()
		if err := b.Receive(w, r, b.app.next); err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, at := range w.set {
			got = append(got, !at.IsZero())
			if after := at.Sub(before); !at.IsZero() && (after < time.Hour || after > time.Hour+time.Minute) {
				t.Errorf("%s: the deadline is in %s; want 1h", row.name, after)
			}
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: deadlines %v", row.name, w.set)
		}
	}
}

// deadlines remembers the read deadlines of its connection.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// TestDrippingConnections: two thousand bodies that never end hold no more than the
// bound, and not for longer than read_timeout; genuine events pass meanwhile.
// (L-6, L-7, pitfall 32)
func TestDrippingConnections(t *testing.T) {
	drippers, timeout := 2000, 5*time.Second
	if raceEnabled || testing.Short() {
		drippers, timeout = 200, 2*time.Second
	}
	limit := int64(drippers)*4096 + 1<<20 // room for a page each, and for genuine ones
	b := newBed(t, func(cfg *gateway.Config) { cfg.ReadTimeout = timeout })
	b.process.Bodies.SetLimit(limit)
	address := b.serve(t)
	text := head(b.svix(t, "msg_slow").Header, "Content-Length: 1000000") + "x"
	before := heap()

	var refused, others atomic.Int64
	var clients sync.WaitGroup
	conns := make([]*conn, drippers)
	for i := range conns {
		conns[i] = dial(t, address)
	}
	for _, c := range conns {
		clients.Go(func() {
			if _, err := io.WriteString(c, text); err != nil {
				t.Error(err)
				return
			}
			response, err := http.ReadResponse(c.in, nil)
			if err != nil || response.StatusCode != http.StatusRequestTimeout {
				others.Add(1)
				return
			}
			refused.Add(1)
		})
	}
	eventually(t, "all bodies are being read", func() bool { return b.process.Bodies.Used() == int64(drippers)*4096 })
	for _, c := range conns {
		_, _ = io.WriteString(c, "drop")
	}
	if grown := heap() - before; grown > 40<<10*int64(drippers) {
		t.Errorf("the heap has grown by %d KiB a connection", grown>>10/int64(drippers))
	}
	genuine := 0
	for n := range 100 {
		if held := b.process.Bodies.Used(); held > limit {
			t.Errorf("%d bytes are held, %d allowed", held, limit)
		}
		c := dial(t, address)
		body := fmt.Sprintf(`{"type":"a.b","n":"msg_%d"}`, n)
		c.write(t, head(b.svix(t, fmt.Sprintf("msg_%d", n)).Header, fmt.Sprintf("Content-Length: %d", len(body)))+body)
		if response, _ := c.read(t); response.StatusCode == http.StatusOK {
			genuine++
		}
		c.Close()
	}
	if still := refused.Load(); genuine != 100 || len(b.app.take()) != 100 {
		t.Errorf("%d of 100 genuine events passed while %d connections dripped", genuine, int64(drippers)-still)
	}
	clients.Wait()
	if refused.Load() != int64(drippers) {
		t.Errorf("%d of %d were refused as too slow, %d ended otherwise", refused.Load(), drippers, others.Load())
	}
	eventually(t, "all is given back", func() bool { return b.process.Bodies.Used() == 0 })
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestFullBodyMemoryPasses: when drippers hold all of it, everything else is refused
// for now, and passes once they have ended. (L-6)
func TestFullBodyMemoryPasses(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.ReadTimeout = time.Second })
	b.process.Bodies.SetLimit(10 * 4096)
	address := b.serve(t)
	for range 10 {
		dial(t, address).write(t, head(b.svix(t, "msg_slow").Header, "Content-Length: 1000000")+"x")
	}
	eventually(t, "the memory is full", func() bool { return b.process.Bodies.Used() == 10*4096 })
	if !b.process.Bodies.Full() {
		t.Error("it is not said to be full")
	}
	w := b.post(t, b.svix(t, "msg_1"))
	wantRefusal(t, "a genuine event", "unavailable", w.Code, w.Header(), w.Body.String())
	eventually(t, "the drippers have ended", func() bool { return b.process.Bodies.Used() == 0 })
	b.forwarded(t, "its retry", b.svix(t, "msg_1"))
}
