package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// demoGlobal keeps the gateway to itself. It runs in its directory, so that the
// sockets and the store are there; a socket's name cannot be taken by others, as a free port can.
const demoGlobal = `{
	admin unix/admin.sock
	default_bind unix/gateway.sock
	auto_https off
	persist_config off
	grace_period 1s
	webhooks {
		store sqlite events.db
		free_space 16MiB
	}
}
`

// demoSite is the site of the demo's Caddyfile.
func demoSite(app string) string {
	return `http:// {
	webhook /hooks/svix* svix {
		verify svix {env.SVIX_SECRET}
		max_body ` + strconv.Itoa(demoMaxBody>>10) + `KiB
	}
	webhook /hooks/travelbase* travelbase {
		verify travelbase {env.TRAVELBASE_SECRET}
	}
	webhook /hooks/orders* orders {
		verify svix {env.ORDERS_SECRET}
		retry 1s 5s 1m forever
		forward ` + app + `
	}
	webhook /hooks/partner* partner {
		verify svix {env.PARTNER_SVIX_SECRET}
		verify travelbase {env.PARTNER_TRAVELBASE_SECRET}
		forward ` + app + `
	}
	webhook_health /healthz
	reverse_proxy ` + app + `
}
`
}

const (
	demoStartTimeout = 30 * time.Second
	demoStopTimeout  = 5 * time.Second
	demoSendTimeout  = 20 * time.Second // more than the gateway's own timeout
)

// demoGateway is the gateway as a child process, or as several, one after the other.
type demoGateway struct {
	executable, dir string
	environment     []string
	client          http.Client
	child           *exec.Cmd
	end             context.CancelFunc
	exited          chan struct{} // closed once the process is gone
	log             bytes.Buffer  // of all processes; to be read while none runs
}

// newDemoGateway prepares it in dir, where everything it writes goes.
func newDemoGateway(executable, dir, site string, secrets demoSecrets) (*demoGateway, error) {
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(demoGlobal+site), 0o600); err != nil {
		return nil, err
	}
	g := &demoGateway{executable: executable, dir: dir, environment: append(os.Environ(),
		"HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "AppData="+dir)}
	g.environment = append(g.environment, secrets.environment()...)
	g.client = http.Client{Transport: overSocket(filepath.Join(dir, "gateway.sock")), Timeout: demoSendTimeout}
	return g, nil
}

// overSocket returns a transport for which all hosts are behind a unix socket.
func overSocket(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}

// start starts the child. It has to be stopped, or killed.
func (g *demoGateway) start() error {
	ctx, end := context.WithCancel(context.Background())
	child := exec.CommandContext(ctx, g.executable, //nolint:gosec // our own
		"run", "--config", "Caddyfile", "--adapter", "caddyfile")
	child.Dir, child.Env = g.dir, g.environment
	child.Stdout, child.Stderr = &g.log, &g.log
	child.Cancel = func() error {
		// Not an interrupt: a terminal's Ctrl-C has sent one already, and at the
		// second Caddy drops everything.
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			return child.Process.Kill()
		}
		return nil
	}
	child.WaitDelay = demoStopTimeout
	if err := child.Start(); err != nil {
		end()
		return fmt.Errorf("starting the gateway: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = child.Wait() // how it ended is in its log
	}()
	g.child, g.end, g.exited = child, end, exited
	return nil
}

// stop ends the child, waits until it is gone, and returns the log.
func (g *demoGateway) stop() (log string) {
	g.client.CloseIdleConnections()
	g.end()
	<-g.exited
	return g.log.String()
}

// kill ends the child as a crash does, SIGKILL where there are signals, and waits
// until it is gone. A child that is gone already is an error.
func (g *demoGateway) kill() error {
	if err := g.child.Process.Kill(); err != nil {
		return fmt.Errorf("killing the gateway: %w", err)
	}
	_ = g.stop() // which only waits: a process that is killed hears nothing more
	return nil
}

// ready waits until the gateway says that it accepts webhooks.
func (g *demoGateway) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoStartTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/healthz", http.NoBody)
		if err != nil {
			return err
		}
		status, _, err := g.send(r)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("its health is %d", status)
		}
		select {
		case <-g.exited:
			return errors.New("the gateway ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("the gateway was not ready after %v: %w", demoStartTimeout, err)
		case <-tick.C:
		}
	}
}

// send returns the status of the answer and what it was: see [demoResult].
func (g *demoGateway) send(r *http.Request) (status int, answer string, err error) {
	response, err := g.client.Do(r) //nolint:gosec // its transport leads to the socket, whatever the URL
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return 0, "", err
	}
	var refusal struct {
		Error struct{ Type string }
	}
	switch result := response.Header.Get("Hookgate-Result"); {
	case result != "":
		answer = result
	case string(body) == thanks:
		answer = appAnswered
	case json.Unmarshal(body, &refusal) == nil && refusal.Error.Type != "":
		answer = refusal.Error.Type
	default:
		answer = fmt.Sprintf("%.40q", body)
	}
	return response.StatusCode, answer, nil
}
