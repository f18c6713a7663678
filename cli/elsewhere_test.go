package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReplayToURL: a developer's machine gets what is stored, the oldest first, and
// the store stays as it is.
func TestReplayToURL(t *testing.T) {
	b := newBed(t)
	dead, waits, delivered := b.furnish(t)
	if err := b.store.Erase(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	before := b.run(t, "", "events", "ls", "--json").stdout
	m := newMachine(t)
	m.answer = func(n int, _ *http.Request) int { return []int{200, 302}[n-1] }
	b.asked()
	r := b.run(t, "", "events", "replay", "travtus", "--from", "1h", "--to-url", m.URL)
	golden(t, "replay", r.stdout, `
200           1795435200000000  invoice.paid  msg_1  
no payload    1795435260000000  user.new  msg_2  the payload was not kept
302           1795435320000000  -  msg_3  
3 events: 1 × 200, 1 × 302, 1 × no payload. Nothing was changed in the store.
`)
	if r.status != 1 || r.stderr != "" {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	if len(m.seen) != 2 || m.bodies[0] != `{"a":1}` || m.bodies[1] != "{}" {
		t.Fatalf("the app saw %q", m.bodies)
	}
	for i, seq := range []int64{dead, delivered} {
		h := m.seen[i].Header
		if m.seen[i].RequestURI != "/hooks/travtus?a=b" || h.Get("Hookgate-Replay") != "true" || h.Get("Hookgate-Sequence") != strconv.FormatInt(seq, 10) ||
			h.Get("Content-Type") != "application/json" || h.Get("Hookgate-Attempt") != "2" {
			t.Errorf("the app saw %s with %v", m.seen[i].RequestURI, h)
		}
	}
	for _, asked := range b.asked() {
		if !strings.HasPrefix(asked, "GET ") {
			t.Errorf("the gateway was asked %s", asked)
		}
	}
	if after := b.run(t, "", "events", "ls", "--json").stdout; after != before {
		t.Errorf("the store has changed from\n%s\nto\n%s", before, after)
	}
}

// TestReplayToURLLimit: a period with more than can be meant is cut, and that is
// said; type and period choose.
func TestReplayToURLLimit(t *testing.T) {
	b := newBed(t)
	for i := range 5 {
		b.now = b.now.Add(time.Minute)
		b.accept(t, "msg_"+strconv.Itoa(i), []string{"a.x", "b"}[i%2], strconv.Itoa(i))
	}
	for _, test := range []struct {
		args   []string
		want   []string
		stderr string
	}{
		{[]string{"--limit", "2"}, []string{"3", "4"}, "more than 2 events; these are the newest"},
		{[]string{"--type", "a.*"}, []string{"0", "2", "4"}, ""},
		{[]string{"--to", "2m"}, []string{"0", "1"}, ""},
		{[]string{"--dry-run"}, nil, ""},
	} {
		m := newMachine(t)
		r := b.run(t, "", append([]string{"events", "replay", "travtus", "--from", "1h", "--to-url", m.URL + "/dev"}, test.args...)...)
		r.want(t, 0, test.stderr)
		if !slices.Equal(m.bodies, test.want) {
			t.Errorf("%q: the app saw %q, want %q", test.args, m.bodies, test.want)
		}
		if len(m.seen) > 0 && m.seen[0].RequestURI != "/dev" {
			t.Errorf("the app saw %s", m.seen[0].RequestURI)
		}
		if test.want == nil && r.stdout != "5 events would be posted to "+m.URL+"/dev.\n" {
			t.Errorf("dry run: %s", r.stdout)
		}
	}
}

// TestReplayToURLConcurrency: never more at once than asked for, and that many if
// they take long.
func TestReplayToURLConcurrency(t *testing.T) {
	const n = 12
	for _, concurrency := range []int64{1, 3} {
		b := newBed(t)
		for i := range n {
			b.accept(t, "msg_"+strconv.Itoa(i), "a", "{}")
		}
		m := newMachine(t)
		var now atomic.Int64
		var once sync.Once
		released, excess := make(chan struct{}), make(chan struct{}, n)
		m.answer = func(int, *http.Request) int {
			defer now.Add(-1)
			switch at := now.Add(1); {
			case at > concurrency:
				excess <- struct{}{}
			case at == concurrency:
				select {
				case <-released:
				case <-excess:
					t.Errorf("more than %d at once", concurrency)
				case <-time.After(50 * time.Millisecond): // none came
				}
				once.Do(func() { close(released) })
			}
			<-released
			return 200
		}
		r := b.run(t, "", "events", "replay", "travtus", "--from", "1h", "--to-url", m.URL, "--concurrency", strconv.FormatInt(concurrency, 10))
		if r.want(t, 0, ""); !strings.Contains(r.stdout, "12 events: 12 × 200.") {
			t.Errorf("%d at once:\n%s", concurrency, r.stdout)
		}
	}
}

// TestReplayToURLWithoutAnswer: an app that is not there is told of each event, and
// Ctrl-C leaves the rest.
func TestReplayToURLWithoutAnswer(t *testing.T) {
	b := newBed(t)
	for i := range 4 {
		b.accept(t, "msg_"+strconv.Itoa(i), "a", "{}")
	}
	m := newMachine(t)
	url := m.URL
	m.Close()
	r := b.run(t, "", "events", "replay", "travtus", "--from", "1h", "--to-url", url, "--json")
	var document struct {
		ToURL   string `json:"to_url"`
		Events  []posted
		NotSent int `json:"not_sent"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &document); err != nil || r.status != 1 || len(document.Events) != 4 || document.Events[0].Error == "" || document.ToURL != url {
		t.Errorf("status %d: %v in\n%s", r.status, err, r.stdout)
	}
	m = newMachine(t)
	ctx, cancel := context.WithCancel(t.Context())
	m.answer = func(n int, _ *http.Request) int {
		if n == 2 {
			cancel()
		}
		return 200
	}
	r = b.runContext(t, ctx, "", "events", "replay", "travtus", "--from", "1h", "--to-url", m.URL)
	if r.status != 130 || !strings.Contains(r.stdout, "2 not sent") || len(m.seen) != 2 {
		t.Errorf("status %d, %d seen\n%s", r.status, len(m.seen), r.stdout)
	}
}

// TestReplayNoEvents: nothing to post is no failure.
func TestReplayNoEvents(t *testing.T) {
	b := newBed(t)
	r := b.run(t, "", "events", "replay", "travtus", "--from", "1h", "--to-url", "http://127.0.0.1:1")
	r.want(t, 0, "")
	golden(t, "replay", r.stdout, "No events.\n")
}
