package main

import (
	"os"
	"os/exec"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Gateways that share a database get equal shares of the events, in turn, and the
// caller's events stay as they are.
func TestSpread(t *testing.T) {
	w := &way{server: &server{url: "a"}, others: []*server{{url: "b"}, {url: "c"}}}
	events := make([]vegeta.Target, 7)
	got := ""
	for _, e := range w.spread(events) {
		got += e.URL
	}
	if got != "abcabca" || events[1].URL != "" {
		t.Errorf("spread over %q, and the caller's second is for %q", got, events[1].URL)
	}
}

// What the gateways use is added up; their common database counts once.
func TestUsedTogether(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	this := func() *server {
		return &server{
			cmd:  &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}},
			site: site{database: &cluster{postmaster: os.Getpid()}},
		}
	}
	for range 1 << 28 { // so that there is something to count
	}
	one, err := (&way{server: this()}).used(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	three, err := (&way{server: this(), others: []*server{this(), this()}}).used(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if three.cpu < 3*one.cpu || three.database < one.database || three.database > 2*one.database {
		t.Errorf("three use %+v, one %+v", three, one)
	}
}
