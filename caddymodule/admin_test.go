package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/gateway"
)

// runAdmin runs a configuration with an admin endpoint, which ends with the test.
func runAdmin(t testing.TB, admin map[string]any, global, sites string) {
	t.Helper()
	t.Cleanup(func() {
		// The next configuration, not Stop, ends the admin endpoint.
		if err := load(t, quiet, ""); err != nil {
			t.Error(err)
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	loadAdmin(t, admin, global, sites)
}

func loadAdmin(t testing.TB, admin map[string]any, global, sites string) {
	t.Helper()
	var cfg map[string]any
	if err := json.Unmarshal(adaptAll(t, global, sites), &cfg); err != nil {
		t.Fatal(err)
	}
	admin["config"] = map[string]any{"persist": false}
	cfg["admin"] = admin
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(text, true); err != nil {
		t.Fatal(err)
	}
}

// askAdmin asks a running Caddy as the command line does.
func askAdmin(t testing.TB, address, method, path string, into any) int {
	t.Helper()
	transport, origin, err := caddymodule.AdminTransport(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, origin+"/webhooks/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %d %s: %v", path, response.StatusCode, text, err)
	}
	return response.StatusCode
}

// TestAdminAPI: the operator's API is at Caddy's admin endpoint, on a socket and on a
// port that asks for an origin; it is about the configuration that runs, also after
// a reload.
func TestAdminAPI(t *testing.T) {
	port := freeAddress(t)
	for address, admin := range map[string]map[string]any{
		"unix/" + filepath.Join(t.TempDir(), "admin.sock|0220"): {},
		port: {"enforce_origin": true, "origins": []string{port}},
	} {
		app, site, global := newApp(t), freeAddress(t), stored(t)
		admin["listen"] = address
		runAdmin(t, admin, global, forwarding(site, "forward "+app.address()))
		began := time.Now().Add(-time.Second)
		accepted(t, svix(t, "http://"+site+"/hooks", "msg_1"), "accepted")
		app.wait(t, 1)
		var page gateway.EventPage
		eventually(t, func() bool {
			status := askAdmin(t, address, http.MethodGet, "events", &page)
			return status == http.StatusOK && len(page.Events) == 1 && page.Events[0].State == "delivered"
		}, "the event is not shown as delivered")
		if e := page.Events[0]; e.State != "delivered" || e.ID != "msg_1" || e.Source != "travtus" {
			t.Errorf("event %+v", e)
		}
		var list gateway.SourceList
		askAdmin(t, address, http.MethodGet, "sources", &list)
		if len(list.Sources) != 1 || list.Sources[0].State != gateway.SourceUp || list.Sources[0].Schemes[0].Secrets[0].LastUsed.Before(began) {
			t.Errorf("sources %+v", list)
		}
		if status := askAdmin(t, address, http.MethodPost, "sources/travtus/pause", &struct{}{}); status != http.StatusOK {
			t.Errorf("pausing: %d", status)
		}
		loadAdmin(t, admin, global, strings.ReplaceAll(forwarding(site, "forward "+app.address()), "travtus", "renamed"))
		askAdmin(t, address, http.MethodGet, "sources", &list)
		if len(list.Sources) != 1 || list.Sources[0].Name != "renamed" {
			t.Errorf("sources after a reload %+v", list)
		}
		loadAdmin(t, admin, quiet, "")
		var refusal struct{ Error gateway.OperatorError }
		if status := askAdmin(t, address, http.MethodGet, "sources", &refusal); status != http.StatusServiceUnavailable || refusal.Error.Type != "not_running" {
			t.Errorf("without webhooks: %d %+v", status, refusal)
		}
	}
}

// TestAdminTransport: addresses are those of Caddy's own commands.
func TestAdminTransport(t *testing.T) {
	for address, want := range map[string]string{
		"":                          "http://" + caddy.DefaultAdminListen,
		"localhost:2020":            "http://localhost:2020",
		"tcp/[::1]:2020":            "http://[::1]:2020",
		"unix//run/caddy.sock|0220": "http://127.0.0.1",
		"unix/relative.sock":        "http://127.0.0.1",
	} {
		if _, origin, err := caddymodule.AdminTransport(address); err != nil || origin != want {
			t.Errorf("%q: %q %v, want %q", address, origin, err, want)
		}
	}
	for _, address := range []string{"localhost:1-5", "localhost:x"} {
		if _, _, err := caddymodule.AdminTransport(address); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
