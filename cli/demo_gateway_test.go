package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// demoStops: the gateway is asked to end, not killed.
func demoStops(t *testing.T, executable string) {
	gateway := startedGateway(t, executable)
	err := gateway.ready(t.Context())
	if log := gateway.stop(); err != nil || !strings.Contains(log, `"shutdown complete"`) {
		t.Errorf("%v; the gateway logged:\n%s", err, log)
	}
	if again := gateway.stop(); again == "" {
		t.Error("a second stop is not harmless")
	}
}

// startedGateway has nothing behind it.
func startedGateway(t *testing.T, executable string) *demoGateway {
	t.Helper()
	gateway, err := newDemoGateway(executable, emptyTemp(t), demoSite("127.0.0.1:9"), newDemoSecrets())
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { gateway.stop() })
	return gateway
}

// demoInterrupted sends Ctrl-C while a request is under way: one that is passed on,
// and one that is delivered after the crash.
func demoInterrupted(t *testing.T, executable string) {
	for _, test := range []struct {
		name    string
		started int                             // gateways until then
		hangs   bool                            // the app; an attempt that hangs is waited for
		site    func(others, app string) string // others is the demo's own app
	}{
		{"passing on", 1, true, func(_, app string) string { return demoSite(app) }},
		{"delivering", 2, false, func(others, app string) string {
			return strings.Replace(demoSite(others), "forward "+others, "forward "+app, 1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			script, pids := countingScript(t, executable, "")
			done := make(chan struct{})
			defer close(done)
			var once sync.Once
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if len(pids()) < test.started {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				once.Do(func() {
					if err := signalProcess(os.Getpid(), os.Interrupt); err != nil {
						t.Error(err)
					}
				})
				if test.hangs {
					<-done
				}
			}))
			defer app.CloseClientConnections()
			temp := emptyTemp(t)
			d := newTestDemo(script, func(others string) string { return test.site(others, app.Listener.Addr().String()) }, io.Discard)
			d.patience = demoPatience
			if err := d.run(t.Context()); err == nil || err.Error() != "interrupted" {
				t.Errorf("error %v", err)
			}
			wantNothingLeft(t, temp)
			if n := len(pids()); n != test.started {
				t.Errorf("%d gateways were started", n)
			}
			for _, pid := range pids() {
				if err := signalProcess(pid, syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
					t.Errorf("a gateway is still there: %v", err)
				}
			}
		})
	}
}

// countingScript returns a script that becomes a gateway, and what reads the process
// ids of all that it has started. Before every start but the first it runs a command.
func countingScript(t *testing.T, executable, restart string) (path string, pids func() []int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell and signals")
	}
	dir := t.TempDir()
	path, list := filepath.Join(dir, "gateway"), filepath.Join(dir, "pids")
	script := fmt.Sprintf("#!/bin/sh\nif [ -e %[1]s ]; then\n%[2]s\n:\nfi\necho $$ >>%[1]s\nexec %[3]s \"$@\"\n", list, restart, executable)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, func() (all []int) {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Error(err)
		}
		for _, line := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(line)
			if err != nil {
				t.Error(err)
			}
			all = append(all, pid)
		}
		return all
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
			d := newTestDemo(test.executable, func(string) string { return test.site }, io.Discard)
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

// demoIsKilled: the gateway has no chance to end well, and starts again where it was.
func demoIsKilled(t *testing.T, executable string) {
	gateway := startedGateway(t, executable)
	if err := gateway.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := gateway.kill(); err != nil {
		t.Fatal(err)
	}
	if gateway.child.ProcessState.Success() || strings.Contains(gateway.log.String(), "shutdown") {
		t.Errorf("it ended with %v; it logged:\n%s", gateway.child.ProcessState, gateway.log.String())
	}
	if err := gateway.kill(); err == nil {
		t.Error("no error although it was gone")
	}
	if err := gateway.start(); err != nil {
		t.Fatal(err)
	}
	if err := gateway.ready(t.Context()); err != nil {
		t.Errorf("%v; the gateway logged:\n%s", err, gateway.stop())
	}
}
