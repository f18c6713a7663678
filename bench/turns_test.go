package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// doubtful is a server of which a comparison has to find out what it does to the
// events.
type doubtful struct {
	app    *app
	copies func(id string) int
	marks  bool
	later  bool // the app gets them after the answer
}

func (d *doubtful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Svix-Id")
	forward := func() {
		for range d.copies(id) {
			copied := httptest.NewRequest(http.MethodPost, "/", nil)
			copied.Header.Set("Svix-Id", id)
			if d.marks {
				copied.Header.Set("Hookgate-Source", "bench")
			}
			d.app.ServeHTTP(httptest.NewRecorder(), copied)
		}
	}
	if d.later {
		w.(http.Flusher).Flush()
		go forward()
		return
	}
	forward()
}

// Events that are dropped, passed on twice, or passed on under a false flag spoil a
// measurement; only what is forwarded later may come twice, which is counted.
func TestMeasureChecksWhatTheAppSaw(t *testing.T) {
	once := func(string) int { return 1 }
	never := func(string) int { return 0 }
	butOne := func(n int) func(string) int {
		return func(id string) int {
			if strings.HasSuffix(id, "7") {
				return n
			}
			return 1
		}
	}
	swap := func(id string) int {
		switch id[len(id)-1] {
		case '7':
			return 0
		case '8':
			return 2
		}
		return 1
	}
	for _, tt := range []struct {
		name   string
		server doubtful
		goes   where
		again  int
		err    string // empty: none
	}{
		{"a proxy", doubtful{copies: once}, unmarked, 0, ""},
		{"a gateway", doubtful{copies: once, marks: true}, marking, 0, ""},
		{"nothing forwarded", doubtful{copies: never}, nowhere, 0, ""},
		{"all forwarded later", doubtful{copies: once, marks: true, later: true}, later, 0, ""},
		{"some forwarded twice later", doubtful{copies: butOne(2), marks: true, later: true}, later, 2, ""},

		{"a proxy that drops", doubtful{copies: butOne(0)}, unmarked, 0, "the app saw"},
		{"a proxy that repeats", doubtful{copies: butOne(2)}, unmarked, 0, "the app saw"},
		{"a proxy that takes one event for another", doubtful{copies: swap}, unmarked, 0, "the app saw"},
		{"a proxy that marks", doubtful{copies: once, marks: true}, unmarked, 0, "the app saw"},
		{"a gateway that does not mark", doubtful{copies: once}, marking, 0, "the app saw"},
		{"a gateway that lets forgeries through", doubtful{copies: once, marks: true}, nowhere, 0, "the app saw"},
		{"a store that loses", doubtful{copies: butOne(0), marks: true, later: true}, later, 0, "acknowledged"},
		{"a store that does not mark", doubtful{copies: once, later: true}, later, 0, "the app saw"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := newApp("")
			if err != nil {
				t.Fatal(err)
			}
			defer a.close()
			tt.server.app = a
			s := httptest.NewServer(&tt.server)
			defer s.Close()
			self := exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}
			w := &way{name: "test", server: &server{url: s.URL, client: s.Client(), cmd: &self}, status: 200, goes: tt.goes}
			m := &turns{stage: &stage{app: a, body: []byte("{}")}, load: load{connections: 4}, patience: 100 * time.Millisecond}
			events, err := m.sign("test", 20)
			if err != nil {
				t.Fatal(err)
			}
			err = m.measure(t.Context(), w, events, new(measured))
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
			if w.again > tt.again || (tt.again > 0 && w.again == 0) {
				t.Errorf("%d requests too many, want %d", w.again, tt.again)
			}
		})
	}
}

// Each way is measured in every slice, in an order that alternates, and those with
// a rate once, at the end; each gets every event of its own once.
func TestRoundAlternates(t *testing.T) {
	a, err := newApp("")
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	var order strings.Builder
	named := func(name string, rate int) *way {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { order.WriteString(name) }))
		t.Cleanup(s.Close)
		self := exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}
		return &way{name: name, server: &server{url: s.URL, client: s.Client(), cmd: &self}, status: 200, rate: rate}
	}
	m := &turns{
		stage: &stage{app: a, body: []byte("{}")}, load: load{connections: 1, requests: 6, slices: 3, warmup: 1, seconds: 1},
		ways: []*way{named("a", 0), named("c", 10), named("b", 0)},
	}
	r, err := m.run(t.Context(), t.Output(), 2)
	if err != nil {
		t.Fatal(err)
	}
	const steady = "cccccccccc"
	if got, want := order.String(), "ab"+"aabbbbaaaabb"+steady+"bbaaaabbbbaa"+steady; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	if len(r["a"]) != 2 || len(r["b"]) != 2 || len(r["c"]) != 2 {
		t.Errorf("%d, %d and %d samples of 2 rounds", len(r["a"]), len(r["b"]), len(r["c"]))
	}
	if m.ways[0].sent != 13 || m.ways[1].sent != 20 {
		t.Errorf("%d and %d events were sent, want 13 and 20", m.ways[0].sent, m.ways[1].sent)
	}

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.run(stopped, t.Output(), 1); err == nil {
		t.Error("it went on")
	}
}
