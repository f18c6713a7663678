package portal_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

func decode(t *testing.T, key string) []byte {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The link to the portal, and the refusals in the documented shape. Where it leads is
// configured, and no request's Host decides it (P-10).
func TestPortalAccess(t *testing.T) {
	var late atomic.Int64 // how much later it is than it is
	b := newBed(t, config{brand: "Acme & Söhne", now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})
	app := b.app("Acme")
	ask := func(path, authorization string) *reply {
		v := b.visitor()
		r := v.request(http.MethodGet, path, nil)
		r.Host = "evil.example"
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		got := v.do(r)
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", got.header)
		}
		return got
	}
	const path = "/webhook/app-portal-access/"
	_, expired, err := b.api.Tokens().Mint(ofApp(app.ID), time.Minute)
	b.must(err)
	late.Store(int64(2 * time.Minute))
	for name, tt := range map[string]struct{ path, authorization, kind, message string }{
		"none":      {path, "", "missing_authorization", "Your request does not include an 'Authorization' header with a bearer token for your account."},
		"expired":   {path, "Bearer " + expired, "expired_token", "The bearer token you have provided in the 'Authorization' header has expired. Please obtain a new one."},
		"forged":    {path, "Bearer a.b.c", "invalid_authorization", "The bearer token you have provided in the 'Authorization' header is invalid."},
		"basic":     {path, "Basic YTpi", "invalid_authorization", "The bearer token you have provided in the 'Authorization' header is invalid."},
		"in query":  {path + "?token=" + b.mint(ofApp(app.ID)), "", "missing_authorization", "Your request does not include an 'Authorization' header with a bearer token for your account."},
		"gone":      {path, "Bearer " + b.mint(ofApp("app_000000000000000000000000000")), "invalid_authorization", "The bearer token you have provided in the 'Authorization' header is invalid."},
		"no slash":  {strings.TrimSuffix(path, "/"), "", "missing_authorization", "Your request does not include an 'Authorization' header with a bearer token for your account."},
		"a session": {path, "Bearer " + expired + "x", "invalid_authorization", "The bearer token you have provided in the 'Authorization' header is invalid."},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(tt.path, tt.authorization)
			var out struct {
				Error struct{ Type, Message string }
			}
			b.must(json.Unmarshal([]byte(got.body), &out))
			if got.status != http.StatusUnauthorized || out.Error.Type != tt.kind || out.Error.Message != tt.message {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	type allowed struct {
		query  string
		holder api.Holder
	}
	for name, tt := range map[string]allowed{
		"application": {"", ofApp(app.ID)},
		"read-only":   {"", api.Holder{Scope: api.Application, App: app.ID, Capabilities: []api.Capability{api.ViewBase}}},
		"by id":       {"?application=" + app.ID, api.Holder{Scope: api.Organisation}},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(path+tt.query, "Bearer "+b.mint(tt.holder))
			var out map[string]string
			b.must(json.Unmarshal([]byte(got.body), &out))
			link := out["url"]
			address, key, _ := strings.Cut(link, "#key=")
			if got.status != http.StatusOK || len(out) != 1 || address != b.url+"/login?"+(url.Values{"brand": {"Acme & Söhne"}}).Encode() {
				t.Fatalf("%d %s", got.status, got.body)
			}
			var parts map[string]string
			b.must(json.Unmarshal(decode(t, key), &parts))
			if len(parts) != 3 || parts["appId"] != app.ID || parts["oneTimeToken"] == "" || parts["region"] == "" {
				t.Errorf("%v", parts)
			}
			v := b.visitor()
			if in := v.post("/login", url.Values{"key": {link}}); in.status != http.StatusSeeOther {
				t.Fatal(in.status)
			}
			page := v.page(at(app.ID, "endpoints"))
			if page.has("Add endpoint") == (name == "read-only") {
				t.Error("what may be done is not what the token allows")
			}
		})
	}
	for query, status := range map[string]int{"": http.StatusBadRequest, "?application=nobody": http.StatusNotFound} {
		if got := ask(path+query, "Bearer "+b.mint(api.Holder{Scope: api.Organisation})); got.status != status {
			t.Errorf("%q: %d %s", query, got.status, got.body)
		}
	}
}
