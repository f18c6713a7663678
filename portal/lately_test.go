package portal_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

// Who polls a page gets it as it was for another a moment ago, if it is the same page: of
// the same query, and for as much as the other may do. Who opens it gets it as it is.
func TestPollsAreShared(t *testing.T) {
	start, later := time.Now(), new(atomic.Int64)
	b := newBed(t, config{now: func() time.Time { return start.Add(time.Duration(later.Load())) }})
	app := b.app("Acme")
	page := at(app.ID, "messages")
	poll := func(v *visitor, path, tag string) *reply {
		t.Helper()
		r := v.request(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", tag)
		return v.do(r)
	}
	first, second := b.as(ofApp(app.ID)), b.as(ofApp(app.ID))
	reader := b.as(api.Holder{Scope: api.Application, App: app.ID, Capabilities: []api.Capability{api.ViewBase}})
	b.message(app.ID, "order.first", `{}`)
	old := poll(first, page, `"x"`)
	b.message(app.ID, "order.second", `{}`)
	if got := poll(second, page, `"x"`); got.body != old.body || got.header.Get("Etag") != old.header.Get("Etag") || got.header.Get("Content-Type") != old.header.Get("Content-Type") {
		t.Errorf("another poll: %d %v\n%s", got.status, got.header, got.body)
	}
	if got := poll(second, page, old.header.Get("Etag")); got.status != http.StatusNotModified || got.body != "" {
		t.Errorf("a poll with the tag: %d", got.status)
	}
	for name, got := range map[string]*reply{
		"opened":          second.get(page),
		"another query":   poll(second, page+"?channel=", `"x"`),
		"another session": poll(reader, page, `"x"`),
	} {
		if got.status != http.StatusOK || !got.has("order.second") {
			t.Errorf("%s: %d\n%s", name, got.status, got.body)
		}
	}
	if got := poll(b.visitor(), page, `"x"`); got.status != http.StatusSeeOther {
		t.Errorf("without a session: %d", got.status)
	}
	later.Store(int64(2 * time.Second))
	if got := poll(first, page, old.header.Get("Etag")); got.status != http.StatusOK || !got.has("order.second") {
		t.Errorf("later: %d\n%s", got.status, got.body)
	}
}

// A payload is given out as itself, whoever has just polled it.
func TestPayloadsAreNotShared(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	m := b.message(app.ID, "order.paid", `{"html": "<script>"}`)
	v := b.as(ofApp(app.ID))
	for range 2 {
		r := v.request(http.MethodGet, at(app.ID, "messages", m.ID, "payload"), nil)
		r.Header.Set("If-None-Match", `"x"`)
		if got := v.do(r); got.header.Get("Content-Type") != "text/plain; charset=utf-8" || got.header.Get("Content-Disposition") == "" {
			t.Errorf("%v", got.header)
		}
	}
}
