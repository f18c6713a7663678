package cli

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hookgate/hookgate/internal/pgserver"
)

// brake is a way to PostgreSQL that ends somewhere in the middle.
type brake struct {
	net.Listener
	to      string
	limit   int64
	cut     bool // the connections, instead of holding what is sent
	sent    atomic.Int64
	reached chan struct{}
	gone    chan struct{} // the client is: it is closed by the test
}

// newBrake lets so many bytes through to the server of a connection string, all
// connections together, and returns the string that goes through it.
func newBrake(t *testing.T, dsn string, limit int64, cut bool) (*brake, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // nothing is lost with it
	rest := strings.TrimPrefix(dsn, "postgres://hookgate@")
	to, database, _ := strings.Cut(rest, "/")
	b := &brake{Listener: l, to: to, limit: limit, cut: cut, reached: make(chan struct{}), gone: make(chan struct{})}
	go b.serve()
	return b, "postgres://hookgate@" + l.Addr().String() + "/" + database + "?sslmode=disable"
}

func (b *brake) serve() {
	for {
		client, err := b.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", b.to)
		if err != nil {
			_ = client.Close()
			return
		}
		go func() {
			_, _ = io.Copy(client, server) // until one of them has gone
			_ = client.Close()
		}()
		go b.forward(server, client)
	}
}

func (b *brake) forward(server, client net.Conn) {
	defer func() { _, _ = server.Close(), client.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		before := b.sent.Add(int64(n)) - int64(n)
		if before < b.limit && before+int64(n) >= b.limit {
			close(b.reached)
		}
		if b.sent.Load() >= b.limit {
			if b.cut {
				return
			}
			<-b.gone
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// A migration that ends half-way, killed, interrupted or cut off from the server, leaves
// the database empty and the file as it was: the gateway can be started on it again, and
// so can the migration.
//
// (K-03, K-12)
func TestMigrateEndsHalfWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody is interrupted there")
	}
	const limit = 500 << 10 // of 1 MiB: the events are copied, and half of the payloads
	e := newEstate(t, 100*allKinds)
	before := fileContents(t, e.path)
	dsn := pgserver.Database(t)
	for _, c := range []struct {
		name   string
		cut    bool
		signal os.Signal
		status int
		stderr string
	}{
		{name: "killed", signal: syscall.SIGKILL, status: -1},
		{name: "interrupted", signal: os.Interrupt, status: 130, stderr: "Interrupted: nothing was moved. The file and the database are as they were.\n"},
		{name: "cut off", cut: true, status: 2, stderr: "the connection to PostgreSQL is lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, through := newBrake(t, dsn, limit, c.cut)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsProgram$", "--", "webhook", "migrate", e.path)
			cmd.Env = append(os.Environ(), "AS_PROGRAM=1", dsnVariable+"="+through)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-b.reached:
			case err := <-ended:
				t.Fatalf("it has ended before: %v\n%s", err, stderr.String())
			}
			if c.signal != nil {
				if err := cmd.Process.Signal(c.signal); err != nil {
					t.Fatal(err)
				}
			}
			<-ended
			close(b.gone)
			if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(stderr.String(), c.stderr) || stdout.Len() > 0 {
				t.Errorf("status %d\n%s\n%s", status, stdout.String(), stderr.String())
			}
			if after := fileContents(t, e.path); !reflect.DeepEqual(after, before) {
				t.Error("the file has changed")
			}
			s := openPostgres(t, dsn)
			if left := contentsOf(t, &s.Reader); len(left.events)+len(left.jobs)+len(left.pauses) > 0 {
				t.Errorf("%d events are left in the database, %v, %v", len(left.events), left.jobs, left.pauses)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	r := run(t, dsn, "migrate", "--dsn-file", "-", e.path)
	if r.status != 0 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	s := openPostgres(t, dsn)
	compareContents(t, before.asTaken(), contentsOf(t, &s.Reader))
}
