package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// sent sends a message that is more than a payload.
func (b *bed) sent(app string, in sender.MessageIn) sender.Message {
	b.Helper()
	if in.EventType == "" {
		in.EventType = "invoice.paid"
	}
	if in.Payload == nil {
		in.Payload = json.RawMessage(`{}`)
	}
	m, _, err := b.sender.CreateMessage(b.Context(), app, in)
	b.must(err)
	return m
}

// attempts waits until there are so many attempts at a message, and returns them, the newest
// first.
func (b *bed) attempts(m *sender.Message, n int) (attempts []sender.Attempt) {
	b.Helper()
	b.eventually(fmt.Sprintf("%d attempts at %s", n, m.ID), func() bool {
		found, err := b.sender.AttemptsByMessage(b.Context(), m.AppID, m.ID, sender.AttemptFilter{WithContent: true})
		b.must(err)
		attempts = found.Data
		return len(attempts) >= n
	})
	return attempts
}

// link returns where a link or button of a page leads whose text is that.
func (r *reply) link(text string) string {
	found := regexp.MustCompile(`href="([^"]*)"[^>]*>` + regexp.QuoteMeta(text)).FindStringSubmatch(r.body)
	if found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1], "&amp;", "&")
}

// listedMessages are the ids that a page of messages has links to, in their order.
func (r *reply) listedMessages() (ids []string) {
	for _, found := range regexp.MustCompile(`href="[^"]*/messages/(msg_[0-9A-Za-z]{27})"`).FindAllStringSubmatch(r.body, -1) {
		ids = append(ids, found[1])
	}
	return ids
}

// Without a message the list says what to do; with some it has the newest first, page by
// page in both directions, and only the first page is polled.
func TestListMessages(t *testing.T) {
	b := newBed(t, config{})
	app, other := b.app("Acme"), b.app("Other")
	v := b.as(ofApp(app.ID))
	if empty := v.page(at(app.ID, "messages")); !empty.has("No message yet") || !empty.has("Send a test event") || !empty.has("data-poll") {
		t.Error(empty.body)
	}
	b.message(other.ID, "secret.of.another", `{}`)
	var want []string
	for range 120 {
		want = append(want, b.message(app.ID, "invoice.paid", `{}`).ID)
	}
	slices.Reverse(want)
	path := at(app.ID, "messages")
	var pages []*reply
	for next := ""; len(pages) < 5; {
		pages = append(pages, v.page(path+next))
		if next = pages[len(pages)-1].link("Next →"); next == "" {
			break
		}
	}
	if len(pages) != 3 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, from := range []int{0, 50, 100} {
		if got := pages[i].listedMessages(); !slices.Equal(got, want[from:min(from+50, len(want))]) {
			t.Errorf("page %d has %v", i+1, got)
		}
		if pages[i].has(`id="messages" data-poll`) != (i == 0) || pages[i].has("secret.of.another") {
			t.Errorf("page %d:\n%s", i+1, pages[i].body)
		}
	}
	back := v.page(path + pages[2].link("← Previous"))
	if got := back.listedMessages(); !slices.Equal(got, want[50:100]) {
		t.Errorf("back to %v", got)
	}
	first := v.page(path + back.link("← Previous"))
	if got := first.listedMessages(); !slices.Equal(got, want[:50]) || first.link("← Previous") != "" {
		t.Errorf("and to %v", got)
	}
	if got := v.get(path + "?at=msg_x"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a page that there is not: %d", got.status)
	}
}

// What has not changed is not sent again, and what has is.
func TestMessagesArePolled(t *testing.T) {
	start, later := time.Now(), new(atomic.Int64)
	b := newBed(t, config{now: func() time.Time { return start.Add(time.Duration(later.Load())) }})
	app := b.app("Acme")
	m := b.message(app.ID, "invoice.paid", `{}`)
	v := b.as(ofApp(app.ID))
	for _, path := range []string{at(app.ID, "messages"), at(app.ID, "messages", m.ID), at(app.ID, "activity")} {
		again := func(tag string) *reply {
			r := v.request(http.MethodGet, path, nil)
			r.Header.Set("If-None-Match", tag)
			return v.do(r)
		}
		tag := v.page(path).header.Get("ETag")
		if got := again(tag); tag == "" || got.status != http.StatusNotModified {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	path := at(app.ID, "messages")
	tag := v.page(path).header.Get("ETag")
	b.message(app.ID, "invoice.paid", `{}`)
	later.Store(int64(2 * time.Second)) // what was polled is shown to others for a moment
	r := v.request(http.MethodGet, path, nil)
	r.Header.Set("If-None-Match", tag)
	if got := v.do(r); got.status != http.StatusOK || got.header.Get("ETag") == tag {
		t.Errorf("after another message: %d", got.status)
	}
}

// The list is narrowed to a type, a tag, a channel and a time, which is that of the reader.
func TestFilterMessages(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := newBed(t, config{now: func() time.Time { return now }})
	app := b.app("Acme")
	paid := b.sent(app.ID, sender.MessageIn{EventType: "invoice.paid", Tags: []string{"vip"}, Channels: []string{"north", "south"}})
	now = now.Add(time.Minute)
	void := b.sent(app.ID, sender.MessageIn{EventType: "invoice.void", Tags: []string{"late"}})
	now = now.Add(time.Minute)
	made := b.sent(app.ID, sender.MessageIn{EventType: "user.made", Channels: []string{"north"}})
	v := b.as(ofApp(app.ID))
	for query, want := range map[string][]sender.Message{
		"":                             {made, void, paid},
		"type=invoice.paid":            {paid},
		"type=invoice":                 {},
		"tag=vip":                      {paid},
		"channel=north":                {made, paid},
		"channel=north&type=user.made": {made},
		"after=2026-03-01T12:01":       {made, void},
		"before=2026-03-01T12:01":      {paid},
		"after=2026-03-01T12:01&before=2026-03-01T12:02": {void},
		"after=2026-03-01T13:02&zone=-60":                {made}, // noon in UTC
		"after=2026-03-01T07:02&zone=300":                {made},
		"before=2026-03-01T12:00":                        {},
		"type=&tag=&channel=&after=&before=&zone=-60":    {made, void, paid},
	} {
		ids := make([]string, len(want))
		for i, m := range want {
			ids[i] = m.ID
		}
		got := v.page(at(app.ID, "messages") + "?" + query)
		if listed := got.listedMessages(); !slices.Equal(listed, ids) && len(listed)+len(ids) > 0 {
			t.Errorf("%q: %v, want %v", query, listed, ids)
		}
		filtered := query != "" && !strings.HasPrefix(query, "type=&")
		if got.has("Clear") != filtered || got.has(`id="messages" data-poll`) == filtered {
			t.Errorf("%q: the page does not say whether it is filtered", query)
		}
		if len(want) == 0 && !got.has("There is no such message") {
			t.Errorf("%q:\n%s", query, got.body)
		}
	}
	for query, says := range map[string]string{
		"after=x":                          "cannot be read as a date",
		"before=9":                         "cannot be read as a date",
		"after=2026-03-01T12:01&zone=9999": "cannot be read as a date",
		"after=2026-03-01T12:01&before=2026-03-01T12:00": "It has to be later",
	} {
		got := v.get(at(app.ID, "messages") + "?" + query)
		if got.status != http.StatusUnprocessableEntity || !got.has(says) || len(got.listedMessages()) != 0 {
			t.Errorf("%q: %d\n%s", query, got.status, got.body)
		}
	}
	typed := v.get(at(app.ID, "messages") + "?type=a%22b&tag=%3Ci%3E&after=2026-03-01T12:01&before=nonsense&zone=60")
	for _, want := range []string{`value="a&#34;b"`, `value="&lt;i&gt;"`, `value="2026-03-01T12:01"`, `data-zone value="60"`} {
		if !typed.has(want) {
			t.Errorf("what was typed is lost: %s", want)
		}
	}
	// Pages keep what they are filtered by.
	for range 60 {
		b.sent(app.ID, sender.MessageIn{EventType: "many", Tags: []string{"a+b"}})
	}
	next := v.page(at(app.ID, "messages") + "?tag=" + url.QueryEscape("a+b")).link("Next →")
	if got := v.page(at(app.ID, "messages") + next); len(got.listedMessages()) != 10 || !got.has(`value="a&#43;b"`) || got.link("← Previous") == "" {
		t.Errorf("%s\n%s", next, got.body)
	}
}

// What is rare is looked for in so many messages at a time: a page without any says so, and
// leads on.
func TestRareMessages(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	rare := b.sent(app.ID, sender.MessageIn{EventType: "rare"})
	done := make(chan error)
	const all, at1 = 10_100, 64
	for n := range at1 {
		go func() {
			var err error
			for i := n; i < all && err == nil; i += at1 {
				_, _, err = b.sender.CreateMessage(b.Context(), app.ID, sender.MessageIn{EventType: "frequent", Payload: json.RawMessage(`{}`)})
			}
			done <- err
		}()
	}
	for range at1 {
		b.must(<-done)
	}
	v := b.as(ofApp(app.ID))
	first := v.page(at(app.ID, "messages") + "?type=rare")
	if !first.has("Nothing like this so far") || len(first.listedMessages()) != 0 {
		t.Fatal(first.body)
	}
	second := v.page(at(app.ID, "messages") + first.link("Next →"))
	for len(second.listedMessages()) == 0 && second.has("Nothing like this so far") { // a slow machine looks at less in its time
		second = v.page(at(app.ID, "messages") + second.link("Next →"))
	}
	if got := second.listedMessages(); !slices.Equal(got, []string{rare.ID}) {
		t.Errorf("%v\n%s", got, second.body)
	}
}

// A message is found by its id and by its event id, by nobody else's.
func TestFindMessage(t *testing.T) {
	b := newBed(t, config{})
	app, other := b.app("Acme"), b.app("Other")
	m := b.sent(app.ID, sender.MessageIn{EventID: "order-17"})
	foreign := b.sent(other.ID, sender.MessageIn{EventID: "order-18"})
	v := b.as(ofApp(app.ID))
	find := func(ref string) *reply {
		return v.get(at(app.ID, "messages") + "?" + url.Values{"find": {ref}}.Encode())
	}
	for _, ref := range []string{m.ID, "order-17"} {
		if got := find(ref); got.status != http.StatusSeeOther || got.to != at(app.ID, "messages", m.ID) {
			t.Errorf("%s: %d %s", ref, got.status, got.to)
		}
	}
	for _, ref := range []string{"order", "order-18", foreign.ID, "msg_1", `<script>alert(1)</script>`, strings.Repeat("x", 9000)} {
		got := find(ref)
		if got.status != http.StatusNotFound || !got.has("There is no message with the ID or event ID") || got.has("<script>alert") {
			t.Errorf("%.20s: %d\n%s", ref, got.status, got.body)
		}
		if ids := got.listedMessages(); !slices.Equal(ids, []string{m.ID}) {
			t.Errorf("%.20s: the list has %v", ref, ids)
		}
	}
}

// A message shows its payload with a line for each member, the endpoints that it is for and
// how it stands there, and every attempt.
func TestShowMessage(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := b.app("Acme")
	good, bad := newReceiver(t), newReceiver(t)
	bad.says(http.StatusInternalServerError)
	up := b.endpoint(app.ID, sender.EndpointIn{URL: good.URL + "/up"})
	down := b.endpoint(app.ID, sender.EndpointIn{URL: bad.URL + "/down"})
	m := b.sent(app.ID, sender.MessageIn{EventType: "invoice.paid", EventID: "order-17", Payload: json.RawMessage(`{"amount":12,"lines":[1,2]}`), Tags: []string{"vip"}, Channels: []string{"north"}})
	attempts := b.attempts(&m, 2)
	v := b.as(ofApp(app.ID))
	got := v.page(at(app.ID, "messages", m.ID))
	for _, want := range []string{
		"{\n  &#34;amount&#34;: 12,\n  &#34;lines&#34;: [\n    1,\n    2\n  ]\n}", "order-17", "vip", "north", m.ID,
		up.URL, down.URL, "Send again to " + up.URL, at(app.ID, "messages", m.ID, "payload"), "data-poll", ">500<", ">200<",
		at(app.ID, "messages", m.ID, "attempts", attempts[0].ID), at(app.ID, "messages", m.ID, "attempts", attempts[1].ID),
	} {
		if !got.has(want) {
			t.Errorf("%q is missing in\n%s", want, got.body)
		}
	}
	waits := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(down.URL) + `</a></td>\s*<td><span class="pill bad">Failed</span></td>\s*<td><time datetime`)
	if !waits.MatchString(got.body) {
		t.Errorf("the next attempt is not shown:\n%s", got.body)
	}
	// Of nothing that is sent to nobody there is an endpoint or attempt.
	b.must(b.store.Do(t.Context(), func(tx *store.Tx) error {
		if err := b.sender.DeleteEndpoint(tx, app.ID, up.ID); err != nil {
			return err
		}
		return b.sender.DeleteEndpoint(tx, app.ID, down.ID)
	}))
	if got = v.page(at(app.ID, "messages", m.ID)); !got.has(`<span class="pill">deleted</span>`) || got.has("Send again") {
		t.Errorf("deleted endpoints:\n%s", got.body)
	}
	lost := b.message(app.ID, "invoice.paid", `{}`)
	if got = v.page(at(app.ID, "messages", lost.ID)); !got.has("No endpoint takes this message") || !got.has("There was no attempt yet") {
		t.Errorf("without an endpoint:\n%s", got.body)
	}
}

// A long payload is shown in part, and can be had as a whole; one that is no text is not
// shown as such.
func TestShowPayloads(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	show := func(raw, contentType string) *reply {
		m := b.sent(app.ID, sender.MessageIn{Raw: &raw, ContentType: contentType})
		return v.page(at(app.ID, "messages", m.ID))
	}
	if got := show(strings.Repeat("long ", 200_000), "text/plain"); !got.has("and more: see the raw payload") || !got.has("Download all (976.6 KiB)") || len(got.body) > 300<<10 || got.has(`aria-label="Payload" data-copy`) {
		t.Errorf("a long one: %d bytes", len(got.body))
	}
	if got := show(`{"a":"`+strings.Repeat("x", 300_000)+`"}`, ""); !got.has("Download all") || len(got.body) > 300<<10 {
		t.Errorf("a long document: %d bytes", len(got.body))
	}
	if got := show("\x00\xff\xfe", "application/octet-stream"); !got.has("3 bytes that are no text") || !got.has("application/octet-stream") {
		t.Error(got.body)
	}
	if got := show("", "text/plain"); got.has("The payload is gone") || !got.has("(0 bytes)") {
		t.Error(got.body)
	}
}

// The payload is given as it is, as a file, and never as something that a browser runs (P-08).
func TestRawPayload(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	for name, tt := range map[string]struct {
		in         sender.MessageIn
		body, file string
	}{
		"JSON": {sender.MessageIn{Payload: json.RawMessage(` {"b" : 1,"a":"<script>alert(1)</script>"}`)}, ` {"b" : 1,"a":"<script>alert(1)</script>"}`, ".json"},
		"HTML": {sender.MessageIn{Raw: ptr("<html><script>alert(1)</script>"), ContentType: "text/html"}, "<html><script>alert(1)</script>", ".txt"},
		"none": {sender.MessageIn{Raw: ptr(""), ContentType: "text/html"}, "", ".txt"},
	} {
		m := b.sent(app.ID, tt.in)
		got := v.page(at(app.ID, "messages", m.ID, "payload"))
		if got.body != tt.body {
			t.Errorf("%s: %q", name, got.body)
		}
		for header, want := range map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Content-Disposition": `attachment; filename="` + m.ID + tt.file + `"`,
		} {
			if got.header.Get(header) != want {
				t.Errorf("%s: %s: %q", name, header, got.header.Get(header))
			}
		}
		if csp := got.header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.HasPrefix(csp[0], "sandbox;") {
			t.Errorf("%s: %q", name, csp)
		}
	}
}

func ptr[T any](of T) *T { return &of }

// Of a message whose payload was deleted the rest is shown, and it cannot be sent again.
func TestPayloadGone(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	r := newReceiver(t)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: r.URL})
	m := b.message(app.ID, "invoice.paid", `{"canary":1}`)
	a := b.attempts(&m, 1)[0]
	b.must(b.sender.ExpungeMessage(t.Context(), app.ID, m.ID))
	v := b.as(ofApp(app.ID))
	got := v.page(at(app.ID, "messages", m.ID))
	if !got.has("The payload is gone: it has expired, or was deleted") || got.has("Send again") || got.has("Download") || got.has("canary") || !got.has(r.URL) {
		t.Error(got.body)
	}
	if got := v.get(at(app.ID, "messages", m.ID, "payload")); got.status != http.StatusGone || !got.has("It has expired or was deleted") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := v.post(at(app.ID, "messages", m.ID, "resend"), url.Values{"endpoint": {ep.ID}}); got.status != http.StatusUnprocessableEntity || !got.has("payload") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := v.page(at(app.ID, "messages", m.ID, "attempts", a.ID)); got.has("Send again") || !got.has("Nothing else is kept of it") || !got.has("<dd>200</dd>") {
		t.Error(got.body)
	}
}

// Sending again makes one attempt more, by hand, at that endpoint alone.
func TestResend(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	one, two := newReceiver(t), newReceiver(t)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: one.URL})
	b.endpoint(app.ID, sender.EndpointIn{URL: two.URL})
	off := b.endpoint(app.ID, sender.EndpointIn{URL: two.URL, Disabled: true})
	m := b.message(app.ID, "invoice.paid", `{}`)
	b.attempts(&m, 2)
	path := at(app.ID, "messages", m.ID, "resend")
	v := b.as(ofApp(app.ID))
	got := v.post(path, url.Values{"endpoint": {ep.ID}})
	if got.status != http.StatusSeeOther || got.to != at(app.ID, "messages", m.ID)+"?done=resent" {
		t.Fatalf("%d %s", got.status, got.to)
	}
	if a := b.attempts(&m, 3)[0]; !a.ByHand || a.EndpointID != ep.ID || one.received() != 2 || two.received() != 1 {
		t.Errorf("%+v, %d and %d received", a, one.received(), two.received())
	}
	if page := v.page(got.to); !page.has("The message is sent again") || !page.has("by hand") {
		t.Error(page.body)
	}
	if got := v.post(path, url.Values{"endpoint": {off.ID}}); got.status != http.StatusConflict || !got.has("The endpoint is disabled") {
		t.Errorf("to a disabled one: %d", got.status)
	}
	foreign := b.endpoint(b.app("Other").ID, sender.EndpointIn{URL: two.URL})
	for _, id := range []string{"", "ep_x", foreign.ID} {
		if got := v.post(path, url.Values{"endpoint": {id}}); got.status != http.StatusNotFound {
			t.Errorf("to %q: %d", id, got.status)
		}
	}
	reader := ofApp(app.ID)
	reader.Capabilities = []api.Capability{api.ViewBase}
	v = b.as(reader)
	if got := v.post(path, url.Values{"endpoint": {ep.ID}}); got.status != http.StatusForbidden {
		t.Errorf("by a reader: %d", got.status)
	}
	if page := v.page(at(app.ID, "messages", m.ID)); page.has("Send again") {
		t.Error("a reader has a button for it")
	}
	if one.received() != 2 || two.received() != 1 {
		t.Errorf("%d and %d received", one.received(), two.received())
	}
}

// Nothing of another application is shown, whatever path leads there (P-03).
func TestMessagesOfOthers(t *testing.T) {
	b := newBed(t, config{})
	app, other := b.app("Acme"), b.app("Other")
	r := newReceiver(t)
	b.endpoint(other.ID, sender.EndpointIn{URL: r.URL})
	mine, m := b.message(app.ID, "mine", `{}`), b.message(other.ID, "theirs", `{}`)
	a := b.attempts(&m, 1)[0]
	v := b.as(ofApp(app.ID))
	for _, in := range []string{app.ID, other.ID} {
		for _, path := range []string{at(in, "messages", m.ID), at(in, "messages", m.ID, "payload"), at(in, "messages", m.ID, "attempts", a.ID)} {
			if got := v.get(path); got.status != http.StatusNotFound || got.has("theirs") {
				t.Errorf("%s: %d", path, got.status)
			}
		}
		if got := v.post(at(in, "messages", m.ID, "resend"), url.Values{"endpoint": {a.EndpointID}}); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", in, got.status)
		}
	}
	for _, path := range []string{
		at(app.ID, "messages", mine.ID, "attempts", a.ID), at(app.ID, "messages", "msg_x"), at(app.ID, "messages", mine.ID, "attempts", "atmpt_x"),
		at(other.ID, "messages"), at(other.ID, "events"), at(other.ID, "activity"),
	} {
		if got := v.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if r.received() != 1 {
		t.Errorf("%d received", r.received())
	}
}
