package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hookgate/hookgate/store"
)

// Space counts what the file holds, and as free also what in it can be used again.
func (f *File) Space(ctx context.Context) (store.Space, error) {
	f.mu.Lock()
	reads := f.reads
	f.mu.Unlock()
	if reads == nil {
		return store.Space{}, store.ErrClosed
	}
	if err := f.replaced(); err != nil {
		return store.Space{}, err
	}
	var page, pages, unused int64
	err := reads.QueryRowContext(ctx, "SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count").Scan(&page, &pages, &unused)
	if err != nil {
		return store.Space{}, fmt.Errorf("asking for the file's size: %w", classify(err))
	}
	free, err := diskFree(f.path)
	if err != nil {
		return store.Space{}, fmt.Errorf("asking for free space: %w", err)
	}
	f.reserve.keep(f.path, free)
	return store.Space{Used: (pages - unused) * page, Free: free + unused*page}, nil
}

// reserveBytes is set aside on the disk, so that housekeeping, which makes room,
// has room to work in when there is none.
const reserveBytes = 8 << 20

// reserve is a file that only takes up space.
type reserve struct{ kept bool }

// keep sets the space aside while there is plenty.
func (r *reserve) keep(path string, free int64) {
	if r.kept || free < 4*reserveBytes {
		return
	}
	r.kept = allocate(path+"-reserve", reserveBytes) == nil
}

// Yield gives the reserve up, to work in when the disk is full.
func (f *File) Yield() error {
	f.reserve.kept = false
	if err := os.Remove(f.path + "-reserve"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
