package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// copied returns the request of the first attempt at what was handed over last.
func (b *storedBed) copied(t testing.TB) *http.Request {
	t.Helper()
	all := b.shelf.take()
	if len(all) == 0 {
		t.Fatal("nothing was handed over")
	}
	r, err := b.Request(t.Context(), delivered(all[len(all)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// delivered is an event as the engine knows it.
func delivered(a *store.Arrival) *store.Delivery {
	return &store.Delivery{
		Event: store.Event{Seq: 42, Source: a.Source, ID: a.ID, Type: a.Type, Scheme: a.Scheme, Timestamp: a.Timestamp, Received: a.Received},
		Head:  a.Head, Body: a.Body,
	}
}

// TestAttemptIsWhatArrived: the request of an attempt is that which a source without
// a store passes on, over each version of HTTP, but for what is said of the attempt.
// (pitfalls 12, 13 and 34)
func TestAttemptIsWhatArrived(t *testing.T) {
	lines := func(b *bed) string {
		h := b.svix(t, "msg_1").Header
		h["X-Many"] = []string{"b", "a", "b", ""}
		h["X-Bytes"] = []string{"\xff\xfe é"}
		h["Traceparent"] = []string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
		h["Content-Type"] = []string{"text/plain; charset=\"utf-8\""}
		return strings.Replace(head(h, fmt.Sprintf("Content-Length: %d", len(wireBody))), "/hooks/travtus", "/hooks/a%2fb//c%20d?x=%zz&y=1&&z;=%C3%A9", 1) + wireBody
	}
	for _, way := range []struct {
		name    string
		request func(t *testing.T, b *bed, server *httptest.Server)
	}{
		{"HTTP/1.1", func(t *testing.T, b *bed, server *httptest.Server) {
			server.Start()
			c := dial(t, server.Listener.Addr().String())
			c.write(t, lines(b))
			c.read(t)
		}},
		{"HTTP/1.0", func(t *testing.T, b *bed, server *httptest.Server) {
			server.Start()
			c := dial(t, server.Listener.Addr().String())
			c.write(t, strings.Replace(lines(b), "HTTP/1.1", "HTTP/1.0", 1))
			c.read(t)
		}},
		{"an absolute URL", func(t *testing.T, b *bed, server *httptest.Server) {
			server.Start()
			c := dial(t, server.Listener.Addr().String())
			c.write(t, strings.Replace(lines(b), "POST /", "POST http://other.example.com/", 1))
			c.read(t)
		}},
		{"TLS", func(t *testing.T, b *bed, server *httptest.Server) {
			server.StartTLS()
			c, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: "app.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, lines(b)); err != nil {
				t.Fatal(err)
			}
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"HTTP/2", func(t *testing.T, b *bed, server *httptest.Server) {
			server.EnableHTTP2 = true
			server.StartTLS()
			r := b.svix(t, "msg_1")
			r.RequestURI, r.URL.Scheme, r.URL.Host, r.Host = "", "https", server.Listener.Addr().String(), "app.example.com"
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			var passed, stored *http.Request
			var body []byte
			plain := newBed(t)
			kept := newShelf(t)
			for _, b := range []*bed{plain, kept.bed} {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_ = b.Receive(w, r, b.app.next)
				}))
				defer server.Close()
				way.request(t, b, server)
			}
			passed, stored = plain.app.take()[0].Request, kept.copied(t)
			body, _ = io.ReadAll(stored.Body)
			if string(body) != wireBody || stored.ContentLength != passed.ContentLength || stored.TransferEncoding != nil || stored.Trailer != nil {
				t.Errorf("body %q, %d bytes, %v, %v", body, stored.ContentLength, stored.TransferEncoding, stored.Trailer)
			}
			if got, want := fmt.Sprintf("%s %s %s %d %d %s", stored.Method, stored.URL.RequestURI(), stored.Proto, stored.ProtoMajor, stored.ProtoMinor, stored.Host),
				fmt.Sprintf("%s %s %s %d %d %s", passed.Method, passed.URL.RequestURI(), passed.Proto, passed.ProtoMajor, passed.ProtoMinor, passed.Host); got != want {
				t.Errorf("%s; want %s", got, want)
			}
			if stored.URL.Path != passed.URL.Path || stored.URL.RawPath != passed.URL.RawPath || stored.URL.RawQuery != passed.URL.RawQuery {
				t.Errorf("URL %#v; want that of %#v", stored.URL, passed.URL)
			}
			if stored.URL.Host != "" || stored.URL.Scheme != "" || stored.RequestURI != stored.URL.RequestURI() {
				t.Errorf("it is not as a server reads it: %q, %v", stored.RequestURI, stored.URL)
			}
			for _, r := range []*http.Request{passed, stored} {
				for _, name := range []string{"Hookgate-Sequence", "Hookgate-Via", "Content-Length"} {
					r.Header.Del(name)
				}
			}
			if !maps.EqualFunc(stored.Header, passed.Header, slices.Equal) {
				t.Errorf("headers\n%v; want\n%v", stored.Header, passed.Header)
			}
			if (stored.TLS == nil) != (passed.TLS == nil) || stored.TLS != nil && (!stored.TLS.HandshakeComplete || stored.TLS.ServerName != passed.TLS.ServerName) {
				t.Errorf("TLS %+v; want that of %+v", stored.TLS, passed.TLS)
			}
			local, _ := stored.Context().Value(http.LocalAddrContextKey).(net.Addr)
			want, _ := passed.Context().Value(http.LocalAddrContextKey).(net.Addr)
			if local == nil || local.Network() != want.Network() || !strings.HasPrefix(local.String(), "127.0.0.1:") {
				t.Errorf("local address %v; want one like %v", local, want)
			}
			if host, port, err := net.SplitHostPort(stored.RemoteAddr); err != nil || host != "127.0.0.1" || port == "" {
				t.Errorf("remote address %q", stored.RemoteAddr)
			}
		})
	}
}

// TestAttemptMarks: what an app learns is the same in each attempt, but for the
// number of the attempt; a replay is told, and what was not authenticated is not
// said.
func TestAttemptMarks(t *testing.T) {
	b := newStored(t)
	b.clock.step(1500 * time.Millisecond)
	r := b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte(`{"type":"a.b"}`)})
	for _, name := range spellings {
		r.Header[name] = []string{"forged"}
	}
	seq := b.answered(t, "an event", r, "accepted")
	want := map[string]string{
		"Hookgate-Source": "travtus", "Hookgate-Scheme": "svix", "Hookgate-Id": "msg_1", "Hookgate-Event-Type": "a.b", "Hookgate-Timestamp": "2026-11-23T12:00:00.000Z",
		"Hookgate-Attempt": "1", "Hookgate-Received": "2026-11-23T12:00:01.500Z", "Hookgate-Sequence": fmt.Sprint(seq), "Hookgate-Idempotency-Key": "travtus/msg_1",
	}
	marks := func(what string, r *http.Request) {
		t.Helper()
		got := map[string]string{}
		for name, lines := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "hookgate") {
				got[name] = strings.Join(lines, "|")
			}
		}
		if instance, ok := strings.CutSuffix(got["Hookgate-Via"], "/travtus"); !ok || len(instance) != 16 {
			t.Errorf("%s: Hookgate-Via: %q", what, got["Hookgate-Via"])
		}
		if delete(got, "Hookgate-Via"); !maps.Equal(got, want) {
			t.Errorf("%s: marks\n%v; want\n%v", what, got, want)
		}
	}
	marks("first attempt", b.attempt(t, seq))
	b.clock.step(time.Hour)
	b.settle(t, seq, store.Pending, b.clock.now())
	want["Hookgate-Attempt"] = "2"
	marks("second attempt", b.attempt(t, seq))
	d, _ := b.delivery(t, seq)
	d.Replay, want["Hookgate-Replay"] = true, "true"
	again, err := b.Request(t.Context(), &d)
	if err != nil {
		t.Fatal(err)
	}
	marks("a replay", again)

	undated := newShelf(t, of(t, "github"))
	undated.answered(t, "nothing but the body is signed", undated.signed(t, "github", verifier.Message{ID: "d1", Type: "push", Body: []byte("{}")}), "accepted")
	got := undated.copied(t).Header
	for _, name := range []string{"Hookgate-Event-Type", "Hookgate-Timestamp", "Hookgate-Replay"} {
		if got[name] != nil {
			t.Errorf("%s: %q", name, got[name])
		}
	}
	if id := got.Get("Hookgate-Id"); !strings.HasPrefix(id, "sha256:") || got.Get("Hookgate-Idempotency-Key") != "travtus/"+id {
		t.Errorf("id %q, key %q", id, got.Get("Hookgate-Idempotency-Key"))
	}
}

// TestAttemptsShareNothing: what the handlers of one attempt do to its request, the
// next does not see; ctx ends each alone; and a guard among them leaves the marks.
func TestAttemptsShareNothing(t *testing.T) {
	b := newShelf(t)
	b.answered(t, "an event", b.svix(t, "msg_1"), "accepted")
	d := delivered(b.shelf.take()[0])
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	first, err := b.Request(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	first.Header.Set("Svix-Id", "changed")
	first.Header.Set("X-More", "yes")
	first.URL.Path = "/changed"
	if _, err := io.ReadAll(first.Body); err != nil {
		t.Fatal(err)
	}
	cancel()
	second, err := b.Request(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	gateway.Guard(second)
	body, err := io.ReadAll(second.Body)
	if err != nil || string(body) != wireBody || second.URL.Path != "/hooks/travtus" || second.Header.Get("Svix-Id") != "msg_1" ||
		second.Header.Get("X-More") != "" || second.Header.Get("Hookgate-Id") != "msg_1" {
		t.Errorf("%s %v %s, %v", second.URL, second.Header, body, err)
	}
	if _, bounded := first.Context().Deadline(); !bounded || first.Context().Err() == nil || second.Context().Err() != nil {
		t.Error("an attempt does not end with its context, or with another's")
	}
}

// TestUnreadableHead: one that is gone or damaged fails alone, and by a name.
// (U-17)
func TestUnreadableHead(t *testing.T) {
	b := newShelf(t)
	for _, text := range []string{"", "\x00", "POST"} {
		r, err := b.Request(t.Context(), &store.Delivery{Event: store.Event{Seq: 7}, Head: []byte(text)})
		if r != nil || !errors.Is(err, gateway.ErrRebuild) || !strings.Contains(err.Error(), "event 7") {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
}

// TestStoredLoop: a delivery that comes back is refused, also through another source
// and if the process was restarted in between. (U-18)
func TestStoredLoop(t *testing.T) {
	b := newShelf(t)
	other := b.source(t, new(gateway.State), b.forward, func(cfg *gateway.Config) { cfg.Name = "other" })
	// turn sends the next attempt of what was handed over last to a source.
	turn := func(what string, from, to *gateway.Source, id, result string) {
		t.Helper()
		all := b.shelf.take()
		attempt, err := from.Request(t.Context(), delivered(all[len(all)-1]))
		if err != nil {
			t.Fatal(err)
		}
		r := b.svix(t, id) // signed anew on the way
		r.Header["Hookgate-Via"] = attempt.Header["Hookgate-Via"]
		if w := b.postTo(t, to, r); w.Header().Get("Hookgate-Result") != result || (w.Code == http.StatusLoopDetected) != (result == "") {
			t.Errorf("%s: %d %s; want %q", what, w.Code, w.Body, result)
		}
	}
	b.answered(t, "first", b.svix(t, "msg_1"), "accepted")
	turn("to itself", b.Source, b.Source, "msg_2", "")
	b.answered(t, "first", b.svix(t, "msg_1"), "accepted")
	turn("to another", b.Source, other, "msg_2", "accepted")
	turn("and back", other, b.Source, "msg_3", "")

	// What was stored by an earlier process has its name, which nobody knows now.
	before := newShelf(t)
	r := before.svix(t, "msg_1")
	r.Header.Set("Hookgate-Via", strings.Replace(before.via(t), "/travtus", "/other", 1))
	before.answered(t, "through another source before", r, "accepted")
	b.shelf.arrivals = before.shelf.take()
	turn("after a restart", b.Source, other, "msg_2", "accepted")
	turn("and back", other, b.Source, "msg_3", "")
}

// via returns the source's own name in Hookgate-Via.
func (b *storedBed) via(t testing.TB) string {
	t.Helper()
	b.answered(t, "an event", b.svix(t, "msg_via"), "accepted")
	return b.copied(t).Header.Get("Hookgate-Via")
}
