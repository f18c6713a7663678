//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	// concurrency is how many attempts are in flight at once, as configured.
	concurrency = 16
	// exitWait is how long a gateway may take to end: it waits for attempts in flight
	// 10 s, and for requests as long as grace_period says.
	exitWait = 15 * time.Second
)

// gateway is a process of this program, which may be killed and started again on the
// same store.
type gateway struct {
	t       *testing.T
	name    string
	life    int      // counts the starts
	env     []string // beside what every one has
	other   string   // the address of another site, if there is one
	address string
	config  string
	home    string
	log     output
	cmd     *exec.Cmd
	ended   chan struct{}
}

// output keeps what a process prints. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// tail is the last lines.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(o.text.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// newGateway configures a gateway that keeps events in a directory and forwards them
// to the app.
func newGateway(t *testing.T, store string, to *app) *gateway {
	t.Helper()
	g := &gateway{t: t, address: freeAddress(t), home: t.TempDir()}
	g.configure(fmt.Sprintf(`{
	admin off
	persist_config off
	grace_period 3s
	webhooks {
		store sqlite %s
		free_space 1MiB
	}
}
http://%s {
	webhook /hooks* crash {
		verify svix {env.CRASH_SECRET}
		forward %s
		concurrency %d
		retry 100ms 200ms 500ms forever
	}
}
`, filepath.Join(store, "events.db"), g.address, to.address, concurrency))
	return g
}

// given are the addresses that tests have: what a gateway that is down will listen at
// again is not given to another.
var given sync.Map

// freeAddress returns a loopback address that nobody listens at, and that is not one
// of those which connections take: it is free again whenever a gateway starts anew.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err != nil {
			continue
		}
		defer listener.Close()
		if _, taken := given.LoadOrStore(listener.Addr().String(), true); !taken {
			return listener.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

// configure writes a Caddyfile, and sees to the gateway's end.
func (g *gateway) configure(caddyfile string) {
	g.t.Helper()
	t := g.t
	g.config = filepath.Join(g.home, "Caddyfile")
	if err := os.WriteFile(g.config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.kill()
		if t.Failed() {
			t.Logf("the gateway %s said at last:\n%s", g.name, g.log.tail())
		}
	})
}

// incarnation tells this start of the gateway from others of it, and from other
// gateways.
func (g *gateway) incarnation() string { return fmt.Sprintf("%s#%d", g.name, g.life) }

// start runs the gateway and returns once it listens.
func (g *gateway) start() {
	g.t.Helper()
	g.launch()
	g.listens()
}

// launch runs the gateway.
func (g *gateway) launch() {
	g.t.Helper()
	g.life++
	g.cmd = exec.Command(binary, "run", "--config", g.config, "--adapter", "caddyfile")
	g.cmd.Env = append(os.Environ(), "CRASH_SECRET="+secret, "HOME="+g.home, "XDG_DATA_HOME="+g.home, "XDG_CONFIG_HOME="+g.home, "HOOKGATE_GATEWAY="+g.incarnation())
	g.cmd.Env = append(g.cmd.Env, g.env...)
	g.cmd.Stdout, g.cmd.Stderr = &g.log, &g.log
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	cmd, ended := g.cmd, make(chan struct{})
	g.ended = ended
	go func() {
		_ = cmd.Wait() // how it ends is what the tests are about
		close(ended)
	}()
}

// listens returns once it does.
func (g *gateway) listens() {
	g.t.Helper()
	for started := time.Now(); ; {
		conn, err := net.Dial("tcp", g.address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-g.ended:
			g.t.Fatal("the gateway does not start")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(started) > 20*time.Second {
			g.t.Fatalf("the gateway does not listen: %v", err)
		}
	}
}

func (g *gateway) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
}

// kill ends the gateway as SIGKILL does.
func (g *gateway) kill() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Kill() // it may have ended
	<-g.ended
}

// exits waits for the gateway to end by itself and returns its exit code.
func (g *gateway) exits(within time.Duration) int {
	g.t.Helper()
	select {
	case <-g.ended:
	case <-time.After(within):
		g.t.Fatalf("the gateway has not ended within %v", within)
	}
	return g.cmd.ProcessState.ExitCode()
}
