package portal_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// An attempt shows what was sent, with secrets masked, and what was answered.
func TestShowAttempt(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Answer", "yes")
		w.Header().Set("Set-Cookie", "canary=1")
		_, _ = w.Write([]byte("thank you\x1b[31m"))
	}))
	t.Cleanup(r.Close)
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: r.URL + "/in?token=canary&a=b", Headers: map[string]string{"Authorization": "Bearer canary", "X-Kind": "blue"}})
	m := b.message(app.ID, "invoice.paid", `{"n":1}`)
	a := b.attempts(&m, 1)[0]
	v := b.as(ofApp(app.ID))
	got := v.page(at(app.ID, "messages", m.ID, "attempts", a.ID))
	for _, want := range []string{
		"Succeeded", "/in?token=***&amp;a=b", "<code>Authorization</code>", "<code>X-Kind</code>", "<code>blue</code>", "<code>Svix-Id</code>", "<code>" + m.ID + "</code>",
		"<code>X-Answer</code>", "<code>yes</code>", "<code>Set-Cookie</code>", "<code>***</code>", "thank you\u241b[31m", "<dd>200</dd>", "HTTP/1.1", "invoice.paid", ep.ID, a.ID, "7 bytes",
	} {
		if !got.has(want) {
			t.Errorf("%q is missing in\n%s", want, got.body)
		}
	}
	if got.has("canary") {
		t.Error("a secret is shown")
	}
}

// What went wrong is said in words, with what can be done about it.
func TestShowFailures(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	answers := func(status int, body string) string {
		r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(r.Close)
		return r.URL
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		url  string
		says []string
	}{
		"500":      {answers(http.StatusInternalServerError, "oops"), []string{"The endpoint answered 500", "Look into the log of your service", "withheld: they came from a private network"}},
		"401":      {answers(http.StatusUnauthorized, ""), []string{"The endpoint answered 401", "Check the signing secret"}},
		"429":      {answers(http.StatusTooManyRequests, ""), []string{"asked for fewer requests"}},
		"410":      {answers(http.StatusGone, ""), []string{"is disabled"}},
		"redirect": {answers(http.StatusFound, ""), []string{"redirect", "Set the URL of the endpoint to where it leads", "<code>redirect</code>"}},
		"refused":  {closed.URL, []string{"The connection was refused.", "Nothing listens at this address", "There was none", "<code>refused</code>"}},
	} {
		t.Run(name, func(t *testing.T) {
			ep := b.endpoint(app.ID, sender.EndpointIn{URL: tt.url})
			m := b.message(app.ID, "invoice.paid", `{}`)
			a := b.attempts(&m, 1)[0]
			got := v.page(at(app.ID, "messages", m.ID, "attempts", a.ID))
			for _, want := range append(tt.says, "Failed") {
				if !got.has(want) {
					t.Errorf("%q is missing in\n%s", want, got.body)
				}
			}
			if got.has("oops") {
				t.Error("what is withheld is shown")
			}
			if page := v.page(at(app.ID, "messages", m.ID)); !page.has(`<span class="pill bad">Failed</span>`) {
				t.Error(page.body)
			}
			b.must(b.store.Do(t.Context(), func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, ep.ID) }))
		})
	}
}

// Every class of failures has a hint.
func TestHints(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := b.app("Acme")
	r := newReceiver(t)
	b.endpoint(app.ID, sender.EndpointIn{URL: r.URL})
	v := b.as(ofApp(app.ID))
	for _, class := range []sender.Class{
		sender.ClassURL, sender.ClassBlocked, sender.ClassDNS, sender.ClassRefused, sender.ClassUnreachable, sender.ClassTLS, sender.ClassTimeout,
		sender.ClassReset, sender.ClassRedirect, sender.ClassTooLong, sender.ClassProtocol, sender.ClassCanceled, sender.ClassLocal,
	} {
		m := b.message(app.ID, "invoice.paid", `{}`)
		b.attempts(&m, 1)
		tried, _, err := b.store.AttemptsTo(t.Context(), b.attempts(&m, 1)[0].EndpointID, store.AttemptFilter{Limit: 1})
		b.must(err)
		change(b, func(tx *store.Tx) (bool, error) {
			tried := tried[0]
			_, err := tx.Exec("UPDATE attempts SET status = 0 WHERE event = ?", tried.Seq)
			if err != nil {
				return false, err
			}
			x := &sender.Exchange{URL: r.URL, Class: class, Reason: "the reason"}
			return tx.SetResponse(tried.DeliveryID(), tried.Attempt.Number, tried.Attempt.Started, x.Encode())
		})
		a := b.attempts(&m, 1)[0]
		got := v.page(at(app.ID, "messages", m.ID, "attempts", a.ID))
		_, hint, _ := strings.Cut(got.body, "The reason. ")
		if hint, _, _ = strings.Cut(hint, "</p>"); len(hint) < 20 || !got.has("<code>"+string(class)+"</code>") {
			t.Errorf("%s: %q\n%s", class, hint, got.body)
		}
	}
}

// An answer that somebody has deleted is told from one that was empty or cut.
func TestShowAnswers(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	body := ""
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(r.Close)
	b.endpoint(app.ID, sender.EndpointIn{URL: r.URL})
	v := b.as(ofApp(app.ID))
	for _, tt := range []struct{ body, says string }{
		{"", "The body was empty"},
		{strings.Repeat("long ", 100_000), "Only the beginning of the body is kept"},
		{"\xff\xfe\xfd", "3 bytes that are no text"},
	} {
		body = tt.body
		m := b.message(app.ID, "invoice.paid", `{}`)
		a := b.attempts(&m, 1)[0]
		path := at(app.ID, "messages", m.ID, "attempts", a.ID)
		if got := v.page(path); !got.has(tt.says) || len(got.body) > 64<<10 {
			t.Errorf("%q is missing in %d bytes", tt.says, len(got.body))
		}
		change(b, func(tx *store.Tx) (any, error) { return nil, b.sender.ExpungeAttempt(tx, app.ID, m.ID, a.ID) })
		if got := v.page(path); !got.has("What the endpoint answered was deleted. The status was 200") || got.has("EXPUNGED") {
			t.Errorf("deleted:\n%s", got.body)
		}
	}
}

// Attempts are shown page by page, newest first, apart from the endpoints beside them.
func TestAttemptsPage(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := b.app("Acme")
	r := newReceiver(t)
	var first sender.Endpoint
	for i := range 55 {
		if ep := b.endpoint(app.ID, sender.EndpointIn{URL: r.URL}); i == 0 {
			first = ep
		}
	}
	m := b.message(app.ID, "invoice.paid", `{}`)
	b.eventually("all attempts", func() bool {
		found, err := b.sender.AttemptsByMessage(t.Context(), app.ID, m.ID, sender.AttemptFilter{Page: sender.Page{Limit: 100}})
		b.must(err)
		return len(found.Data) == 55
	})
	v := b.as(ofApp(app.ID))
	path := at(app.ID, "messages", m.ID)
	page := v.page(path)
	counts := func(r *reply) (endpoints, attempts int) {
		return strings.Count(r.body, ">Send again<"), strings.Count(r.body, path+"/attempts/")
	}
	if endpoints, attempts := counts(page); endpoints != 50 || attempts != 50 || !page.has("Send again to "+first.URL) {
		t.Fatalf("%d endpoints, %d attempts", endpoints, attempts)
	}
	links := strings.Split(page.body, ">Next →<")
	if len(links) != 3 {
		t.Fatalf("%d links", len(links)-1)
	}
	next := func(before string) string {
		return html.UnescapeString(before[strings.LastIndex(before, `href="`)+len(`href="`) : strings.LastIndex(before, `"`)])
	}
	more := v.page(path + next(links[0]))
	if endpoints, attempts := counts(more); endpoints != 5 || attempts != 50 {
		t.Errorf("%d endpoints, %d attempts", endpoints, attempts)
	}
	more = v.page(path + next(links[1]))
	if endpoints, attempts := counts(more); endpoints != 50 || attempts != 5 {
		t.Errorf("%d endpoints, %d attempts", endpoints, attempts)
	}
	if back := v.page(path + more.link("← Previous")); strings.Count(back.body, path+"/attempts/") != 50 {
		t.Error(back.body)
	}
}

// Whatever is stored is shown as text (P-07).
func TestStoredScriptsAreText(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := change(b, func(tx *store.Tx) (sender.Application, error) {
		return b.sender.CreateApplication(tx, sender.ApplicationIn{Name: `</title><script>alert("app")</script>`})
	})
	const evil = `</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)` + "\u202e\u2028"
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Evil", `<script>alert(1)</script>`)
		_, _ = w.Write([]byte(evil))
	}))
	t.Cleanup(r.Close)
	text, err := json.Marshal(evil)
	b.must(err)
	schemas := `{"1":{"title":` + string(text) + `,"description":` + string(text) + `,"properties":{` + string(text) + `:{"type":"string","description":` + string(text) + `,"enum":[` + string(text) + `],"pattern":` + string(text) +
		`,"default":` + string(text) + `}},"examples":[{"a":` + string(text) + `}]},` + string(text) + `:{"format":` + string(text) + `}}`
	b.eventType(sender.EventTypeIn{Name: "evil.type", Description: evil, Schemas: json.RawMessage(schemas)})
	b.endpoint(app.ID, sender.EndpointIn{URL: r.URL + `/?a=%3Cscript%3E'"<script>alert(1)</script>`, Description: evil, Headers: map[string]string{"X-Sent": `"><script>alert(1)</script>`}})
	m := b.sent(app.ID, sender.MessageIn{EventType: "evil.type", Payload: json.RawMessage(`{"a":` + string(text) + `}`)})
	raw := b.sent(app.ID, sender.MessageIn{EventType: "evil.type", Raw: ptr(evil), ContentType: "text/html"})
	a := b.attempts(&m, 1)[0]
	v := b.as(ofApp(app.ID))
	for _, path := range []string{
		"messages", "messages?find=" + url.QueryEscape(evil), "messages?type=" + url.QueryEscape(evil) + "&tag=" + url.QueryEscape(evil) + "&after=" + url.QueryEscape(evil) + "&zone=" + url.QueryEscape(evil),
		"messages/" + m.ID, "messages/" + raw.ID, "messages/" + m.ID + "/attempts/" + a.ID, "events", "events/evil.type", "activity",
	} {
		got := v.get(at(app.ID, path))
		if got.status >= http.StatusInternalServerError || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d", path, got.status)
		}
		for _, bad := range []string{"<script>alert", "<img src=x", `" onmouseover="`, "\u202e"} {
			if got.has(bad) {
				t.Errorf("%s: %q is not escaped", path, bad)
			}
		}
	}
}
