package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/store"
)

// TestSourcesGolden: the state of each source, and which secrets are in use.
func TestSourcesGolden(t *testing.T) {
	b := newBed(t)
	b.furnish(t)
	for range 2 { // without a signature
		if err := b.operator.Sources[0].Receive(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	r := b.run(t, "", "sources")
	r.want(t, 0, "")
	golden(t, "sources", r.stdout, `
SOURCE   STATE        RECEIVED  DUPLICATES  REFUSED  PENDING  DEAD  OLDEST  IN FLIGHT  SECRETS LAST USED
travtus  down for 3h  2         0           2        1        1     4m ago  2          svix 0: 8m ago, 1: never
`)
	b.operator.Sources = nil
	b.operator.Engine, b.operator.Reader = nil, nil
	r = b.run(t, "", "sources")
	r.want(t, 0, "")
	golden(t, "no sources", r.stdout, "No sources.\n")
}

// TestPauseCommands: what they do is what the gateway's store says then.
func TestPauseCommands(t *testing.T) {
	b := newBed(t)
	for _, test := range []struct {
		action, says string
		paused       bool
	}{
		{"pause", "Source travtus is paused: its events are stored, and wait.\n", true},
		{"resume", "Source travtus goes on.\n", false},
	} {
		r := b.run(t, "", test.action, "travtus")
		r.want(t, 0, "")
		golden(t, test.action, r.stdout, test.says)
		pauses, err := b.store.Pauses(t.Context())
		if _, ok := pauses["source/travtus"]; err != nil || ok != test.paused {
			t.Errorf("after %s: %v %v", test.action, pauses, err)
		}
		b.run(t, "", test.action, "nobody").want(t, 2, `There is no source "nobody"; there are travtus.`)
	}
}

// TestStatsAndBackup of a running gateway.
func TestStatsAndBackup(t *testing.T) {
	b := newBed(t)
	b.furnish(t)
	r := b.run(t, "", "stats")
	r.want(t, 0, "")
	for _, text := range []string{"state    accepting\n", "keys     3\n", "pending  1\n", "dead     1\n", "DESTINATION     PENDING  DEAD\nsource/travtus  1        1\n"} {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("stats printed\n%s without %q", r.stdout, text)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	r = b.run(t, "", "backup", copied)
	r.want(t, 0, "")
	golden(t, "backup", r.stdout, "Copied to "+copied+", and checked.\n")
	golden(t, "the copy", b.run(t, "", "events", "ls", "--store", copied).stdout, listGolden)
	b.run(t, "", "backup", copied).want(t, 2, "already exists")
	dir := t.TempDir()
	t.Chdir(dir)
	b.run(t, "", "backup", "here.db").want(t, 0, "")
	golden(t, "a copy where the command stands", b.run(t, "", "events", "ls", "--store", filepath.Join(dir, "here.db")).stdout, listGolden)
}

// TestAdminTrouble: who cannot reach a gateway is told what to do next.
func TestAdminTrouble(t *testing.T) {
	b := newBed(t)
	b.run(t, "", "sources", "--admin", "nonsense").want(t, 2, "--admin: it cannot be read")
	for _, test := range []struct {
		status int
		body   string
		want   string
	}{
		{404, "404 page not found\n", "the default address has no webhooks"},
		{403, `{"error":"host not allowed: x\u001b"}`, `the default address answers 403 host not allowed: x\x1b`},
		{502, "<html>", "the default address answers 502 Bad Gateway"},
		{200, "<html>", "is that a gateway of this version?"},
		{409, `{"error":{"type":"conflict","message":"no\u001b"}}`, `Error: no\x1b`},
	} {
		b.handle = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		b.run(t, "", "sources").want(t, 2, test.want)
	}
	for _, host := range []Host{
		{Exit: func(status int) error { return exited(status) }},
		{Exit: func(status int) error { return exited(status) }, Admin: func(string) (http.RoundTripper, string, error) {
			return roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }), "http://admin", nil
		}},
	} {
		for args, want := range map[string]string{
			"sources":   "start it, or name its address with --admin\n",
			"events ls": "start it, or name its address with --admin, or read its file with --store\n",
		} {
			if host.Admin == nil {
				want = "this program knows no admin API"
			}
			root := &cobra.Command{Use: "hookgate", SilenceUsage: true}
			webhook := &cobra.Command{Use: "webhook"}
			root.AddCommand(webhook)
			Attach(webhook, host)
			var stderr strings.Builder
			root.SetErr(&stderr)
			root.SetArgs(append([]string{"webhook"}, strings.Fields(args)...))
			if got := status(root.ExecuteContext(t.Context())); got != 2 || !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: status %d\n%s", args, got, stderr.String())
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAdminUsage: wrong usage exits with 2, before anything is asked.
func TestAdminUsage(t *testing.T) {
	b := newBed(t)
	for args, want := range map[string]string{
		"sources more":                                 `unknown argument "more"`,
		"events ls more":                               `unknown argument "more"`,
		"events nothing":                               `unknown command "nothing"`,
		"jobs nothing":                                 `unknown command "nothing"`,
		"jobs ls more":                                 `unknown argument "more"`,
		"jobs cancel":                                  "the job is missing",
		"stats more":                                   `unknown argument "more"`,
		"events show":                                  "the event is missing",
		"events retry":                                 "the event is missing",
		"events recover":                               "the source is missing",
		"events recover travtus --since x":             "--since: \"x\" is neither",
		"events replay":                                "the source is missing",
		"events replay travtus":                        "--from is missing",
		"events replay travtus --from x":               "--from: \"x\" is neither",
		"events replay travtus --from 1h --to x":       "--to: \"x\" is neither",
		"events replay travtus --from 1h --limit 3":    "go with --to-url",
		"events replay travtus --from 1h --to-url x":   "--to-url: it has to be a whole URL",
		"events replay travtus --from x --to-url http": "--from: \"x\" is neither",
		"events replay travtus --from 1h --to-url http://h --limit 0":         "--limit is at least 1",
		"events replay travtus --from 1h --to-url http://h --concurrency 0":   "--concurrency 1 to 100",
		"events replay travtus --from 1h --to-url http://h --concurrency 101": "--concurrency 1 to 100",
		"events ls --limit 0":    "--limit: at least 1",
		"events ls --from later": "--from: \"later\" is neither",
		"pause":                  "the source is missing",
		"resume a b":             `unknown argument "b"`,
		"backup":                 "the file is missing",
	} {
		r := b.run(t, "", strings.Fields(args)...)
		if r.want(t, 2, want); !strings.HasSuffix(r.stderr, " --help.\n") || strings.Count(r.stderr, "\n") != 2 {
			t.Errorf("%s: stderr\n%s", args, r.stderr)
		}
	}
	if asked := b.asked(); len(asked) > 0 {
		t.Errorf("the gateway was asked %q", asked)
	}
}

// TestAdminHelp: every command has its help, and the examples of it name commands and
// flags that exist.
func TestAdminHelp(t *testing.T) {
	root := newProgram()
	seen := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		switch name := cmd.CommandPath(); {
		case cmd.Short == "" && cmd != root && cmd.Name() != "webhook", strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: short help %q", name, cmd.Short)
		case strings.Contains(cmd.Long+cmd.Example, "PROGRAM"):
			t.Errorf("%s: the program has no name in its help", name)
		case !isGroup(cmd) && cmd.Name() != "demo" && !strings.Contains(cmd.Example, name):
			t.Errorf("%s has no example of itself", name)
		}
		for _, line := range strings.Split(cmd.Example, "\n") {
			_, line, ok := strings.Cut(line, "hookgate webhook ")
			if !ok {
				continue
			}
			line, _, _ = strings.Cut(line, " | ")
			words := strings.Fields(strings.Trim(line, " |\\)"))
			named, rest, err := root.Find(append([]string{"webhook"}, words...))
			if err != nil || isGroup(named) {
				t.Errorf("%s: there is no %s", cmd.CommandPath(), line)
				continue
			}
			seen++
			for _, word := range rest {
				if flag, ok := strings.CutPrefix(word, "--"); ok && named.Flags().Lookup(flag) == nil {
					t.Errorf("%s: %s has no flag %s", cmd.CommandPath(), named.CommandPath(), word)
				}
			}
		}
	}
	walk(root)
	if seen < 20 {
		t.Errorf("only %d examples were looked at", seen)
	}
	if r := run(t, "", "events"); r.status != 0 || !strings.Contains(r.stdout, "hookgate webhook events [command]") || !strings.Contains(r.stdout, "erase ") {
		t.Errorf("status %d\n%s", r.status, r.stdout)
	}
}

// isGroup reports whether a command only holds others.
func isGroup(cmd *cobra.Command) bool { return cmd.HasSubCommands() && !cmd.HasAvailableLocalFlags() }

// TestAdminCommandsThatRead change nothing, and ask by GET only.
func TestAdminCommandsThatRead(t *testing.T) {
	b := newBed(t)
	b.settle(t, b.accept(t, "a", "x", "{}"), store.Dead, store.Attempt{Number: 1, Outcome: "x"})
	for _, args := range []string{"sources", "stats", "jobs ls", "events ls", "events show travtus/a", "events show --payload travtus/a"} {
		b.run(t, "", strings.Fields(args)...).want(t, 0, "")
	}
	for _, asked := range b.asked() {
		if !strings.HasPrefix(asked, "GET ") {
			t.Errorf("asked %s", fmt.Sprint(asked))
		}
	}
}
