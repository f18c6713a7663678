package sqlite

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookgate/hookgate/store"
)

// logged is a database whose rows are in its log, each a commit of some pages.
type logged struct {
	file, log []byte
	ends      []int // after which byte of the log each commit is whole
}

const loggedRows = 8

// newLogged makes a log; an earlier one that was longer may be under it, whose
// frames are left beyond its end.
func newLogged(t *testing.T, earlier bool) logged {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logged.db")
	db, err := open(path, "rwc", readCache, "&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE rows (n INTEGER PRIMARY KEY, body BLOB NOT NULL)")
	if earlier {
		for n := range 4 * loggedRows {
			exec("INSERT INTO rows VALUES (?, ?)", 1000+n, make([]byte, 9000))
		}
		exec("PRAGMA wal_checkpoint(RESTART)")
	} else {
		exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	var l logged
	l.file = read(t, path)
	for n := range loggedRows {
		exec("INSERT INTO rows VALUES (?, ?)", n, bytes.Repeat([]byte{byte(n + 1)}, 9000))
		l.log = read(t, path+"-wal")
		l.ends = append(l.ends, l.end(t))
	}
	return l
}

// end is where the frames of this log end.
func (l logged) end(t *testing.T) int {
	t.Helper()
	r, err := newLogReader(bytes.NewReader(l.log))
	if err != nil || !r.whole {
		t.Fatalf("the log has no header: %v", err)
	}
	for {
		at := r.at
		if f, err := r.next(); err != nil || !f.whole {
			return int(at)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rows is how many of the logged rows SQLite finds.
func (l logged) rows(t *testing.T, path string, log []byte) (n int) {
	t.Helper()
	for name, data := range map[string][]byte{path: l.file, path + "-wal": log} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT COUNT(*) FROM rows WHERE n < 1000").Scan(&n); err != nil {
		return 0
	}
	return n
}

// One flipped bit anywhere in the log: SQLite silently ends there. Whatever more than
// the last commit that costs is reported.
//
// (F-10)
func TestDamageWithinTheLogIsFound(t *testing.T) {
	for _, earlier := range []bool{false, true} {
		t.Run(fmt.Sprintf("earlier log %v", earlier), func(t *testing.T) {
			t.Parallel()
			l := newLogged(t, earlier)
			if found, err := readLog(bytes.NewReader(l.log)); found.damage != -1 || err != nil {
				t.Fatalf("a log that is whole is damaged at %d: %v", found.damage, err)
			}
			path := filepath.Join(t.TempDir(), "damaged.db")
			lossy, last := 0, l.ends[loggedRows-2]
			step := func(at int) int { // every byte of the header
				if at < logHeader {
					return 1
				}
				return 331
			}
			for at := 0; at < l.ends[loggedRows-1]; at += step(at) {
				log := bytes.Clone(l.log)
				log[at] ^= 1 << (at % 8)
				n := l.rows(t, path, log)
				found, err := readLog(bytes.NewReader(log))
				if err != nil {
					t.Fatal(err)
				}
				if n < loggedRows {
					lossy++
				}
				if at < last && found.damage < 0 && n < loggedRows {
					t.Errorf("byte %d is damaged, %d of %d commits are left, and nothing is reported", at, n, loggedRows)
				}
				if found.damage > int64(at) {
					t.Errorf("byte %d is damaged, and %d reported", at, found.damage)
				}
			}
			if lossy < 100 {
				t.Errorf("only %d flips have lost anything", lossy)
			}
		})
	}
}

// A log that is cut off anywhere is one that was being written: it is no damage.
//
// (K-03, F-09)
func TestTornLogIsNoDamage(t *testing.T) {
	for _, earlier := range []bool{false, true} {
		l := newLogged(t, earlier)
		for at := 0; at <= len(l.log); at += 397 {
			if found, err := readLog(bytes.NewReader(l.log[:at])); found.damage != -1 || err != nil {
				t.Fatalf("earlier %v: cut off at %d: damage at %d, %v", earlier, at, found.damage, err)
			}
		}
	}
}

// A power cut leaves any part of the last commit on the disk, in sectors of 512
// bytes: what was not written is zero, or what was there before. That is no damage:
// it was not acknowledged.
//
// (K-03, K-04)
func TestTornCommitIsNoDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, earlier := range []bool{false, true} {
		l := newLogged(t, earlier)
		before, end := l.ends[loggedRows-2], l.ends[loggedRows-1]
		old := make([]byte, len(l.log)) // beyond the commit before
		if earlier {
			old = longer(t, l)
		}
		for round := range 2000 {
			log := bytes.Clone(l.log)
			for sector := before / 512 * 512; sector < end; sector += 512 {
				from, to := max(sector, before), min(sector+512, end)
				if random.IntN(3) == 0 {
					copy(log[from:to], old[from:to])
				}
			}
			if found, err := readLog(bytes.NewReader(log)); found.damage != -1 || err != nil {
				t.Fatalf("earlier %v, round %d: damage at %d, %v", earlier, round, found.damage, err)
			}
		}
	}
}

// longer is the same log with frames of an earlier one, with other salts and with
// commits, where its last commit is.
func longer(t *testing.T, l logged) []byte {
	t.Helper()
	old := bytes.Clone(l.log)
	size := frameHeader + pageSize
	if len(old) < l.ends[loggedRows-1]+size {
		t.Fatal("there was no longer log before")
	}
	left := old[l.ends[loggedRows-1]:][:size]
	if bytes.Equal(left[8:16], old[logHeader+8:][:8]) || len(left) == 0 {
		t.Fatal("the frames of the earlier log have the salts of this one")
	}
	for at := l.ends[loggedRows-2]; at < l.ends[loggedRows-1]; at += size {
		copy(old[at:], left)
		binary.BigEndian.PutUint32(old[at+4:], 9) // it ended a commit
	}
	return old
}

// What is refused says so, as a failed store; what a crash may leave is not.
//
// (F-09, F-10, F-11)
func TestCheckFiles(t *testing.T) {
	l := newLogged(t, false)
	damagedLog := bytes.Clone(l.log)
	damagedLog[5000] ^= 1
	grown := grownFile(t)
	for _, c := range []struct {
		name      string
		file, log []byte // nil: there is none
		damaged   bool
	}{
		{"nothing", nil, nil, false},
		{"a new file", []byte{}, nil, false},
		{"an empty log", l.file, []byte{}, false},
		{"whole", l.file, l.log, false},
		{"a damaged log", l.file, damagedLog, true},
		{"an empty file with a log", []byte{}, l.log, true},
		{"an empty file with a log that has no commit", []byte{}, l.log[:logHeader+100], false},
		{"a short file whose other pages are in the log", grown.file[:3*pageSize], grown.log, false},
		{"a short file whose log ends too early", grown.file[:3*pageSize], grown.log[:grown.ends[0]], true},
		{"a short file without a log", grown.file[:len(grown.file)-1], nil, true},
		{"something else", bytes.Repeat([]byte("Dear Sir, "), 100), nil, false},
	} {
		path := filepath.Join(t.TempDir(), "some.db")
		for name, data := range map[string][]byte{path: c.file, path + "-wal": c.log} {
			if data == nil {
				continue
			}
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := checkFiles(path)
		if errors.Is(err, ErrDamaged) != c.damaged || errors.Is(err, store.ErrFailed) != c.damaged || !c.damaged && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := checkFiles(t.TempDir()); err != nil && !errors.Is(err, store.ErrFailed) {
		t.Errorf("a directory: %v", err)
	}
}

// grownFile is a file to which its log has been written back, and the log.
func grownFile(t *testing.T) logged {
	t.Helper()
	l := newLogged(t, false)
	path := filepath.Join(t.TempDir(), "grown.db")
	if n := l.rows(t, path, l.log); n != loggedRows { // and the last to close it writes it back
		t.Fatalf("%d rows", n)
	}
	return logged{file: read(t, path), log: l.log, ends: l.ends}
}
