package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// A copy that is made while events come has all that were acknowledged before it was
// begun, and works as a store.
//
// (F-17)
func TestBackupWhileEventsCome(t *testing.T) {
	dir := t.TempDir()
	s, _ := openFile(t, filepath.Join(dir, "events.db"))
	stop := make(chan struct{})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Accept(t.Context(), event(fmt.Sprint(worker, ".", n))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range 3 {
		before := mustAccept(t, s, fmt.Sprint("before", n))
		path := filepath.Join(dir, fmt.Sprint("copy", n, ".db"))
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		restored, err := store.Open(t.Context(), sqlite.New(path, time.Second), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := restored.Accept(t.Context(), event(fmt.Sprint("before", n))); err != nil || v.Result != store.Duplicate || v.Seq != before {
			t.Errorf("%+v %v", v, err)
		}
		if d, err := restored.Event(t.Context(), before); err != nil || string(d.Body) != fmt.Sprint("the body of before", n) {
			t.Errorf("%+v %v", d, err)
		}
		// Numbers go on growing in a copy that was restored.
		if seq := mustAccept(t, restored, "new"); seq <= before {
			t.Errorf("%d comes after %d", seq, before)
		}
		restored.Close()
	}
	close(stop)
	all.Wait()
}

// A copy replaces nothing, and one that cannot be made leaves nothing behind.
func TestBackupReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	s, _ := openFile(t, filepath.Join(dir, "events.db"))
	mustAccept(t, s, "e")
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), dangling); err != nil {
		faults.Missing(t, "symbolic links: "+err.Error())
	}
	for _, path := range []string{there, dangling} {
		if err := s.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "no such directory", "copy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if data, err := os.ReadFile(there); err != nil || string(data) != "precious" {
		t.Errorf("%q %v", data, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
