package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver

	"github.com/hookgate/hookgate/store"
)

// DefaultLockWait is how long another process may take to let go of the file.
const DefaultLockWait = 10 * time.Second

const (
	readers    = 4
	cacheBytes = 16 << 20 // of pages, for the connection that writes
	readCache  = 2 << 20  // for each that reads
	// busyTimeout is how long another process may write to the file, which it should
	// not.
	busyTimeout = 5 * time.Second
)

// The files beside a store's file.
const (
	logSuffix     = "-wal" // SQLite's
	indexSuffix   = "-shm" // SQLite's, of the log
	lockSuffix    = "-lock"
	reserveSuffix = "-reserve"
)

// File is a store's file. Make one with [New].
type File struct {
	path     string
	lockWait time.Duration

	mu      sync.Mutex // for what Open and Close change
	lock    *flock.Flock
	db      *sql.DB
	writer  *sql.Conn
	reads   *sql.DB
	keys    *keys
	maxKeys int
	last    int64 // sequence number
	log     *checkpointer
	reserve reserve
	opened  os.FileInfo
}

// New names the file of a store. Nothing is touched before it is opened. An empty
// lockWait means [DefaultLockWait].
func New(path string, lockWait time.Duration) *File {
	if lockWait <= 0 {
		lockWait = DefaultLockWait
	}
	return &File{path: path, lockWait: lockWait, maxKeys: MaxKeys}
}

var _ store.Database = (*File)(nil)

// Name says which file it is.
func (f *File) Name() string { return f.path }

// Path returns the file's path.
func (f *File) Path() string { return f.path }

// Open makes the file if there is none, locks it and connects. After Close it opens the
// same file again, or none.
func (f *File) Open(ctx context.Context) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() {
		if err != nil {
			err = errors.Join(err, f.disconnect())
		}
	}()
	if f.opened != nil {
		// Another file, or an empty one, has not what this store has promised.
		if err := f.replaced(f.opened); err != nil {
			return fmt.Errorf("%w: %w", store.ErrFailed, err)
		}
	}
	if err := f.prepare(); err != nil {
		return err
	}
	if err := f.acquire(ctx); err != nil {
		return err
	}
	if err := checkFiles(f.path); err != nil {
		return err
	}
	if f.db, err = open(f.path, "rwc", cacheBytes, "&_pragma=secure_delete(1)&_pragma=wal_autocheckpoint(0)"); err != nil {
		return err
	}
	f.db.SetMaxOpenConns(1)
	if f.writer, err = f.db.Conn(ctx); err != nil {
		return fmt.Errorf("opening %s: %w", f.path, f.Classify(err))
	}
	if err := f.check(ctx); err != nil {
		return err
	}
	if f.reads, err = open(f.path, "rw", readCache, "&_pragma=query_only(1)"); err != nil {
		return err
	}
	f.reads.SetMaxOpenConns(readers)
	f.reads.SetMaxIdleConns(readers)
	if f.opened, err = os.Stat(f.path); err != nil {
		return err
	}
	f.log, err = newCheckpointer(f.path)
	return err
}

// open returns a pool of connections to the file.
func open(path, mode string, cache int, more string) (*sql.DB, error) {
	query := fmt.Sprintf("mode=%s&_pragma=busy_timeout(%d)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(%d)&_pragma=temp_store(memory)&_pragma=mmap_size(0)%s",
		mode, busyTimeout.Milliseconds(), -cache/1024, more)
	db, err := sql.Open("sqlite", dataSource(path, query))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return db, nil
}

// dataSource names a file and how it is opened, as the driver takes it.
func dataSource(path, query string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query}).String()
}

// prepare makes the directory and the file, which nobody else may read.
func (f *File) prepare() (err error) {
	// Two spellings of a path are one store: its lock and its log lie beside the file.
	if f.path, err = RealPath(f.path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("making the store's directory: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	// A file that a power cut takes out of its directory is as bad as none. SQLite does
	// so for its log, not for the file that it finds.
	if err := syncFile(filepath.Dir(f.path)); err != nil {
		return err
	}
	// SQLite gives the files that it makes beside this one the same mode.
	for _, path := range []string{f.path, f.path + logSuffix, f.path + indexSuffix, f.path + reserveSuffix} {
		if err := private(path); err != nil {
			return err
		}
	}
	return nil
}

// private makes sure that nobody else may read a file, if there is one.
func private(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Mode().Perm()&0o077 == 0) {
		return nil
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return fmt.Errorf("the store's file %s can be read by others, and its mode cannot be changed: %w", path, err)
	}
	return nil
}

// check makes sure that what is committed is on the disk: the settings are as
// asked, and the log that the last process left, or one whose fsync has failed, is
// written back and begun anew.
func (f *File) check(ctx context.Context) error {
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "wal_autocheckpoint": "0", "secure_delete": "1"} {
		var got string
		if err := f.writer.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("opening %s: %w", f.path, f.Classify(err))
		}
		if got != want {
			return fmt.Errorf("opening %s: %s is %s although %s was asked for; is the file on a file system that can keep it?", f.path, pragma, got, want)
		}
	}
	blocked, err := truncateLog(ctx, f.writer)
	if errors.Is(err, store.ErrFull) {
		yielded := f.reserve.yield(f.path)
		blocked, err = truncateLog(ctx, f.writer)
		if err = errors.Join(yielded, err); errors.Is(err, store.ErrFull) && f.opened == nil {
			// No commit of this process has failed, so the log, which is synced before
			// anything else is done to it, can stay until there is room.
			return nil
		}
	}
	if err == nil && blocked {
		err = fmt.Errorf("opening %s: %w: somebody reads it, so that its log cannot be written back", f.path, store.ErrUnavailable)
	}
	return err
}

// Writer is the connection that writes.
func (f *File) Writer() *sql.Conn { return f.writer }

// Readers are connections that only read.
func (f *File) Readers() *sql.DB {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// Dialect is SQLite's.
func (f *File) Dialect() store.Dialect { return dialect }

var dialect = store.Dialect{
	Integer: "INTEGER", Blob: "BLOB", Ordered: "TEXT", Clustered: "WITHOUT ROWID", Begin: "BEGIN IMMEDIATE",
	Reopen: 30 * time.Second, In: "IN (SELECT value FROM json_each(?))", List: list, Prepare: true,
}

// list writes numbers as JSON, which is how SQLite takes a list.
func list(numbers []int64) any {
	text, err := json.Marshal(numbers)
	if err != nil {
		panic(err) // numbers can be written
	}
	return string(text)
}

// Load reads the keys and the last sequence number.
func (f *File) Load(ctx context.Context) error {
	f.keys = newKeys(f.maxKeys)
	if err := f.writer.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM events").Scan(&f.last); err != nil {
		return fmt.Errorf("reading the events: %w", f.Classify(err))
	}
	if err := f.keys.load(ctx, f.writer); err != nil {
		return fmt.Errorf("reading the keys: %w", f.Classify(err))
	}
	return nil
}

// Numbers begin at the clock's microseconds, so that they never come back, and grow
// also if the clock goes back.
func (f *File) Numbers(_ context.Context, tx *store.Tx, n int) ([]int64, error) {
	numbers := make([]int64, n)
	for i := range numbers {
		f.last = max(f.last+1, tx.Now.UnixMicro())
		numbers[i] = f.last
	}
	return numbers, nil
}

// Now is this machine's clock.
func (f *File) Now() time.Time { return time.Now() }

// Standing is that of the only process.
func (f *File) Standing() store.Standing { return store.Standing{} }

// Leave has nobody to leave anything to.
func (f *File) Leave(context.Context) error { return nil }

// Migrations are none but the common ones.
func (f *File) Migrations() []store.Migration { return nil }

// Lock has nobody to keep out: the file is locked as long as it is open.
func (f *File) Lock(context.Context) (unlock func() error, err error) {
	return func() error { return nil }, nil
}

// Keys are kept in memory.
func (f *File) Keys() store.Keys { return f.keys }

// Tidy writes back the log if it has grown far beyond what the checkpoints beside
// the commits could do, or if something was erased, which it still holds.
func (f *File) Tidy(ctx context.Context, erased bool) error {
	return f.log.tidy(ctx, f.writer, erased)
}

// Close writes back the log, disconnects, and lets others have the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.disconnect()
}

func (f *File) disconnect() error {
	var errs []error
	if f.log != nil {
		errs = append(errs, f.log.close())
	}
	if f.reads != nil {
		errs = append(errs, f.reads.Close())
	}
	if f.writer != nil {
		errs = append(errs, f.writer.Close())
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	if f.lock != nil {
		errs = append(errs, f.lock.Unlock())
	}
	f.log, f.reads, f.writer, f.db, f.lock = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}
