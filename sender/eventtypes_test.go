package sender_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

func tryEventType(b *bed, in sender.EventTypeIn) (sender.EventType, error) {
	return changing(b, func(tx *store.Tx) (sender.EventType, error) { return b.sender.CreateEventType(tx, in) })
}

// TestEventTypes: an event type is made, read, changed, archived, made anew and deleted.
func TestEventTypes(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		in := sender.EventTypeIn{
			Name: "invoice.paid", Description: "An invoice was paid", GroupName: "invoice", FeatureFlags: []string{"beta"},
			Schemas: json.RawMessage(`{"1": {"type":"object",  "examples":[{"id":"in_1"}]}}`),
		}
		made, err := tryEventType(b, in)
		if err != nil {
			b.Fatal(err)
		}
		got, err := b.sender.EventType(ctx, "invoice.paid")
		if err != nil || string(got.Schemas) != string(in.Schemas) || got.GroupName != "invoice" || !slices.Equal(got.FeatureFlags, in.FeatureFlags) || !got.Created.Equal(made.Created) {
			b.Errorf("got %+v, %v; want %+v", got, err, made)
		}
		_, err = tryEventType(b, in)
		var conflict *sender.ConflictError
		if !errors.As(err, &conflict) || conflict.Code != sender.CodeEventTypeExists {
			b.Errorf("made twice: %v", err)
		}
		patched := must(b, func(tx *store.Tx) (sender.EventType, error) {
			return b.sender.PatchEventType(tx, "invoice.paid", sender.EventTypePatch{Schemas: &sender.Optional[json.RawMessage]{}, Deprecated: ref(true)})
		})
		if patched.Schemas != nil || !patched.Deprecated || patched.Description != in.Description {
			b.Errorf("patched to %+v", patched)
		}
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEventType(tx, "invoice.paid", false) })
		if got, err := b.sender.EventType(ctx, "invoice.paid"); err != nil || !got.Archived {
			b.Errorf("archived to %+v, %v", got, err)
		}
		if again, err := tryEventType(b, in); err != nil || again.Archived || !again.Created.Equal(made.Created) {
			b.Errorf("made anew to %+v, %v", again, err)
		}
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEventType(tx, "invoice.paid", true) })
		_, err = b.sender.EventType(ctx, "invoice.paid")
		wantNotFound(b.T, err)
		_, err = changing(b, func(tx *store.Tx) (struct{}, error) {
			return struct{}{}, b.sender.DeleteEventType(tx, "invoice.paid", false)
		})
		wantNotFound(b.T, err)
		var created bool
		must(b, func(tx *store.Tx) (t sender.EventType, err error) {
			t, created, err = b.sender.PutEventType(tx, "invoice.paid", sender.EventTypeIn{Description: "x"})
			return t, err
		})
		if !created {
			b.Error("put does not make it")
		}
	})
}

// TestEventTypePages: event types are listed by name, without those that who asks may not
// see.
func TestEventTypePages(t *testing.T) {
	onStores(t, func(b *bed) {
		all := []string{"B.upper", "a.b", "a.c", "b", "flagged", "z_1"}
		for _, name := range all {
			in := sender.EventTypeIn{Name: name, Archived: name == "a.c", Schemas: json.RawMessage(`{"1":{}}`)}
			if name == "flagged" {
				in.FeatureFlags = []string{"beta", "gamma"}
			}
			if _, err := tryEventType(b, in); err != nil {
				b.Fatal(err)
			}
		}
		list := func(f sender.EventTypeFilter) ([]string, sender.List[sender.EventType]) {
			b.Helper()
			l, err := b.sender.EventTypes(b.Context(), f)
			if err != nil {
				b.Fatal(err)
			}
			return idsOf(l.Data, func(t *sender.EventType) string { return t.Name }), l
		}
		for _, limit := range []int{1, 2, 5, 6, 7} {
			walkOne(b, all, sender.Page{Limit: limit}, func(p sender.Page) ([]string, sender.List[sender.EventType]) {
				return list(sender.EventTypeFilter{Page: p, Archived: true})
			})
			walkOne(b, []string{"B.upper", "a.b", "b", "z_1"}, sender.Page{Limit: limit}, func(p sender.Page) ([]string, sender.List[sender.EventType]) {
				return list(sender.EventTypeFilter{Page: p, Flags: &[]string{"alpha"}})
			})
		}
		if got, _ := list(sender.EventTypeFilter{Flags: &[]string{"gamma"}}); !slices.Contains(got, "flagged") || slices.Contains(got, "a.c") {
			b.Errorf("with the flag: %v", got)
		}
		for _, content := range []bool{false, true} {
			_, l := list(sender.EventTypeFilter{WithContent: content})
			for _, listed := range l.Data {
				if (string(listed.Schemas) == `{"1":{}}`) != content || listed.Created.IsZero() {
					b.Errorf("with content %v: %+v", content, listed)
				}
			}
		}
	})
}

// TestSchemas: what is no JSON Schema of draft 7 is refused, and none makes us look
// elsewhere.
func TestSchemas(t *testing.T) {
	b := newBed(t)
	b.start()
	for schemas, good := range map[string]bool{
		`{"1": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!x)"}}}}`: true,
		`{"1": true, "2": {"$ref": "#/definitions/a", "definitions": {"a": {}}}}`:                 true,
		`{"1": {"$schema": "http://json-schema.org/draft-07/schema#"}}`:                           true,
		`null`:                      true,
		`{}`:                        true,
		`{"1": {"type": "objekt"}}`: false,
		`{"1": {"properties": []}}`: false,
		`{"1": {"minLength": -1}}`:  false,
		`{"1": "text"}`:             false,
		`[{}]`:                      false,
		`{"1": {"$ref": "https://example.com/s.json"}}`:    false,
		`{"1": {"$ref": "file:///etc/passwd"}}`:            false,
		`{"1": {"$schema": "https://example.com/schema"}}`: false,
		`{"1": ` + strings.Repeat("[", 20_000) + `}`:       false,
	} {
		_, err := tryEventType(b, sender.EventTypeIn{Name: "t" + sender.NewID("x", b.store.Now()), Schemas: json.RawMessage(schemas)})
		if good && err != nil || !good && err == nil {
			t.Errorf("%.80s: %v", schemas, err)
		}
		if !good {
			var invalid *sender.InvalidError
			if !errors.As(err, &invalid) || invalid.Loc[1] != "schemas" || strings.Contains(err.Error(), "root:") {
				t.Errorf("%.80s: %v", schemas, err)
			}
		}
	}
	for _, in := range []sender.EventTypeIn{{}, {Name: "a b"}, {Name: "a\r\nb"}, {Name: strings.Repeat("n", 257)}} {
		_, err := tryEventType(b, in)
		wantInvalid(t, err, "body.name")
	}
}

// TestExamples: an example of the newest schema is sent to the endpoint that is asked for,
// whatever that selects.
func TestExamples(t *testing.T) {
	onStores(t, func(b *bed) {
		if _, err := tryEventType(b, sender.EventTypeIn{Name: "invoice.paid", Schemas: json.RawMessage(`{
			"1": {"examples": [{"version": 1}]}, "9": {"examples": [{"version": 9}]}, "10": {"examples": [{"version": 10}, {"second":  true}]}}`)}); err != nil {
			b.Fatal(err)
		}
		b.describe("other")
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{EventTypes: []string{"other"}})
		quiet := b.endpoint(app.ID, sender.EndpointIn{})
		for _, c := range []struct {
			name, want string
			index      int
		}{{sender.EventPing, `{"success": true}`, 0}, {"invoice.paid", `{"version": 10}`, 0}, {"invoice.paid", `{"second":  true}`, 1}} {
			m, err := b.sender.SendExample(b.Context(), app.ID, ep.ID, c.name, c.index)
			if err != nil || string(m.Payload) != c.want {
				b.Errorf("%s %d: %s, %v; want %s", c.name, c.index, m.Payload, err, c.want)
			}
		}
		b.arrived(ep.URL, 3)
		b.arrived(quiet.URL, 0)
		for name, index := range map[string]int{"invoice.paid": 2, "other": 0} {
			_, err := b.sender.SendExample(b.Context(), app.ID, ep.ID, name, index)
			wantRefused(b.T, err, sender.CodeInvalidScheme)
		}
		_, err := b.sender.SendExample(b.Context(), app.ID, ep.ID, "unknown", 0)
		wantNotFound(b.T, err)
	})
}
