package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/verifier"
)

// stored is a global block for a store of the test's own.
func stored(t testing.TB, more ...string) string {
	t.Helper()
	return quiet + "webhooks {\nstore sqlite " + filepath.Join(t.TempDir(), "events.db") + "\nfree_space 1MiB\n" + strings.Join(more, "\n") + "\n}\n"
}

// forwarding is a site with one stored source under /hooks*; forward and other
// options are its block's.
func forwarding(address, options string) string {
	return fmt.Sprintf("http://%s {\nwebhook /hooks* travtus {\nverify svix {env.SVIX}\n%s\n}\nrespond /other other\n}\n", address, options)
}

// wait returns the next n requests that the app sees.
func (a *app) wait(t testing.TB, n int) []*http.Request {
	t.Helper()
	var seen []*http.Request
	eventually(t, func() bool {
		seen = append(seen, a.take()...)
		return len(seen) >= n
	}, fmt.Sprintf("the app did not see %d requests", n))
	return seen
}

// set changes what the app answers.
func (a *app) set(answer func(*http.Request) int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func always(status int) func(*http.Request) int { return func(*http.Request) int { return status } }

// accepted sends an event and wants the answer of a stored source.
func accepted(t testing.TB, r *http.Request, result string) {
	t.Helper()
	status, header, text := send(t, r)
	if status != http.StatusOK || header.Get("Hookgate-Result") != result || text != "" {
		t.Errorf("status %d, result %q, body %q; wanted 200 %s", status, header.Get("Hookgate-Result"), text, result)
	}
}

// TestForward: an event is stored, answered and forwarded, with what was verified
// and what the sender sent, but without its credentials.
func TestForward(t *testing.T) {
	for form, forward := range map[string]string{"upstream": "forward %s", "block": "forward {\nreverse_proxy %s\n}"} {
		t.Run(form, func(t *testing.T) {
			app, address := newApp(t), freeAddress(t)
			run(t, stored(t), forwarding(address, fmt.Sprintf(forward, app.address())))
			r := svix(t, "http://"+address+"/hooks/in?a=b&c", "msg_1")
			r.Header.Set("Authorization", "Bearer canary")
			r.Header.Set("Cookie", "canary")
			r.Header.Set("X-Custom", "kept")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Hookgate-Source", "forged")
			accepted(t, r, "accepted")

			got := app.wait(t, 1)[0]
			body, _ := io.ReadAll(got.Body)
			if want := `{"type":"a.b","n":"msg_1"}`; string(body) != want {
				t.Errorf("body %s", body)
			}
			if got.Method != http.MethodPost || got.RequestURI != "/hooks/in?a=b&c" || got.Host != address || got.ContentLength != int64(len(body)) {
				t.Errorf("%s %s at %s, %d bytes", got.Method, got.RequestURI, got.Host, got.ContentLength)
			}
			for name, want := range map[string]string{
				"Hookgate-Source": "travtus", "Hookgate-Scheme": "svix", "Hookgate-Id": "msg_1", "Hookgate-Attempt": "1",
				"Hookgate-Idempotency-Key": "travtus/msg_1", "X-Custom": "kept", "Svix-Id": "msg_1", "Content-Type": "application/json",
				"Authorization": "", "Cookie": "", "Upgrade": "", "Hookgate-Replay": "",
			} {
				if value := strings.Join(got.Header.Values(name), "|"); value != want {
					t.Errorf("%s: %q, wanted %q", name, value, want)
				}
			}
			for _, name := range []string{"Hookgate-Timestamp", "Hookgate-Received", "Hookgate-Sequence", "Hookgate-Via"} {
				if got.Header.Get(name) == "" {
					t.Errorf("no %s", name)
				}
			}
			accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate")
			if status, _, text := send(t, httpGet(t, "http://"+address+"/other")); status != http.StatusOK || text != "other" {
				t.Errorf("the rest of the site: %d %q", status, text)
			}
			if n := len(app.take()); n != 0 {
				t.Errorf("%d more requests at the app", n)
			}
		})
	}
}

func httpGet(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestForwardRetries: until the app says 2xx the event is forwarded again, with the
// number of the attempt; the sender has its 200 long since. (K-06, U-04)
func TestForwardRetries(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	app.set(always(http.StatusInternalServerError))
	run(t, stored(t), forwarding(address, "forward "+app.address()+"\nretry 20ms forever"))
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	app.wait(t, 2)
	app.set(always(http.StatusNoContent))
	seen := app.wait(t, 1)
	last := seen[len(seen)-1]
	if n := last.Header.Get("Hookgate-Attempt"); n == "1" || n == "" {
		t.Errorf("attempt %q", n)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate")
}

// TestForwardOutlivesRestart: what was acknowledged while the app was down arrives
// after a restart, once. (K-06, T-14)
func TestForwardOutlivesRestart(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	down := forwarding(address, "forward "+freeAddress(t))
	run(t, global, down)
	for i := range 5 {
		accepted(t, svix(t, "http://"+address+"/hooks", fmt.Sprintf("msg_%d", i)), "accepted")
	}
	stop(t)
	if err := load(t, global, forwarding(address, "forward "+app.address()+"\nretry 20ms forever")); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_0"), "duplicate") // and due at once, like any copy
	for i := range 5 {
		accepted(t, svix(t, "http://"+address+"/hooks", fmt.Sprintf("msg_%d", i)), "duplicate")
	}
	ids := map[string]int{}
	for _, r := range app.wait(t, 5) {
		ids[r.Header.Get("Hookgate-Id")]++
	}
	for i := range 5 {
		if n := ids[fmt.Sprintf("msg_%d", i)]; n != 1 {
			t.Errorf("msg_%d arrived %d times", i, n)
		}
	}
}

// TestOnly: other types are answered with 200 and never forwarded; one that is
// sent again after only was widened is.
func TestOnly(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	event := func(id string) *http.Request {
		r := signed(t, preset(t, "travelbase"), textSecret, "http://"+address+"/hooks", message(id, `{"id":"`+id+`","type":"invoice.paid"}`))
		return r
	}
	site := func(only string) string {
		return fmt.Sprintf("http://%s {\nwebhook /hooks* tb {\nverify travelbase {env.TEXT}\nforward %s\n%s\n}\n}\n", address, app.address(), only)
	}
	run(t, global, site("only customer.*"))
	accepted(t, event("evt_1"), "ignored")
	accepted(t, event("evt_1"), "ignored")
	if err := load(t, global, site("only customer.* invoice.*")); err != nil {
		t.Fatal(err)
	}
	accepted(t, event("evt_1"), "accepted")
	if got := app.wait(t, 1)[0].Header.Get("Hookgate-Event-Type"); got != "invoice.paid" {
		t.Errorf("type %q", got)
	}
	accepted(t, event("evt_1"), "duplicate")
}

// TestWas: after a rename the events of the old name are delivered, and its copies
// are still duplicates.
func TestWas(t *testing.T) {
	app, address, global := newApp(t), freeAddress(t), stored(t)
	old := strings.Replace(forwarding(address, "forward "+freeAddress(t)), "travtus", "old-name", 1)
	run(t, global, old)
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "accepted")
	if err := load(t, global, forwarding(address, "forward "+app.address()+"\nretry 20ms forever\nwas old-name")); err != nil {
		t.Fatal(err)
	}
	accepted(t, svix(t, "http://"+address+"/hooks", "msg_1"), "duplicate")
	got := app.wait(t, 1)[0].Header
	if got.Get("Hookgate-Source") != "travtus" || got.Get("Hookgate-Idempotency-Key") != "old-name/msg_1" {
		t.Errorf("source %q, idempotency key %q, which is the same on every attempt", got.Get("Hookgate-Source"), got.Get("Hookgate-Idempotency-Key"))
	}
}

// TestValidateMakesNoStore: caddy validate, and a configuration that is
// provisioned and never started, make no file. (F-15, R-11)
func TestValidateMakesNoStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	global := "webhooks {\nstore sqlite " + dir + "/events.db\n}\n"
	if err := validate(t, global, forwarding("127.0.0.1:0", "forward app:8080")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("validate has made %s: %v", dir, err)
	}
}

// TestForwardMistakes: what the grammar cannot see stops the load.
func TestForwardMistakes(t *testing.T) {
	for name, row := range map[string]struct{ options, want string }{
		"unset resign secret":  {"forward app:8080\nresign standard {env.HOOKGATE_UNSET}", "the environment variable HOOKGATE_UNSET is not set"},
		"unknown resign":       {"forward app:8080\nresign svx {env.SVIX}", "there is no scheme \"svx\""},
		"hop-by-hop kept":      {"forward app:8080\nkeep_header Connection", "source travtus"},
		"own header kept":      {"forward app:8080\nkeep_header Hookgate-Source", "source travtus"},
		"was not a name":       {"forward app:8080\nwas Old!", "source travtus"},
		"was itself":           {"forward app:8080\nwas travtus", "source travtus"},
		"a directive mistaken": {"forward {\nbasic_auth {\nbob not-a-hash\n}\n}", "source travtus: forward"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, "", forwarding("127.0.0.1:0", row.options))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, wanted %q", err, row.want)
			}
		})
	}
}

func message(id, body string) verifier.Message { return verifier.Message{ID: id, Body: []byte(body)} }

// stop ends Caddy, as a restart does.
func stop(t testing.TB) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
}

func counts(t testing.TB, destination string) (pending, dead int64) {
	t.Helper()
	c, ok := caddymodule.Counts(destination)
	if !ok {
		t.Fatalf("no store knows %s", destination)
	}
	return c.Pending, c.Dead
}
