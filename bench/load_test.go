package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// The events of a run are genuine, each under an id of its own; the forged ones
// differ from them in the signature alone, and are refused for that.
func TestEvents(t *testing.T) {
	body, err := payload(1 << 10)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	events, err := signEvents("http://a/hooks", "000", 300, body, now)
	if err != nil {
		t.Fatal(err)
	}
	scheme, _ := verifier.Preset("svix")
	v, err := verifier.New(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	bad := forge(events)
	for i, e := range events {
		verified, err := v.Verify(&verifier.Request{Method: e.Method, Header: e.Header}, e.Body, now)
		if err != nil {
			t.Fatal(err)
		}
		event, err := verified.Event()
		if err != nil || event.Type != "order.paid" {
			t.Fatalf("event %+v, %v", event, err)
		}
		ids[event.ID] = true
		if _, err := v.Verify(&verifier.Request{Method: e.Method, Header: bad[i].Header}, e.Body, now); !errors.Is(err, verifier.ErrInvalidSignature) {
			t.Fatalf("forged: %v", err)
		}
		bad[i].Header["Svix-Signature"] = e.Header["Svix-Signature"]
		if !bad[i].Equal(&e) {
			t.Fatal("forged differs in more than its signature")
		}
	}
	if len(ids) != len(events) {
		t.Errorf("%d ids of %d events", len(ids), len(events))
	}
	moved := at("http://b/hooks", events)[7]
	if moved.URL != "http://b/hooks" || events[7].URL != "http://a/hooks" || !bytes.Equal(moved.Body, body) {
		t.Errorf("moved %s, from %s", moved.URL, events[7].URL)
	}
}

func TestPayloadSize(t *testing.T) {
	for _, size := range []int{128, 129, 1 << 10, 64 << 10} {
		body, err := payload(size)
		if err != nil || len(body) != size {
			t.Errorf("payload(%d): %d bytes, %v", size, len(body), err)
		}
	}
	if _, err := payload(10); err == nil {
		t.Error("an event of 10 bytes")
	}
}

// Every event is sent once, never more at a time than there are connections, and
// answers of another status spoil the run.
func TestLoad(t *testing.T) {
	const answer = http.StatusAccepted
	var mu sync.Mutex
	seen := map[string]int{}
	var spoiled atomic.Bool
	var inFlight, most atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-time.After(time.Millisecond) // the work, in which others could arrive
		id := r.Header.Get("Svix-Id")
		mu.Lock()
		seen[id]++
		mu.Unlock()
		if spoiled.Load() && strings.HasSuffix(id, "7") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(answer)
	}))
	defer s.Close()
	body, err := payload(200)
	if err != nil {
		t.Fatal(err)
	}
	to := &server{name: "test", client: s.Client()}
	l := load{connections: 4}
	events, err := signEvents(s.URL, "load", 120, body, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := measured{took: time.Hour} // of slices before
	if err := errors.Join(l.send(to, events[:50], 0, answer, &m), l.send(to, events[50:], 0, answer, &m)); err != nil {
		t.Fatal(err)
	}
	if len(m.latencies) != len(events) || m.took <= time.Hour || len(seen) != len(events) {
		t.Errorf("%d latencies in %v, %d ids seen, of %d events", len(m.latencies), m.took, len(seen), len(events))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if n := most.Load(); n > int64(l.connections) {
		t.Errorf("%d requests at once over %d connections", n, l.connections)
	}
	spoiled.Store(true)
	if err := l.send(to, events, 0, answer, &m); err == nil || !strings.Contains(err.Error(), "418") || !strings.Contains(err.Error(), "12 not answered") {
		t.Errorf("12 of 120 answers were wrong: %v", err)
	}
}

// A rate is kept: requests that could be answered at once are not sent at once.
func TestLoadAtARate(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	events, err := signEvents(s.URL, "rate", 20, []byte("{}"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var m measured
	l := load{connections: 4}
	if err := l.send(&server{client: s.Client()}, events, 100, 200, &m); err != nil {
		t.Fatal(err)
	}
	if least := 19 * 10 * time.Millisecond; m.took < least || len(m.latencies) != len(events) {
		t.Errorf("%d requests at 100 a second in %v, which is less than %v", len(m.latencies), m.took, least)
	}
}

// The figures of a round are those of its slices together.
func TestSample(t *testing.T) {
	m := measured{took: 2 * time.Second, arrived: 4 * time.Second}
	m.used.add(usage{1, 1000, 7, 3}, usage{1.004, 51_000, 12, 3.25})
	m.used.add(usage{2, 90_000, 12, 4}, usage{2.006, 140_000, 17, 4.25})
	for i := range 100 {
		m.latencies = append(m.latencies, float64(100-i))
	}
	got := m.sample()
	got.cpu = math.Round(got.cpu)
	if want := (sample{rate: 50, arrival: 25, p50: 50, p95: 95, p99: 99, cpu: 100, written: 1000, batch: 10, database: 5000}); got != want {
		t.Errorf("sample %+v, want %+v", got, want)
	}
}

// What the comparisons rest on: plain Caddy holds the bodies that a gateway
// holds, and nothing but the directive differs.
func TestSitesDifferInTheDirective(t *testing.T) {
	lines := func(s site) map[string]bool {
		out := map[string]bool{}
		s.app = "127.0.0.1:2"
		for line := range strings.Lines(s.caddyfile("/d", "127.0.0.1:1")) {
			if line = strings.TrimSpace(line); line != "" && line != "}" {
				out[line] = true
			}
		}
		return out
	}
	source := []string{"webhook /hooks* bench {", "verify svix {env.BENCH_SECRET}", "max_body 1MiB"}
	for _, tt := range []struct {
		name          string
		site          site
		more, missing []string
	}{
		{"gateway", site{webhook: true}, source, nil},
		{
			"stored",
			site{webhook: true, stored: true, connections: 7},
			append(source, "webhooks {", "store sqlite /d/events.db", "max_backlog 10000000", "concurrency 7", "forward 127.0.0.1:2 {"),
			[]string{"reverse_proxy 127.0.0.1:2 {"},
		},
	} {
		plain, other := lines(site{connections: tt.site.connections}), lines(tt.site)
		if !plain["request_buffers 1MiB"] {
			t.Error("plain does not hold the body")
		}
		for _, line := range tt.missing {
			delete(plain, line)
		}
		for line := range plain {
			if !other[line] {
				t.Errorf("%s lacks %q", tt.name, line)
			}
			delete(other, line)
		}
		for _, line := range tt.more {
			if !other[line] {
				t.Errorf("%s lacks %q", tt.name, line)
			}
			delete(other, line)
		}
		if len(other) > 0 {
			t.Errorf("only %s has %v", tt.name, other)
		}
	}
}
