//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// diskFree returns how many bytes this process may still write where a file is.
func diskFree(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ between systems
}
