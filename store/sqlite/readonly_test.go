package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// files returns the names of what is in a directory, with size and time of change.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+" "+info.ModTime().String()+" "+info.Mode().String())
	}
	return all
}

// A file that nobody has open is read without anything being written or made.
//
// (F-15)
func TestReadOnlyChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space?#%41.db")
	s, _ := openFile(t, path)
	seq := mustAccept(t, s, "e")
	s.Close()
	before := files(t, filepath.Dir(path))
	r, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.Event(t.Context(), seq)
	if err != nil || string(d.Body) != "the body of e" {
		t.Errorf("%+v %v", d, err)
	}
	if page, _, err := r.List(t.Context(), store.Filter{}); err != nil || len(page) != 1 {
		t.Errorf("%+v %v", page, err)
	}
	if found, err := r.Find(t.Context(), "a", "e"); err != nil || len(found) != 1 {
		t.Errorf("%+v %v", found, err)
	}
	if counts, err := r.Counts(t.Context()); err != nil || counts["source/a"].Pending != 1 {
		t.Errorf("%+v %v", counts, err)
	}
	if jobs, err := r.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("%+v %v", jobs, err)
	}
	if made, err := r.Attempts(t.Context(), d.DeliveryID()); err != nil || len(made) != 0 {
		t.Errorf("%+v %v", made, err)
	}
	if after := files(t, filepath.Dir(path)); !slices.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
	if _, err := store.Open(t.Context(), sqlite.New(path, time.Millisecond), store.Options{}); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("a gateway opens what is being read: %v", err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := r.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Event(t.Context(), seq); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a closed reader: %v", err)
	}
	c, err := sqlite.OpenReadOnly(t.Context(), copied) // a copy has no lock
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if d, err := c.Event(t.Context(), seq); err != nil || string(d.Body) != "the body of e" {
		t.Errorf("%+v %v", d, err)
	}
	s, _ = openFile(t, path) // it is free again
	mustAccept(t, s, "f")
}

// What a gateway has open is not read beside it; what a killed one has left in the log
// is read.
func TestReadOnlyAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s, _ := openFile(t, path)
	seq := mustAccept(t, s, "e")
	if _, err := sqlite.OpenReadOnly(t.Context(), path); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("a running gateway's file: %v", err)
	}
	crashed := filepath.Join(t.TempDir(), "events.db")
	for _, suffix := range []string{"", "-wal"} { // as a kill leaves them
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(crashed + "-wal"); err != nil || info.Size() == 0 {
		t.Fatal("there is no log")
	}
	r, err := sqlite.OpenReadOnly(t.Context(), crashed)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := r.Event(t.Context(), seq); err != nil || d.ID != "e" {
		t.Errorf("%+v %v", d, err)
	}
	r.Close()
	s, _ = openFile(t, crashed)
	if v, err := s.Accept(t.Context(), event("e")); err != nil || v.Result != store.Duplicate {
		t.Errorf("%+v %v", v, err)
	}
}

// What is no store is not made one.
func TestReadOnlyRefuses(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.txt")
	if err := os.WriteFile(other, []byte("this is no database, but a text that is long enough to be read as one, if anybody tries to"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for _, path := range []string{other, empty, dir, filepath.Join(dir, "none.db")} {
		if r, err := sqlite.OpenReadOnly(t.Context(), path); err == nil {
			t.Errorf("%s is read", path)
			r.Close()
		}
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
}
