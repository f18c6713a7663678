package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// healthSite is forwarding with webhook_health, and a site beside it.
func healthSite(address, other, options string) string {
	site := strings.Replace(forwarding(address, options), "respond /other other", "webhook_health /health", 1)
	return site + "http://" + other + " {\nrespond beside\n}\n"
}

// TestPostgresIsDownAtStart: Caddy starts all the same and serves its other sites; the
// source turns senders away, says so to whom asks for its health, and takes events as
// soon as the server is there.
func TestPostgresIsDownAtStart(t *testing.T) {
	server := pgserver.Own(t, "fsync=off")
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	app, address, other := newApp(t), freeAddress(t), freeAddress(t)
	run(t, shared(t, dsn), healthSite(address, other, "forward "+app.address()))
	if status, _, text := send(t, httpGet(t, "http://"+other+"/")); status != http.StatusOK || text != "beside" {
		t.Errorf("the other site: %d %s", status, text)
	}
	if status, header, text := send(t, svix(t, "http://"+address+"/hooks", "msg_1")); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, `"unavailable"`) {
		t.Errorf("status %d, %s", status, text)
	}
	health := func() (int, string) {
		status, _, text := send(t, httpGet(t, "http://"+address+"/health"))
		return status, text
	}
	if status, text := health(); status != http.StatusServiceUnavailable || !strings.Contains(text, "connecting to postgres://hookgate@127.0.0.1") || !strings.Contains(text, "connection refused") {
		t.Errorf("health: %d %s", status, text)
	}
	// A reload meanwhile is no harm, and a stop neither.
	if err := load(t, shared(t, dsn), healthSite(address, other, "forward "+app.address()+"\nretry 1s")); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { status, _ := health(); return status == http.StatusOK }, "never: the store is open")
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	app.wait(t, 1)
	eventually(t, func() bool { pending, _ := counts(t, "source/travtus"); return pending == 0 }, "never: it is settled")

	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { status, _ := health(); return status == http.StatusServiceUnavailable }, "never: it is noticed that the server is gone")
	stop(t) // it waits for nobody who is not there
	if n := caddymodule.Open(); n != 0 {
		t.Errorf("%d stores are open", n)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
}

// TestPostgresPassword: a wrong password stops the load, as it does not mend itself;
// and one that is changed is taken over by a reload, from a file without one. The
// connections that there are go on meanwhile. (L-06)
func TestPostgresPassword(t *testing.T) {
	const first, second, third = "canary-first-password", "canary-second-password", "canary-third-password"
	_, super, as := guarded(t, first)
	app, address := newApp(t), freeAddress(t)
	site := healthSite(address, freeAddress(t), "forward "+app.address())
	err := load(t, shared(t, as("canary-wrong-password")), site)
	if err == nil || !strings.Contains(err.Error(), "password authentication failed") || !strings.Contains(err.Error(), "connecting to postgres://webhooks@127.0.0.1") {
		t.Fatalf("error %v", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error has the password: %v", err)
	}
	if n := caddymodule.Open(); n != 0 {
		t.Errorf("%d stores are open", n)
	}

	run(t, shared(t, as(first)), site)
	url, n := "http://"+address+"/hooks", 0
	works := func() {
		t.Helper()
		n++
		eventually(t, func() bool {
			status, _, _ := send(t, httpGet(t, "http://"+address+"/health"))
			return status == http.StatusOK
		}, "never: the store works")
		accepted(t, svix(t, url, "msg_"+numberOf(int64(n))), "accepted")
		app.wait(t, 1)
	}
	works()
	// The server asks for another password from now on.
	ask(t, super, "ALTER ROLE webhooks PASSWORD '"+second+"'")
	works()
	if err := load(t, shared(t, as(second)), site); err != nil {
		t.Fatal(err)
	}
	reconnect := func() {
		t.Helper()
		ask(t, super, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'webhooks'")
		// The one that commits notices with the next commit.
		eventually(t, func() bool {
			status, _, _ := send(t, svix(t, url, "msg_reconnect_"+numberOf(int64(n))))
			return status == http.StatusOK
		}, "never: it is connected again")
		app.wait(t, 1)
	}
	reconnect()
	works()

	file := filepath.Join(t.TempDir(), "dsn")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(as(second))
	if err := load(t, quiet+sharedBlock("{file."+file+"}"), site); err != nil {
		t.Fatal(err)
	}
	ask(t, super, "ALTER ROLE webhooks PASSWORD '"+third+"'")
	for _, unusable := range []string{"", "postgres://elsewhere/hookgate", "nonsense", as(third)} { // the last is good
		write(unusable)
		if err := caddymodule.Refresh(); err != nil {
			t.Fatal(err)
		}
	}
	reconnect()
	works()
	if n := caddymodule.Open(); n != 1 {
		t.Errorf("%d stores are open", n)
	}
}

// TestPoolTakesChangedPassword: also the connections that read, which come and go by
// themselves, are made with the password of today: nothing fails because of them.
func TestPoolTakesChangedPassword(t *testing.T) {
	const first, second = "canary-first-password", "canary-second-password"
	_, super, as := guarded(t, first)
	app, site := newApp(t), freeAddress(t)
	log, address := filepath.Join(t.TempDir(), "log"), "unix/"+filepath.Join(t.TempDir(), "admin.sock")
	global := "log {\noutput file " + log + "\n}\n" + sharedBlock("{env.HOOKGATE_POSTGRES}")
	t.Setenv("HOOKGATE_POSTGRES", as(first))
	runAdmin(t, map[string]any{"listen": address}, global, forwarding(site, "forward "+app.address()))
	ask(t, super, "ALTER ROLE webhooks PASSWORD '"+second+"'")
	t.Setenv("HOOKGATE_POSTGRES", as(second))
	loadAdmin(t, map[string]any{"listen": address}, global, forwarding(site, "forward "+app.address()))
	var list map[string]any
	read200 := func() {
		t.Helper()
		if status := askAdmin(t, address, http.MethodGet, "events", &list); status != http.StatusOK {
			t.Errorf("reading: %d %v", status, list)
		}
	}
	read200()
	// All but the one that commits, which is the oldest, and the lease's.
	const others = `FROM pg_stat_activity WHERE usename = 'webhooks' AND application_name = 'hookgate'
AND backend_start > (SELECT MIN(backend_start) FROM pg_stat_activity WHERE usename = 'webhooks')`
	if n := count(t, super, "SELECT COUNT(*) "+others); n == 0 {
		t.Fatal("no connection reads")
	}
	ask(t, super, "SELECT pg_terminate_backend(pid) "+others)
	eventually(t, func() bool { return count(t, super, "SELECT COUNT(*) "+others) == 0 }, "never: they are gone")
	for range 5 {
		askAdmin(t, address, http.MethodGet, "events", &list) // the first may meet a connection that is gone
	}
	read200()
	if logged := read(t, log); strings.Contains(logged, "password authentication failed") {
		t.Error("connections are made with the password of before")
	}
}
