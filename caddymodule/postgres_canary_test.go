package caddymodule_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// TestPasswordCanary: the password of a connection string, the right one and a wrong
// one, is in no log at its most talkative, no error, no metric, no answer of the admin
// API or of webhook_health, and not in the configuration as Caddy shows and saves it: while
// all is well, while the server is gone, and while the password is refused.
func TestPasswordCanary(t *testing.T) {
	const right, wrong = "canary-right-password", "canary-wrong-password"
	server, super, as := guarded(t, right)
	dir, app, address := t.TempDir(), newApp(t), freeAddress(t)
	file, admin := filepath.Join(dir, "dsn"), filepath.Join(dir, "admin.sock")
	write := func(dsn string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(dsn+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.NewReplacer("ADDRESS", address, "APP", app.address(), "FILE", file, "ADMIN", admin, "DIR", dir).Replace(`{
	default_bind 127.0.0.1
	admin unix/ADMIN
	auto_https off
	grace_period 2s
	log {
		level DEBUG
		output file DIR/log
	}
	webhooks {
		store postgres {file.FILE}
	}
}
http://ADDRESS {
	webhook /hooks* travtus {
		verify svix {env.SVIX}
		forward APP
	}
	webhook_health /health
}
`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := load(t, quiet, ""); err != nil { // ends the admin endpoint, which Stop does not
			t.Error(err)
		}
		_ = caddy.Stop()
	})
	places := map[string]string{}
	write(as(wrong))
	if err := caddy.Load(adapted, true); err != nil {
		places["error of a wrong password"] = err.Error()
	}
	write(as(right))
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", admin)
	}, DisableKeepAlives: true}}
	look := func(when string) {
		t.Helper()
		_, _, places["health "+when] = send(t, httpGet(t, "http://"+address+"/health"))
		_, _, places["answer "+when] = send(t, svix(t, "http://"+address+"/hooks", "msg_"+strings.ReplaceAll(when, " ", "_")))
		for _, path := range []string{"/webhooks/sources", "/webhooks/stats", "/webhooks/events", "/metrics", "/config/"} {
			response, err := client.Get("http://127.0.0.1" + path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			places[path+" "+when] = string(text)
		}
	}
	healthy := func(want bool) {
		t.Helper()
		eventually(t, func() bool {
			status, _, _ := send(t, httpGet(t, "http://"+address+"/health"))
			return (status == http.StatusOK) == want
		}, "never: the health is as it should be")
	}
	look("while all is well")
	app.wait(t, 1)
	delete(places, "answer while all is well") // it is empty
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	healthy(false)
	look("without the server")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	healthy(true)
	ask(t, super, "ALTER ROLE webhooks PASSWORD 'another'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'webhooks'")
	healthy(false)
	eventually(t, func() bool {
		_, _, text := send(t, httpGet(t, "http://"+address+"/health"))
		return strings.Contains(text, "password authentication failed")
	}, "never: the password is refused")
	look("while the password is refused")
	places["autosave"] = read(t, caddy.ConfigAutosavePath)
	places["log"] = read(t, filepath.Join(dir, "log"))
	ask(t, super, "ALTER ROLE webhooks PASSWORD '"+right+"'")
	healthy(true) // so that nothing waits at the stop
	for place, text := range places {
		if text == "" {
			t.Errorf("nothing in %s", place)
		}
		if at := strings.Index(text, "canary"); at >= 0 {
			t.Errorf("the password is in %s: …%q…", place, text[max(0, at-80):min(len(text), at+80)])
		}
	}
	if !strings.Contains(places["/config/ while all is well"], "{file."+file) {
		t.Error("the configuration does not have the placeholder: what is searched?")
	}
}
