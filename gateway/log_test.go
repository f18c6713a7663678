package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// line is what is read of a line of the log.
type line struct {
	Level, Msg, Source, Scheme, Reason, Cause, Remote string
	EventID                                           string `json:"event_id"`
	Count                                             int
}

// lines returns what was logged.
func (b *bed) lines(t testing.TB) (all []line) {
	t.Helper()
	for text := range strings.Lines(b.logged.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, l)
	}
	return all
}

const (
	refusedLine = "webhook refused"
	summaryLine = "more webhooks refused for the same reason"
)

// TestRefusalIsLogged at WARN with who, what and why.
func TestRefusalIsLogged(t *testing.T) {
	b := newBed(t)
	late := b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon.Add(-time.Hour), Body: []byte("{}")})
	late.RemoteAddr = "192.0.2.1:4711"
	b.refused(t, "late", late, "stale_timestamp")
	forged := b.svix(t, "msg_1")
	forged.Header.Set("Svix-Id", "msg_2")
	b.refused(t, "forged", forged, "invalid_signature")
	get := b.svix(t, "msg_1")
	get.Method = strings.Repeat("GET", 1000)
	b.refused(t, "a long method", get, "method_not_allowed")
	b.forwarded(t, "accepted", b.svix(t, "msg_1"))
	b.duplicate(t, "duplicate", b.svix(t, "msg_1"))
	got := b.lines(t)
	want := []line{
		{Level: "WARN", Msg: refusedLine, Source: "travtus", Scheme: "svix", EventID: "msg_1", Reason: "stale_timestamp", Cause: "stale timestamp svix-timestamp (-3600 s)", Remote: "192.0.2.1:4711"},
		{Level: "WARN", Msg: refusedLine, Source: "travtus", Scheme: "svix", Reason: "invalid_signature", Cause: "invalid signature: no secret verifies it", Remote: forged.RemoteAddr},
		{Level: "WARN", Msg: refusedLine, Source: "travtus", Reason: "method_not_allowed", Cause: `method_not_allowed: method "GETGETGETGETGETG"`, Remote: get.RemoteAddr},
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines: %s", len(got), b.logged)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d: %+v; want %+v", i, got[i], want[i])
		}
	}
}

// flood sends forged events without a body.
func (b *bed) flood(t testing.TB, header http.Header, n int) {
	t.Helper()
	for range n {
		w := &sink{header: http.Header{}}
		if err := b.Receive(w, bare(header, nil), ok); err != nil || w.status == http.StatusOK {
			t.Fatalf("status %d, %v", w.status, err)
		}
	}
}

// TestFloodOfRefusals: a hundred thousand write less than 100 KB, and each is in the
// log, alone or in a summary.
func TestFloodOfRefusals(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.Observer = nil })
	forged := b.svix(t, "msg_1").Header
	const total, perMinute = 100_000, 6250
	for range total / perMinute {
		b.flood(t, forged, perMinute/2)
		b.clock.step(30 * time.Second)
		b.state.Flush(b.Logger, b.Name, b.clock.now())
		b.flood(t, forged, perMinute/2)
		b.clock.step(30 * time.Second)
		b.state.Flush(b.Logger, b.Name, b.clock.now())
	}
	if n := len(b.logged.String()); n > 100_000 {
		t.Errorf("%d bytes were logged", n)
	}
	single, summed, summaries := 0, 0, 0
	for _, l := range b.lines(t) {
		switch {
		case l.Msg == refusedLine && l.Reason == "invalid_signature" && l.Level == "WARN":
			single++
		case l.Msg == summaryLine && l.Reason == "invalid_signature" && l.Level == "WARN" && l.Source == "travtus":
			summed += l.Count
			summaries++
		default:
			t.Errorf("a line of another kind: %+v", l)
		}
	}
	const minutes = total / perMinute
	if single != 10*minutes || summaries != minutes || single+summed != total {
		t.Errorf("%d lines and %d summaries for %d more in %d minutes; want %d in all", single, summaries, summed, minutes, total)
	}
}

// TestReasonsAreLoggedApart: a flood of one kind hides no other, of this source or
// another.
func TestReasonsAreLoggedApart(t *testing.T) {
	b := newBed(t)
	other := b.source(t, new(gateway.State), func(cfg *gateway.Config) { cfg.Name = "other" })
	forged := b.svix(t, "msg_1").Header
	b.flood(t, forged, 1000)
	b.refused(t, "another reason", b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon.Add(time.Hour), Body: []byte("{}")}), "future_timestamp")
	b.postTo(t, other, bare(forged, nil))
	lines := b.lines(t)
	if len(lines) != 12 || lines[10].Reason != "future_timestamp" || lines[11].Source != "other" {
		t.Errorf("logged:\n%s", b.logged)
	}
}

// TestSummaries come once a minute, without a further request too, and tell only of
// what is in no line of its own.
func TestSummaries(t *testing.T) {
	b := newBed(t)
	forged := b.svix(t, "msg_1").Header
	count := func(what string, want ...int) {
		t.Helper()
		var got []int
		for _, l := range b.lines(t) {
			if l.Msg == summaryLine {
				got = append(got, l.Count)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: summaries %v; want %v", what, got, want)
		}
	}
	flush := func() { b.state.Flush(b.Logger, b.Name, b.clock.now()) }
	b.flood(t, forged, 10)
	b.clock.step(time.Minute)
	flush()
	count("ten are not too many")
	b.flood(t, forged, 13)
	b.clock.step(time.Minute - 1)
	flush()
	count("the minute is not over")
	b.clock.step(1)
	flush()
	count("the minute is over", 3)
	flush()
	count("flushed again", 3)
	b.flood(t, forged, 15)
	b.clock.step(time.Minute)
	b.flood(t, forged, 1)
	count("by the next request", 3, 5)
	b.flood(t, forged, 16)
	b.clock.step(-time.Hour)
	flush()
	count("the clock went back", 3, 5, 7)
	new(gateway.State).Flush(b.Logger, b.Name, b.clock.now())
	count("nothing ever refused", 3, 5, 7)
}

// TestFloodFromManySides: the limits and the sums hold for requests at once.
func TestFloodFromManySides(t *testing.T) {
	b := newBed(t)
	forged := b.svix(t, "msg_1").Header
	done := make(chan struct{})
	const workers, each = 8, 500
	for range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for range each {
				_ = b.Receive(&sink{header: http.Header{}}, bare(forged, nil), ok)
				b.state.Flush(b.Logger, b.Name, b.clock.now())
			}
		}()
	}
	for range workers {
		<-done
	}
	b.clock.step(time.Minute)
	b.state.Flush(b.Logger, b.Name, b.clock.now())
	lines := b.lines(t)
	if len(lines) != 11 || lines[10].Count != workers*each-10 {
		t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
	}
}
