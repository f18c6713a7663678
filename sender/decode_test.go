package sender

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hookgate/hookgate/store"
)

// FuzzMessages: what is taken for a message can be stored, read back, put into an envelope
// and sent, whatever it holds.
func FuzzMessages(f *testing.F) {
	f.Add("invoice.paid", "e1", `{"a":1}`, "", "c", "t")
	f.Add("a\r\nb", "msg_1", `[]`, "text/xml", "a,b", "\xff")
	f.Add("x", "", "{\"a\":\"\u2028\"}", "text/plain; charset=utf-8", "", "")
	f.Fuzz(func(t *testing.T, eventType, eventID, payload, contentType, channel, tag string) {
		in := MessageIn{EventType: eventType, EventID: eventID, Payload: json.RawMessage(payload), Channels: []string{channel}, Tags: []string{tag}}
		if contentType != "" {
			in.Raw, in.ContentType = &payload, contentType
		}
		if channel == "" {
			in.Channels = nil
		}
		if tag == "" {
			in.Tags = nil
		}
		if in.check() != nil {
			return
		}
		if strings.ContainsAny(eventType+eventID+contentType+channel+tag, "\r\n\x00,") && !strings.Contains(contentType, ",") {
			t.Errorf("%+v is taken", in)
		}
		if string(in.body()) != payload {
			t.Errorf("%q is sent for %q", in.body(), payload)
		}
		h := head{Channels: in.Channels, Tags: in.Tags, ContentType: in.ContentType}
		got, err := readHead(h.encode())
		if err != nil || got.ContentType != h.ContentType || joined(got.Channels) != joined(h.Channels) || joined(got.Tags) != joined(h.Tags) {
			t.Errorf("%+v is read as %+v, %v", h, got, err)
		}
		sent := envelope("msg_1", eventType, time.UnixMilli(1), in.body())
		var wrapped struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(sent, &wrapped); err != nil || wrapped.Type != eventType {
			t.Fatalf("%q: %v", sent, err)
		}
		if json.Valid(in.body()) && !bytes.Equal(bytes.TrimSpace(wrapped.Data), bytes.TrimSpace(in.body())) {
			t.Errorf("%q is wrapped as %q", in.body(), wrapped.Data)
		}
		if in.Raw != nil && !json.Valid(in.body()) && utf8.ValidString(payload) {
			var text string
			if err := json.Unmarshal(wrapped.Data, &text); err != nil || text != payload {
				t.Errorf("%q is wrapped as %q", payload, wrapped.Data)
			}
		}
	})
}

// FuzzHeads: whatever is stored with a message, reading it does not panic, and filters of
// tasks neither.
func FuzzHeads(f *testing.F) {
	f.Add([]byte(`{"channels":["a"]}`), []byte(`{"task":"endpoint.recover","states":["dead"]}`))
	f.Add([]byte(`{"channels":7}`), []byte(`{"class":`))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, stored, filter []byte) {
		if h, err := readHead(stored); err == nil {
			if again, err := readHead(h.encode()); err != nil || joined(again.Channels) != joined(h.Channels) {
				t.Errorf("%q is read as %+v, and then as %+v, %v", stored, h, again, err)
			}
		}
		Match(filter, &store.Delivery{Head: stored})
	})
}
