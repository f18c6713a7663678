package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/store"
)

// Backup writes a consistent, compact copy to a new file, while everything goes
// on, and checks it. The log cannot be begun anew meanwhile.
func (f *File) Backup(ctx context.Context, path string) error {
	db, err := open(f.path, "rw", readCache, "")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it has written nothing
	return backup(ctx, db, path)
}

// Protect makes a checked copy beside the file before a migration; an earlier one
// of the same version is replaced.
func (f *File) Protect(ctx context.Context, version int) (string, error) {
	path := fmt.Sprintf("%s.v%d", f.path, version)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return path, f.Backup(ctx, path)
}

// backup writes the copy under another name first: what has the right name is
// whole, and on the disk.
func backup(ctx context.Context, db *sql.DB, path string) (err error) {
	partial := path + ".partial"
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("making the copy: %s is there already: %w", path, os.ErrExist)
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return fmt.Errorf("making the copy: %w", classify(err))
	}
	if err := checkCopy(ctx, partial); err != nil {
		return err
	}
	if err := syncFile(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	return syncFile(filepath.Dir(path))
}

// checkCopy reads the whole copy.
func checkCopy(ctx context.Context, path string) error {
	db, err := openReadOnly(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it has written nothing
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return fmt.Errorf("checking the copy: %w", classify(err))
	}
	if result != "ok" {
		return fmt.Errorf("checking the copy: %w: %s", store.ErrFailed, result)
	}
	return nil
}

// openReadOnly connects to a file that nobody writes.
func openReadOnly(path string) (*sql.DB, error) {
	uri := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "mode=ro&_pragma=query_only(1)"}
	return sql.Open("sqlite", uri.String())
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	return nil
}
