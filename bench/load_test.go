package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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
	to := &server{name: "test", cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}, client: s.Client()}
	l := load{connections: 4}
	events, err := signEvents(s.URL, "load", 120, body, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := measured{took: time.Hour, cpu: 1000} // of slices before
	if err := errors.Join(l.send(to, events[:50], answer, &m), l.send(to, events[50:], answer, &m)); err != nil {
		t.Fatal(err)
	}
	if len(m.latencies) != len(events) || m.took <= time.Hour || m.cpu < 1000 || len(seen) != len(events) {
		t.Errorf("%d latencies in %v and %v s of CPU, %d ids seen, of %d events", len(m.latencies), m.took, m.cpu, len(seen), len(events))
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
	if err := l.send(to, events, answer, &m); err == nil || !strings.Contains(err.Error(), "418") || !strings.Contains(err.Error(), "12 not answered") {
		t.Errorf("12 of 120 answers were wrong: %v", err)
	}
}

// The figures of a run are those of its slices together.
func TestSample(t *testing.T) {
	m := measured{took: 2 * time.Second, cpu: 0.01}
	for i := range 100 {
		m.latencies = append(m.latencies, float64(100-i))
	}
	if got, want := m.sample(), (sample{rate: 50, p50: 50, p95: 95, p99: 99, cpu: 100}); got != want {
		t.Errorf("sample %+v, want %+v", got, want)
	}
}

func TestParseStat(t *testing.T) {
	for _, tt := range []struct {
		stat string
		want float64
	}{
		{"1 (hookgate) S 2 3 4 5 6 7 8 9 10 11 250 50 14 15", 3},
		{"1 (a) b (c) d) S 2 3 4 5 6 7 8 9 10 11 1 1 14 15", 0.02},
	} {
		if got, err := parseStat([]byte(tt.stat)); err != nil || got != tt.want {
			t.Errorf("parseStat(%q) = %v, %v, want %v", tt.stat, got, err, tt.want)
		}
	}
	for _, stat := range []string{"", "1 (hookgate) S 2 3", "no parentheses at all here but quite a number of fields 1 2 3"} {
		if got, err := parseStat([]byte(stat)); err == nil {
			t.Errorf("parseStat(%q) = %v", stat, got)
		}
	}
}

// What the comparison rests on: plain Caddy holds the bodies that the gateway
// holds, and nothing but the directive differs.
func TestSitesDifferInTheDirective(t *testing.T) {
	lines := func(s site) map[string]bool {
		out := map[string]bool{}
		for line := range strings.Lines(s.caddyfile("/d", "127.0.0.1:1")) {
			if line = strings.TrimSpace(line); line != "" && line != "}" {
				out[line] = true
			}
		}
		return out
	}
	buffered := "request_buffers 1MiB"
	plain, gateway := lines(site{}), lines(site{webhook: true})
	if !plain[buffered] {
		t.Error("plain does not hold the body")
	}
	for line := range plain {
		if !gateway[line] {
			t.Errorf("only plain has %q", line)
		}
		delete(gateway, line)
	}
	want := []string{"webhook /hooks* bench {", "verify svix {env.BENCH_SECRET}", "max_body 1MiB"}
	for _, line := range want {
		if !gateway[line] {
			t.Errorf("the gateway lacks %q", line)
		}
	}
	if len(gateway) != len(want) {
		t.Errorf("only the gateway has %v", gateway)
	}
}
