package pgserver

import (
	"context"
	"errors"
	"sync"

	"github.com/hookgate/hookgate/internal/faults"
)

// TB is what of a [testing.TB] is needed here.
type TB interface {
	faults.TB
	Context() context.Context
	Cleanup(func())
	Errorf(format string, args ...any)
}

// shared is the server of all tests of a process. It ends with it.
var shared = sync.OnceValues(func() (*Server, error) { return Start("fsync=off", "full_page_writes=off") })

// Database returns the connection string of a new, empty database on a server that the
// tests of this process share. Without binaries the test is skipped, or fails where
// nothing may be left out.
func Database(t TB) string {
	t.Helper()
	s, err := shared()
	check(t, err)
	dsn, err := s.Database(t.Context())
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	return dsn
}

// Own returns a server for this test alone, which it may kill.
func Own(t TB, settings ...string) *Server {
	t.Helper()
	s, err := Start(settings...)
	check(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return s
}

func check(t TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) {
		faults.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
}
