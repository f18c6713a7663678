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
	"strings"
	"testing"
	"time"
)

// TestDemo runs the demonstration with a gateway built from cmd/hookgate, once for
// all that needs it. A gateway that is killed after it has acknowledged delivers
// after its restart, once, and knows the duplicate (K-05, K-06).
func TestDemo(t *testing.T) {
	executable := filepath.Join(t.TempDir(), "hookgate")
	if runtime.GOOS == "windows" {
		executable += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", executable, "github.com/hookgate/hookgate/cmd/hookgate").CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for name, test := range map[string]func(*testing.T, string){
		"notices what differs": demoNotices, "notices what is lost": demoNoticesLoss, "as a command": demoAsCommand,
		"interrupted": demoInterrupted, "cannot start": demoCannotStart, "stops": demoStops, "is killed": demoIsKilled,
	} {
		t.Run(name, func(t *testing.T) { test(t, executable) })
	}
}

// newTestDemo has no patience with what never comes.
func newTestDemo(executable string, site func(app string) string, out io.Writer) *demo {
	return &demo{executable: executable, program: "hookgate", site: site, secrets: newDemoSecrets(), patience: time.Second, out: out}
}

// siteWith returns the demo's site with a change.
func siteWith(t *testing.T, old, replacement string) func(string) string {
	return func(app string) string {
		site := strings.Replace(demoSite(app), old, replacement, 1)
		if site == demoSite(app) {
			t.Fatalf("the site has no %q", old)
		}
		return site
	}
}

// demoNotices runs it with the gateway it shows, and with ones that break a
// promise.
func demoNotices(t *testing.T, executable string) {
	all := make([]int, len(demoCases))
	for i := range all {
		all[i] = i
	}
	for _, test := range []struct {
		name                   string
		site                   func(app string) string
		cases, messages, steps []int
	}{
		{"as it is", demoSite, nil, nil, nil},
		{"without webhook", func(app string) string {
			return "http:// {\nrespond /healthz ok\nreverse_proxy " + app + "\n}\n"
		}, all, []int{0, 1, 2}, []int{0, 2, 3, 4}},
		{"app not told", siteWith(t, "webhook_health", "request_header -Hookgate-Source\nwebhook_health"), []int{0, 1, 2}, nil, nil},
		{"one header family", siteWith(t, "verify svix", "verify standard"), []int{0, 3, 5, 6, 8}, nil, nil},
		{"duplicates pass", siteWith(t, "max_body", "dedupe off\nmax_body"), []int{3}, nil, nil},
		{"stale passes", siteWith(t, "SVIX_SECRET}", "SVIX_SECRET} {\ntolerance 1h\n}"), []int{5}, nil, nil},
		{"oversize passes", siteWith(t, "16KiB", "17KiB"), []int{8}, nil, nil},
		{"neighbour believed", siteWith(t, "webhook_health", "request_header /hooks/other Hookgate-Source svix\nwebhook_health"), []int{9}, nil, nil},
		{"app down", func(string) string { return demoSite("127.0.0.1:9") }, []int{0, 1, 2, 3, 4, 9}, []int{0, 1, 2}, []int{3}},
		{"another secret", siteWith(t, "PARTNER_SVIX_SECRET", "ORDERS_SECRET"), nil, []int{0, 2}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			d := newTestDemo(executable, test.site, &out)
			d.temp = shortTemp(t)
			switch {
			case test.messages != nil && test.steps == nil: // what never comes is waited for, too
				d.patience = 5 * time.Second
			case test.steps == nil:
				d.patience = demoPatience
			}
			err := d.run(t.Context())
			wantNothingLeft(t, d.temp)
			wantDiffers(t, d, out.String(), err, test.cases, test.messages, test.steps)
		})
	}
}

// wantDiffers checks what a run printed and returned, of which these cases, messages and
// steps should differ from the promise.
func wantDiffers(t *testing.T, d *demo, text string, err error, cases, messages, steps []int) {
	t.Helper()
	for _, secret := range []string{
		d.secrets.svix, strings.TrimPrefix(d.secrets.svix, "whsec_"), d.secrets.travelbase,
		d.secrets.orders, strings.TrimPrefix(d.secrets.orders, "whsec_"),
		d.secrets.partnerSvix, strings.TrimPrefix(d.secrets.partnerSvix, "whsec_"), d.secrets.partnerTravelbase,
	} {
		if strings.Contains(text+fmt.Sprint(err), secret) {
			t.Error("a secret is printed")
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("there are escape sequences although the output is no terminal")
	}
	all, differing := len(demoCases)+len(demoMessages)+len(demoSteps), len(cases)+len(messages)+len(steps)
	summary := fmt.Sprintf("All %d as promised.", all)
	if strings.Contains(text, summary) != (differing == 0) {
		t.Errorf("%q is there although %d differ, or the other way round", summary, differing)
	}
	if differing == 0 {
		if err != nil || !strings.HasSuffix(text, "hookgate run\n") {
			t.Errorf("error %v, or there is no next step", err)
		}
	} else if want := fmt.Sprintf("%d of %d differ", differing, all); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, wanted %q", err, want)
	}
	row := func(what, want, rule string, differs bool) {
		t.Helper()
		if strings.Contains(text, "\n✗   "+what) != differs || strings.Contains(text, "\n✓   "+what) == differs {
			t.Errorf("%q: differs is not %v", what, differs)
		}
		if explanation := "\n✗ " + what + "\n    promised: " + want; strings.Contains(text, explanation) != differs || strings.Contains(text, "the rule: "+rule) != differs {
			t.Errorf("%q is explained although it does not differ, or the other way round", what)
		}
	}
	for i, c := range demoCases {
		row(c.sent, c.want.String(), c.rule, slices.Contains(cases, i))
	}
	for i := range demoMessages {
		m := &demoMessages[i]
		row(m.does, m.want, m.rule, slices.Contains(messages, i))
	}
	for i, s := range demoSteps {
		row(s.does, s.want, s.rule, slices.Contains(steps, i))
	}
	if t.Failed() {
		t.Logf("the output is\n%s", text)
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
		app := newDemoApp(t.TempDir())
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
	var got bytes.Buffer
	if err := (&demo{colour: true, out: &got}).print("✓ %s", "✗"); err != nil || got.String() != "\x1b[32m✓\x1b[0m \x1b[31m✗\x1b[0m" {
		t.Errorf("%q, %v", got.String(), err)
	}
}

// emptyTemp makes an empty directory the one for temporary files.
func emptyTemp(t *testing.T) string {
	t.Helper()
	dir := shortTemp(t)
	t.Setenv("TMPDIR", dir)
	return dir
}

// shortTemp makes an empty directory. Its name is not of the test's: the name of a
// socket has to be short.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
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
