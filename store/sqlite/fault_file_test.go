//go:build linux

package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// noticed is how long it may take to see that the file is not there any more.
const noticed = 10 * time.Second

// A store whose file is deleted, or replaced, while it is open says so, and takes
// nothing after that: what it would take is in no file that is found again.
//
// (F-17)
func TestFileGone(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(path string) error
	}{
		{"deleted", os.Remove},
		{"renamed", func(path string) error { return os.Rename(path, path+".old") }},
		{"replaced", func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		}},
		{"directory deleted", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, filepath.Join(t.TempDir(), "store", "events.db"))
			if err := b.send(); err != nil {
				t.Fatal(err)
			}
			if err := c.do(b.path); err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			for b.Trouble() == nil {
				if time.Since(started) > noticed {
					t.Fatalf("not noticed within %v", noticed)
				}
				time.Sleep(10 * time.Millisecond) // nobody tells when the store looks
			}
			for started = time.Now(); time.Since(started) < 2500*time.Millisecond; time.Sleep(50 * time.Millisecond) {
				if err := b.send(); err == nil {
					t.Fatalf("%v after it was noticed an event is acknowledged", time.Since(started))
				} else {
					b.mustBe(err, store.ErrFailed)
				}
			}
		})
	}
}

// What a store cannot be opened in is refused with an error that names it, and
// nothing is left behind.
//
// (F-16)
func TestUnusablePlaces(t *testing.T) {
	for _, c := range []struct {
		name string
		path func(t *testing.T) string
	}{
		{"read-only disk", func(t *testing.T) string {
			d := newDisk(t, 16<<20)
			if err := d.ReadOnly(); err != nil {
				t.Fatal(err)
			}
			return d.Path("events.db")
		}},
		{"read-only disk with a store", func(t *testing.T) string {
			d := newDisk(t, 16<<20)
			b := newBed(t, d.Path("events.db"))
			if err := b.send(); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if err := d.ReadOnly(); err != nil {
				t.Fatal(err)
			}
			return d.Path("events.db")
		}},
		{"a directory of that name", func(t *testing.T) string { return t.TempDir() }},
		{"a file where the directory should be", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(file, "events.db")
		}},
		{"another kind of file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "letter")
			if err := os.WriteFile(file, []byte(strings.Repeat("Dear Sir, ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			s, err := store.Open(t.Context(), sqlite.New(path, time.Second), store.Options{})
			if err == nil {
				s.Close()
				t.Fatal("the store opens")
			}
			if !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("the error does not say where: %v", err)
			}
		})
	}
}

// Paths that are legal are paths for a store.
//
// (F-16)
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"with space.db", "ünïcode.db", "a?b=c&d#e%20f.db", "semi;colon'quote.db"} {
		path := filepath.Join(t.TempDir(), "new", "directory", name)
		b := newBed(t, path)
		if err := b.send(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.reopen()
		b.complete()
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: the store is elsewhere: %v", name, err)
		}
	}
}

// A disk that goes away under load: from then on nothing is acknowledged, the error
// says that the store has failed, and closing it ends.
//
// (F-05, F-07)
func TestDiskGone(t *testing.T) {
	d := newDisk(t, 64<<20)
	b := newBed(t, d.Path("store/events.db"))
	for range 10 {
		if err := b.send(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Cut(); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		err := b.send()
		b.mustBe(err, store.ErrFailed)
		if b.Trouble() == nil {
			t.Errorf("after %d failures there is no trouble", n+1)
		}
	}
	if err := b.Close(); err != nil {
		t.Logf("closing: %v", err)
	}
	if err := d.Restore(); err != nil { // also if anything of it is still open
		t.Fatal(err)
	}
	b.reopen()
	b.complete()
	b.recovers()
}

// A store that is closed holds nothing open, so that it can be opened anew with
// nothing in memory that it does not read from the file.
func TestCloseLeavesNothingOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	for range 3 {
		b := newBed(t, path)
		if err := b.send(); err != nil {
			t.Fatal(err)
		}
		for seq := range b.acked {
			if err := b.settle(seq); err != nil {
				t.Fatal(err)
			}
		}
		b.complete()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if open := openFiles(t, filepath.Dir(path)); len(open) > 0 {
			t.Fatalf("still open: %v", open)
		}
	}
}

// openFiles is what this process has open in a directory.
func openFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(fmt.Sprint("/proc/self/fd/", e.Name())); err == nil && strings.HasPrefix(to, dir+"/") {
			names = append(names, filepath.Base(to))
		}
	}
	return names
}
