package sqlite

import (
	"errors"
	"os"
)

// allocate makes a file that takes up space, all of it or nothing.
func allocate(path string, size int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for n := 0; err == nil && n < size; n += len(zeros) {
		_, err = f.Write(zeros)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
