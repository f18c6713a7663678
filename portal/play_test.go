package portal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// An inbox takes any method and shows what has come; who may only look sees it all, and
// changes nothing.
func TestPlay(t *testing.T) {
	onStores(t, func(t *testing.T, c config) {
		b := newBed(t, c)
		app := b.app("Acme")
		v := b.as(ofApp(app.ID))
		if empty := v.page(at(app.ID, "play")); !empty.has("No service yet?") || !empty.has("Take a URL") {
			t.Error(empty.body)
		}
		in := v.take(app.ID)
		if page := in.page(); !page.has("Nothing has come yet") || !page.has(in.url) || !page.has(`endpoints/new?url=`+url.QueryEscape(in.url)) {
			t.Error(page.body)
		}
		if list := v.page(at(app.ID, "play")); !list.has(in.url) {
			t.Error(list.body)
		}
		methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "BREW"}
		for _, method := range methods {
			got := b.deliver(method, in.url+"?by="+method, `{"a":[1,2],"by":"`+method+`"}`, "X-Mine", "header of "+method)
			if got.status != http.StatusOK || got.body != "Received.\n" || len(got.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%s: %d %q %v", method, got.status, got.body, got.header)
			}
		}
		if got := b.deliver(http.MethodHead, in.url, ""); got.status != http.StatusOK || got.body != "" {
			t.Errorf("HEAD: %d %q", got.status, got.body)
		}
		reader := b.as(api.Holder{Scope: api.Application, App: app.ID, Capabilities: []api.Capability{api.ViewBase}})
		for _, page := range []*reply{in.page(), reader.page(at(app.ID, "play", in.token))} {
			for _, method := range methods {
				for _, part := range []string{"<span>" + method + "</span>", "by=" + method, "header of " + method, "&#34;by&#34;: &#34;" + method + "&#34;"} {
					if !page.has(part) {
						t.Errorf("%q is not shown of %s", part, method)
					}
				}
			}
			if !page.has("no secret to check the signature against") {
				t.Error("it is not said why nothing is checked")
			}
		}
		page := reader.page(at(app.ID, "play", in.token))
		if page.has("Delete") || page.has("<select") || page.has("Add as endpoint") {
			t.Error("who may only look is offered more")
		}
		for _, change := range []string{"", in.token + "/answer", in.token + "/delete"} {
			if got := reader.post(at(app.ID, "play", change), url.Values{"answer": {"500"}}); change != "" && got.status != http.StatusForbidden {
				t.Errorf("%s: %d", change, got.status)
			}
		}
		if got := v.post(at(app.ID, "play", in.token, "answer"), url.Values{"answer": {"<b>"}}); got.status != http.StatusUnprocessableEntity {
			t.Errorf("an answer that there is not: %d", got.status)
		}
		stranger := b.as(ofApp(b.app("Other").ID))
		if got := stranger.get(at(stranger.app("Third").ID, "play", in.token)); got.status != http.StatusNotFound {
			t.Errorf("another's application: %d", got.status)
		}
		if got := v.post(at(app.ID, "play", in.token, "delete"), nil); got.status != http.StatusSeeOther || b.rows("play_requests") != 0 || b.rows("play_inboxes") != 0 {
			t.Errorf("%d, %d requests are left", got.status, b.rows("play_requests"))
		}
	})
}

// An inbox is found in the path of its own application alone.
func TestPlayOfAnother(t *testing.T) {
	b := newBed(t, config{})
	mine, other := b.app("Acme"), b.app("Other")
	in := b.as(ofApp(mine.ID)).take(mine.ID)
	in.send("secret of Acme")
	v := b.as(ofApp(other.ID))
	for _, get := range []string{in.token, in.token + "/1", "x", strings.Repeat("a", 26), in.token + "/0", in.token + "/x"} {
		if got := v.get(at(other.ID, "play", get)); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", get, got.status)
		}
	}
	for _, post := range []string{"answer", "delete"} {
		if got := v.post(at(other.ID, "play", in.token, post), url.Values{"answer": {"500"}}); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", post, got.status)
		}
	}
	if got := in.send("again"); got.status != http.StatusOK {
		t.Error(got.status)
	}
}

// Whatever a path is that is not an inbox's, by one character or by tricks, it gets the
// same answer, and no file, page or SQL (P-15).
func TestPlayPaths(t *testing.T) {
	b := newBed(t, config{now: newClock().now})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	escaped := fmt.Sprintf("%%%02x%s", in.token[0], in.token[1:])
	for _, path := range []string{
		"/play", "/play/", "/play/in", "/play/in/", "/play/in//", "/play/" + in.token, "/play/in/" + in.token + "/", "/play//in/" + in.token, "/play/in/x/../" + in.token,
		"/play/in/../../portal/", "/play/in/..%2f..%2fportal", "/play/in/..%5c..%5cadmin", "/play/in/%2e%2e/%2e%2e/portal/static/style.css",
		"/play/in/" + in.token + "%00", "/play/in/" + in.token + "%2f", "/play/in/" + in.token + ";a", "/play/in/" + in.token + "%0a", "/play/in/" + escaped,
		"/play/in/" + strings.ToUpper(in.token), "/play/in/" + in.token[:25], "/play/in/" + in.token + "a", "/play/in/" + strings.Repeat("a", 300),
		"/play/in/" + in.token[:25] + "%c3%a9", "/play/in/%ef%bd%81" + in.token[1:], "/play/in/'%20OR%20'1'='1", "/play/in/" + strings.Repeat("a", 26), "/play/IN/" + in.token,
	} {
		u, err := url.ParseRequestURI(path)
		b.must(err)
		if !portal.Serves(&http.Request{URL: u}) {
			t.Errorf("%s is left to others", path)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if got := b.deliver(method, path, "x"); got.status != http.StatusNotFound || got.body != "There is nothing here.\n" {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	}
	if b.rows("play_requests") != 0 {
		t.Error("something was received")
	}
	if got := in.send("x"); got.status != http.StatusOK {
		t.Errorf("the inbox itself: %d", got.status)
	}
}

// An inbox that never was, one that has expired, one that was deleted and one whose
// application is gone answer alike; what they had received is gone after the next sweep
// (P-16).
func TestPlayExpiry(t *testing.T) {
	onStores(t, func(t *testing.T, c config) {
		clock := newClock()
		c.now = clock.now
		b := newBed(t, c)
		app, gone := b.app("Acme"), b.app("Gone")
		v := b.as(ofApp(app.ID))
		expired, deleted, orphan := v.take(app.ID), v.take(app.ID), b.as(ofApp(gone.ID)).take(gone.ID)
		for _, in := range []*box{expired, deleted, orphan} {
			if got := in.send("kept for a while"); got.status != http.StatusOK {
				t.Fatal(got.status)
			}
		}
		v.post(at(app.ID, "play", deleted.token, "delete"), nil)
		b.must(b.store.Do(t.Context(), func(tx *store.Tx) error { return b.sender.DeleteApplication(tx, gone.ID) }))

		// Its page makes it last, if it is looked at by somebody who may change it.
		clock.add(23 * time.Hour)
		b.as(ofApp(app.ID)).page(at(app.ID, "play", expired.token))
		clock.add(23 * time.Hour)
		b.as(api.Holder{Scope: api.Application, App: app.ID, Capabilities: []api.Capability{api.ViewBase}}).page(at(app.ID, "play", expired.token))
		if got := expired.send("still"); got.status != http.StatusOK {
			t.Fatalf("it was looked at: %d", got.status)
		}
		clock.add(time.Hour)

		never := b.deliver(http.MethodPost, b.url+"/play/in/"+strings.Repeat("a", 26), "x")
		never.header.Del("Date")
		for name, in := range map[string]*box{"expired": expired, "deleted": deleted, "of no application": orphan} {
			got := in.send("x")
			got.header.Del("Date")
			if got.status != http.StatusNotFound || got.body != never.body || fmt.Sprint(got.header) != fmt.Sprint(never.header) {
				t.Errorf("%s: %d %q %v, not %d %q %v", name, got.status, got.body, got.header, never.status, never.body, never.header)
			}
		}
		v = b.as(ofApp(app.ID))
		if got := v.get(at(app.ID, "play", expired.token)); got.status != http.StatusNotFound {
			t.Errorf("the page: %d", got.status)
		}
		if list := v.page(at(app.ID, "play")); list.has(expired.url) {
			t.Error("it is listed still")
		}
		if b.rows("play_requests") == 0 {
			t.Fatal("there is nothing that could be deleted")
		}
		b.must(b.portal.Sweep(t.Context()))
		if n, m := b.rows("play_requests"), b.rows("play_inboxes"); n != 0 || m != 0 {
			t.Errorf("%d requests and %d inboxes are left", n, m)
		}
	})
}

// Changes sweep, too: so many inboxes at a time.
func TestPlaySweep(t *testing.T) {
	clock := newClock()
	b := newBed(t, config{now: clock.now})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	for range 7 {
		v.take(app.ID).send("x")
	}
	clock.add(24 * time.Hour)
	b.as(ofApp(app.ID)).take(app.ID)
	if n := b.rows("play_inboxes"); n != 3 { // 7 less 5, and the new one
		t.Errorf("%d inboxes are left", n)
	}
	b.must(b.portal.Sweep(t.Context()))
	if n := b.rows("play_inboxes"); n != 1 || b.rows("play_requests") != 0 {
		t.Errorf("%d inboxes are left", n)
	}
}

// What has come is shown as text, and the bodies are given as files: nothing of it runs;
// cookies and credentials are not even stored (P-18).
func TestPlayContent(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	const evil = `</code></pre><script>alert(1)</script><img src=x onerror=alert(2)>`
	in.send(evil+"\u202e\x1b[31m", "Content-Type", "text/html", "X-Evil", evil, "Svix-Id", evil, "Cookie", "session=canary1", "Authorization", "Bearer canary2", "X-Api-Key", "canary3")
	b.deliver("X-SCRIPT", in.url+"?q="+strings.ReplaceAll(evil, " ", "/"), strings.Repeat("[", 8000)+strings.Repeat("]", 8000), "X-Nul", "a\tb")
	b.deliver(http.MethodPut, in.url, "\xff\x00\xfe")
	page := in.page()
	for _, bad := range []string{"<script>alert", "<img src=x", "canary", "\x1b", "\u202e"} {
		if page.has(bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !page.has("&lt;script&gt;alert(1)") || !page.has("***") || !page.has("3 bytes that are no text") || len(page.body) > 100<<10 {
		t.Errorf("%d bytes: %s", len(page.body), page.body)
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") {
		t.Error(csp)
	}
	raw := in.get(at(app.ID, "play", in.token, "1"))
	if raw.status != http.StatusOK || !strings.HasPrefix(raw.body, evil) || !strings.Contains(raw.header.Get("Content-Security-Policy"), "sandbox") ||
		raw.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(raw.header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(raw.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v", raw.status, raw.header)
	}
	var stored string
	b.must(b.store.Query(t.Context(), "SELECT head FROM play_requests", nil, func(scan func(...any) error) error {
		var head []byte
		err := scan(&head)
		stored += string(head)
		return err
	}))
	if strings.Contains(stored, "canary") {
		t.Error(stored)
	}
	if strings.Contains(b.log.String(), "canary") {
		t.Error("the log has what was sent")
	}
}

// However an inbox answers, nobody finds something there that somebody else has put there:
// the answer is one of a few texts, which no browser takes for a page, and sets no cookie
// (P-19).
func TestPlayAnswers(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	const evil = "<html><script>alert(1)</script>"
	for how, want := range map[string]int{"ok": http.StatusOK, "500": http.StatusInternalServerError, "410": http.StatusGone, "twice": http.StatusInternalServerError} {
		in.answers(how)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := b.deliver(method, in.url+"?"+url.QueryEscape(evil), evil, "Origin", "https://evil.example", "Content-Type", "text/html", "Webhook-Id", how+method, "Accept", "text/html")
			if got.status != want || strings.Contains(got.body, "<") || len(got.body) > 100 {
				t.Errorf("%s: %d %q", how, got.status, got.body)
			}
			for name, value := range map[string]string{
				"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Set-Cookie": "", "Access-Control-Allow-Origin": "", "Cache-Control": "no-store", "Location": "",
			} {
				if got.header.Get(name) != value {
					t.Errorf("%s: %s is %q", how, name, got.header.Get(name))
				}
			}
			if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
				t.Error(csp)
			}
		}
	}
}

// Requests that come at once, while the page is looked at and inboxes come and go, are all
// there.
func TestPlayAtOnce(t *testing.T) {
	onStores(t, func(t *testing.T, c config) {
		b := newBed(t, c)
		app := b.app("Acme")
		v := b.as(ofApp(app.ID))
		boxes := []*box{v.take(app.ID), v.take(app.ID), v.take(app.ID)}
		var all sync.WaitGroup
		for _, in := range boxes {
			for range 15 {
				all.Go(func() {
					w := b.serve(httptest.NewRequest(http.MethodPost, "/play/in/"+in.token, strings.NewReader("x")))
					if w.Code != http.StatusOK {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				})
			}
		}
		all.Go(func() {
			for range 5 {
				one := v.take(app.ID)
				v.page(at(app.ID, "play", boxes[0].token))
				v.post(at(app.ID, "play", one.token, "delete"), nil)
			}
		})
		all.Wait()
		for _, in := range boxes {
			if page := in.page(); !page.has("<dd>15</dd>") {
				t.Error(page.body)
			}
		}
		if n := b.rows("play_requests"); n != 45 {
			t.Errorf("%d are kept", n)
		}
	})
}

// Why a signature fails is said in words that help, for each scheme.
func TestPlayVerdicts(t *testing.T) {
	for _, scheme := range []string{sender.SchemeSvix, sender.SchemeStandard, sender.SchemeTravelbase} {
		t.Run(scheme, func(t *testing.T) {
			b := newBed(t, config{})
			app := b.app("Acme")
			in := b.as(ofApp(app.ID)).take(app.ID)
			ep := in.endpoint(sender.EndpointIn{Scheme: scheme})
			if page := in.page(); page.has("Add as endpoint") || !page.has(at(app.ID, "endpoints", ep.ID)) {
				t.Error("the page does not lead to the endpoint")
			}
			secret, err := b.sender.EndpointSecret(t.Context(), app.ID, ep.ID)
			b.must(err)
			other, err := b.sender.EndpointSecret(t.Context(), app.ID, b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/", Scheme: scheme}).ID)
			b.must(err)
			preset, _ := verifier.Preset(scheme)
			const body = `{"id": "m_1", "type": "a.b"}`
			signed := func(secret string, ago time.Duration) (headers []string) {
				s, err := verifier.NewSigner(preset, []string{secret}, verifier.Options{})
				b.must(err)
				h, err := s.Sign(verifier.Message{ID: "m_1", Type: "a.b", Timestamp: time.Now().Add(-ago), Body: []byte(body)})
				b.must(err)
				for name := range h {
					headers = append(headers, name, h.Get(name))
				}
				return headers
			}
			for name, tt := range map[string]struct {
				body    string
				headers []string
				want    []string
			}{
				"valid":        {body, signed(secret, 0), []string{"signature verifies", "the body is what was signed"}},
				"unsigned":     {body, nil, []string{"not signed", "is missing, which scheme " + scheme + " needs"}},
				"wrong secret": {body, signed(other, 0), []string{"signature fails", "the secret is another one"}},
				"old":          {body, signed(secret, 1000*time.Hour), []string{"signature fails", "The signature is right, but too old"}},
				"reformatted":  {strings.ReplaceAll(body, ": ", ":"), signed(secret, 0), []string{"signature fails", "the body has changed"}},
				"ahead":        {body, signed(secret, -1000*time.Hour), []string{"signature fails", "ahead of ours"}},
			} {
				in.send(tt.body, tt.headers...)
				page := in.page()
				_, newest, _ := strings.Cut(page.body, "<details")
				newest, _, _ = strings.Cut(newest, "</details>")
				for _, part := range tt.want {
					if !strings.Contains(newest, part) {
						t.Errorf("%s: %q is not said:\n%s", name, part, newest)
					}
				}
				if page.has(strings.TrimPrefix(secret, "whsec_")) {
					t.Fatal("the page has the secret")
				}
			}
		})
	}
}

// What cannot be checked, as the endpoint's secret cannot be read, is received all the same.
func TestPlayUnreadable(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	in.endpoint(sender.EndpointIn{})
	change(b, func(tx *store.Tx) (int64, error) {
		return tx.Exec("UPDATE sender_secrets SET sealed = ?", []byte("no secret"))
	})
	if got := in.send("still here"); got.status != http.StatusOK {
		t.Errorf("%d", got.status)
	}
	if page := in.page(); !page.has("still here") || !page.has("could not be read") || !page.has("not checked") {
		t.Error(page.body)
	}
}
