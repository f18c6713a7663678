package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// The next release, as far as the tables go: it adds what this one can do without.
var second = []store.Migration{{Component: "store", Version: 4, ReadableFrom: 1, SQL: []string{
	"ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT ''",
	"CREATE TABLE tenants (id {int} PRIMARY KEY, name {blob}) {clustered}",
}}}

// One with which the release before cannot work.
var third = append(append([]store.Migration(nil), second...), store.Migration{Component: "store", Version: 5, ReadableFrom: 5, SQL: []string{"ALTER TABLE events DROP COLUMN tenant"}})

func openAt(t *testing.T, path string, o store.Options) (*store.Store, error) {
	t.Helper()
	return store.Open(t.Context(), sqlite.New(path, time.Second), o)
}

func mustOpen(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := openAt(t, path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func accept(t *testing.T, s *store.Store, id byte) (store.Verdict, error) {
	t.Helper()
	return s.Accept(t.Context(), &store.Arrival{Source: "a", To: []store.Target{{Destination: "source/a"}}, ID: string(id), Received: time.Now(), Key: &store.Key{ID: store.Digest{id}}, Window: time.Hour, Body: []byte("body")})
}

// A file of this release works with the next one, and then again with this one; a
// checked copy is made before.
//
// (F-18, L-09)
func TestMigrationAndTheWayBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	use := func(id byte, want store.Result) {
		t.Helper()
		s := mustOpen(t, path)
		defer s.Close()
		for n := range id {
			if v, err := accept(t, s, n); err != nil || v.Result != store.Duplicate {
				t.Fatalf("event %d is not known: %+v %v", n, v, err)
			}
		}
		if v, err := accept(t, s, id); err != nil || v.Result != want {
			t.Fatalf("event %d: %+v %v", id, v, err)
		}
	}
	use(0, store.Stored)
	if _, err := os.Stat(path + ".v3"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy was made of a new file: %v", err)
	}
	store.WithMigrations(second, func() { use(1, store.Stored) })
	use(2, store.Stored) // this release again
	store.WithMigrations(second, func() { use(3, store.Stored) })
	if info, err := os.Stat(path + ".v3"); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v %v", info, err)
	}
	copied := mustOpen(t, path+".v3")
	defer copied.Close()
	if v, err := accept(t, copied, 0); err != nil || v.Result != store.Duplicate {
		t.Errorf("the copy has not what the file had: %+v %v", v, err)
	}
	if v, err := accept(t, copied, 1); err != nil || v.Result != store.Stored {
		t.Errorf("the copy has what came later: %+v %v", v, err)
	}
}

// A file that this release cannot work with is refused, with what to do, and unchanged.
//
// (F-18)
func TestNewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	store.WithMigrations(third, func() { mustOpen(t, path).Close() })
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openAt(t, path, store.Options{})
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "use the later release") {
		t.Errorf("opened: %v", err)
	}
	_, err = sqlite.OpenReadOnly(t.Context(), path)
	if !errors.Is(err, store.ErrNewer) {
		t.Errorf("read: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the file has changed, %v", err)
	}
	store.WithMigrations(third, func() { mustOpen(t, path).Close() }) // and its lock is free
}

// An older file is not read without its migration, which a reader does not make.
func TestReaderDoesNotMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	mustOpen(t, path).Close()
	store.WithMigrations(second, func() {
		if _, err := sqlite.OpenReadOnly(t.Context(), path); err == nil || !strings.Contains(err.Error(), "start the gateway once") {
			t.Errorf("read: %v", err)
		}
	})
	r, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

// stopper is a database whose process ends after the copy was made.
type stopper struct {
	*sqlite.File
	copied string
}

var errStopped = errors.New("stopped")

func (s *stopper) Protect(ctx context.Context, version int) (string, error) {
	path, err := s.File.Protect(ctx, version)
	s.copied = path
	return path, errors.Join(err, errStopped)
}

// A migration that ends after its copy was made, or in a step, leaves the file as it
// was, and is made by the next start.
//
// (K-12)
func TestMigrationThatIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := mustOpen(t, path)
	if _, err := accept(t, s, 0); err != nil {
		t.Fatal(err)
	}
	s.Close()
	broken := append(append([]store.Migration(nil), second...), store.Migration{Component: "store", Version: 5, ReadableFrom: 5, SQL: []string{"CREATE TABLE broken"}})
	store.WithMigrations(broken, func() {
		if _, err := openAt(t, path, store.Options{}); err == nil || !strings.Contains(err.Error(), "version 5") {
			t.Errorf("a step that fails: %v", err)
		}
	})
	if err := os.WriteFile(path+".v3.partial123", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	store.WithMigrations(second, func() {
		db := &stopper{File: sqlite.New(path, time.Second)}
		if _, err := store.Open(t.Context(), db, store.Options{}); !errors.Is(err, errStopped) {
			t.Fatalf("opened: %v", err)
		}
		if db.copied != path+".v3" {
			t.Errorf("the copy is %s", db.copied)
		}
	})
	s = mustOpen(t, path) // the old release: nothing has happened
	if v, err := accept(t, s, 0); err != nil || v.Result != store.Duplicate {
		t.Errorf("%+v %v", v, err)
	}
	s.Close()
	store.WithMigrations(third, func() { mustOpen(t, path).Close() })
	if left, _ := filepath.Glob(path + ".v3.partial*"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// A package that keeps tables of its own brings its steps, which are counted for
// themselves.
func TestComponents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	steps := []store.Migration{{Component: "sender", Version: 1, ReadableFrom: 1, SQL: []string{"CREATE TABLE endpoints (id {int} PRIMARY KEY)"}}}
	for range 2 {
		s, err := openAt(t, path, store.Options{Migrations: steps})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Do(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO endpoints (id) VALUES (?) ON CONFLICT DO NOTHING", 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	mustOpen(t, path).Close() // without the package nothing is missing
	steps = append(steps, store.Migration{Component: "sender", Version: 2, ReadableFrom: 2, SQL: []string{"DROP TABLE endpoints"}})
	s, err := openAt(t, path, store.Options{Migrations: steps})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := openAt(t, path, store.Options{Migrations: steps[:1]}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "sender") {
		t.Errorf("%v", err)
	}
}
