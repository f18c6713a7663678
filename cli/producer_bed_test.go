package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

const (
	testToken = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmcifQ.c2VjcmV0LXNpZ25hdHVyZQ"
	testKey   = "a-key-of-a-test-that-is-long-enough"
	acme      = "app_1srOrx2ZWZBpBUvZwXKQmoEYga2"
	hook      = "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2"
)

// desk is an API as the commands see it: what it answers is written down by the test.
type desk struct {
	*httptest.Server
	terminal bool
	now      func() time.Time // nil: it is noon
	admin    func(string) (http.RoundTripper, string, error)
	answers  map[string][]string // by method and path: a status and a body, the last of them again and again

	mu   sync.Mutex
	seen []asked
}

// asked is a request that the API got.
type asked struct {
	what, body string // method, path and query; the body
	header     http.Header
}

// newDesk is at $HOOKGATE_URL, and $HOOKGATE_TOKEN has a token.
func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{answers: map[string][]string{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	if t, ok := t.(*testing.T); ok {
		t.Setenv(envURL, d.URL)
		t.Setenv(envToken, testToken)
		t.Setenv(envApp, "")
	}
	return d
}

// says makes it answer a request: "200 {…}", "404 …".
func (d *desk) says(what string, answers ...string) { d.answers[what] = answers }

// ServeHTTP answers as it was told.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	what := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), apiPrefix)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, asked{r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), apiPrefix), string(body), r.Header})
	answers := d.answers[what]
	if len(answers) == 0 {
		answers = []string{`404 {"code":"not_found","detail":"Entity not found"}`}
	} else if len(answers) > 1 {
		d.answers[what] = answers[1:]
	}
	status, text := 0, ""
	_, _ = fmt.Sscan(answers[0], &status)
	if _, rest, ok := strings.Cut(answers[0], " "); ok {
		text = rest
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// asked returns what the API was asked since the last call.
func (d *desk) asked() []asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.seen
	d.seen = nil
	return seen
}

// wantAsked checks what the API was asked, and that each request had the token.
func (d *desk) wantAsked(t testing.TB, want ...string) (all []asked) {
	t.Helper()
	all = d.asked()
	for i, a := range all {
		if i >= len(want) || a.what != want[i] {
			t.Errorf("request %d is %s, wanted %q", i+1, a.what, want)
		}
		if got := a.header.Get("Authorization"); got != "Bearer "+testToken {
			t.Errorf("%s with the authorization %q", a.what, got)
		}
		if (a.header.Get("Idempotency-Key") != "") != strings.HasPrefix(a.what, "POST ") {
			t.Errorf("%s has the idempotency key %q", a.what, a.header.Get("Idempotency-Key"))
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d requests, wanted %q", len(all), want)
	}
	return all
}

// run runs the webhook command.
func (d *desk) run(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return d.runContext(t, t.Context(), stdin, args...)
}

func (d *desk) runContext(t testing.TB, ctx context.Context, stdin string, args ...string) (r result) {
	t.Helper()
	root := &cobra.Command{Use: "hookgate", SilenceUsage: true}
	webhook := &cobra.Command{Use: "webhook <command>"}
	root.AddCommand(webhook)
	now := d.now
	if now == nil {
		now = func() time.Time { return noon }
	}
	Attach(webhook, Host{
		Program: "hookgate", Admin: d.admin, Exit: func(status int) error { return exited(status) },
		now: now, poll: time.Millisecond, terminal: func(any) bool { return d.terminal },
	})
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(append([]string{"webhook"}, args...))
	r.status = status(root.ExecuteContext(ctx))
	r.stdout, r.stderr = stdout.String(), stderr.String()
	for _, secret := range []string{testToken, testKey} {
		if strings.Contains(r.stderr+r.stdout, secret) {
			t.Errorf("%q: a secret is told:\n%s%s", args, r.stderr, r.stdout)
		}
	}
	return r
}

// wantRun checks that a run went well and printed that.
func (d *desk) wantRun(t testing.TB, printed string, args ...string) {
	t.Helper()
	r := d.run(t, "", args...)
	r.want(t, 0, "")
	golden(t, strings.Join(args, " "), r.stdout, printed)
}

// unset takes a variable away until the test ends.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // which brings back what there was
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}
