package caddymodule_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/verifier"
)

// panicking is a handler that panics with what it was given.
type panicking struct{}

func init() { caddy.RegisterModule(panicking{}) }

func (panicking) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.hookgate_test_panicking", New: func() caddy.Module { return new(panicking) }}
}

func (panicking) ServeHTTP(_ http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	body, _ := io.ReadAll(r.Body)
	panic(fmt.Sprint(string(body), r.Header, r.URL))
}

// canary is a text that is found wherever it leaks to, and where it may be.
type canary struct {
	text string
	may  []string // places, as the documentation has them
}

// TestCanaries: secrets in the configuration, in headers, in the query and in
// bodies, of good, forged, failing and panicking traffic. Logs at their most talkative,
// metrics, the configuration as Caddy shows and saves it, the store, its backup and
// the operator's API are searched: what is not meant to be there is not. (X-01, X-03,
//
func TestCanaries(t *testing.T) {
	payload := []string{"store", "backup", "payload"}
	canaries := map[string]canary{
		"verify secret":           {"canary-verify-secret-0123456789", nil},
		"old verify secret":       {"canary-old-secret-0123456789abc", nil},
		"secret in a file":        {"canary-file-secret-0123456789ab", nil},
		"resign secret":           {"whsec_Y2FuYXJ5LXJlc2lnbi1zZWNyZXQtMDEyMzQ1Njc4", nil},
		"token in a header":       {"canary-token-0123456789abcdefgh", nil},
		"token in the query":      {"canary-query-0123456789abcdefgh", nil},
		"Authorization":           {"canary-authorization", nil},
		"Cookie":                  {"canary-cookie", nil},
		"Proxy-Authorization":     {"canary-proxy", nil},
		"body of a forged event":  {"canary-forged-body", nil},
		"header of a forged one":  {"canary-forged-header", []string{"access"}}, // Caddy logs headers: of all requests in the access log, of what is proxied at DEBUG
		"body of a genuine event": {"canary-body", payload},
		"body that panics":        {"canary-panic", payload},
		"header of a genuine one": {"canary-header", append([]string{"access", "log"}, payload...)},
		"response of the app":     {"canary-response", []string{"store", "backup", "payload", "event"}},
		"response header":         {"canary-set-cookie", nil},
		"body of an ignored one":  {"canary-ignored", nil},
		"body of an erased one":   {"canary-erased", nil},
	}
	text := func(name string) string { return canaries[name].text }
	dir := t.TempDir()
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte(text("secret in a file")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CANARY", text("verify secret"))
	t.Setenv("CANARY_OLD", text("old verify secret"))
	t.Setenv("CANARY_RESIGN", text("resign secret"))
	t.Setenv("CANARY_TOKEN", text("token in a header"))
	t.Setenv("CANARY_QUERY", text("token in the query"))

	upstream := newApp(t, func(s *http.Server) {
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", text("response header"))
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(text("response of the app")))
		})
	})
	address, admin := freeAddress(t), filepath.Join(dir, "admin.sock")
	site := strings.NewReplacer("ADDRESS", address, "APP", upstream.address(), "FILE", secretFile, "ADMIN", admin, "DIR", dir).Replace(`{
	default_bind 127.0.0.1
	admin unix/ADMIN
	auto_https off
	grace_period 2s
	metrics
	log {
		level DEBUG
		output file DIR/log
	}
	webhooks {
		store sqlite DIR/store/events.db
		free_space 1MiB
		scheme in_header {
			signature header:X-Token
			signed    {body}
			key       token text
		}
		scheme in_query {
			signature query:token
			signed    {body}
			key       token text
		}
	}
}
http://ADDRESS {
	log {
		output file DIR/access
		format filter {
			request>headers>X-Token delete
			request>uri query {
				delete token
			}
		}
	}
	webhook /signed* signed {
		verify github {env.CANARY} {env.CANARY_OLD} {file.FILE}
		forward APP
		retry 10ms 10ms
		resign standard {env.CANARY_RESIGN}
	}
	webhook /token* token {
		verify in_header {env.CANARY_TOKEN} {
			allow_weak
		}
		verify in_query {env.CANARY_QUERY} {
			allow_weak
		}
		forward APP
		retry 10ms 10ms
	}
	webhook /ignored* ignored {
		verify travelbase {env.CANARY}
		forward APP
		only never
	}
	webhook /panics* panics {
		verify github {env.CANARY}
		forward {
			respond replaced
		}
		retry 10ms 10ms
	}
}
`)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(site), nil)
	if err != nil {
		t.Fatal(err)
	}
	adapted = bytes.Replace(adapted, []byte(`{"body":"replaced","handler":"static_response"}`), []byte(`{"handler":"hookgate_test_panicking"}`), 1)
	t.Cleanup(func() { _ = caddy.Stop() })
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}

	url := func(path string) string { return "http://" + address + path }
	github := func(path, secret, body string) *http.Request {
		r := signed(t, preset(t, "github"), secret, url(path), verifier.Message{Body: []byte(body)})
		r.Header.Set("Authorization", "Bearer "+text("Authorization"))
		r.Header.Set("Cookie", "a="+text("Cookie"))
		r.Header.Set("Proxy-Authorization", "Basic "+text("Proxy-Authorization"))
		r.Header.Set("X-Custom", text("header of a genuine one"))
		return r
	}
	for i, secret := range []string{"verify secret", "old verify secret", "secret in a file"} {
		accepted(t, github("/signed", text(secret), fmt.Sprintf(`{"n":%d,"a":"%s"}`, i, text("body of a genuine event"))), "accepted")
	}
	accepted(t, github("/panics", text("verify secret"), text("body that panics")), "accepted")
	accepted(t, github("/signed", text("verify secret"), text("body of an erased one")), "accepted")
	forged := github("/signed", text("verify secret"), text("body of a forged event"))
	forged.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	forged.Header.Set("X-Custom", text("header of a forged one"))
	if status, _, _ := send(t, forged); status != http.StatusUnauthorized {
		t.Errorf("forged: status %d", status)
	}
	token, _ := http.NewRequest(http.MethodPost, url("/token?a=b"), strings.NewReader("one"))
	token.Header.Set("X-Token", text("token in a header"))
	accepted(t, token, "accepted")
	token, _ = http.NewRequest(http.MethodPost, url("/token?token="+text("token in the query")+"&a=b"), strings.NewReader("two"))
	accepted(t, token, "accepted")
	accepted(t, signed(t, preset(t, "travelbase"), text("verify secret"), url("/ignored"), verifier.Message{ID: "evt_1", Body: []byte(`{"id":"evt_1","type":"a.b","x":"` + text("body of an ignored one") + `"}`)}), "ignored")

	eventually(t, func() bool {
		for _, source := range []string{"signed", "token", "panics"} {
			if pending, _ := counts(t, "source/"+source); pending > 0 {
				return false
			}
		}
		return true
	}, "the events are not settled")

	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", admin)
	}, DisableKeepAlives: true}}
	ask := func(method, path, body string) string {
		r, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		all, _ := io.ReadAll(response.Body)
		if response.StatusCode > 299 {
			t.Errorf("%s %s: %d %s", method, path, response.StatusCode, all)
		}
		return string(all)
	}
	list := ask("GET", "/webhooks/events?limit=500", "")
	seqs := numbers(list)
	if len(seqs) < 7 {
		t.Fatalf("%d events: %s", len(seqs), list)
	}
	places := map[string]string{"list": list, "sources": ask("GET", "/webhooks/sources", ""), "stats": ask("GET", "/webhooks/stats", "")}
	for _, seq := range seqs {
		if strings.Contains(ask("GET", "/webhooks/events/"+seq+"?payload=true", ""), text("body of an erased one")) {
			ask("POST", "/webhooks/events/"+seq+"/erase", "{}")
		}
	}
	for _, seq := range seqs {
		places["event"] += ask("GET", "/webhooks/events/"+seq, "")
		places["payload"] += ask("GET", "/webhooks/events/"+seq+"?payload=true", "")
	}
	ask("POST", "/webhooks/backup", `{"path":"`+filepath.Join(dir, "backup.db")+`"}`)
	places["backup"] = read(t, filepath.Join(dir, "backup.db"))
	places["metrics"] = ask("GET", "/metrics", "")
	places["config"] = ask("GET", "/config/", "")
	places["autosave"] = read(t, caddy.ConfigAutosavePath)
	stop(t) // what is in the log of the database goes to its file
	places["store"] = read(t, filepath.Join(dir, "store", "events.db"))
	places["log"], places["access"] = read(t, filepath.Join(dir, "log")), read(t, filepath.Join(dir, "access"))
	for name, place := range places {
		if len(place) == 0 {
			t.Errorf("nothing in %s", name)
		}
	}
	for name, c := range canaries {
		for place, content := range places {
			found := strings.Contains(content, c.text)
			if found && !slices.Contains(c.may, place) {
				at := strings.Index(content, c.text)
				t.Errorf("the %s is in %s: …%q…", name, place, content[max(0, at-80):min(len(content), at+80)])
			}
			if !found && slices.Contains(c.may, place) {
				t.Errorf("the %s is not in %s: what is searched?", name, place)
			}
		}
	}
}

// numbers returns the sequence numbers in a list of events.
func numbers(list string) (seqs []string) {
	for _, part := range strings.Split(list, `"seq":`)[1:] {
		part = strings.TrimLeft(part, `" `)
		end := strings.IndexFunc(part, func(c rune) bool { return c < '0' || c > '9' })
		if end > 0 {
			seqs = append(seqs, part[:end])
		}
	}
	return seqs
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if os.IsNotExist(err) {
		_ = filepath.WalkDir(filepath.Dir(path), func(p string, _ fs.DirEntry, _ error) error { t.Log(p); return nil })
		t.Fatalf("no %s", path)
	}
	return string(content)
}
