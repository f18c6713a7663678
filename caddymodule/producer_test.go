package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	svixlib "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
)

const (
	producerKey   = "a key of the producer's tests, long enough"
	producerToken = "0123456789abcdef0123456789abcdef"
)

// organisation returns a token for everything, by a key.
func organisation(t testing.TB, key string) string {
	t.Helper()
	ring, err := sender.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := api.NewOfflineTokens(ring, time.Now).Mint(api.Holder{Scope: api.Organisation}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// call asks the API for JSON.
func call(t testing.TB, method, url, token, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	status, _, text := send(t, r)
	var answer map[string]any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%s %s: %d %q", method, url, status, text)
		}
	}
	return status, answer
}

// TestSendDelivers: what webhook_send has answered with 202 is posted to each target,
// signed as the official library wants it, also if the target fails at first; and again
// after a reload.
func TestSendDelivers(t *testing.T) {
	t.Setenv("ORDERS_TOKEN", producerToken)
	first, second := newApp(t), newApp(t)
	failed := false
	second.answer = func(*http.Request) int {
		if !failed {
			failed = true
			return http.StatusBadGateway
		}
		return http.StatusOK
	}
	address := freeAddress(t)
	global := stored(t)
	site := fmt.Sprintf("http://%s {\nwebhook_send /send* orders {\ntoken {env.ORDERS_TOKEN}\nsign svix {env.SVIX}\nto http://%s/a http://%s/b\nretry 10ms forever\n}\n}\n", address, first.address(), second.address())
	run(t, global, site)
	post := func(key string) (int, map[string]any) {
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/send?type=order.paid", strings.NewReader(`{"order":1}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+producerToken)
		r.Header.Set("Idempotency-Key", key)
		status, _, text := send(t, r)
		var answer map[string]any
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%d %q", status, text)
		}
		return status, answer
	}
	hook, err := svixlib.NewWebhook(svixSecret)
	if err != nil {
		t.Fatal(err)
	}
	arrives := func(a *app, key, path string, times int) {
		t.Helper()
		var got []*http.Request
		eventually(t, func() bool { got = append(got, a.take()...); return len(got) >= times }, key+" does not arrive at "+path)
		for _, r := range got {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path != path || r.Header.Get("Svix-Id") != key || string(body) != `{"order":1}` || r.Header.Get("Hookgate-Source") != "" {
				t.Errorf("%s %v %s", r.URL, r.Header, body)
			}
			if err := hook.Verify(body, r.Header); err != nil {
				t.Error(err)
			}
		}
	}
	if status, answer := post("order-1"); status != http.StatusAccepted || answer["id"] != "order-1" {
		t.Fatalf("%d %v", status, answer)
	}
	arrives(first, "order-1", "/a", 1)
	arrives(second, "order-1", "/b", 2)
	if status, answer := post("order-1"); status != http.StatusAccepted || answer["id"] != "order-1" {
		t.Errorf("again: %d %v", status, answer)
	}
	if err := load(t, global, site+"\n# changed\n"); err != nil {
		t.Fatal(err)
	}
	if status, _ := post("order-2"); status != http.StatusAccepted {
		t.Errorf("after a reload: %d", status)
	}
	arrives(first, "order-2", "/a", 1)
	arrives(second, "order-2", "/b", 1)
	if status, _ := call(t, http.MethodPost, "http://"+address+"/send?type=x", "wrong", "{}"); status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: %d", status)
	}
}

// TestTargetsAreOperated: operators see the targets of webhook_send beside the sources, hold
// one, find what it has not taken, and have it sent again; the other target is left alone.
func TestTargetsAreOperated(t *testing.T) {
	good, bad := newApp(t), newApp(t)
	bad.set(always(http.StatusGone))
	address, admin := freeAddress(t), freeAddress(t)
	site := fmt.Sprintf("http://%s {\nwebhook_send /send* orders {\nopen\nsign svix {env.SVIX}\nto http://%s http://%s\n}\n}\n", address, good.address(), bad.address())
	runAdmin(t, map[string]any{"listen": admin}, stored(t), site)
	if status, answer := call(t, http.MethodPost, "http://"+address+"/send?type=a", "", "{}"); status != http.StatusAccepted {
		t.Fatalf("%d %v", status, answer)
	}
	sources := func() map[string]gateway.SourceInfo {
		var list gateway.SourceList
		if status := askAdmin(t, admin, http.MethodGet, "sources", &list); status != http.StatusOK {
			t.Fatal(status)
		}
		named := make(map[string]gateway.SourceInfo)
		for _, s := range list.Sources {
			named[s.Name] = s
		}
		return named
	}
	eventually(t, func() bool { return sources()["send/orders/1"].Dead == 1 }, "the target that refuses has no dead letter")
	if s := sources()["send/orders/0"]; s.State != gateway.SourceUp || s.Dead != 0 || s.Destination != s.Name {
		t.Errorf("the target that takes: %+v", s)
	}
	var page gateway.EventPage
	if status := askAdmin(t, admin, http.MethodGet, "events?state=dead&source=send/orders/1", &page); status != http.StatusOK || len(page.Events) != 1 || page.Events[0].Source != "send/orders" {
		t.Errorf("%d %+v", status, page)
	}
	var none gateway.EventPage
	if status := askAdmin(t, admin, http.MethodGet, "events?state=dead&source=send/orders/0", &none); status != http.StatusOK || len(none.Events) != 0 {
		t.Errorf("%d %+v", status, none)
	}
	var paused any
	if status := askAdmin(t, admin, http.MethodPost, "sources/send%2Forders%2F1/pause", &paused); status != http.StatusOK || sources()["send/orders/1"].State != gateway.SourcePaused {
		t.Errorf("pausing: %d %v", status, paused)
	}
	askAdmin(t, admin, http.MethodPost, "sources/send%2Forders%2F1/resume", &paused)
	bad.set(always(http.StatusOK))
	good.take()
	var job gateway.JobInfo
	r, err := http.NewRequest(http.MethodPost, "http://"+admin+"/webhooks/jobs", strings.NewReader(`{"kind":"recover","source":"send/orders/1"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	status, _, text := send(t, r)
	if err := json.Unmarshal([]byte(text), &job); err != nil || status != http.StatusOK || job.Source != "send/orders/1" || job.Total != 1 {
		t.Fatalf("%d %s", status, text)
	}
	eventually(t, func() bool { return sources()["send/orders/1"].Dead == 0 && sources()["send/orders/1"].Pending == 0 }, "the dead letter is not sent again")
	if n := len(good.take()); n > 0 {
		t.Errorf("the other target got %d more", n)
	}
}

// TestPortal: the API creates an application and an endpoint, and what is sent arrives,
// signed; what is no call goes on to the next handler; another key's token, and one that
// was revoked, let nobody in. Endpoints share one label of the metrics.
func TestPortal(t *testing.T) {
	t.Setenv("HOOKGATE_KEY", producerKey)
	receiver := newApp(t)
	address := freeAddress(t)
	global := stored(t, "key {env.HOOKGATE_KEY}", "allow_private 127.0.0.0/8")
	site := fmt.Sprintf("http://%s {\nwebhook_portal\nmetrics /metrics\nrespond /other \"another page\"\n}\n", address)
	run(t, global, site)
	token, base := organisation(t, producerKey), "http://"+address+"/api/v1"
	if status, app := call(t, http.MethodPost, base+"/app", token, `{"name":"Acme","uid":"acme"}`); status != http.StatusCreated {
		t.Fatalf("%d %v", status, app)
	}
	status, endpoint := call(t, http.MethodPost, base+"/app/acme/endpoint", token, `{"url":"`+receiver.URL+`/in"}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, endpoint)
	}
	_, secret := call(t, http.MethodGet, base+"/app/acme/endpoint/"+endpoint["id"].(string)+"/secret", token, "")
	status, message := call(t, http.MethodPost, base+"/app/acme/msg", token, `{"eventType":"invoice.paid","payload":{"n": 1}}`)
	if status != http.StatusAccepted {
		t.Fatalf("%d %v", status, message)
	}
	var got []*http.Request
	eventually(t, func() bool { got = append(got, receiver.take()...); return len(got) > 0 }, "the message does not arrive")
	hook, err := svixlib.NewWebhook(secret["key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(got[0].Body)
	if err := hook.Verify(body, got[0].Header); err != nil || string(body) != `{"n": 1}` || got[0].Header.Get("Svix-Id") != message["id"] {
		t.Errorf("%v: %s %v", err, body, got[0].Header)
	}
	plain, err := http.NewRequest(http.MethodGet, "http://"+address+"/other", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, text := send(t, plain); text != "another page" {
		t.Errorf("what is no call is answered %q", text)
	}
	if status, answer := call(t, http.MethodGet, base+"/app", organisation(t, producerKey+" of others"), ""); status != http.StatusUnauthorized || answer["code"] != "authentication_failed" {
		t.Errorf("another key's token: %d %v", status, answer)
	}
	eventually(t, func() bool {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, text := send(t, r)
		if strings.Contains(text, endpoint["id"].(string)) {
			t.Fatal("an endpoint's id is a label")
		}
		return strings.Contains(text, `caddy_webhooks_attempts_total{destination="endpoints",outcome="delivered"} 1`)
	}, "the attempt does not show in the metrics")
}

// TestPortalOverReload: what one configuration has changed holds for attempts of the next.
func TestPortalOverReload(t *testing.T) {
	t.Setenv("HOOKGATE_KEY", producerKey)
	t.Setenv("HOOKGATE_NEW_KEY", producerKey+", the next")
	before, after := newApp(t), newApp(t)
	address := freeAddress(t)
	place := stored(t, "allow_private 127.0.0.0/8", "key KEY")
	site := fmt.Sprintf("http://%s {\nwebhook_portal\n}\n", address)
	run(t, strings.Replace(place, "KEY", "{env.HOOKGATE_KEY}", 1), site)
	token, base := organisation(t, producerKey), "http://"+address+"/api/v1"
	call(t, http.MethodPost, base+"/app", token, `{"name":"Acme","uid":"acme"}`)
	call(t, http.MethodPost, base+"/app/acme/endpoint", token, `{"uid":"in","url":"`+before.URL+`"}`)
	say := func() {
		if status, answer := call(t, http.MethodPost, base+"/app/acme/msg", token, `{"eventType":"a","payload":{}}`); status != http.StatusAccepted {
			t.Fatalf("%d %v", status, answer)
		}
	}
	say()
	eventually(t, func() bool { return len(before.take()) > 0 }, "the first message does not arrive")
	if err := load(t, strings.Replace(place, "KEY", "{env.HOOKGATE_NEW_KEY} {env.HOOKGATE_KEY}", 1), site); err != nil {
		t.Fatal(err)
	}
	if status, answer := call(t, http.MethodPatch, base+"/app/acme/endpoint/in", token, `{"url":"`+after.URL+`"}`); status != http.StatusOK {
		t.Fatalf("with a token of the old key: %d %v", status, answer)
	}
	say()
	eventually(t, func() bool { return len(after.take()) > 0 }, "the second message does not arrive at the new URL")
	if n := len(before.take()); n > 0 {
		t.Errorf("%d messages went to the old URL", n)
	}
}

// TestProducerConfigurations: what cannot work does not load, and the error says how to
// mend it.
func TestProducerConfigurations(t *testing.T) {
	t.Setenv("HOOKGATE_KEY", producerKey)
	t.Setenv("SHORT", "short")
	portal := "http://127.0.0.1:9 {\nwebhook_portal\n}\n"
	const keyed = "webhooks {\nkey {env.HOOKGATE_KEY}\n}\n"
	branded := func(brand string) string {
		return "http://127.0.0.1:9 {\nwebhook_portal {\nbrand " + brand + "\n}\n}\n"
	}
	dir := t.TempDir()
	for name, size := range map[string]int{"large.svg": 1<<16 + 1, "empty.png": 0} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sending := func(options string) string {
		return "http://127.0.0.1:9 {\nwebhook_send orders {\n" + options + "\n}\n}\n"
	}
	const to, sign = "to https://a.example.com\n", "sign svix {env.SVIX}\n"
	for name, c := range map[string]struct{ global, sites, want string }{
		"no key":                 {"", portal, "webhook_portal needs a key"},
		"a short key":            {"webhooks {\nkey {env.SHORT}\n}\n", portal, "key"},
		"a key that is not set":  {"webhooks {\nkey {env.NOT_SET_ANYWHERE}\n}\n", portal, "NOT_SET_ANYWHERE is not set"},
		"a key of the request":   {"webhooks {\nkey {http.request.header.Key}\n}\n", portal, "read when the configuration loads"},
		"a URL with a path":      {"webhooks {\nurl https://a.example.com/x\n}\n", portal, "the scheme and host"},
		"a URL without a scheme": {"webhooks {\nurl a.example.com\n}\n", portal, "the scheme and host"},
		"no network":             {"webhooks {\nallow_private 10.0.0.1\n}\n", portal, "10.0.0.0/8"},
		"all networks":           {"webhooks {\nallow_private 0.0.0.0/0\n}\n", portal, "allow_private"},
		"a scheme of nobody":     {"", sending("open\nsign nobody {env.SVIX}\n" + to), `there is no scheme "nobody"`},
		"a secret that is short": {"", sending("open\nsign svix {env.SHORT}\n" + to), "orders"},
		"a token that is short":  {"", sending("token {env.SHORT}\n" + sign + to), "openssl rand -hex 32"},
		"a target that is none":  {"", sending("open\n" + sign + "to ftp://a.example.com\n"), "URL 1"},
		"an icon that is none":   {keyed, branded("Acme " + dir + "/icon.exe"), ".svg, .png"},
		"no icon":                {keyed, branded("Acme " + dir + "/none.svg"), "no such file"},
		"a large icon":           {keyed, branded("Acme " + dir + "/large.svg"), "from 1 to 65536 bytes"},
		"an empty icon":          {keyed, branded("Acme " + dir + "/empty.png"), "from 1 to 65536 bytes"},
		"two brands":             {keyed, branded("Acme") + strings.ReplaceAll(branded("Other"), ":9", ":10"), "different brands"},
		"two that differ":        {"", sending("open\n"+sign+to) + "http://127.0.0.1:10 {\nwebhook_send orders {\nopen\n" + sign + "to https://b.example.com\n}\n}\n", "defined twice, and differently"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, c.global, c.sites)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q in it", err, c.want)
			}
			for _, secret := range []string{producerKey, svixSecret} {
				if err != nil && bytes.Contains([]byte(err.Error()), []byte(secret)) {
					t.Error("the error shows a secret")
				}
			}
		})
	}
	if err := validate(t, "webhooks {\nkey {env.HOOKGATE_KEY}\n}\n", "(same) {\nwebhook_send orders {\nopen\n"+sign+to+"}\n}\n"+portal+"http://127.0.0.1:10 {\nimport same\n}\nhttp://127.0.0.1:11 {\nimport same\n}\n"); err != nil {
		t.Error(err)
	}
}
