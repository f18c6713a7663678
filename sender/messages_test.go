package sender_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

func paid(in sender.MessageIn) sender.MessageIn {
	if in.EventType == "" {
		in.EventType = "invoice.paid"
	}
	if in.Payload == nil {
		in.Payload = json.RawMessage(`{"id": "in_1"}`)
	}
	return in
}

// TestFanOut: a message goes to the endpoints that take its type and one of its channels,
// and to no other.
func TestFanOut(t *testing.T) {
	onStores(t, func(b *bed) {
		b.describe("a.b", "a", "b.c")
		app := b.app("one")
		all := b.endpoint(app.ID, sender.EndpointIn{})
		ab := b.endpoint(app.ID, sender.EndpointIn{EventTypes: []string{"b.c", "a.b"}})
		channel := b.endpoint(app.ID, sender.EndpointIn{Channels: []string{"x", "y"}})
		both := b.endpoint(app.ID, sender.EndpointIn{EventTypes: []string{"a.b"}, Channels: []string{"y"}})
		disabled := b.endpoint(app.ID, sender.EndpointIn{Disabled: true})
		deleted := b.endpoint(app.ID, sender.EndpointIn{})
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, deleted.ID) })
		foreign := b.endpoint(b.app("two").ID, sender.EndpointIn{})
		for _, c := range []struct {
			in sender.MessageIn
			to []sender.Endpoint
		}{
			{sender.MessageIn{EventType: "a.b"}, []sender.Endpoint{all, ab}},
			{sender.MessageIn{EventType: "a"}, []sender.Endpoint{all}},
			{sender.MessageIn{EventType: "a.b", Channels: []string{"z", "y"}}, []sender.Endpoint{all, ab, channel, both}},
			{sender.MessageIn{EventType: "unknown", Channels: []string{"x"}}, []sender.Endpoint{all, channel}},
			{sender.MessageIn{EventType: "unknown"}, []sender.Endpoint{all}},
		} {
			m := b.send(app.ID, c.in)
			l, err := b.sender.AttemptedDestinations(b.Context(), app.ID, m.ID, sender.Page{})
			var want []string
			for _, ep := range c.to {
				want = append(want, ep.ID)
			}
			slices.Sort(want)
			if got := idsOf(l.Data, func(ep *sender.MessageEndpoint) string { return ep.ID }); err != nil || !slices.Equal(got, want) {
				b.Errorf("%+v goes to %v, %v; want %v", c.in, got, err, want)
			}
		}
		b.arrived(all.URL, 5)
		b.arrived(both.URL, 1)
		for _, ep := range []sender.Endpoint{disabled, deleted, foreign} {
			b.arrived(ep.URL, 0)
		}
	})
}

// TestFanOutFollows: a message goes where the endpoints that there are when it is sent say,
// however often messages were sent before, by the id and by the uid of the application.
func TestFanOutFollows(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		wants := func(why, ref string, want ...string) {
			b.Helper()
			for range 2 {
				m := b.send(ref, sender.MessageIn{})
				l, err := b.sender.AttemptedDestinations(b.Context(), app.ID, m.ID, sender.Page{})
				slices.Sort(want)
				if got := idsOf(l.Data, func(ep *sender.MessageEndpoint) string { return ep.ID }); err != nil || !slices.Equal(got, want) {
					b.Errorf("%s, to %s: it goes to %v, %v; want %v", why, ref, got, err, want)
				}
			}
		}
		for _, name := range []string{app.ID, "one"} {
			wants("no endpoint", name)
			first := b.endpoint(app.ID, sender.EndpointIn{})
			wants("one endpoint", name, first.ID)
			second := b.endpoint(app.ID, sender.EndpointIn{})
			wants("another", name, first.ID, second.ID)
			must(b, func(tx *store.Tx) (sender.Endpoint, error) {
				return b.sender.PatchEndpoint(tx, app.ID, first.ID, sender.EndpointPatch{Disabled: ref(true)})
			})
			wants("the first is disabled", name, second.ID)
			b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, second.ID) })
			wants("the other is deleted", name)
		}
		b.change(func(tx *store.Tx) error { return b.sender.DeleteApplication(tx, app.ID) })
		for _, name := range []string{app.ID, "one"} {
			_, _, err := b.sender.CreateMessage(b.Context(), name, paid(sender.MessageIn{}))
			wantNotFound(b.T, err)
		}
	})
}

// TestMessages: a message is read by its id and its event id, within its application, as
// it was sent, to the byte.
func TestMessages(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		app, other := b.app("one"), b.app("two")
		payload := "{ \"b\": 1.50,\n\t\"a\": \"\\u003c<\", \"b\": 2 }"
		made := b.send("one", sender.MessageIn{EventID: "inv-1", Payload: json.RawMessage(payload), Channels: []string{"c:1"}, Tags: []string{"t+2"}})
		for _, ref := range []string{made.ID, "inv-1"} {
			got, err := b.sender.Message(ctx, app.ID, ref)
			if err != nil || got.ID != made.ID || got.EventID != "inv-1" || string(got.Payload) != payload || !got.Timestamp.Equal(made.Timestamp) ||
				!slices.Equal(got.Channels, made.Channels) || !slices.Equal(got.Tags, made.Tags) || got.AppID != app.ID {
				b.Errorf("%s is %+v, %v; want %+v", ref, got, err, made)
			}
			_, err = b.sender.Message(ctx, other.ID, ref)
			wantNotFound(b.T, err)
		}
		for _, ref := range []string{"", "msg_", "unknown", sender.MessageID(app.ID, 12345)} {
			_, err := b.sender.Message(ctx, app.ID, ref)
			wantNotFound(b.T, err)
		}
		raw := b.send("one", sender.MessageIn{Raw: ref("<x/>\r\n"), ContentType: "text/xml; charset=utf-8"})
		if got, err := b.sender.Message(ctx, "one", raw.ID); err != nil || string(got.Payload) != "<x/>\r\n" || got.ContentType != "text/xml; charset=utf-8" {
			b.Errorf("raw: %+v, %v", got, err)
		}
		if err := b.sender.ExpungeMessage(ctx, "one", "inv-1"); err != nil {
			b.Fatal(err)
		}
		if got, err := b.sender.Message(ctx, "one", made.ID); err != nil || got.Payload != nil || got.EventType != "invoice.paid" {
			b.Errorf("expunged: %+v, %v", got, err)
		}
	})
}

// TestMessageRules: what is no message is refused, with the field named (E-21).
func TestMessageRules(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	for _, c := range []struct {
		in    sender.MessageIn
		field string
	}{
		{sender.MessageIn{EventType: "a\r\nX-Injected: 1"}, "eventType"},
		{sender.MessageIn{EventType: strings.Repeat("t", 257)}, "eventType"},
		{sender.MessageIn{EventID: "msg_1"}, "eventId"},
		{sender.MessageIn{EventID: "a b"}, "eventId"},
		{sender.MessageIn{Payload: json.RawMessage(`[1]`)}, "payload"},
		{sender.MessageIn{Payload: json.RawMessage(`"text"`)}, "payload"},
		{sender.MessageIn{Payload: json.RawMessage(`{"a": 1`)}, "payload"},
		{sender.MessageIn{Payload: json.RawMessage(`{} {}`)}, "payload"},
		{sender.MessageIn{Payload: json.RawMessage("not JSON")}, "payload"},
		{sender.MessageIn{Channels: slices.Repeat([]string{"c"}, 11)}, "channels"},
		{sender.MessageIn{Channels: []string{""}}, "channels"},
		{sender.MessageIn{Tags: []string{"a,b"}}, "tags"},
		{sender.MessageIn{Retention: time.Minute}, "payloadRetentionPeriod"},
		{sender.MessageIn{Retention: 91 * 24 * time.Hour}, "payloadRetentionPeriod"},
		{sender.MessageIn{Raw: ref("x"), ContentType: "text/xml\r\nX-Injected: 1"}, "transformationsParams.headers"},
		{sender.MessageIn{ContentType: "text/xml"}, "transformationsParams.headers"},
	} {
		_, _, err := b.sender.CreateMessage(t.Context(), app.ID, paid(c.in))
		wantInvalid(t, err, "body."+c.field)
	}
	for _, in := range []sender.MessageIn{
		{Payload: json.RawMessage(`{"a":"` + strings.Repeat("x", sender.MaxPayload) + `"}`)}, {Raw: ref(strings.Repeat("x", sender.MaxPayload+1))},
	} {
		if _, _, err := b.sender.CreateMessage(t.Context(), app.ID, paid(in)); !errors.Is(err, sender.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
	}
	_, _, err := b.sender.CreateMessage(t.Context(), "nobody", paid(sender.MessageIn{}))
	wantNotFound(t, err)
}

// TestEventIDs: an event id is one message's of an application. Only the request that has
// made it gets it again.
func TestEventIDs(t *testing.T) {
	onStores(t, func(b *bed) {
		app, other := b.app("one"), b.app("two")
		create := func(app string, in sender.MessageIn) (sender.Message, bool, error) {
			return b.sender.CreateMessage(b.Context(), app, paid(in))
		}
		made, existed, err := create(app.ID, sender.MessageIn{EventID: "e1", Idempotency: "me\x00k1"})
		if err != nil || existed {
			b.Fatal(existed, err)
		}
		if again, existed, err := create(app.ID, sender.MessageIn{EventID: "e1", Idempotency: "me\x00k1"}); err != nil || !existed || again.ID != made.ID || string(again.Payload) != string(made.Payload) {
			b.Errorf("repeated: %+v, %t, %v; want %+v", again, existed, err, made)
		}
		for _, in := range []sender.MessageIn{
			{EventID: "e1"},
			{EventID: "e1", Idempotency: "me\x00k2"},
			{EventID: "e1", Idempotency: "me\x00k1", EventType: "other"},
			{EventID: "e1", Idempotency: "me\x00k1", Payload: json.RawMessage(`{"id":"in_1"}`)},
		} {
			_, _, err = create(app.ID, in)
			wantConflict(b.T, err)
		}
		if m, existed, err := create(other.ID, sender.MessageIn{EventID: "e1"}); err != nil || existed || m.ID == made.ID {
			b.Errorf("in another application: %+v, %t, %v", m, existed, err)
		}
		if l, err := b.sender.Messages(b.Context(), app.ID, sender.MessageFilter{}); err != nil || len(l.Data) != 1 {
			b.Errorf("%d messages, %v; want 1", len(l.Data), err)
		}
	})
}

// TestIdempotency: a request that is repeated makes one message, and each gets the first;
// the same key with another message is a conflict; of a hundred at once one is stored
// (E-18).
func TestIdempotency(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		ids := make(map[string]int)
		fresh := 0
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				m, existed, err := b.sender.CreateMessage(context.Background(), app.ID, paid(sender.MessageIn{Idempotency: "me\x00key"}))
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[m.ID]++
				if !existed {
					fresh++
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || fresh != 1 {
			b.Errorf("%d messages, %d of them new: %v", len(ids), fresh, ids)
		}
		b.arrived(ep.URL, 1)
		_, _, err := b.sender.CreateMessage(b.Context(), app.ID, paid(sender.MessageIn{Idempotency: "me\x00key", EventType: "other"}))
		wantConflict(b.T, err)
		if _, existed, err := b.sender.CreateMessage(b.Context(), app.ID, paid(sender.MessageIn{Idempotency: "you\x00key"})); err != nil || existed {
			b.Errorf("another's key: %t, %v", existed, err)
		}
		b.restart()
		if m, existed, err := b.sender.CreateMessage(b.Context(), app.ID, paid(sender.MessageIn{Idempotency: "me\x00key"})); err != nil || !existed || ids[m.ID] != 100 {
			b.Errorf("after a restart: %+v, %t, %v", m, existed, err)
		}
	})
}

// TestApplicationOnTheFly: a message makes its application, if it names it as it should.
func TestApplicationOnTheFly(t *testing.T) {
	onStores(t, func(b *bed) {
		create := func(in *sender.ApplicationIn) error {
			_, _, err := b.sender.CreateMessage(b.Context(), "new", paid(sender.MessageIn{Application: in}))
			return err
		}
		wantNotFound(b.T, create(nil))
		for kind, in := range map[string]*sender.ApplicationIn{
			"application_uid_missing": {Name: "New"}, "application_uid_mismatch": {Name: "New", UID: "other"},
		} {
			var invalid *sender.InvalidError
			if err := create(in); !errors.As(err, &invalid) || invalid.Type != kind || strings.Join(invalid.Loc, ".") != "body.application.uid" {
				b.Errorf("%+v: %v; want %s", in, err, kind)
			}
		}
		for _, name := range []string{"New", "Ignored"} {
			if err := create(&sender.ApplicationIn{Name: name, UID: "new"}); err != nil {
				b.Fatal(err)
			}
		}
		if app, err := b.sender.Application(b.Context(), "new"); err != nil || app.Name != "New" {
			b.Errorf("made %+v, %v", app, err)
		}
	})
}

// TestMessagePages: messages are listed newest first, forth and back, by type, channel,
// tag and time.
func TestMessagePages(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		app := b.app("one")
		b.send(b.app("two").ID, sender.MessageIn{})
		var all, rare []string
		for i := range 20 {
			in := sender.MessageIn{EventType: "often"}
			if i%7 == 0 {
				in = sender.MessageIn{EventType: "rare", Channels: []string{"c"}, Tags: []string{"t"}}
			}
			m := b.send(app.ID, in)
			all = append([]string{m.ID}, all...)
			if i%7 == 0 {
				rare = append([]string{m.ID}, rare...)
			}
		}
		list := func(f sender.MessageFilter) ([]string, sender.List[sender.Message]) {
			b.Helper()
			l, err := b.sender.Messages(ctx, "one", f)
			if err != nil {
				b.Fatal(err)
			}
			return idsOf(l.Data, func(m *sender.Message) string { return m.ID }), l
		}
		for _, limit := range []int{1, 3, 20, 21} {
			walkOne(b, all, sender.Page{Limit: limit}, func(p sender.Page) ([]string, sender.List[sender.Message]) {
				return list(sender.MessageFilter{Page: p})
			})
		}
		for _, f := range []sender.MessageFilter{{EventTypes: []string{"rare", "none"}}, {Channel: "c"}, {Tag: "t"}} {
			if got, _ := list(f); !slices.Equal(got, rare) {
				b.Errorf("%+v: %v; want %v", f, got, rare)
			}
		}
		if _, l := list(sender.MessageFilter{Page: sender.Page{Limit: 1}}); l.Data[0].Payload != nil {
			b.Error("the payload is returned unasked")
		}
		if _, l := list(sender.MessageFilter{Page: sender.Page{Limit: 1}, WithContent: true}); string(l.Data[0].Payload) != `{"id": "in_1"}` {
			b.Errorf("the payload is %s", l.Data[0].Payload)
		}
		middle, err := b.sender.Message(ctx, "one", all[10])
		if err != nil {
			b.Fatal(err)
		}
		before, _ := list(sender.MessageFilter{Before: middle.Timestamp})
		from, _ := list(sender.MessageFilter{After: middle.Timestamp})
		if !slices.Equal(append(from, before...), all) || !slices.Contains(from, middle.ID) {
			b.Errorf("split at %s into %v and %v", middle.Timestamp, from, before)
		}
		for _, bad := range []string{all[0] + "x", "BAD", sender.MessageID("app_other", 1)} {
			_, err := b.sender.Messages(ctx, "one", sender.MessageFilter{Page: sender.Page{Iterator: bad}})
			wantInvalid(b.T, err, "query.iterator")
		}
	})
}

// TestFanOutToMany: a message for thousands of endpoints is one transaction: what is
// answered is there after a restart, all of it, and delivered (E-19, E-20).
func TestFanOutToMany(t *testing.T) {
	const many = 500
	b := newBed(t)
	b.start()
	app := b.app("one")
	b.change(func(tx *store.Tx) error {
		for i := range many {
			if _, err := b.sender.CreateEndpoint(tx, app.ID, sender.EndpointIn{URL: fmt.Sprintf("https://example.com/%d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	hold := make(chan struct{})
	b.receivers.says(func(ctx context.Context, p sender.Post) *sender.Exchange {
		select {
		case <-hold:
			return &sender.Exchange{URL: p.URL, Status: 200}
		case <-ctx.Done():
			return &sender.Exchange{URL: p.URL, Err: ctx.Err()}
		}
	})
	m := b.send(app.ID, sender.MessageIn{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.engine.Stop(ctx) // what is in flight is cut off, as by a crash
	if err := errors.Join(b.sender.Close(), b.store.Close()); err != nil {
		t.Fatal(err)
	}
	b.open()
	count := 0
	for it, done := "", false; !done; {
		l, err := b.sender.AttemptedDestinations(t.Context(), app.ID, m.ID, sender.Page{Iterator: it, Limit: 250})
		if err != nil {
			t.Fatal(err)
		}
		count, it, done = count+len(l.Data), l.Iterator, l.Done
	}
	if count != many {
		t.Errorf("%d deliveries after the restart; want %d", count, many)
	}
	close(hold)
	b.eventually("that all is delivered", func() bool {
		n := 0
		for _, c := range b.store.Counts() {
			n += int(c.Pending)
		}
		return n == 0
	})
}
