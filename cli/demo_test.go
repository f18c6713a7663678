package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDemo runs the demonstration with a gateway built from cmd/hookgate, once for
// all that needs it.
func TestDemo(t *testing.T) {
	executable := filepath.Join(t.TempDir(), "hookgate")
	if runtime.GOOS == "windows" {
		executable += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", executable, "github.com/hookgate/hookgate/cmd/hookgate").CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for name, test := range map[string]func(*testing.T, string){
		"notices what differs": demoNotices, "as a command": demoAsCommand,
		"interrupted": demoInterrupted, "cannot start": demoCannotStart, "stops": demoStops,
	} {
		t.Run(name, func(t *testing.T) { test(t, executable) })
	}
}

// demoNotices runs it with the gateway it shows, and with ones that break a
// promise.
func demoNotices(t *testing.T, executable string) {
	all := make([]int, len(demoCases))
	for i := range all {
		all[i] = i
	}
	with := func(old, replacement string) func(string) string {
		return func(app string) string {
			site := strings.Replace(demoSite(app), old, replacement, 1)
			if site == demoSite(app) {
				t.Fatalf("the site has no %q", old)
			}
			return site
		}
	}
	for _, test := range []struct {
		name    string
		site    func(app string) string
		differs []int
	}{
		{"as it is", demoSite, nil},
		{"without webhook", func(app string) string {
			return "http:// {\nrespond /healthz ok\nreverse_proxy " + app + "\n}\n"
		}, all},
		{"app not told", with("webhook_health", "request_header -Hookgate-Source\nwebhook_health"), []int{0, 1, 2}},
		{"one header family", with("verify svix", "verify standard"), []int{0, 3, 5, 6, 8}},
		{"duplicates pass", with("max_body", "dedupe off\nmax_body"), []int{3}},
		{"stale passes", with("SVIX_SECRET}", "SVIX_SECRET} {\ntolerance 1h\n}"), []int{5}},
		{"oversize passes", with("16KiB", "17KiB"), []int{8}},
		{"neighbour believed", with("webhook_health", "request_header /hooks/other Hookgate-Source svix\nwebhook_health"), []int{9}},
		{"app down", func(string) string { return demoSite("127.0.0.1:9") }, []int{0, 1, 2, 3, 4, 9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			temp := emptyTemp(t)
			var out bytes.Buffer
			d := &demo{executable: executable, site: test.site, secrets: newDemoSecrets(), out: &out}
			err := d.run(t.Context())
			wantNothingLeft(t, temp)
			text := out.String()
			for _, secret := range []string{d.secrets.svix, strings.TrimPrefix(d.secrets.svix, "whsec_"), d.secrets.travelbase} {
				if strings.Contains(text+fmt.Sprint(err), secret) {
					t.Error("a secret is printed")
				}
			}
			if strings.Contains(text, "\x1b") {
				t.Error("there are escape sequences although the output is no terminal")
			}
			if test.differs == nil {
				if err != nil || !strings.Contains(text, "All "+strconv.Itoa(len(demoCases))+" as promised.") {
					t.Errorf("error %v and\n%s", err, text)
				}
			} else if want := fmt.Sprintf("%d of %d differ", len(test.differs), len(demoCases)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, wanted %q", err, want)
			}
			for i, c := range demoCases {
				differs := slices.Contains(test.differs, i)
				if row := "\n✗   " + c.sent; strings.Contains(text, row) != differs {
					t.Errorf("row %d: differs is not %v in\n%s", i, differs, text)
				}
				if strings.Contains(text, "the rule: "+c.rule) != differs {
					t.Errorf("row %d is explained although it does not differ, or the other way round, in\n%s", i, text)
				}
			}
		})
	}
}

// demoAsCommand runs what a newcomer does.
func demoAsCommand(t *testing.T, executable string) {
	home := t.TempDir()
	temp := emptyTemp(t)
	command := exec.CommandContext(t.Context(), executable, "webhook", "demo")
	command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	out, err := command.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(" as promised.")) {
		t.Errorf("%v:\n%s", err, out)
	}
	wantNothingLeft(t, temp)
	wantNothingLeft(t, home)

	t.Run("reader goes away", func(t *testing.T) {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = read.Close()
		defer write.Close()
		command := exec.CommandContext(t.Context(), executable, "webhook", "demo")
		command.Stdout = write
		if err := command.Run(); err == nil {
			t.Error("no error although nobody could read the table")
		}
		wantNothingLeft(t, temp)
	})
	t.Run("no temporary directory", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), executable, "webhook", "demo")
		command.Env = append(os.Environ(), "TMPDIR="+filepath.Join(temp, "none"))
		var exit *exec.ExitError
		if out, err := command.CombinedOutput(); !errors.As(err, &exit) || !bytes.Contains(out, []byte("none")) {
			t.Errorf("%v:\n%s", err, out)
		}
	})
}

// demoStops: the gateway is asked to end, not killed.
func demoStops(t *testing.T, executable string) {
	gateway, err := startDemoGateway(executable, emptyTemp(t), demoSite("127.0.0.1:9"), newDemoSecrets())
	if err != nil {
		t.Fatal(err)
	}
	err = gateway.ready(t.Context())
	if log := gateway.stop(); err != nil || !strings.Contains(log, `"shutdown complete"`) {
		t.Errorf("%v; the gateway logged:\n%s", err, log)
	}
	if again := gateway.stop(); again == "" {
		t.Error("a second stop is not harmless")
	}
}

// demoInterrupted sends Ctrl-C while a request is under way.
func demoInterrupted(t *testing.T, executable string) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot interrupt itself there")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\necho $$ >" + dir + "/pid\nexec " + executable + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "gateway"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer close(done)
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if err := signalProcess(os.Getpid(), os.Interrupt); err != nil {
			t.Error(err)
		}
		<-done
	}))
	defer app.CloseClientConnections()
	temp := emptyTemp(t)
	site := demoSite(app.Listener.Addr().String())
	d := &demo{
		executable: filepath.Join(dir, "gateway"), secrets: newDemoSecrets(), out: io.Discard,
		site: func(string) string { return site },
	}
	if err := d.run(t.Context()); err == nil || err.Error() != "interrupted" {
		t.Errorf("error %v", err)
	}
	wantNothingLeft(t, temp)
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := signalProcess(pid, syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the gateway is still there: %v", err)
	}
}

func signalProcess(pid int, signal os.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Signal(signal)
}

// demoCannotStart: the error is of use, and comes at once.
func demoCannotStart(t *testing.T, executable string) {
	for _, test := range []struct {
		name, executable, site string
		want                   []string
	}{
		{"no executable", filepath.Join(t.TempDir(), "none"), "", []string{"starting the gateway"}},
		{"site is wrong", executable, "http:// {\nwebhook\n}\n", []string{"the gateway ended by itself", "webhook needs the source's name"}},
		{"secret is missing", executable, "http:// {\nwebhook a {\nverify svix {env.NONE_SUCH}\n}\n}\n", []string{"the gateway ended by itself", "NONE_SUCH"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			temp := emptyTemp(t)
			d := &demo{executable: test.executable, site: func(string) string { return test.site }, secrets: newDemoSecrets(), out: io.Discard}
			err := d.run(t.Context())
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, wanted %q", err, want)
				}
			}
			wantNothingLeft(t, temp)
		})
	}
}

// TestDemoApp: the app behind is the most careless one, and is described as such.
func TestDemoApp(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{}, "/a, unverified"},
		{http.Header{"Hookgate-Id": {"1"}}, "/a, unverified"},
		{http.Header{"Hookgate-Source": {"svix"}, "Hookgate-Id": {"1"}}, "/a from svix, id 1"},
		{http.Header{"hookgate_SOURCE": {"svix"}, "Hookgate_Id": {"1"}}, "/a from svix, id 1"},
	} {
		app := new(demoApp)
		for range 2 {
			r := httptest.NewRequest(http.MethodPost, "/a?b", strings.NewReader("sent"))
			r.Header = test.header
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if w.Body.String() != thanks {
				t.Errorf("the app answers %q", w.Body)
			}
		}
		seen := app.take()
		if got, want := describe(seen, []byte("sent")), test.want+" and "+test.want; got != want {
			t.Errorf("%v: %q, wanted %q", test.header, got, want)
		}
		if got, want := describe(seen[:1], []byte("sen")), test.want+", with another body"; got != want {
			t.Errorf("%v: %q, wanted %q", test.header, got, want)
		}
		if got := describe(app.take(), nil); got != sawNothing {
			t.Errorf("after that it saw %q", got)
		}
	}
}

// TestDemoColour: only for a terminal, and only if its user did not decline.
func TestDemoColour(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, test := range []struct {
		name, noColor, term string
		out                 io.Writer
		want                bool
	}{
		{"terminal", "", "xterm", device, true},
		{"declined", "1", "xterm", device, false},
		{"dumb", "", "dumb", device, false},
		{"file", "", "xterm", file, false},
		{"buffer", "", "xterm", new(bytes.Buffer), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", test.noColor)
			t.Setenv("TERM", test.term)
			if got := wantsColour(test.out); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
	if got := (&demo{colour: true}).paint("✓ ✗"); got != "\x1b[32m✓\x1b[0m \x1b[31m✗\x1b[0m" {
		t.Errorf("%q", got)
	}
}

// emptyTemp makes an empty directory the one for temporary files.
func emptyTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo") // not of the test's name: the name of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left behind", entry.Name())
	}
}
