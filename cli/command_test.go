package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

const (
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret  = "whsec_plJ3nmyCDGBKInavdOK15jslAAAAAAAA"
)

// exited is an exit status above 1.
type exited int

func (e exited) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// customScheme signs an URL and a type, and no id.
var customScheme = verifier.Scheme{
	Name: "custom", Signature: []verifier.Location{{From: "header:X-Sig", Prefix: "s="}},
	Signed: "{url}\n{type}\n{timestamp}.{body}", Type: "header:X-Type",
	Keys:      []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA512}},
	Encodings: []verifier.Encoding{verifier.Base64},
	Timestamp: &verifier.Timestamp{From: "header:X-Time", Format: verifier.UnixMilli},
}

// newProgram returns a root command as the one of Caddy.
func newProgram() *cobra.Command {
	root := &cobra.Command{Use: "hookgate", SilenceUsage: true}
	webhook := &cobra.Command{Use: "webhook <command>"}
	root.AddCommand(webhook)
	Attach(webhook, Host{
		Program: "hookgate",
		Schemes: func(caddyfile string) ([]verifier.Scheme, error) {
			if caddyfile != "Caddyfile" {
				return nil, errors.New("no such file")
			}
			return []verifier.Scheme{customScheme}, nil
		},
		Exit: func(status int) error { return exited(status) },
	})
	return root
}

// result is what a run of the program left.
type result struct {
	stdout, stderr string
	status         int
}

// run runs the webhook command.
func run(t testing.TB, stdin string, args ...string) (r result) {
	t.Helper()
	root := newProgram()
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(append([]string{"webhook"}, args...))
	r.status = status(root.ExecuteContext(t.Context()))
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

// status is the exit status that Caddy gives an error.
func status(err error) int {
	var e exited
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return int(e)
	default:
		return 1
	}
}

// want checks that a run ended with the status and said the text on stderr.
func (r result) want(t testing.TB, status int, stderr string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.stderr, stderr) || stderr == "" && r.stderr != "" {
		t.Errorf("status %d, want %d; stderr\n%s\nwant\n%s\nstdout\n%s", r.status, status, r.stderr, stderr, r.stdout)
	}
}

// file writes a file and returns its path.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTrouble: what is no verdict exits with 2, says why in one line, and leads to
// the help.
func TestTrouble(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	t.Setenv("BLANK", " ")
	verify := []string{"verify", "--secret-env", "SECRET", "-H", "svix-id: a"}
	targets := []string{"targets", "--secret-env", "SECRET", "--url", "http://h/"}
	sign := []string{"sign", "--secret-env", "SECRET"}
	binary := file(t, "binary", "GET ? ? ?\nnothing")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"veryfy"}, `unknown command "veryfy"`},
		{[]string{"verify", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"sign", "--secret", "x"}, "unknown flag: --secret"},
		{append(sign, "--scheme", "nope"), "unknown scheme \"nope\"; there are svix, standard, clerk"},
		{append(sign, "--scheme", "nope", "--config", "Caddyfile"), "getstream, custom"},
		{append(sign, "--scheme", "custom", "--config", "Other"), "--config Other: no such file"},
		{append(sign, "--scheme", "custom", "--config", "Caddyfile"), "signs the URL, and there is none"},
		{append(sign, "a", "b"), "one body file at most, not 2"},
		{append(sign, "/does/not/exist"), "no such file"},
		{append(sign, "--timestamp", "yesterday"), "--timestamp: a time is seconds since 1970"},
		{append(sign, "--timestamp", "-5"), "cannot be written as unix"},
		{append(sign, "--id", "two words"), "cannot be an id"},
		{append(sign, "--curl", "example.com"), "--curl: it has to be a whole URL"},
		{[]string{"sign"}, "there is no secret"},
		{[]string{"sign", "--secret-env", "UNSET"}, "UNSET is not set"},
		{[]string{"sign", "--secret-env", "BLANK"}, "the secret in $BLANK is empty"},
		{[]string{"sign", "--secret-env", ""}, "it names nothing"},
		{[]string{"sign", "--secret-file", "/does/not/exist"}, "reading a secret: open /does/not/exist"},
		{[]string{"sign", "--secret-file", file(t, "empty", "\n")}, "is empty"},
		{[]string{"sign", "--secret-file", file(t, "large", strings.Repeat("a", 65536+1))}, "is larger than 65536 bytes"},
		{[]string{"sign", "--secret-stdin"}, "standard input cannot be both the secret and the body"},
		{[]string{"sign", "--secret-file", file(t, "short", "whsec_AAAA")}, "secret 1: the key is too short"},
		{append(verify, "--at", "1e9"), "--at: a time is"},
		{append(verify, "--tolerance", "5"), "--tolerance: "},
		{append(verify, "--tolerance", "-5m"), "--tolerance: a tolerance is longer than 0"},
		{append(verify, "--tolerance", "1m 2m 3m"), "two at most"},
		{append(verify, "--url", "http://h/"), "does not sign the URL"},
		{append(verify, "-H", "nothing"), "-H number 2: this is no header"},
		{append(verify, "--headers", binary), ": line 1: this is no header"},
		{append(verify, "--headers", "-", "--secret-stdin"), "standard input cannot be both the secret and the headers"},
		{append(verify, "--request", binary), "give no other header and no event"},
		{[]string{"verify", "--secret-env", "SECRET"}, "there are no headers"},
		{[]string{"verify", "--secret-env", "SECRET", "--request", binary}, ": line 1: this is no header"},
		{[]string{"verify", "--secret-env", "SECRET", "--request", file(t, "r", "A: b\nContent-Length: x\n\n")}, "Content-Length is no number"},
		{[]string{"verify", "--secret-env", "SECRET", "--request", file(t, "r", "Transfer-Encoding: chunked\n\nzz")}, "reading the chunked body"},
		{[]string{"targets", "--secret-env", "SECRET"}, "--url: it has to be a whole URL"},
		{append(targets, "more"), `unknown argument "more"`},
		{append(targets, "--forged", "1.1"), "a share is a number from 0 to 1"},
		{append(targets, "--forged", "NaN"), "a share is a number from 0 to 1"},
		{append(targets, "--stale", "-0.1"), "a share is a number from 0 to 1"},
		{append(targets, "--stale", "0.5", "--duplicates", "0.6"), "more than 1 together"},
		{append(targets, "--size", "10"), "a body of scheme svix has at least"},
		{append(targets, "--scheme", "github", "--stale", "0.1"), "--stale: scheme github signs no time"},
	} {
		r := run(t, testSecret, test.args...)
		r.want(t, 2, test.want)
		if !strings.Contains(r.stderr, " --help.") || strings.Count(r.stderr, "\n") != 2 || r.stdout != "" {
			t.Errorf("%q: stderr\n%s\nstdout\n%s", test.args, r.stderr, r.stdout)
		}
		if strings.Contains(r.stderr, testSecret[6:]) {
			t.Errorf("%q: the secret is told:\n%s", test.args, r.stderr)
		}
	}
}

// TestHelp: without a command there is help, and every command has an example.
func TestHelp(t *testing.T) {
	r := run(t, "")
	if r.want(t, 0, ""); !strings.Contains(r.stdout, "verify") {
		t.Errorf("no help: %s", r.stdout)
	}
	for _, name := range []string{"sign", "verify", "targets"} {
		r := run(t, "", name, "--help")
		if r.want(t, 0, ""); !strings.Contains(r.stdout, "hookgate webhook "+name+" ") || strings.Contains(r.stdout, "PROGRAM") {
			t.Errorf("%s: %s", name, r.stdout)
		}
	}
}

// TestNoFlagIsASecret: other users of the machine can see the arguments of a process.
func TestNoFlagIsASecret(t *testing.T) {
	n := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		n++
		for _, secret := range []string{"secret", "token", "key"} {
			if c.Flags().Lookup(secret) != nil {
				t.Errorf("%s has --%s", c.CommandPath(), secret)
			}
		}
	}
	walk(newProgram())
	if n < 40 {
		t.Errorf("only %d commands were looked at", n)
	}
}

// TestExamplesRun pastes the examples of the help texts into a shell, with a
// vegeta that reads three targets and goes.
func TestExamplesRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for a POSIX shell")
	}
	bin := t.TempDir()
	for name, script := range map[string]string{
		"hookgate": "#!/bin/sh\nAS_PROGRAM=1 exec '" + os.Args[0] + "' -test.run='^TestAsProgram$' -- \"$@\"\n",
		"vegeta":   "#!/bin/sh\ncase $1 in attack) head -n 3;; *) cat;; esac\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root := newProgram()
	for name, want := range map[string][]string{
		"sign":    {"Svix-Signature: v1,", "curl -sS -X POST http://127.0.0.1:8080/hooks", "X-Webhook-Id: evt_1", "--data-binary @event.json"},
		"verify":  {"accepted\n  scheme     svix\n  id         msg_p5jXN8AQM9LWM0D4loKWxJek", "accepted\n  scheme     svix\n  id         msg_", "type       ping", "refused: invalid signature", "without the trailing newline"},
		"schemes": {"SCHEME ", "scheme my_github {", "custom "},
		"targets": {`{"method":"POST","url":"http://127.0.0.1:8080/hooks"`},
	} {
		cmd, _, err := root.Find([]string{"webhook", name})
		if err != nil {
			t.Fatal(err)
		}
		shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", cmd.Example)
		shell.Dir = t.TempDir()
		shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		var stdout, stderr bytes.Buffer
		shell.Stdout, shell.Stderr = &stdout, &stderr
		if err := shell.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v, stderr\n%s", name, err, stderr.String())
		}
		rest := stdout.String()
		for _, text := range want {
			_, after, ok := strings.Cut(rest, text)
			if !ok {
				t.Errorf("%s: stdout\n%s\nlacks\n%s", name, stdout.String(), text)
			}
			rest = after
		}
	}
}

// TestAsProgram is the program, for tests that need it in a process of its own.
func TestAsProgram(*testing.T) {
	if os.Getenv("AS_PROGRAM") == "" {
		return
	}
	root := newProgram()
	root.SetArgs(append([]string{"webhook"}, os.Args[slices.Index(os.Args, "--")+2:]...))
	os.Exit(status(root.Execute()))
}

// TestEndsWithItsReader: a closed pipe is where a stream ends, not an error and
// not a death by signal.
func TestEndsWithItsReader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGPIPE")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsProgram$", "--", "webhook", "targets", "--url", "http://h/", "--secret-env", "SECRET")
	cmd.Env = append(os.Environ(), "AS_PROGRAM=1", "SECRET="+testSecret)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	_ = stdout.Close()
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}
