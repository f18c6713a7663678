package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// migratedSuffix is of a file whose store is elsewhere now.
const migratedSuffix = ".migrated"

// source is the file that is migrated from, locked as a gateway locks it.
type source struct {
	*store.Reader
	path string
}

// openSource locks a file and opens it to read. If it is to be renamed later, that has
// to be possible.
func openSource(ctx context.Context, path string, rename bool, migrations []store.Migration) (*source, error) {
	path, err := sqlite.RealPath(path)
	if err != nil {
		return nil, err
	}
	// What is not there is not to be made.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if rename {
		if _, err := os.Lstat(path + migratedSuffix); !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is in the way, which the file would be renamed to: move it, or leave the file where it is with --keep", path+migratedSuffix)
		}
	}
	file := sqlite.New(path, time.Second)
	if err := file.Open(ctx); err != nil {
		if errors.Is(err, sqlite.ErrLocked) {
			return nil, fmt.Errorf("a gateway runs on %s: stop it first", path)
		}
		return nil, err
	}
	reader, err := store.OpenReader(ctx, file, migrations...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &source{Reader: reader, path: path}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil, errors.Join(fmt.Errorf("%s could not be written back to the file: is the disk full?", path+"-wal"), s.Close())
	}
	return s, nil
}

// rename gives the file its last name, while it is locked, so that no gateway finds it
// under the old one, and removes what SQLite and the gateway keep beside it. Its log is
// empty.
func (s *source) rename() (string, error) {
	name := s.path + migratedSuffix
	if err := os.Rename(s.path, name); err != nil {
		return "", err
	}
	for _, suffix := range []string{"-wal", "-shm", "-reserve"} {
		if err := os.Remove(s.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return "", err
	}
	return name, errors.Join(dir.Sync(), dir.Close())
}
