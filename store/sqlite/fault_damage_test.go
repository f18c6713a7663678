//go:build linux

package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// image is the files of a store that nobody has closed, and what it has promised.
type image struct {
	file, log []byte
	closed    []byte  // the file, had it been closed
	acked     []int64 // sequence numbers, oldest first
	body      map[int64]string
}

// newImage makes a store with half of its events in the file and half in the log.
func newImage(t *testing.T) image {
	t.Helper()
	im := image{body: make(map[int64]string)}
	path := filepath.Join(t.TempDir(), "events.db")
	for half := range 2 {
		s, err := store.Open(t.Context(), sqlite.New(path, time.Second), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 8 {
			a := arrival(fmt.Sprint("event", half, n), 3000)
			v, err := s.Accept(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			im.acked, im.body[v.Seq] = append(im.acked, v.Seq), digest(a.Body)
		}
		if half == 1 {
			if im.file, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			if im.log, err = os.ReadFile(path + "-wal"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if im.closed, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if len(im.log) == 0 {
		t.Fatal("there is nothing in the log")
	}
	return im
}

// found is what a damaged store says of itself.
type found struct {
	refused error  // it does not open
	told    int    // events that cannot be read, with an error that says so
	missing []int  // events that are silently not there, by their number
	changed []int  // events that silently have another body
	checked string // what SQLite says if it is asked to check, and something is missing
}

// open opens a store with these files, and asks for every event.
func (im image) open(t *testing.T, dir string, file, log []byte) (f found) {
	path := filepath.Join(dir, "events.db")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
	for name, data := range map[string][]byte{path: file, path + "-wal": log} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Error(err)
		}
	}
	db := sqlite.New(path, time.Second)
	s, err := store.Open(context.Background(), db, store.Options{})
	if err != nil {
		f.refused = err
		return f
	}
	defer s.Close()
	for n, seq := range im.acked {
		d, err := s.Delivery(context.Background(), store.DeliveryID{Seq: seq})
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			f.told++
		case err != nil || d.Head == nil:
			f.missing = append(f.missing, n)
		case digest(d.Body) != im.body[seq]:
			f.changed = append(f.changed, n)
		}
	}
	if len(f.missing) > 0 {
		if err := db.Readers().QueryRow("PRAGMA integrity_check(1)").Scan(&f.checked); err != nil {
			f.checked = err.Error()
		}
	}
	return f
}

// each damages a store at many places, and opens what each damage leaves.
func (im image) each(t *testing.T, size int, damage func(at int) (file, log []byte), judge func(at int, f found)) {
	t.Helper()
	const most = 500 // damages
	step := max(101, size/faults.Cycles(t, most))
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 2 {
		dir := t.TempDir()
		all.Go(func() {
			for {
				at := int(next.Add(1)-1) * step
				if at >= size {
					return
				}
				file, log := damage(at)
				f := im.open(t, dir, file, log)
				mu.Lock()
				judge(at, f)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func flipped(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1 << (at % 8)
	return data
}

// A flipped bit or a cut in the file or in its log: the store does not open, or says
// of an event that it cannot be read, or nothing is missing. A log that is cut off
// is what a crash leaves: it opens, without what comes after the cut.
//
// SQLite has no checksums of the pages of the file. A flipped bit in the few bytes
// between payloads (a state, a number, a pointer) may hide an event until the check
// that every backup makes, or for good: that is bounded here, at one flip in fifty and
// one in a hundred.
//
// (F-09, F-10)
func TestDamage(t *testing.T) {
	t.Parallel()
	im := newImage(t)
	half, all := len(im.acked)/2, len(im.acked)
	whole := im.open(t, t.TempDir(), im.file, im.log)
	if whole.refused != nil || whole.told+len(whole.missing)+len(whole.changed) > 0 {
		t.Fatalf("without any damage: %+v", whole)
	}
	for _, c := range []struct {
		name   string
		size   int
		damage func(at int) (file, log []byte)
		opens  bool    // it must, whatever the damage
		least  int     // of the events, oldest first, none of which may be missing
		hidden float64 // in how many of the damages one may be all the same
	}{
		{"bit of the file", len(im.closed), func(at int) ([]byte, []byte) { return flipped(im.closed, at), nil }, false, all, 0.02},
		{"file cut off", len(im.file), func(at int) ([]byte, []byte) { return im.file[:at], im.log }, false, all, 0},
		{"bit of the log", len(im.log), func(at int) ([]byte, []byte) { return im.file, flipped(im.log, at) }, false, all - 1, 0},
		{"log cut off", len(im.log), func(at int) ([]byte, []byte) { return im.file, im.log[:at] }, true, half, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened, refused, told, gone, hidden, forever := 0, 0, 0, 0, 0, 0
			im.each(t, c.size, c.damage, func(at int, f found) {
				switch {
				case f.refused != nil && c.opens:
					t.Errorf("at byte %d: does not open: %v", at, f.refused)
				case f.refused != nil:
					refused++
				default:
					opened++
				}
				told += f.told
				gone += len(f.missing)
				switch {
				case len(f.missing) == 0 || f.missing[0] >= c.least:
				case c.hidden == 0:
					t.Errorf("at byte %d: opens, and events %v are silently missing (%s)", at, f.missing, f.checked)
				default:
					hidden++
					if f.checked == "ok" {
						forever++
					}
				}
				if len(f.changed) > 0 {
					t.Errorf("at byte %d: opens, and the bodies of %v are silently others", at, f.changed)
				}
			})
			t.Logf("%d opened, %d refused, %d events told to be unreadable, %d missing, hidden %d times, %d for good", opened, refused, told, gone, hidden, forever)
			most := c.hidden*float64(opened+refused) + 1
			if float64(hidden) > most || float64(forever) > most/2+1 {
				t.Errorf("%d of %d damages hide an event, %d of them from the check too", hidden, opened+refused, forever)
			}
			if refused+told+gone == 0 {
				t.Error("the damage has damaged nothing")
			}
		})
	}
}
