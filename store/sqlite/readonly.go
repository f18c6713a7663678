package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"

	"github.com/hookgate/hookgate/store"
)

// OpenReadOnly reads the store in a file that no gateway has open, or in a copy made
// by a backup. Nothing is written, made or migrated; a gateway cannot open the file
// before the reader is closed.
//
// If a gateway has it the error is [ErrLocked]: a reader beside it would hold up the
// writing back of its log, so ask the gateway. If the last gateway was killed its log is
// read as well. SQLite keeps an index of a log in a file of its own, which is made
// if need be and belongs to the owner of the store's file; this needs the right to
// write in its directory. The migrations are as for [store.OpenReader].
func OpenReadOnly(ctx context.Context, path string, migrations ...store.Migration) (*store.Reader, error) {
	path, err := RealPath(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("sqlite: %s is not a file", path)
	}
	r := &readOnly{path: path}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return store.OpenReader(ctx, r, migrations...)
}

// readOnly is a file that is only read.
type readOnly struct {
	path string
	how  string       // of opening it
	lock *flock.Flock // nil if there is nothing to lock
	db   *sql.DB
}

var _ store.Source = (*readOnly)(nil)

func (r *readOnly) open() (err error) {
	// The lock's file is there if a gateway ever had this one. It is not made here: it
	// might belong to somebody whom the gateway is not.
	if _, err := os.Stat(r.path + lockSuffix); err == nil {
		r.lock = flock.New(r.path+lockSuffix, flock.SetFlag(os.O_RDONLY))
		locked, err := r.lock.TryRLock()
		if err != nil {
			return fmt.Errorf("locking the store: %w", err)
		}
		if !locked {
			return fmt.Errorf("%w %s: ask the running gateway instead", ErrLocked, r.path)
		}
	}
	// Without a log SQLite need not look for one, nor make any file.
	r.how = "&immutable=1"
	if log, err := os.Stat(r.path + logSuffix); err == nil && log.Size() > 0 {
		r.how = ""
	}
	r.db, err = openReadOnly(r.path, r.how+"&_pragma=query_only(1)")
	return err
}

// openReadOnly connects to a file that nobody writes.
func openReadOnly(path, more string) (*sql.DB, error) {
	return sql.Open("sqlite", dataSource(path, "mode=ro"+more))
}

func (r *readOnly) Readers() *sql.DB { return r.db }

func (r *readOnly) Dialect() store.Dialect { return dialect }

func (r *readOnly) Classify(err error) error { return classify(err) }

// Backup makes the copy by a connection of its own: one that may only query cannot.
func (r *readOnly) Backup(ctx context.Context, path string) error {
	db, err := openReadOnly(r.path, r.how)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it has written nothing to the store
	return backup(ctx, db, path)
}

func (r *readOnly) Close() error {
	var errs []error
	if r.db != nil {
		errs = append(errs, r.db.Close())
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Unlock())
	}
	r.db, r.lock = nil, nil
	return errors.Join(errs...)
}
