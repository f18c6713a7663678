package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
	"github.com/hookgate/hookgate/verifier"
)

// newRealDesk is a desk behind which there is a gateway: the API over a store and an
// engine that delivers to this machine.
func newRealDesk(t *testing.T, retry ...time.Duration) (*desk, *api.API) {
	t.Helper()
	s, err := store.Open(t.Context(), sqlite.New(filepath.Join(t.TempDir(), "events.db"), 0),
		store.Options{Migrations: append(sender.Migrations(), api.Migrations()...), Match: sender.Match})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sender.NewKeyring(testKey)
	if err != nil {
		t.Fatal(err)
	}
	guard, err := sender.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	engine := delivery.New(s, delivery.Options{Now: s.Now})
	sending, err := sender.New(sender.Options{Store: s, Engine: engine, Keys: keys, Guard: guard, Retry: retry})
	if err != nil {
		t.Fatal(err)
	}
	if err := sending.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine.Add(nil, sending).Begin()
	engine.StartJobs()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(engine.Stop(ctx), sending.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	d := newDesk(t)
	served := api.New(api.Options{Sender: sending, Store: s, Keys: keys})
	d.Config.Handler = served
	d.now = time.Now
	t.Setenv(envKey, testKey)
	return d, served
}

// ask runs a command that has to go well, and returns what it printed in its last line.
func (d *desk) ask(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	r := d.run(t, stdin, args...)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("%q: %d\n%s%s", args, r.status, r.stdout, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// TestRealAPI: from a key to a delivered, verified webhook, by commands alone.
func TestRealAPI(t *testing.T) {
	d, _ := newRealDesk(t, 10*time.Millisecond, 20*time.Millisecond)
	t.Setenv(envToken, d.ask(t, "", "token"))
	app := d.ask(t, "", "app", "create", "--uid", "customer-42", "--rate", "500", "Acme Ltd")
	if got := d.ask(t, "", "app", "show", "customer-42"); !strings.Contains(got, app) || !strings.Contains(got, "500/s") {
		t.Errorf("app show printed\n%s", got)
	}
	d.run(t, "", "app", "create", "--uid", "customer-42", "Again").want(t, 2, "(409)")
	d.run(t, "", "app", "create", "--uid", "bad uid", "Again").want(t, 2, "uid: ")

	// The customer's own token does the rest.
	organisation := d.ask(t, "", "token")
	t.Setenv(envToken, d.ask(t, "", "token", "--app", "customer-42"))
	t.Setenv(envApp, "customer-42")
	d.run(t, "", "app", "list").want(t, 2, "the token may not do this: it is one of an application")
	d.run(t, "{}", "send", "--type", "invoice.paid").want(t, 2, "the token may not do this")
	a := newMachine(t)
	a.answer = func(n int, _ *http.Request) int {
		if n < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	d.run(t, "", "endpoint", "add", "--events", "invoice.paid", a.URL).want(t, 2, "eventTypes: ")
	customers := readToken(t)
	t.Setenv(envToken, organisation)
	d.ask(t, `{"example":true}`, "event-type", "add", "--description", "Paid", "--example", "-", "invoice.paid")
	t.Setenv(envToken, customers)
	ep := d.ask(t, "", "endpoint", "add", "--events", "invoice.paid", "--description", "main", a.URL+"/hooks")
	if got := d.ask(t, "", "endpoint", "list"); !strings.Contains(got, ep) || !strings.Contains(got, "invoice.paid") {
		t.Errorf("endpoint list printed\n%s", got)
	}
	secret := d.ask(t, "", "endpoint", "secret", ep)

	t.Setenv(envToken, organisation)
	payload := "{ \"amount\": 1.0 }"
	send := []string{"send", "--type", "invoice.paid", "--id", "in_1-paid"}
	message, rest, _ := strings.Cut(d.ask(t, payload, append(send, "--wait")...), "\n")
	if !strings.HasPrefix(message, "msg_") || strings.Count(rest, "failed ") != 2 || !strings.HasSuffix(rest, "\n1 endpoint: 1 × delivered.") {
		t.Errorf("send --wait printed\n%s\n%s", message, rest)
	}
	seen, bodies := a.got()
	if len(bodies) != 3 || bodies[2] != payload {
		t.Fatalf("the receiver saw %q", bodies)
	}
	verified(t, "svix", secret, seen[2], payload, time.Now())
	if again := d.ask(t, payload, send...); again != message {
		t.Errorf("again it is %s, which was %s", again, message)
	}
	if got := d.ask(t, "", "endpoint", "attempts", "--only", "failed", ep); strings.Count(got, message) != 2 || strings.Count(got, "invoice.paid") != 2 {
		t.Errorf("endpoint attempts printed\n%s", got)
	}
	if got := d.ask(t, "", "endpoint", "show", ep); !strings.Contains(got, "1 delivered, 2 failed in 28 days") {
		t.Errorf("endpoint show printed\n%s", got)
	}

	d.ask(t, "", "endpoint", "rotate", "--grace", "1h", ep)
	if again := d.ask(t, "", "endpoint", "secret", ep); again == secret {
		t.Error("the secret is the old one")
	}
	d.ask(t, "", "endpoint", "test", "--wait", "--event", "invoice.paid", ep)
	seen, _ = a.got()
	if len(seen) != 4 {
		t.Fatalf("the receiver saw %d", len(seen))
	}
	verified(t, "svix", secret, seen[3], `{"example":true}`, time.Now()) // by the old secret, too
	d.ask(t, "", "endpoint", "update", "--events", "", "--scheme", "travelbase", "--uid", "main", ep)
	d.run(t, "", "endpoint", "update", "--scheme", "nonsense", ep).want(t, 2, "scheme: ")

	d.ask(t, "", "endpoint", "disable", "main")
	if got := d.ask(t, "", "endpoint", "show", "main"); !strings.Contains(got, "disabled") || !strings.Contains(got, "travelbase") || !strings.Contains(got, "events       all") {
		t.Errorf("endpoint show printed\n%s", got)
	}
	d.ask(t, "", "endpoint", "enable", "main")
	d.ask(t, "", "endpoint", "delete", "--yes", "main")
	d.run(t, "", "endpoint", "show", "main").want(t, 2, `there is no endpoint "main"`)
	d.ask(t, "", "event-type", "delete", "--yes", "invoice.paid")
	d.ask(t, "", "app", "delete", "--yes", "customer-42")
	if got := d.ask(t, "", "app", "list"); got != "No applications." {
		t.Errorf("app list printed\n%s", got)
	}
	t.Setenv(envToken, customers)
	d.run(t, "", "endpoint", "list").want(t, 2, "the token is not valid")
}

// TestRealRecover: what has failed is sent again, once each.
func TestRealRecover(t *testing.T) {
	d, _ := newRealDesk(t, time.Millisecond)
	t.Setenv(envToken, d.ask(t, "", "token"))
	t.Setenv(envApp, d.ask(t, "", "app", "create", "Acme"))
	a := newMachine(t)
	again := make(chan struct{})
	a.answer = func(n int, _ *http.Request) int {
		if n <= 4 {
			return http.StatusNotFound
		}
		if n == 6 {
			close(again)
		}
		return http.StatusOK
	}
	ep := d.ask(t, "", "endpoint", "add", a.URL)
	for range 2 {
		r := d.run(t, "{}", "send", "--type", "any", "--wait")
		if r.status != 1 || !strings.HasSuffix(r.stdout, "1 endpoint: 1 × failed.\n") {
			t.Fatalf("%d %s%s", r.status, r.stdout, r.stderr)
		}
	}
	if got := d.ask(t, "", "endpoint", "recover", "--since", "1h", ep); got != "Sent again: 2 messages." {
		t.Errorf("recover printed %s", got)
	}
	<-again
	if got := d.ask(t, "", "endpoint", "attempts", "--json", "--all", ep); strings.Count(got, `"triggerType": 1`) > 2 {
		t.Errorf("attempts\n%s", got)
	}
	d.run(t, "", "endpoint", "recover", "--since", "30d", ep).want(t, 2, "since: ")
}

// TestRealRevoke: a token that the operator revokes is no token any more, by itself or by
// its id.
func TestRealRevoke(t *testing.T) {
	d, served := newRealDesk(t)
	admin := http.StripPrefix("/webhooks/tokens/revoke", served.Tokens().AdminHandler())
	d.admin = func(string) (http.RoundTripper, string, error) { return direct{admin}, "http://admin", nil }
	for _, by := range []string{"id", "token"} {
		var made struct{ Token, ID string }
		if err := json.Unmarshal([]byte(d.ask(t, "", "token", "--json")), &made); err != nil {
			t.Fatal(err)
		}
		t.Setenv(envToken, made.Token)
		d.ask(t, "", "app", "list")
		name := made.ID
		if by == "token" {
			name = made.Token
		}
		if got := d.ask(t, "", "token", "revoke", name); got != "Token "+made.ID+" is revoked." {
			t.Errorf("printed %s", got)
		}
		d.run(t, "", "app", "list").want(t, 2, "the token is not valid: it is expired, revoked, or of another gateway")
	}
	d.run(t, "", "token", "revoke", testToken).want(t, 2, "no token that a key of this gateway has signed")
}

func readToken(t testing.TB) string {
	t.Helper()
	secret := oneSecret{what: "the token", usual: envToken}
	text, err := secret.read(nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verified checks that a request is signed.
func verified(t testing.TB, scheme, secret string, r *http.Request, body string, at time.Time) {
	t.Helper()
	preset, _ := verifier.Preset(scheme)
	v, err := verifier.New(preset, []string{secret}, verifier.Options{})
	if err == nil {
		_, err = v.Verify(&verifier.Request{Method: r.Method, Header: r.Header, RawQuery: r.URL.RawQuery}, []byte(body), at)
	}
	if err != nil {
		t.Errorf("%s of %q: %v", scheme, body, err)
	}
}
