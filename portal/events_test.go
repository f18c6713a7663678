package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// The catalogue groups event types by what they say or how they are named; without any it
// says what that means.
func TestEvents(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	path := at(app.ID, "events")
	if got := v.page(path); !got.has("No event type is described yet") || got.has("data-filter") {
		t.Error(got.body)
	}
	for _, in := range []sender.EventTypeIn{
		{Name: "invoice.paid", Description: "Somebody has paid"},
		{Name: "invoice.void", Deprecated: true},
		{Name: "user.made"},
		{Name: "bill.paid", GroupName: "invoice"},
		{Name: "old.one", Archived: true},
	} {
		b.eventType(in)
	}
	got := v.page(path)
	invoice, user := strings.Index(got.body, `aria-label="invoice"`), strings.Index(got.body, `aria-label="user"`)
	for _, name := range []string{"invoice.paid", "invoice.void", "bill.paid"} {
		if i := strings.Index(got.body, "events/"+name+`"`); i < invoice || i > user {
			t.Errorf("%s is not in its group", name)
		}
	}
	if strings.Index(got.body, "events/user.made") < user || got.has("old.one") || !got.has("Somebody has paid") || !got.has("deprecated") || !got.has("data-filter") || got.link("Next →") != "" {
		t.Error(got.body)
	}
	for i := range 120 {
		b.eventType(sender.EventTypeIn{Name: fmt.Sprintf("many.n%03d", i)})
	}
	first := v.page(path)
	second := v.page(path + first.link("Next →"))
	if first.has("many.n119") || !second.has("many.n119") || second.has("invoice.paid") || second.link("Next →") != "" {
		t.Error("the catalogue does not page")
	}
	if back := v.page(path + second.link("← Previous")); back.body != first.body && !back.has("invoice.paid") {
		t.Error(back.body)
	}
}

// A session sees those types only that its feature flags allow.
func TestEventFlags(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	b.eventType(sender.EventTypeIn{Name: "open.one"})
	b.eventType(sender.EventTypeIn{Name: "beta.one", FeatureFlags: []string{"beta"}})
	none, flagged := ofApp(app.ID), ofApp(app.ID)
	flagged.FeatureFlags = []string{"beta"}
	for name, tt := range map[string]struct {
		who  api.Holder
		sees bool
	}{"without": {none, false}, "with": {flagged, true}, "organisation": {api.Holder{Scope: api.Organisation}, true}, "operator": {api.Holder{Scope: api.Operator}, true}} {
		v := b.as(tt.who)
		status := http.StatusNotFound
		if tt.sees {
			status = http.StatusOK
		}
		if got := v.get(at(app.ID, "events/beta.one")); got.status != status {
			t.Errorf("%s: %d", name, got.status)
		}
		for _, path := range []string{"events", "messages"} {
			if got := v.page(at(app.ID, path)); got.has("beta.one") != tt.sees || !got.has("open.one") {
				t.Errorf("%s: %s\n%s", name, path, got.body)
			}
		}
	}
}

// An event type shows its schemas as trees, its examples, and which endpoints take it.
func TestShowEvent(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	b.eventType(sender.EventTypeIn{Name: "invoice.paid", Description: "Somebody has\npaid", Schemas: json.RawMessage(`{
"1":{"type":"object","properties":{"old":{"type":"string"}}},
"2":{"type":"object","required":["amount"],"properties":{"amount":{"type":"integer","description":"in cents"},"by":{"type":"object","properties":{"name":{"type":"string"}}}},"examples":[{"amount":12,"by":{"name":"Ann"}}]}}`)})
	b.eventType(sender.EventTypeIn{Name: "user.made"})
	v := b.as(ofApp(app.ID))
	path := at(app.ID, "events/invoice.paid")
	got := v.page(path)
	for _, want := range []string{
		"Somebody has\npaid", "Version 2 <span", "Version 1", `<summary><code class="name">by</code>`, "in cents", "required", "integer", "{\n  &#34;amount&#34;: 12,", "JSON Schema",
		"None does", at(app.ID, "messages") + "?type=invoice.paid",
	} {
		if !got.has(want) {
			t.Errorf("%q is missing in\n%s", want, got.body)
		}
	}
	if strings.Index(got.body, "Version 2") > strings.Index(got.body, "Version 1") {
		t.Error("the newest version is not the first")
	}
	all := b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/all"})
	one := b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/one", EventTypes: []string{"invoice.paid"}})
	b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/other", EventTypes: []string{"user.made"}})
	b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/off", Disabled: true})
	b.endpoint(b.app("Other").ID, sender.EndpointIn{URL: "https://example.com/foreign"})
	got = v.page(path)
	for _, ep := range []sender.Endpoint{all, one} {
		if !got.has(ep.URL) || !got.has(at(app.ID, "endpoints", ep.ID, "test")+"?type=invoice.paid") {
			t.Errorf("%s is missing in\n%s", ep.URL, got.body)
		}
	}
	if got.has("/other") || got.has("/off") || got.has("/foreign") || got.has("There may be more") {
		t.Error(got.body)
	}
	for i := range 12 {
		b.endpoint(app.ID, sender.EndpointIn{URL: fmt.Sprintf("https://example.com/more%d", i)})
	}
	if got = v.page(path); strings.Count(got.body, "test?type=invoice.paid") != 10 || !got.has("There may be more") {
		t.Error(got.body)
	}
	reader := ofApp(app.ID)
	reader.Capabilities = []api.Capability{api.ViewBase}
	if got := b.as(reader).page(path); got.has("test?type=") || !got.has("https://example.com/more") {
		t.Error("a reader is shown how to send")
	}
	if got := v.page(at(app.ID, "events/user.made")); !got.has("No schema") {
		t.Error(got.body)
	}
	b.must(b.store.Do(t.Context(), func(tx *store.Tx) error { return b.sender.DeleteEventType(tx, "user.made", false) }))
	if got := v.page(at(app.ID, "events/user.made")); !got.has("archived") {
		t.Error(got.body)
	}
	if got := v.get(at(app.ID, "events/none")); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
}
