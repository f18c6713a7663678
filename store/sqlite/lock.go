package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process has the file.
var ErrLocked = errors.New("sqlite: another process has the store")

// acquire locks the file for this process. The lock is the kernel's: it goes with
// the process, however that ends.
func (f *File) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.lockWait)
	defer cancel()
	path := f.path + lockSuffix
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLockContext(ctx, 100*time.Millisecond)
	switch {
	case locked:
		f.lock = lock
		return private(path)
	case err == nil || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w %s and has not let go of it for %v: stop it, or give this one a store of its own", ErrLocked, f.path, f.lockWait)
	default:
		return fmt.Errorf("locking the store: %w", err)
	}
}

// replaced reports whether the path names another file than the one that is open:
// what is committed to that one would be gone with it.
func (f *File) replaced(opened os.FileInfo) error {
	now, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("the store's file is gone: %w", err)
	}
	if !os.SameFile(now, opened) {
		return fmt.Errorf("the store's file %s has been replaced while it was open", f.path)
	}
	return nil
}
