package portal_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// A link, its key or its code signs in, once, by the form; a token as often as it is valid.
func TestSignIn(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	for name, key := range map[string]func() string{
		"link": func() string { return b.link(ofApp(app.ID), time.Hour) },
		"key": func() string {
			_, key, _ := strings.Cut(b.link(ofApp(app.ID), time.Hour), "#key=")
			return key
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := key()
			v := b.visitor()
			got := v.post("/login", url.Values{"key": {" " + text + "\n"}})
			if got.status != http.StatusSeeOther || got.to != "/portal/" {
				t.Fatalf("%d %s %s", got.status, got.to, got.body)
			}
			if page := v.page(at(app.ID, "endpoints")); !page.has("Acme") {
				t.Error(page.body)
			}
			if again := b.visitor().post("/login", url.Values{"key": {text}}); again.status != http.StatusUnauthorized || len(again.header.Values("Set-Cookie")) != 0 {
				t.Errorf("the used link: %d", again.status)
			}
		})
	}
	for _, scope := range []api.Scope{api.Operator, api.Organisation} {
		token := b.mint(api.Holder{Scope: scope})
		for range 2 {
			if got := b.visitor().post("/login", url.Values{"key": {token}}); got.status != http.StatusSeeOther {
				t.Errorf("a token of the %s: %d", scope, got.status)
			}
		}
	}
	for _, bad := range []string{"", "x", "a.b.c", b.url + "/login#key=%%", strings.Repeat("A", 9000), b.url + "/login#key=e30="} {
		if got := b.visitor().post("/login", url.Values{"key": {bad}}); got.status != http.StatusUnauthorized || !got.has("not valid") {
			t.Errorf("%.20q: %d", bad, got.status)
		}
	}
}

// What has been followed by a scanner of links works still: a GET uses nothing up (P-01).
func TestScannersBurnNothing(t *testing.T) {
	b := newBed(t, config{})
	link := b.link(ofApp(b.app("Acme").ID), time.Hour)
	for range 3 {
		b.visitor().page(link)
	}
	if got := b.visitor().post("/login", url.Values{"key": {link}}); got.status != http.StatusSeeOther {
		t.Error(got.status)
	}
}

// The exchange of a code opens a session beside the token, whatever cookie was there before
// (P-05); but not at the wish of another site, whose session it would be.
func TestExchangeSignsIn(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	exchange := func(v *visitor, site string) *reply {
		_, key, _ := strings.Cut(b.link(ofApp(app.ID), time.Hour), "#key=")
		var code struct {
			OneTimeToken string `json:"oneTimeToken"`
		}
		b.must(json.Unmarshal(decode(t, key), &code))
		body, err := json.Marshal(code)
		b.must(err)
		r := v.request(http.MethodPost, "/api/v1/auth/one-time-token", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", site)
		return v.do(r)
	}
	v := b.visitor()
	cookies := func() string {
		u, _ := url.Parse(b.url)
		for _, c := range v.client.Jar.Cookies(u) {
			return c.Value
		}
		return ""
	}
	first := exchange(v, "same-origin")
	var out struct{ Token string }
	b.must(json.Unmarshal([]byte(first.body), &out))
	set := first.header.Get("Set-Cookie")
	if first.status != http.StatusOK || out.Token == "" || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || !strings.Contains(set, "Path=/") {
		t.Fatalf("%d %s %s", first.status, first.body, set)
	}
	v.page(at(app.ID, "endpoints"))
	fixed := cookies()
	if second := exchange(v, "same-origin"); second.status != http.StatusOK || cookies() == fixed {
		t.Error("the session is the one before")
	}
	if foreign := exchange(b.visitor(), "cross-site"); foreign.status != http.StatusOK || foreign.header.Get("Set-Cookie") != "" {
		t.Errorf("another site has opened a session: %d", foreign.status)
	}
	// A token of the API is no session, and a session is no token of the API (P-12).
	r := b.visitor().request(http.MethodGet, at(app.ID, "endpoints"), nil)
	r.AddCookie(&http.Cookie{Name: "hookgate-session", Value: out.Token})
	if got := b.visitor().do(r); got.status != http.StatusSeeOther {
		t.Errorf("a token as a cookie: %d", got.status)
	}
	r = b.visitor().request(http.MethodGet, "/api/v1/app/"+app.ID, nil)
	r.Header.Set("Authorization", "Bearer "+cookies())
	if got := b.visitor().do(r); got.status != http.StatusUnauthorized {
		t.Errorf("a session as a token: %d", got.status)
	}
}

// A session ends when it is signed out, expires, is ended with all of its application or
// session, or the token that it was made from is revoked (P-02).
func TestSessionsEnd(t *testing.T) {
	for name, end := range map[string]func(*bed, *visitor, string){
		"signed out": func(b *bed, v *visitor, _ string) {
			if got := v.post("/portal/logout", nil); got.status != http.StatusSeeOther || !strings.Contains(got.to, "/login") {
				b.Errorf("%d %s", got.status, got.to)
			}
		},
		"expire all": func(b *bed, _ *visitor, app string) {
			b.must(b.store.Do(b.Context(), func(tx *store.Tx) error { return b.api.Tokens().ExpireAll(tx, app, nil, 0) }))
		},
		"its session": func(b *bed, _ *visitor, app string) {
			b.must(b.store.Do(b.Context(), func(tx *store.Tx) error { return b.api.Tokens().ExpireAll(tx, app, []string{"s1"}, 0) }))
		},
		"its parent": func(b *bed, _ *visitor, _ string) {
			b.must(b.store.Do(b.Context(), func(tx *store.Tx) error { return b.api.Tokens().RevokeID(tx, "the parent") }))
		},
		"its application": func(b *bed, _ *visitor, app string) {
			b.must(b.store.Do(b.Context(), func(tx *store.Tx) error { return b.sender.DeleteApplication(tx, app) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, config{})
			app := b.app("Acme")
			h := ofApp(app.ID)
			h.Session, h.Parent = "s1", "the parent"
			v := b.as(h)
			u, err := url.Parse(b.url)
			b.must(err)
			stolen := v.client.Jar.Cookies(u)
			v.page(at(app.ID, "endpoints"))
			end(b, v, app.ID)
			for _, who := range []*visitor{v, b.visitor()} {
				if who != v {
					who.client.Jar.SetCookies(u, stolen)
				}
				got := who.get(at(app.ID, "endpoints"))
				if got.status != http.StatusSeeOther && got.status != http.StatusNotFound {
					t.Errorf("after its end: %d", got.status)
				}
			}
		})
	}
}

// A link leads on to a page of the portal, and nowhere else (P-11).
func TestNoOpenRedirect(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	for next, want := range map[string]string{
		at(app.ID, "endpoints") + "?at=x": at(app.ID, "endpoints") + "?at=x",
		"https://evil.example/portal/":    "/portal/",
		"//evil.example/portal/":          "/portal/",
		"/portal//evil.example":           "/portal/",
		`/portal/\evil.example`:           "/portal/",
		`/\evil.example/portal/`:          "/portal/",
		"/portal/\n/evil":                 "/portal/",
		"javascript:alert(1)//portal/":    "/portal/",
		"/elsewhere":                      "/portal/",
		"/portal/../login":                "/portal/",
		"":                                "/portal/",
	} {
		page := b.visitor().page("/login?" + url.Values{"next": {next}}.Encode())
		if !page.has(`name="next" value="` + want + `"`) {
			t.Errorf("%q: %s", next, page.body)
		}
		got := b.visitor().post("/login", url.Values{"key": {b.link(ofApp(app.ID), time.Hour)}, "next": {next}})
		if got.to != want {
			t.Errorf("%q leads to %q", next, got.to)
		}
	}
	// Who is not signed in is led back to where he was.
	got := b.visitor().get(at(app.ID, "endpoints"))
	if got.status != http.StatusSeeOther || got.to != "/login?"+(url.Values{"next": {at(app.ID, "endpoints")}}).Encode() {
		t.Errorf("%d %s", got.status, got.to)
	}
}

// Another site's page changes nothing, with whatever cookie (P-06), and frames nothing (P-09).
func TestOtherSites(t *testing.T) {
	b := newBed(t, config{})
	app := b.app("Acme")
	v := b.as(ofApp(app.ID))
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}} {
		r := v.request(http.MethodPost, "/portal/logout", nil)
		for name, value := range header {
			r.Header.Set(name, value)
		}
		if got := v.do(r); got.status != http.StatusForbidden {
			t.Errorf("%v: %d", header, got.status)
		}
	}
	page := v.page(at(app.ID, "endpoints"))
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
}

// With TLS, or an https url, the cookie is sent over TLS only, and no other host can set it
// (P-05).
func TestSecureCookie(t *testing.T) {
	b := newBed(t, config{})
	ring, err := sender.NewKeyring(keyText)
	b.must(err)
	h := ofApp(b.app("Acme").ID)
	for name, tt := range map[string]struct {
		url    string
		tls    *tls.ConnectionState
		secure bool
	}{
		"plain": {"http://localhost", nil, false}, "no url": {"", nil, false}, "TLS": {"", new(tls.ConnectionState), true}, "TLS in front": {"https://hooks.example.com", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/api/v1/auth/one-time-token", nil)
			r.TLS = tt.tls
			answer := make(http.Header)
			b.must(portal.NewSessions(ring, b.store, tt.url, nil).Begin(answer, r, api.Token{Holder: h, ID: "t", Expires: time.Now().Add(time.Hour)}))
			set, err := http.ParseSetCookie(answer.Get("Set-Cookie"))
			b.must(err)
			want := "hookgate-session"
			if tt.secure {
				want = "__Host-" + want
			}
			if set.Name != want || set.Secure != tt.secure || !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.Path != "/" || set.Domain != "" {
				t.Errorf("%+v", set)
			}
		})
	}
}

// The brand's icon is served as what it is, for ever under its own address, and as no page that
// could run something.
func TestBrandIcon(t *testing.T) {
	b := newBed(t, config{})
	icon := []byte("a picture")
	p, err := portal.New(portal.Options{API: b.api, Sender: b.sender, Store: b.store, Sessions: b.sessions, Brand: "Acme", Icon: icon, IconType: "image/png"})
	b.must(err)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	page := get("/login").Body.String()
	address := regexp.MustCompile(`/portal/static/icon\.svg\?[0-9a-f]+`).FindString(page)
	got := get(address)
	if !strings.Contains(page, "Acme") || got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), icon) || got.Header().Get("Content-Type") != "image/png" ||
		!strings.Contains(got.Header().Get("Cache-Control"), "immutable") || !strings.Contains(got.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%q: %d %v", address, got.Code, got.Header())
	}
	if old := get("/portal/static/icon.svg?0"); old.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("another version is kept: %v", old.Header())
	}
	if none := get("/portal/static/..%2fportal.go"); none.Code != http.StatusNotFound {
		t.Errorf("%d", none.Code)
	}
}
