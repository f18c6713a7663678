// Package pgserver runs throwaway PostgreSQL servers for tests and load tests: from the
// binaries that Debian's package postgresql installs, in a directory of their own, on a
// port of their own, never the machine's server. They end with the process that started
// them, however it ends.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that there are no binaries.
var ErrMissing = errors.New("no PostgreSQL binaries: install Debian's package postgresql")

// startWithin is how long a server may take to answer.
const startWithin = 60 * time.Second

// Server is a running server. Its methods are not safe for concurrent use, but DSN and
// Database are.
type Server struct {
	bin, dir string
	port     int
	settings []string
	owner    *syscall.Credential

	keeper    *exec.Cmd
	end       *os.File // closed, the keeper ends the server
	before    int      // how long the log was when the server was last started
	databases atomic.Int64
}

// binaries returns the directory of the newest release that is installed.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		path, err := exec.LookPath("postgres")
		if err != nil {
			return "", ErrMissing
		}
		return filepath.Dir(path), nil
	}
	release := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // what is no number is older than all
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return release(a) - release(b) })
	return filepath.Dir(newest), nil
}

// Start makes a server and waits until it answers. The settings are as in
// postgresql.conf, such as "fsync=off". If there are no binaries the error is
// [ErrMissing].
func Start(settings ...string) (s *Server, err error) {
	s = &Server{settings: settings}
	if s.bin, err = binaries(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "hookgate-pg-"); err != nil {
		return nil, err
	}
	dir := s.dir
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := s.disown(); err != nil {
		return nil, err
	}
	initdb := s.command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "hookgate", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	for range 5 { // somebody may take the port first
		if err = s.run(); err == nil {
			return s, nil
		}
		s.port = 0
	}
	return nil, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// disown gives the directory to somebody who is not root, as whom the server refuses
// to run.
func (s *Server) disown() error {
	if os.Geteuid() != 0 {
		return nil
	}
	var who *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if who, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("root needs somebody to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, int(uid), int(gid))
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), name, args...) //nolint:gosec // the server's own binaries, which nobody's context ends
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return cmd
}

// keep runs the server until its input ends, which it does with the process that holds
// the other end, and then removes the directory unless it is told to leave it.
const keep = `"$@" >> "$PWD/log" 2>&1 & server=$!; read -r word; kill -QUIT $server 2>/dev/null; wait $server; [ "$word" = leave ] || rm -rf "$PWD"`

// run starts the server on a free port, the same as before if it has one.
func (s *Server) run() error {
	if s.port == 0 {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	args := []string{"-c", keep, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data()}
	for _, setting := range append([]string{
		"port=" + strconv.Itoa(s.port), "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200",
	}, s.settings...) {
		args = append(args, "-c", setting)
	}
	s.before = len(s.log())
	in, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // the child has its own
	s.keeper, s.end = s.command("/bin/sh", args...), end
	s.keeper.Stdin = in
	if err := s.keeper.Start(); err != nil {
		return errors.Join(err, end.Close())
	}
	if err := s.wait(); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL on port %d: %w: %s", s.port, err, s.log()), s.leave())
	}
	return nil
}

// wait waits until the server answers.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if s.pid() == 0 && strings.Contains(s.log()[s.before:], "FATAL") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// pid returns the server's process; 0 if there is none.
func (s *Server) pid() int {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(first) // 0 while it is being written
	return pid
}

// DSN returns the connection string of a database.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://hookgate@127.0.0.1:%d/%s", s.port, database)
}

// Port is where it listens, on the loopback interface. It stays the same.
func (s *Server) Port() int { return s.port }

// Database makes a new, empty database and returns its connection string.
func (s *Server) Database(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return s.DSN(name), errors.Join(err, conn.Close(ctx))
}

// Kill ends the server as a crash would: nothing is written back or said to anybody.
func (s *Server) Kill() error {
	pid := s.pid()
	if pid == 0 {
		return errors.New("PostgreSQL does not run")
	}
	children := children(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	// They notice, and end; as long as one is left the server does not start again.
	for _, child := range children {
		for range 1000 {
			if syscall.Kill(child, 0) != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return s.leave()
}

// children returns the processes that a process has started.
func children(pid int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // as it was found
			all = append(all, child)
		}
	}
	return all
}

// Restart starts the server again after Kill, where it was.
func (s *Server) Restart() error { return s.run() }

// leave ends the keeper, and leaves the directory.
func (s *Server) leave() error {
	_, err := s.end.WriteString("leave\n")
	return errors.Join(err, s.end.Close(), ignoreExit(s.keeper.Wait()))
}

// Stop ends the server and removes what it has written.
func (s *Server) Stop() error {
	return errors.Join(s.end.Close(), ignoreExit(s.keeper.Wait()), os.RemoveAll(s.dir))
}

// ignoreExit leaves out how the shell ended: with the server's status, killed or not.
func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}
