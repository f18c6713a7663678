package caddymodule_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// TestCommandIsRegistered: Caddy has one command of ours, and it has its own.
func TestCommandIsRegistered(t *testing.T) {
	command, ok := caddycmd.Commands()["webhook"]
	if !ok || command.CobraFunc == nil {
		t.Fatal("there is no webhook command")
	}
	cmd := &cobra.Command{Use: "webhook"}
	command.CobraFunc(cmd)
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
		if sub.Short == "" || sub.Long == "" || !sub.Runnable() && !sub.HasSubCommands() {
			t.Errorf("%s has no help or does nothing", sub.Name())
		}
	}
	slices.Sort(names)
	if want := []string{
		"app", "backup", "demo", "endpoint", "event-type", "events", "jobs", "migrate", "pause", "resume", "send", "sign", "sources", "stats", "targets", "token", "verify",
	}; !slices.Equal(names, want) {
		t.Errorf("subcommands %v, want %v", names, want)
	}
}

// asProgram runs this program's command line as Caddy does, in a process of its
// own, and returns what it printed and its exit status.
func asProgram(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.run=^TestAsProgram$", "--"}, args...)...)
	cmd.Env = append(os.Environ(), "AS_PROGRAM=1", "TMPDIR="+t.TempDir())
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestAsProgram is the program that asProgram runs.
func TestAsProgram(*testing.T) {
	if os.Getenv("AS_PROGRAM") == "" {
		return
	}
	caddy.CustomBinaryName = "gatekeeper"
	os.Args = append([]string{"gatekeeper"}, os.Args[slices.Index(os.Args, "--")+1:]...)
	caddycmd.Main()
	os.Exit(0)
}

// TestCommandStatus: through Caddy, too, an accepted webhook ends with 0, a refused
// one with 1 and everything else with 2; each is told once.
func TestCommandStatus(t *testing.T) {
	verify := func(at string) []string {
		return []string{
			"webhook", "verify", "--secret-env", "SVIX", "--at", at, "-H", "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek",
			"-H", "svix-timestamp: 1614265330", "-H", "svix-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		}
	}
	for _, test := range []struct {
		args           []string
		status         int
		stdout, stderr string // their beginnings
	}{
		{verify("1614265330"), 0, "accepted\n", ""},
		{verify("1614269999"), 1, "refused: stale timestamp", ""},
		{verify("never"), 2, "", "Error: --at: a time is"},
		{[]string{"webhook", "verify", "--nonsense"}, 2, "", "Error: unknown flag: --nonsense\nSee gatekeeper webhook verify --help.\n"},
		{[]string{"webhook", "nonsense"}, 2, "", "Error: unknown command \"nonsense\"\nSee gatekeeper webhook --help.\n"},
	} {
		stdout, stderr, status := asProgram(t, `{"test": 2432232314}`, test.args...)
		if status != test.status || !strings.HasPrefix(stdout, test.stdout) || !strings.HasPrefix(stderr, test.stderr) ||
			(test.stdout == "") != (stdout == "") || (test.stderr == "") != (stderr == "") || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%v: status %d, want %d; stdout\n%s\nstderr\n%s", test.args[1:3], status, test.status, stdout, stderr)
		}
	}
	help, _, _ := asProgram(t, "", "webhook", "sign", "--help")
	if !strings.Contains(help, "| gatekeeper webhook sign ") || strings.Contains(help, "PROGRAM") || strings.Contains(help, "hookgate webhook") {
		t.Errorf("the help does not call the program by its name:\n%s", help)
	}
}

// TestCommandKnowsCustomSchemes of a Caddyfile, and says where one is wrong.
func TestCommandKnowsCustomSchemes(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "Caddyfile")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("{\n\twebhooks {\n\t\tscheme acme {\n\t\t\textends github\n\t\t\tsignature header:X-Acme prefix v0:\n\t\t}\n\t}\n}\n")
	stdout, stderr, status := asProgram(t, "{}", "webhook", "sign", "--config", good, "--scheme", "acme", "--secret-env", "TEXT")
	if status != 0 || stderr != "" || !strings.Contains(stdout, "X-Acme: v0:") {
		t.Errorf("status %d, stdout\n%s\nstderr\n%s", status, stdout, stderr)
	}
	wrong := write("{\n\twebhooks {\n\t\tscheme acme {\n\t\t\textends github\n\t\t\tencoding nonsense\n\t\t}\n\t}\n}\n")
	nowhere := filepath.Join(t.TempDir(), "Caddyfile")
	unclosed := write("example.com {\n")
	for path, want := range map[string][]string{
		good:     {`calcom, getstream, acme`},
		wrong:    {`scheme acme: unknown encoding "nonsense"`, wrong + ":6"},
		unclosed: {"unexpected token", unclosed + ":1"},
		nowhere:  {nowhere, "no such file"},
	} {
		stdout, stderr, status := asProgram(t, "{}", "webhook", "sign", "--config", path, "--scheme", "other", "--secret-env", "TEXT")
		lacks := func(text string) bool { return !strings.Contains(stderr, text) }
		if status != 2 || stdout != "" || slices.ContainsFunc(want, lacks) || lacks("Error: ") {
			t.Errorf("status %d, stdout\n%s\nstderr\n%s\nwant\n%q", status, stdout, stderr, want)
		}
	}
}
