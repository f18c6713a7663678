package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// site is what a server is to do: proxy to the app, with an idle connection kept for
// each of the sender's.
type site struct {
	app         string // the app's address
	connections int
	webhook     bool // with a webhook directive in front
}

func (s site) caddyfile(dir, address string) string {
	webhook := ""
	if s.webhook {
		webhook = "webhook /hooks* bench {\n\t\tverify svix {env.BENCH_SECRET}\n\t\tmax_body " + maxBody + "\n\t}"
	}
	return fmt.Sprintf(`{
	admin unix/%s
	persist_config off
	auto_https off
	grace_period 2s
}
http://%s {
	bind 127.0.0.1
	%s
	reverse_proxy %s {
		request_buffers %s
		transport http {
			keepalive_idle_conns_per_host %d
		}
	}
}
`, filepath.Join(dir, "admin.sock"), address, webhook, s.app, maxBody, s.connections)
}

// server is a child process that serves a configuration.
type server struct {
	name, dir, url string
	client         *http.Client // keeps the sender's connections
	cmd            *exec.Cmd
	exited         chan error // gets what Wait returned, once
}

// serve starts binary with all of its files in a directory of its own below dir, and
// returns when it takes connections. It runs until ctx is done.
func serve(ctx context.Context, binary, dir, name string, what site) (*server, error) {
	s := &server{name: name, dir: filepath.Join(dir, name), exited: make(chan error, 1)}
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: what.connections}, Timeout: 30 * time.Second}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.url = "http://" + address + "/hooks/bench"
	config, log := filepath.Join(s.dir, "Caddyfile"), filepath.Join(s.dir, "log")
	if err := os.WriteFile(config, []byte(what.caddyfile(s.dir, address)), 0o600); err != nil {
		return nil, err
	}
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()

	s.cmd = exec.CommandContext(ctx, binary, "run", "--config", config, "--adapter", "caddyfile")
	s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "BENCH_SECRET="+secret)
	s.cmd.Stderr = stderr
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 5 * time.Second // then it is killed
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.exited <- s.cmd.Wait() }()
	if err := s.ready(ctx, address); err != nil {
		text, _ := os.ReadFile(log) // best effort: there is an error already
		return nil, fmt.Errorf("%s did not start: %w\n%s", name, err, text)
	}
	return s, nil
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
			s.exited <- err // for stop
			return fmt.Errorf("it exited: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cpu returns the CPU time the server has used so far, in seconds; NaN where there
// is no /proc.
func (s *server) cpu() float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return math.NaN()
	}
	seconds, err := parseStat(stat)
	if err != nil {
		return math.NaN()
	}
	return seconds
}

// parseStat returns user and system time together from the text of
// /proc/<pid>/stat (proc_pid_stat(5)).
func parseStat(stat []byte) (seconds float64, err error) {
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go runs on
	// The second field is the command in parentheses, and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, errors.New("no stat of a process")
	}
	for _, field := range fields[11:13] { // utime and stime are fields 14 and 15
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		seconds += float64(ticks) / ticksPerSecond
	}
	return seconds, nil
}
