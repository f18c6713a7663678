package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

func openFile(t *testing.T, path string) (*store.Store, *sqlite.File) {
	t.Helper()
	file := sqlite.New(path, time.Second)
	s, err := store.Open(t.Context(), file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // most tests have closed it
	return s, file
}

// event is a small arrival.
func event(id string) *store.Arrival {
	var key store.Key
	copy(key.ID[:], id)
	return &store.Arrival{
		Source: "a", To: []store.Target{{Destination: "source/a"}}, ID: id, Type: "t", Scheme: "svix", Received: time.Now(), Key: &key, Window: time.Hour,
		Head: []byte("POST /\n"), Body: []byte("the body of " + id),
	}
}

func mustAccept(t *testing.T, s *store.Store, id string) int64 {
	t.Helper()
	v, err := s.Accept(t.Context(), event(id))
	if err != nil {
		t.Fatal(err)
	}
	return v.Seq
}

// Nobody else may read the store, its log, its lock, its reserve or a copy, whatever
// the umask is and whatever the modes were before.
//
// (F-16, X-05)
func TestNobodyElseMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes here")
	}
	dir := filepath.Join(t.TempDir(), "made", "by us")
	path := filepath.Join(dir, "events.db")
	check := func() {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) < 4 {
			t.Fatalf("%d files, %v", len(entries), err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
			}
		}
	}
	s, _ := openFile(t, path)
	mustAccept(t, s, "e")
	if err := s.Backup(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	check()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v %v", info.Mode(), err)
	}
	s.Close()
	for _, suffix := range []string{"", "-lock", "-reserve"} {
		if err := os.Chmod(path+suffix, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = openFile(t, path)
	mustAccept(t, s, "f")
	check()
}

// Two spellings of a path are one store: the second is kept out by the first's lock.
//
// (F-14, F-16)
func TestTwoSpellingsAreOneStore(t *testing.T) {
	dir := t.TempDir()
	folder, link, alias := filepath.Join(dir, "real"), filepath.Join(dir, "link"), filepath.Join(dir, "alias.db")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Symlink(folder, link), os.Symlink(filepath.Join(link, "events.db"), alias)); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.RealPath(alias); err == nil {
		t.Error("a link to nothing has a real path")
	}
	_, file := openFile(t, filepath.Join(link, "events.db"))
	want, err := filepath.EvalSymlinks(filepath.Join(folder, "events.db"))
	if err != nil || file.Path() != want {
		t.Errorf("the path is %s, want %s, %v", file.Path(), want, err)
	}
	for _, spelling := range []string{alias, filepath.Join(folder, "events.db"), filepath.Join(dir, "real", "..", "link", "events.db")} {
		if got, err := sqlite.RealPath(spelling); err != nil || got != want {
			t.Errorf("%s is %s, %v", spelling, got, err)
		}
		if _, err := store.Open(t.Context(), sqlite.New(spelling, time.Millisecond), store.Options{}); !errors.Is(err, sqlite.ErrLocked) {
			t.Errorf("%s: %v", spelling, err)
		}
	}
	if got, err := sqlite.RealPath(filepath.Join(link, "none", "yet.db")); err != nil || got != filepath.Join(filepath.Dir(want), "none", "yet.db") {
		t.Errorf("what does not exist yet is at %s, %v", got, err)
	}
}

// A file system that does not keep what is written is warned of.
//
// (F-16)
func TestWarnings(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("file systems are known on Linux only")
	}
	if name, why := sqlite.FileSystem("/proc"); why != "" {
		t.Errorf("%s: %s", name, why)
	}
	info, err := os.Stat("/dev/shm")
	if err != nil || !info.IsDir() {
		faults.Missing(t, "/dev/shm")
	}
	name, why := sqlite.FileSystem("/dev/shm")
	if name != "tmpfs" || !strings.Contains(why, "gone") {
		t.Errorf("/dev/shm is %q: %s", name, why)
	}
	dir, err := os.MkdirTemp("/dev/shm", "hookgate")
	if err != nil {
		faults.Missing(t, err.Error())
	}
	defer os.RemoveAll(dir)
	s, file := openFile(t, filepath.Join(dir, "events.db"))
	defer s.Close()
	if w := file.Warnings(); len(w) != 1 || !strings.Contains(w[0], dir) || !strings.Contains(w[0], "tmpfs") {
		t.Errorf("%q", w)
	}
}

// With as many keys as memory is meant for, new events are refused; what is known is
// still told, and there is room again once a key is given up.
func TestMaxKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	file := sqlite.New(path, time.Second)
	file.SetMaxKeys(3)
	s, err := store.Open(t.Context(), file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var seqs []int64
	for n := range 3 {
		seqs = append(seqs, mustAccept(t, s, fmt.Sprint(n)))
	}
	if _, err := s.Accept(t.Context(), event("more")); !errors.Is(err, store.ErrKeys) {
		t.Errorf("%v", err)
	}
	if v, err := s.Accept(t.Context(), event("1")); err != nil || v.Result != store.Duplicate {
		t.Errorf("%+v %v", v, err)
	}
	without := event("without a key")
	without.Key = nil
	if v, err := s.Accept(t.Context(), without); err != nil || v.Result != store.Stored {
		t.Errorf("%+v %v", v, err)
	}
	if err := s.Forget(t.Context(), seqs[0]); err != nil || s.Keys() != 2 {
		t.Errorf("%d keys, %v", s.Keys(), err)
	}
	mustAccept(t, s, "more")
}

// A reader that stays keeps the log from being begun anew, but no commit waits for it.
//
// (F-20)
func TestCommitsDoNotWaitForReaders(t *testing.T) {
	s, file := openFile(t, filepath.Join(t.TempDir(), "events.db"))
	mustAccept(t, s, "first")
	tx, err := file.Readers().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT COUNT(*) FROM events").Scan(&n); err != nil {
		t.Fatal(err)
	}
	// The log grows beyond where commits write it back themselves.
	body := bytes.Repeat([]byte("x"), 1<<20)
	for n := range 70 {
		a := event(fmt.Sprint("large", n))
		a.Body = body
		if _, err := s.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file.Path() + "-wal"); err != nil || info.Size() < 64<<20 {
		t.Fatalf("the log has %d bytes, %v", info.Size(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // a commit that waits takes 5 s
	defer cancel()
	for n := range 70 { // one in 64 looks at the log
		if _, err := s.Accept(ctx, event(fmt.Sprint("small", n))); err != nil {
			t.Fatalf("a commit has waited: %v", err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	// The checkpoint beside the commits may be in the way of one look, not of many.
	size := int64(0)
	for n := range 64 * 20 {
		mustAccept(t, s, fmt.Sprint("after", n))
		info, err := os.Stat(file.Path() + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if size = info.Size(); size <= 8<<20 {
			return
		}
	}
	t.Errorf("without the reader the log has %d bytes", size)
}

// On a full disk it is the arrivals that have to wait: outcomes and operations of the
// same transaction are made, for which the reserve is given up.
//
// (F-01, F-02, F-03, F-04)
func TestFullDiskIsForArrivals(t *testing.T) {
	s, file := openFile(t, filepath.Join(t.TempDir(), "events.db"))
	seq := mustAccept(t, s, "e")
	limit := func(more int) { // of pages: SQLite says then that the disk is full
		t.Helper()
		var pages int
		if err := file.Writer().QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Writer().ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count(%d)", pages+more)); err != nil {
			t.Fatal(err)
		}
	}
	limit(2)
	begun, busy := make(chan struct{}), make(chan struct{})
	errs := make(chan error, 12)
	go func() {
		errs <- s.Do(t.Context(), func(*store.Tx) error { close(begun); <-busy; return nil })
	}()
	<-begun
	refused := make(chan error, 8)
	for n := range 8 {
		go func() {
			a := event(fmt.Sprint("large", n))
			a.Body = make([]byte, 64<<10)
			_, err := s.Accept(t.Context(), a)
			refused <- err
		}()
	}
	now := time.Now()
	s.Settle(t.Context(), &store.Outcome{ID: store.DeliveryID{Seq: seq}, Destination: "source/a", State: store.Delivered, Step: 1, At: now}, func(err error) { errs <- err })
	go func() { errs <- s.Pause(t.Context(), "source/b") }()
	time.AfterFunc(50*time.Millisecond, func() { close(busy) }) // they queue up meanwhile
	for range 3 {
		if err := <-errs; err != nil {
			t.Errorf("an outcome or an operation: %v", err)
		}
	}
	for range 8 {
		if err := <-refused; !errors.Is(err, store.ErrFull) {
			t.Errorf("an arrival: %v", err)
		}
	}
	if d, err := s.Event(t.Context(), seq); err != nil || d.State != store.Delivered {
		t.Errorf("%+v %v", d, err)
	}
	if s.Keys() != 1 || s.Counts()["source/a"] != (store.Count{}) {
		t.Errorf("%d keys, %+v", s.Keys(), s.Counts())
	}
	limit(1 << 20)
	for started := time.Now(); ; time.Sleep(20 * time.Millisecond) { // a sender tries again
		if _, err := s.Accept(t.Context(), event("later")); err == nil {
			break
		} else if time.Since(started) > 5*time.Second {
			t.Fatalf("there is room, and still: %v", err)
		}
	}
}

// What is erased is not in any file any more, neither the log nor a page that is free.
//
//
func TestErasedIsGoneFromTheDisk(t *testing.T) {
	s, file := openFile(t, filepath.Join(t.TempDir(), "events.db"))
	secret := []byte("canary-of-the-payload")
	on := func() bool {
		found := false
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(file.Path() + suffix)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(content, secret)
		}
		return found
	}
	var seqs []int64
	for n := range 20 {
		a := event(fmt.Sprint("secret", n))
		a.Body = bytes.Repeat(secret, 1+n*100)
		v, err := s.Accept(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, v.Seq)
	}
	if !on() {
		t.Fatal("the payloads are in no file: what is searched?")
	}
	for _, seq := range seqs {
		if err := s.Erase(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	if on() {
		t.Error("an erased payload is still on the disk")
	}
}
