package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// furnishedVisit is who sees pages, and which.
type furnishedVisit struct {
	holder api.Holder
	pages  []furnishedPage
}

type furnishedPage struct{ name, path, shows string }

// furnished is a portal with something on every page, and the pages.
func furnished(t *testing.T) (*bed, []furnishedVisit) {
	g := newGatewayBed(t, config{brand: "Acme Pay", retry: []time.Duration{20 * time.Millisecond, time.Hour}})
	b := g.bed
	app := b.app("Travtus")
	for _, typ := range []sender.EventTypeIn{
		{Name: "invoice.paid", Description: "An invoice was paid in full.", Schemas: json.RawMessage(`{"1":{"title":"Invoice paid","type":"object","required":["id","amount"],"properties":{"id":{"type":"string","description":"The invoice."},"amount":{"type":"object","properties":{"value":{"type":"integer","description":"In the smallest unit of the currency."},"currency":{"type":"string"}}},"paid_at":{"type":"string","format":"date-time"}},"examples":[{"id":"inv_1042","amount":{"value":129900,"currency":"EUR"},"paid_at":"2026-11-27T09:30:00Z"}]}}`)},
		{Name: "invoice.overdue", Description: "An invoice was not paid in time."},
		{Name: "customer.created", Description: "There is a new customer."},
	} {
		b.eventType(typ)
	}
	good, bad := newReceiver(t), newReceiver(t)
	bad.says(http.StatusServiceUnavailable)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: good.URL + "/webhooks", Description: "The accounting service"})
	failing := b.endpoint(app.ID, sender.EndpointIn{URL: bad.URL + "/a/rather/long/path/that/has/to/be/broken/somewhere/or/it/does/not/fit/on/a/phone", EventTypes: []string{"invoice.paid"}})
	off := b.endpoint(app.ID, sender.EndpointIn{URL: "https://old.example.com/hooks", Disabled: true})
	b.must(b.store.Do(b.Context(), func(tx *store.Tx) error {
		return b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, map[string]string{"X-Tenant": "travtus", "Authorization": "Bearer secret"})
	}))
	var last sender.Message
	for i := range 12 {
		last = b.message(app.ID, []string{"invoice.paid", "customer.created"}[i%2], fmt.Sprintf(`{"id":"inv_%d","amount":{"value":129900,"currency":"EUR"}}`, 1030+i))
	}
	b.eventually("the first attempts", func() bool { return good.received() == 12 && bad.received() >= 5 })
	var attempt sender.Attempt
	b.eventually("an attempt is recorded", func() bool {
		found, err := b.sender.AttemptsByMessage(t.Context(), app.ID, last.ID, sender.AttemptFilter{})
		b.must(err)
		for _, a := range found.Data {
			attempt = a
		}
		return len(found.Data) > 0
	})
	inbox := b.as(ofApp(app.ID)).take(app.ID)
	shown := inbox.endpoint(sender.EndpointIn{Description: "Where we look at what comes"})
	_, err := b.sender.SendTo(t.Context(), app.ID, shown.ID, sender.MessageIn{EventType: "invoice.paid", Payload: json.RawMessage(`{"id":"inv_1042","amount":{"value":129900,"currency":"EUR"}}`)})
	b.must(err)
	inbox.send(`{"id":"inv_1042"}`, "Svix-Id", "msg_1", "Svix-Timestamp", "1795838000", "Svix-Signature", "v1,AAAA")
	b.eventually("the inbox has both", func() bool { return strings.Count(inbox.page().body, "<details") >= 2 })
	at := func(parts ...string) string { return at(app.ID, parts...) }
	consumer := furnishedVisit{ofApp(app.ID), []furnishedPage{
		{"endpoints", at("endpoints"), "Add endpoint"},
		{"endpoint-new", at("endpoints", "new"), "Add endpoint"},
		{"endpoint", at("endpoints", ep.ID), "Attempts"},
		{"endpoint-failing", at("endpoints", failing.ID), "Attempts"},
		{"endpoint-disabled", at("endpoints", off.ID), "Disabled"},
		{"endpoint-edit", at("endpoints", failing.ID, "edit"), "Edit endpoint"},
		{"endpoint-delete", at("endpoints", off.ID, "delete"), "Delete this endpoint"},
		{"secret", at("endpoints", ep.ID, "secret"), "How to verify"},
		{"headers", at("endpoints", ep.ID, "headers"), "Custom headers"},
		{"test", at("endpoints", ep.ID, "test") + "?type=invoice.paid&sent=" + last.ID, "Result"},
		{"messages", at("messages"), "Messages"},
		{"message", at("messages", last.ID), "Attempts"},
		{"attempt", at("messages", last.ID, "attempts", attempt.ID), "Request"},
		{"events", at("events"), "invoice.paid"},
		{"event", at("events", "invoice.paid"), "An invoice was paid in full."},
		{"activity", at("activity"), "Activity"},
		{"plays", at("play"), "Take a URL"},
		{"play", at("play", inbox.token), "signature verifies"},
		{"recover", at("endpoints", failing.ID, "recover"), "Since when"},
		{"recover-count", at("endpoints", failing.ID, "recover") + "?since=8h", "failed"},
	}}
	for i := range 4 {
		g.send(fmt.Sprintf("evt_%d", i), `{"type":"invoice.paid","data":{"id":"in_1"}}`)
	}
	g.send("evt_0", `{"type":"invoice.paid","data":{"id":"in_1"}}`)
	g.send("evt_9", `{"type":"invoice.paid"}`, func(r *http.Request) { r.Header.Set("Svix-Signature", "v1,AAAA") })
	dead := g.dead("evt_5", `{"type":"invoice.paid","data":{"id":"in_5"}}`)
	j, err := g.store.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/billing"}) // nobody runs it
	b.must(err)
	operator := furnishedVisit{api.Holder{Scope: api.Operator}, []furnishedPage{
		{"gateway", "/portal/gateway", "billing"},
		{"gateway-source", "/portal/gateway/sources/billing", "refused"},
		{"gateway-source-dead", "/portal/gateway/sources/billing?state=dead", "evt_5"},
		{"gateway-target", "/portal/gateway/sources/send/orders/0", "send/orders/0"},
		{"gateway-event", eventPage(dead), "evt_5"},
		{"gateway-erase", eventPage(dead, "/erase"), "Erase"},
		{"gateway-forget", eventPage(dead, "/forget"), "Forget"},
		{"gateway-recover", "/portal/gateway/recover?source=billing", "Recover"},
		{"gateway-job", "/portal/gateway/jobs/" + j.ID, "Job"},
		{"applications", "/portal/apps", "Travtus"},
	}}
	return b, []furnishedVisit{consumer, operator}
}
