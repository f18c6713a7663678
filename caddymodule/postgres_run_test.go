package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// TestForwardOnPostgres: with one line changed a source does what it does on SQLite; a
// restart of Caddy finds everything.
func TestForwardOnPostgres(t *testing.T) {
	app, address, dsn := newApp(t), freeAddress(t), pgserver.Database(t)
	global, site := shared(t, dsn), forwarding(address, "forward "+app.address())
	run(t, global, site)
	url := "http://" + address + "/hooks"
	accepted(t, svix(t, url, "msg_1"), "accepted")
	accepted(t, svix(t, url, "msg_1"), "duplicate")
	if id := app.wait(t, 1)[0].Header.Get("Hookgate-Id"); id != "msg_1" {
		t.Errorf("%s arrived", id)
	}
	eventually(t, func() bool { pending, _ := counts(t, "source/travtus"); return pending == 0 }, "never: it is settled")
	stop(t)
	if n := count(t, dsn, "SELECT COUNT(*) FROM gateways"); n != 0 {
		t.Errorf("after the stop %d gateways are in the table", n)
	}
	if n := count(t, dsn, "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name LIKE 'hookgate%' AND datname = current_database()"); n != 0 {
		t.Errorf("after the stop there are %d connections", n)
	}
	if err := load(t, global, site); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, url, "msg_1"), "duplicate")
	if n := count(t, dsn, "SELECT COUNT(*) FROM events"); n != 1 {
		t.Errorf("%d events are stored", n)
	}
	if n := len(app.take()); n != 0 {
		t.Errorf("the app was asked %d times more", n)
	}
}

// TestReloadsKeepPostgresOpen: a reload goes on with the same lease, with the store
// named by an equal string in another way, too. (L-02, L-08)
func TestReloadsKeepPostgresOpen(t *testing.T) {
	app, address, dsn := newApp(t), freeAddress(t), pgserver.Database(t)
	site := forwarding(address, "forward "+app.address())
	run(t, shared(t, dsn), site)
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(dsn+"?pool_max_conns=2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner := count(t, dsn, "SELECT number FROM gateways")
	for _, global := range []string{shared(t, dsn, "retention 3d"), quiet + sharedBlock("{file."+file+"}"), quiet + sharedBlock(dsn)} {
		if err := load(t, global, site); err != nil {
			t.Fatal(err)
		}
		if n := caddymodule.Open(); n != 1 {
			t.Errorf("%d stores are open", n)
		}
	}
	if now := count(t, dsn, "SELECT number FROM gateways"); now != owner {
		t.Errorf("gateway %d is now %d", owner, now)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	app.wait(t, 1)
}

// TestMoveToPostgresIsRefused: a reload may not leave events behind in a file; the
// message says what moves them. (L-04)
func TestMoveToPostgresIsRefused(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	run(t, global, forwarding(address, "forward "+freeAddress(t)))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	other := shared(t, pgserver.Database(t))
	err := load(t, other, forwarding(address, "forward "+app.address()))
	if err == nil || !strings.Contains(err.Error(), "the store cannot change from") || !strings.Contains(err.Error(), "webhook migrate") {
		t.Fatalf("error %v", err)
	}
	if err := load(t, global, forwarding(address, "forward "+app.address())); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate") // makes it due
	app.wait(t, 1)
	eventually(t, func() bool { pending, _ := counts(t, "source/travtus"); return pending == 0 }, "never: it is settled")
	if err := load(t, other, forwarding(address, "forward "+app.address())); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_2"), "accepted")
	app.wait(t, 1)
	eventually(t, func() bool { return caddymodule.Open() == 1 }, "never: the file is closed")
}

// TestPostgresOperations: the operator's API is about the database; backup says what
// makes one there.
func TestPostgresOperations(t *testing.T) {
	app, site, dsn := newApp(t), freeAddress(t), pgserver.Database(t)
	app.set(always(http.StatusGone))
	address := "unix/" + filepath.Join(t.TempDir(), "admin.sock")
	runAdmin(t, map[string]any{"listen": address}, shared(t, dsn), forwarding(site, "forward "+app.address()))
	accepted(t, svix(t, "http://"+site+"/hooks", "msg_1"), "accepted")
	eventually(t, func() bool { _, dead := counts(t, "source/travtus"); return dead == 1 }, "never: it is dead")

	var stats gateway.Stats
	if status := askAdmin(t, address, http.MethodGet, "stats", &stats); status != http.StatusOK || stats.Free != -1 || stats.Keys != -1 {
		t.Errorf("stats: %d %+v", status, stats)
	}
	var list struct {
		Events []struct {
			Seq   int64
			ID    string
			State string
		}
	}
	if status := askAdmin(t, address, http.MethodGet, "events?source=travtus&state=dead", &list); status != http.StatusOK || len(list.Events) != 1 || list.Events[0].ID != "msg_1" {
		t.Errorf("events: %d %+v", status, list)
	}
	app.set(always(http.StatusOK))
	var anything map[string]any
	if status := askAdmin(t, address, http.MethodPost, "events/"+numberOf(list.Events[0].Seq)+"/retry", &anything); status != http.StatusOK {
		t.Errorf("retry: %d %v", status, anything)
	}
	eventually(t, func() bool { pending, dead := counts(t, "source/travtus"); return pending+dead == 0 }, "never: it is delivered")
	if status, text := postAdmin(t, address, "backup", `{"path":"`+filepath.Join(t.TempDir(), "backup")+`"}`); status < 400 || !strings.Contains(text, "pg_dump") {
		t.Errorf("backup: %d %s", status, text)
	}
	if status, text := postAdmin(t, address, "sources/travtus/pause", "{}"); status != http.StatusOK {
		t.Errorf("pause: %d %s", status, text)
	}
	if n := count(t, dsn, "SELECT COUNT(*) FROM pauses"); n != 1 {
		t.Errorf("%d pauses are in the database", n)
	}
}

// TestSharedMetrics: how many gateways there are and whether the lease is held; nothing
// is said of what nobody knows, such as the room on the server's disk.
func TestSharedMetrics(t *testing.T) {
	dsn := pgserver.Database(t)
	for name, row := range map[string]struct {
		global string
		has    []string
		hasNot []string
	}{
		"postgres": {shared(t, dsn), []string{"caddy_webhooks_store_up 1", "caddy_webhooks_gateways 1", "caddy_webhooks_lease_held 1"}, []string{"store_free_bytes", "store_keys"}},
		"sqlite":   {stored(t), []string{"caddy_webhooks_store_up 1", "caddy_webhooks_gateways 1", "caddy_webhooks_store_free_bytes ", "caddy_webhooks_store_keys 0"}, []string{"lease_held"}},
	} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			run(t, row.global, strings.Replace(forwarding(address, "forward "+freeAddress(t)), "respond /other other", "metrics /metrics", 1))
			_, _, text := send(t, httpGet(t, "http://"+address+"/metrics"))
			for _, line := range row.has {
				if !strings.Contains(text, "\n"+line) {
					t.Errorf("no %q", line)
				}
			}
			for _, word := range row.hasNot {
				if strings.Contains(text, word) {
					t.Errorf("there is %q", word)
				}
			}
		})
	}
}
