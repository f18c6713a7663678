package sqlite

import (
	"errors"
	"os"
	"sync"
)

// reserveBytes is set aside on the disk, so that housekeeping, which makes room,
// has room to work in when there is none.
const reserveBytes = 8 << 20

// reserve is a file that only takes up space.
type reserve struct {
	mu    sync.Mutex
	kept  bool
	given bool // it was given up, and is to be had again
}

// keep sets the space aside while there is plenty, and returns how much of what is
// free is not for arrivals, because it was given up for housekeeping.
func (r *reserve) keep(path string, free int64) (owed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.kept && free >= 4*reserveBytes {
		r.kept = allocate(path+reserveSuffix, reserveBytes) == nil
	}
	if r.given && !r.kept {
		return reserveBytes
	}
	r.given = false
	return 0
}

// yield gives the space up.
func (r *reserve) yield(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := os.Remove(path + reserveSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.kept, r.given = false, true
	}
	return err
}
