package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// A secret is on no page until somebody asks for it with a POST, which is logged without it;
// values of sensitive headers are on none at all (P-14).
func TestSecretsOnPages(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	service := newReceiver(t)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: service.URL})
	const header = "Bearer the-header-canary"
	b.must(b.store.Do(t.Context(), func(tx *store.Tx) error {
		return b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, map[string]string{"Authorization": header, "X-Plain": "plain"})
	}))
	secret, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
	b.must(err)
	m := b.message(app.ID, "a.b", `{}`)
	attempt := b.attempts(&m, 1)[0]
	v := b.as(ofApp(app.ID))
	page := func(parts ...string) string { return at(app.ID, parts...) }
	for _, path := range []string{
		page("endpoints"), page("endpoints", ep.ID), page("endpoints", ep.ID, "edit"), page("endpoints", ep.ID, "secret"), page("endpoints", ep.ID, "headers"),
		page("messages", m.ID), page("messages", m.ID, "attempts", attempt.ID), page("activity"),
	} {
		if got := v.page(path); strings.Contains(html.UnescapeString(got.body), secret) || got.has("the-header-canary") {
			t.Errorf("%s shows a secret", path)
		}
	}
	shown := v.post(page("endpoints", ep.ID, "secret"), nil)
	if shown.status != http.StatusOK || !strings.Contains(html.UnescapeString(shown.body), secret) || shown.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the secret is not shown: %d", shown.status)
	}
	if log := b.log.String(); !strings.Contains(log, "the secret of an endpoint is shown") || !strings.Contains(log, ep.ID) || strings.Contains(log, secret) {
		t.Error("the log does not say that it was shown, or says it")
	}
	// Who may look, but not at secrets, sees none.
	looking := ofApp(app.ID)
	looking.Capabilities = []api.Capability{api.ViewBase, api.ManageEndpoint}
	if got := b.as(looking).post(page("endpoints", ep.ID, "secret"), nil); got.status != http.StatusForbidden || got.has(secret) {
		t.Errorf("%d", got.status)
	}
}

// A rotated secret is another, and the old one signs on for as long as was said; what is
// wrong with a given one stands beside the field.
func TestRotateSecret(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	service := newReceiver(t)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: service.URL})
	v := b.as(ofApp(app.ID))
	path := at(app.ID, "endpoints", ep.ID, "secret", "rotate")
	for form, want := range map[string]int{"": http.StatusBadRequest, "grace=x": http.StatusBadRequest, "grace=-1": http.StatusUnprocessableEntity, "grace=99999999": http.StatusUnprocessableEntity, "grace=0&key=whsec_short": http.StatusUnprocessableEntity} {
		values, err := url.ParseQuery(form)
		b.must(err)
		got := v.post(path, values)
		if got.status != want || got.has("whsec_short") {
			t.Errorf("%q: %d\n%s", form, got.status, got.body)
		}
	}
	before, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
	b.must(err)
	if got := v.post(path, url.Values{"grace": {"3600"}}); got.status != http.StatusSeeOther {
		t.Fatal(got.status)
	}
	after, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
	b.must(err)
	if after == before {
		t.Error("it is the old one")
	}
	m := b.message(app.ID, "a.b", `{}`)
	signatures := strings.Fields(b.attempts(&m, 1)[0].Exchange.Sent.Get("Svix-Signature"))
	if len(signatures) != 2 {
		t.Errorf("%d signatures", len(signatures))
	}
}

// The forms of endpoints: what was typed is kept, and what is wrong stands beside it.
func TestEndpointForm(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	b.eventType(sender.EventTypeIn{Name: "invoice.paid"})
	b.eventType(sender.EventTypeIn{Name: "hidden.type", FeatureFlags: []string{"beta"}})
	v := b.as(ofApp(app.ID))
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"no URL":        {url.Values{"scheme": {"svix"}}, "URL"},
		"no scheme":     {url.Values{"url": {"example.com"}, "scheme": {"svix"}}, "example.com"},
		"a bad rate":    {url.Values{"url": {"https://example.com/"}, "scheme": {"svix"}, "throttleRate": {"many"}}, "from 1 to 65535"},
		"no such type":  {url.Values{"url": {"https://example.com/"}, "scheme": {"svix"}, "all": {"no"}, "eventTypes": {"none.such"}}, "none.such"},
		"no types":      {url.Values{"url": {"https://example.com/"}, "scheme": {"svix"}, "all": {"no"}}, "1 to 1000 event types"},
		"a bad secret":  {url.Values{"url": {"https://example.com/"}, "scheme": {"svix"}, "secret": {"whsec_canary"}}, "base64"},
		"a bad channel": {url.Values{"url": {"https://example.com/"}, "scheme": {"svix"}, "channels": {"a/b"}}, "each is 1 to 128"},
	} {
		t.Run(name, func(t *testing.T) {
			got := v.post(at(app.ID, "endpoints"), tt.form)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(got.body), strings.ToLower(tt.want)) || !got.has(`role="alert"`) || !got.has(`value="`+tt.form.Get("url")) || got.has("canary") {
				t.Errorf("%d\n%s", got.status, got.body)
			}
		})
	}
	got := v.post(at(app.ID, "endpoints"), url.Values{"url": {"https://example.com/a"}, "scheme": {"standard"}, "all": {"no"}, "eventTypes": {"invoice.paid"}, "throttleRate": {"7"}, "channels": {"a, b"}, "description": {"d"}})
	if got.status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", got.status, got.body)
	}
	ep, err := b.sender.Endpoint(t.Context(), app.ID, b.onlyEndpoint(app.ID))
	b.must(err)
	if ep.Scheme != "standard" || ep.RateLimit != 7 || len(ep.Channels) != 2 || len(ep.EventTypes) != 1 || ep.Description != "d" {
		t.Errorf("%+v", ep)
	}
	edit := v.page(at(app.ID, "endpoints", ep.ID, "edit"))
	if !edit.has(`value="7"`) || !edit.has(`value="a b"`) || !edit.has(`value="invoice.paid" checked`) || edit.has("hidden.type") {
		t.Error(edit.body)
	}
	// Emptied, it takes all, as fast as it can.
	if got := v.post(at(app.ID, "endpoints", ep.ID, "edit"), url.Values{"url": {"https://example.com/b"}, "scheme": {"svix"}, "all": {"yes"}}); got.status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", got.status, got.body)
	}
	ep, err = b.sender.Endpoint(t.Context(), app.ID, ep.ID)
	b.must(err)
	if ep.URL != "https://example.com/b" || ep.Scheme != "svix" || ep.RateLimit != 0 || ep.Channels != nil || ep.EventTypes != nil {
		t.Errorf("%+v", ep)
	}
}

// A test event is checked, and what is recovered since when as well.
func TestTryAndRecoverForms(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	service := newReceiver(t)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: service.URL})
	v := b.as(ofApp(app.ID))
	test := at(app.ID, "endpoints", ep.ID, "test")
	for payload, want := range map[string]string{`{"a":`: "unexpected end", `{"a":tru}`: "at byte", "": "unexpected end", `"` + strings.Repeat("x", 2<<20) + `"`: "larger than"} {
		got := v.post(test, url.Values{"type": {"svix.ping"}, "payload": {payload}})
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(got.body), want) {
			t.Errorf("%.20q: %d", payload, got.status)
		}
	}
	if got := v.post(test, url.Values{"type": {"svix.ping"}, "payload": {"{}"}, "more": {strings.Repeat("x", 5<<20)}}); got.status != http.StatusBadRequest {
		t.Errorf("a form of 5 MiB: %d", got.status)
	}
	for _, path := range []string{"recover", "replay-missing"} {
		page := at(app.ID, "endpoints", ep.ID, path)
		for query, want := range map[string]int{"?since=date&date=soon": 422, "?since=nothing": 200, "?since=1d": 200, "?since=date&date=2026-01-01T00:00": 200} {
			if path == "recover" && strings.Contains(query, "2026-01") {
				want = 422 // longer ago than two weeks
			}
			if got := v.get(page + query); got.status != want {
				t.Errorf("%s%s: %d\n%s", path, query, got.status, got.body)
			}
		}
		if got := v.post(page, url.Values{"since": {"yesterday"}}); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, got.status)
		}
		if got := v.post(page, url.Values{"since": {time.Now().Add(-100 * 24 * time.Hour).Format(time.RFC3339)}}); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := v.get(at(app.ID, "endpoints", ep.ID, "tasks", "qtask_1")); got.status != http.StatusNotFound {
		t.Errorf("no task: %d", got.status)
	}
}
