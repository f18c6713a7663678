package cli

import (
	"strings"
	"testing"
)

// TestEventTypes: what each command asks for, and says then.
func TestEventTypes(t *testing.T) {
	d := newDesk(t)
	d.says("GET /event-type", `200 {"data":[{"name":"invoice.paid","description":"An invoice\nwas paid","createdAt":"2026-11-23T11:00:00Z"},{"name":"old","archived":true},{"name":"user","deprecated":true}],"iterator":"user","done":true}`)
	d.wantRun(t, `
EVENT TYPE    STATE       CREATED  DESCRIPTION
invoice.paid  -           60m ago  An invoice\x0awas paid
old           archived    -
user          deprecated  -
`, "event-type", "list", "--archived")
	d.wantAsked(t, "GET /event-type?include_archived=true&limit=50")
	d.says("POST /event-type", `201 {"name":"invoice.paid"}`)
	d.wantRun(t, "Event type invoice.paid is added.\n", "event-type", "add", "invoice.paid")
	d.wantRun(t, "Event type invoice.paid is added.\n", "event-type", "add", "--description", "Paid", "--example", file(t, "example.json", "{\"a\":1.0}\n"), "invoice.paid")
	for i, a := range d.wantAsked(t, "POST /event-type", "POST /event-type") {
		want := []string{
			`{"description":"","name":"invoice.paid"}`,
			`{"description":"Paid","name":"invoice.paid","schemas":{"1":{"examples":[{"a":1.0}],"type":"object"}}}`,
		}[i]
		if a.body != want {
			t.Errorf("body %s, want %s", a.body, want)
		}
	}
	d.says("POST /event-type", `409 {"code":"event_type_exists","detail":"The event type exists already."}`)
	d.run(t, "", "event-type", "add", "invoice.paid").want(t, 2, "The event type exists already (409)")
	d.says("DELETE /event-type/invoice.paid", "204")
	d.wantRun(t, "Event type invoice.paid is archived.\n", "event-type", "delete", "--yes", "invoice.paid")
	d.run(t, "", "event-type", "delete", "--yes", "nothing").want(t, 2, `there is no event type "nothing"`)
	d.asked()
	for args, want := range map[string]string{
		"event-type delete invoice.paid":           "say that you want it with --yes",
		"event-type add":                           "the name is missing",
		"event-type add --example - a":             "--example: it has to be a JSON object",
		"event-type add --example /does/not/exist": "the name is missing",
		"event-type delete":                        "the event type is missing",
		"event-type list more":                     `unknown argument "more"`,
	} {
		d.run(t, "[1]", strings.Fields(args)...).want(t, 2, want)
	}
	d.wantAsked(t)
}
