package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	left, err := filepath.Glob(globEscape(path) + partialSuffix + "*")
	if err != nil {
		return "", err
	}
	for _, old := range append(left, path) {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("replacing an earlier copy: %w", err)
		}
	}
	return path, f.Backup(ctx, path)
}

// globEscape writes a path as a pattern that only it matches.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// partialSuffix is of a copy that is not whole yet.
const partialSuffix = ".partial"

// backup writes the copy under another name first: what has the right name is
// whole, and on the disk.
func backup(ctx context.Context, db *sql.DB, path string) (err error) {
	if err := vacant(path); err != nil {
		return err
	}
	if err := enough(ctx, db, filepath.Dir(path)); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+partialSuffix) // nobody else may read it
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	partial := file.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := file.Close(); err != nil {
		return err
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
	if err := vacant(path); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	return syncFile(filepath.Dir(path))
}

// vacant reports whether there is no file yet.
func vacant(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.ErrExist
	}
	return fmt.Errorf("making the copy: %s: %w", path, err)
}

// enough reports whether a copy fits on the disk. It may be the store's own, which
// must not be filled up for it.
func enough(ctx context.Context, db *sql.DB, dir string) error {
	var size int64
	err := db.QueryRowContext(ctx, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_size, pragma_page_count, pragma_freelist_count").Scan(&size)
	if err != nil {
		return fmt.Errorf("making the copy: %w", classify(err))
	}
	free, err := diskFree(dir)
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	if free >= 0 && free < size {
		return fmt.Errorf("making the copy: %w: it takes %d bytes, and %d are free", store.ErrFull, size, free)
	}
	return nil
}

// checkCopy reads the whole copy.
func checkCopy(ctx context.Context, path string) error {
	db, err := openReadOnly(path, "&immutable=1")
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

// syncFile makes sure that a file, or what is in a directory, is on the disk.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}
