package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// build compiles Hookgate as it stands beside this module and returns the binary.
func build(ctx context.Context, dir string) (string, error) {
	source, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/hookgate/hookgate").Output()
	if err != nil {
		return "", fmt.Errorf("finding Hookgate's source (run this inside bench/): %w", err)
	}
	binary := filepath.Join(dir, "hookgate")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/hookgate")
	cmd.Dir = strings.TrimSpace(string(source))
	cmd.Stderr = os.Stderr
	return binary, cmd.Run()
}

// maxBody is what the gateway holds of a body, and what a proxy that buffers does.
const maxBody = "1MiB"

// site is what a server is to do.
type site struct {
	connections int    // of the sender; as many idle ones to the app are kept
	app         string // the app's address; empty to answer 200 without one
	webhook     bool   // with a webhook directive in front
	stored      bool   // which keeps the events in a store, and forwards them
	key         string // of a webhook_portal, which is all there is then, with a store

	// The store's database, if it is in PostgreSQL, and the server that it is on.
	dsn      string
	database *cluster
}

func (s site) caddyfile(dir, address string) string {
	store, webhook := "", ""
	upstream := fmt.Sprintf(`%s {
		request_buffers %s
		transport http {
			keepalive_idle_conns_per_host %d
		}
	}`, s.app, maxBody, s.connections)
	answer := "reverse_proxy " + upstream
	if s.app == "" {
		answer = "respond 200"
	}
	if s.webhook {
		webhook = "webhook /hooks* bench {\n\t\tverify svix {env.BENCH_SECRET}\n\t\tmax_body " + maxBody + "\n\t}"
	}
	switch {
	case s.key != "":
		store = "webhooks {\n\t\tstore sqlite " + storeFile(dir) + "\n\t\tkey {env.BENCH_KEY}\n\t\tallow_private 127.0.0.0/8\n\t}"
		answer = "webhook_portal"
	case s.stored:
		in := "sqlite " + storeFile(dir)
		if s.dsn != "" {
			in = "postgres {env.BENCH_POSTGRES}"
		}
		store = "webhooks {\n\t\tstore " + in + "\n\t}"
		webhook = strings.TrimSuffix(webhook, "}") + fmt.Sprintf("\tmax_backlog 10000000\n\t\tconcurrency %d\n\t\tforward ", s.connections) + upstream + "\n\t}"
		answer = ""
	}
	return fmt.Sprintf(`{
	admin unix/%s
	persist_config off
	auto_https off
	grace_period 2s
	%s
}
http://%s {
	bind 127.0.0.1
	%s
	%s
}
`, filepath.Join(dir, "admin.sock"), store, address, webhook, answer)
}

// storeFile is where a server keeps its events.
func storeFile(dir string) string { return filepath.Join(dir, "events.db") }

// server is a child process that serves a configuration.
type server struct {
	site
	name, dir, url string
	client         *http.Client // keeps the sender's connections
	cmd            *exec.Cmd
	began          time.Time
	stop           context.CancelFunc
	exited         chan error // gets what Wait returned, once
}

// serve starts binary with all of its files in a directory of its own below dir, which
// may be there already, and returns when it takes connections. It runs until ctx is
// done or close is called.
func serve(ctx context.Context, binary, dir, name string, what site) (*server, error) {
	s := &server{site: what, name: name, dir: filepath.Join(dir, name), exited: make(chan error, 1)}
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: what.connections}, Timeout: 30 * time.Second}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.url = "http://" + address
	if what.key == "" {
		s.url += "/hooks/bench"
	}
	config, log := filepath.Join(s.dir, "Caddyfile"), filepath.Join(s.dir, "log")
	if err := os.WriteFile(config, []byte(what.caddyfile(s.dir, address)), 0o600); err != nil {
		return nil, err
	}
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()

	running, stop := context.WithCancel(ctx)
	s.stop = stop
	s.cmd = exec.CommandContext(running, binary, "run", "--config", config, "--adapter", "caddyfile")
	s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "BENCH_SECRET="+secret, "BENCH_POSTGRES="+what.dsn, "BENCH_KEY="+what.key)
	s.cmd.Stderr = stderr
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 20 * time.Second // then it is killed
	s.began = time.Now()
	if err := s.cmd.Start(); err != nil {
		stop()
		return nil, err
	}
	go func() { s.exited <- s.cmd.Wait() }()
	if err := s.ready(ctx, address); err != nil {
		s.close()
		text, _ := os.ReadFile(log) // best effort: there is an error already
		return nil, fmt.Errorf("%s did not start: %w\n%s", name, err, text)
	}
	return s, nil
}

// close stops the server as an operator does, and waits for its end. It may be
// called again.
func (s *server) close() {
	s.stop()
	err := <-s.exited
	s.exited <- err // for the next call
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *server) ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var dialer net.Dialer
		if conn, err := dialer.DialContext(ctx, "tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case err := <-s.exited:
			s.exited <- err // for close
			return fmt.Errorf("it exited: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
