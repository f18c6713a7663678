package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
)

// TestLoop: an event that comes back with the mark of its own delivery is refused,
// by a name that nobody else can know. (U-18)
func TestLoop(t *testing.T) {
	b := newBed(t)
	other := b.source(t, new(gateway.State), func(cfg *gateway.Config) { cfg.Name = "other" })
	first := b.forwarded(t, "first", b.svix(t, "msg_1")).Header.Get("Hookgate-Via")
	again := func(via ...string) *http.Request {
		r := b.svix(t, "msg_2")
		r.Header["Hookgate-Via"] = via
		return r
	}
	b.refused(t, "came back", again(first), "loop_detected")
	b.refused(t, "came back among others", again("x/y", "a/b, "+first), "loop_detected")

	b.watcher.take()
	if w := b.postTo(t, other, again(first)); w.Code != http.StatusOK {
		t.Fatalf("a second source: %d %s", w.Code, w.Body)
	}
	both := b.app.take()[0].Header.Get("Hookgate-Via")
	if !strings.HasPrefix(both, first+", ") || !strings.HasSuffix(both, "/other") {
		t.Errorf("Hookgate-Via of two sources: %q", both)
	}
	b.refused(t, "came back over two sources", again(both), "loop_detected")

	forgery := strings.Repeat("0", 16) + "/travtus, " + first[:len(first)-1] + ", /travtus"
	if via := b.forwarded(t, "forged", again(forgery)).Header.Get("Hookgate-Via"); via != first[:len(first)-1]+", "+first {
		t.Errorf("Hookgate-Via after a forged one: %q", via)
	}
	restarted := newBed(t)
	if via := restarted.forwarded(t, "another process", again(first)).Header.Get("Hookgate-Via"); strings.Contains(via, first) {
		t.Errorf("another process passes on %q", via)
	}
}
