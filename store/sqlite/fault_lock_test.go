//go:build linux

package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// A second process is refused within lock_wait, with an error that says why; the
// first goes on. After a SIGKILL the lock is free at once.
//
// (F-14)
func TestSecondProcess(t *testing.T) {
	l, path := newLedger(), filepath.Join(t.TempDir(), "events.db")
	p := l.start(t, job{Path: path, Run: "first"})
	p.await(t)
	for range 3 {
		const wait = 200 * time.Millisecond
		started := time.Now()
		s, err := store.Open(t.Context(), sqlite.New(path, wait), store.Options{})
		if err == nil {
			s.Close()
			t.Fatal("two processes have the store")
		}
		if !errors.Is(err, sqlite.ErrLocked) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(started); took < wait || took > wait+2*time.Second {
			t.Errorf("refused after %v, want %v", took, wait)
		}
	}
	for more := l.count() + 100; l.count() < more; {
		select {
		case <-p.ended:
			t.Fatalf("the first process has ended: %s", p.failure)
		case <-time.After(10 * time.Millisecond):
		}
	}
	p.kill()
	if len(l.refused) != 0 {
		t.Errorf("the first process was harmed: %v", l.reasons)
	}
	if loss := l.compare(t, path); loss.any() { // waits a second for the lock, at most
		t.Error(loss)
	}
}
