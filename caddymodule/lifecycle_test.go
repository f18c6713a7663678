package caddymodule_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/caddymodule"
)

// failing is an app of a configuration that cannot start.
type failing struct{}

func init() { caddy.RegisterModule(failing{}) }

func (failing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "hookgate_test_failing", New: func() caddy.Module { return new(failing) }}
}
func (failing) Start() error { return errors.New("this app never starts") }
func (failing) Stop() error  { return nil }

// loadFailing loads a configuration one of whose apps fails at its Start, before
// or after ours, as the map of apps has it.
func loadFailing(t testing.TB, global, sites string) error {
	t.Helper()
	adapted := adaptAll(t, global, sites)
	text := strings.Replace(string(adapted), `"apps":{`, `"apps":{"hookgate_test_failing":{},`, 1)
	return caddy.Load([]byte(text), true)
}

// TestFailedReloadLeavesDelivering: a configuration that fails after our Start, as
// another app does or its port is taken, changes nothing: the running one delivers
// with its own chain, the store stays open, and nothing is left behind. (L-03, R-12)
func TestFailedReloadLeavesDelivering(t *testing.T) {
	app, wrong, address, global := newApp(t), newApp(t), freeAddress(t), stored(t)
	run(t, global, forwarding(address, "forward "+app.address()+"\nretry 20ms forever"))
	for i := range 12 {
		bad := forwarding(address, "forward "+wrong.address())
		var err error
		if i%3 == 2 {
			err = load(t, global, bad+"http://other {\nbind unix//nonexistent-hookgate/sock\nrespond x\n}\n")
		} else {
			err = loadFailing(t, global, bad)
		}
		if err == nil {
			t.Fatal("it loaded")
		}
		id := fmt.Sprintf("msg_%d", i)
		accepted(t, svix(t, "http://"+address+"/hooks", id), "accepted")
		if got := app.wait(t, 1)[0].Header.Get("Hookgate-Id"); got != id {
			t.Errorf("%s arrived, wanted %s", got, id)
		}
		if n := caddymodule.Open(); n != 1 {
			t.Fatalf("%d stores are open", n)
		}
	}
	if n := len(wrong.take()); n != 0 {
		t.Errorf("%d events went where the failed configurations say", n)
	}
}

// TestReloadAbortsNoAttempt: an attempt in flight goes on over a reload, on the
// chain it began with; the next one uses the new chain. (L-02, U-17)
func TestReloadAbortsNoAttempt(t *testing.T) {
	old, next, address, global := newApp(t), newApp(t), freeAddress(t), stored(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	old.set(func(*http.Request) int {
		once.Do(func() { close(entered) })
		<-release
		return http.StatusOK
	})
	run(t, global, forwarding(address, "forward "+old.address()))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_slow"), "accepted")
	<-entered
	for range 3 {
		if err := load(t, global, forwarding(address, "forward "+next.address())); err != nil {
			t.Fatal(err)
		}
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_next"), "accepted")
	if got := next.wait(t, 1)[0].Header.Get("Hookgate-Id"); got != "msg_next" {
		t.Errorf("%s arrived at the new app", got)
	}
	close(release)
	eventually(t, func() bool { pending, dead := counts(t, "source/travtus"); return pending == 0 && dead == 0 }, "never: both are delivered")
	if a, b := len(old.take()), len(next.take()); a != 1 || b != 0 {
		t.Errorf("%d at the old app, %d more at the new", a, b)
	}
}

// TestStoredReloadsUnderLoad: 50 reloads while events and their duplicates arrive and
// are forwarded. Every acknowledged event arrives once, nothing gets an
// unexplained answer, and goroutines and files are as before. (L-01, L-02, R-12, L-13)
func TestStoredReloadsUnderLoad(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	site := func(i int) string {
		return forwarding(address, "forward "+app.address()+" {\nheader_up X-Config "+fmt.Sprint(i)+"\n}")
	}
	run(t, global, site(0))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_first"), "accepted")
	app.wait(t, 1)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)

	sent := reloadUnderLoad(t, address, func(i int) error { return load(t, global, site(i+1)) })
	seen := map[string]int{}
	eventually(t, func() bool {
		for _, r := range app.take() {
			seen[r.Header.Get("Hookgate-Id")]++
		}
		return len(seen) >= sent
	}, "never: every event has arrived")
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	app.CloseClientConnections() // those of attempts that outlived their reverse_proxy idle for its two minutes
	eventually(t, func() bool {
		return runtime.NumGoroutine() <= goroutines+5 && openFiles(t) <= files+5
	}, "never: goroutines and files are as before")
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // no /proc: goroutines are counted at least
	}
	return len(entries)
}

// TestStopClosesStore: after Caddy has stopped another process may have the file.
func TestStopClosesStore(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	run(t, global, forwarding(address, "forward "+app.address()))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	stop(t)
	if n := caddymodule.Open(); n != 0 {
		t.Fatalf("%d stores are open", n)
	}
	if err := load(t, global, forwarding(address, "forward "+app.address())); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate")
}

// TestStoreChangeIsRefused: a reload may not leave events behind in the old store.
// With none waiting it may change. (L-04)
func TestStoreChangeIsRefused(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	run(t, global, forwarding(address, "forward "+freeAddress(t)))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	other := stored(t)
	err := load(t, other, forwarding(address, "forward "+app.address()))
	if err == nil || !strings.Contains(err.Error(), "the store cannot change from") || !strings.Contains(err.Error(), "1 for source/travtus") {
		t.Fatalf("error %v", err)
	}
	if err := load(t, global, forwarding(address, "forward "+app.address()+"\nretry 20ms forever")); err != nil {
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
}

// TestTwoSpellingsAreOneStore: a path and a symbolic link to it. (L-08)
func TestTwoSpellingsAreOneStore(t *testing.T) {
	app, address, dir := newApp(t), freeAddress(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	global := func(path string) string {
		return quiet + "webhooks {\nstore sqlite " + filepath.Join(dir, path) + "\nfree_space 1MiB\n}\n"
	}
	run(t, global("real/events.db"), forwarding(address, "forward "+freeAddress(t)))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	if err := load(t, global("link/../real/./events.db"), forwarding(address, "forward "+app.address())); err != nil {
		t.Fatal(err)
	}
	if n := caddymodule.Open(); n != 1 {
		t.Errorf("%d stores are open", n)
	}
	if err := load(t, global("link/events.db"), forwarding(address, "forward "+app.address())); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate")
}

// TestHealthOfStore: a store that cannot take events is a gateway that cannot, and
// says so; the sender is told to come back. (F-17)
func TestHealthOfStore(t *testing.T) {
	app, address, dir := newApp(t), freeAddress(t), t.TempDir()
	file := filepath.Join(dir, "events.db")
	global := quiet + "webhooks {\nstore sqlite " + file + "\nfree_space 1MiB\n}\n"
	run(t, global, strings.Replace(forwarding(address, "forward "+app.address()), "respond /other other", "webhook_health /health", 1))
	health := func() (int, string) {
		status, _, text := send(t, httpGet(t, "http://"+address+"/health"))
		return status, text
	}
	if status, text := health(); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	// The file goes away: what is committed from now on would be gone with it.
	if err := os.Rename(file, file+".moved"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		status, text := health()
		return status == http.StatusServiceUnavailable && strings.Contains(text, "store")
	}, "never: health says so")
	if status, header, text := send(t, svix(t, "http://"+address+"/hooks", "msg_1")); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, "unavailable") {
		t.Errorf("status %d, %s", status, text)
	}
}

// TestSlowUploadOverReload: a request whose configuration is gone while its body
// arrives is stored all the same: it holds the store open. (L-01)
func TestSlowUploadOverReload(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	run(t, global, forwarding(address, "forward "+app.address()))
	var text bytes.Buffer
	if err := svix(t, "http://"+address+"/hooks", "msg_slow").Write(&text); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(text.Bytes()[:text.Len()-5]); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return caddymodule.BodiesHeld() > 0 }, "the request is not inside the handler")
	for i := range 3 {
		if err := load(t, global, forwarding(address, "forward "+app.address()+"\nretry "+fmt.Sprint(i+1)+"s")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Write(text.Bytes()[text.Len()-5:]); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Hookgate-Result") != "accepted" {
		t.Errorf("status %d, result %q", response.StatusCode, response.Header.Get("Hookgate-Result"))
	}
	app.wait(t, 1)
}

// TestForwardRemoved: events of sources that have no forward any more stay, and the log
// says so; with forward they are delivered. (L-05)
func TestForwardRemoved(t *testing.T) {
	app, address, dir := newApp(t), freeAddress(t), t.TempDir()
	log := filepath.Join(dir, "log")
	global := "log {\noutput file " + log + "\n}\nwebhooks {\nstore sqlite " + filepath.Join(dir, "events.db") + "\nfree_space 1MiB\n}\n"
	run(t, global, forwarding(address, "forward "+freeAddress(t)))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	if err := load(t, global, source(address, app.address(), "")); err != nil {
		t.Fatal(err)
	}
	if n := caddymodule.Open(); n != 0 {
		t.Errorf("%d stores are open", n)
	}
	if text := read(t, log); !strings.Contains(text, "no source has forward any more") || !strings.Contains(text, "source/travtus") {
		t.Error("the log does not say that events wait")
	}
	if err := load(t, global, forwarding(address, "forward "+app.address()+"\nretry 20ms forever")); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate") // makes it due
	app.wait(t, 1)
}
