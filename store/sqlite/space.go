package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookgate/hookgate/store"
)

// Space counts what the file holds, and as free also what in it can be used again.
func (f *File) Space(ctx context.Context) (store.Space, error) {
	f.mu.Lock()
	reads, opened := f.reads, f.opened
	f.mu.Unlock()
	if reads == nil {
		return store.Space{}, store.ErrClosed
	}
	if err := f.replaced(opened); err != nil {
		return store.Space{}, err
	}
	var page, pages, unused int64
	err := reads.QueryRowContext(ctx, "SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count").Scan(&page, &pages, &unused)
	if err != nil {
		return store.Space{}, fmt.Errorf("asking for the file's size: %w", classify(err))
	}
	space := store.Space{Used: (pages - unused) * page, Free: -1}
	disk, err := diskFree(f.path)
	if err != nil {
		return store.Space{}, fmt.Errorf("asking for free space: %w", err)
	}
	if disk >= 0 {
		space.Free = max(0, disk-f.reserve.keep(f.path, disk)) + unused*page
	}
	return space, nil
}

// Yield gives the reserve up, and begins the log anew, which may take up more than
// anything else.
func (f *File) Yield(ctx context.Context) error {
	return errors.Join(f.reserve.yield(f.path), f.log.truncate(ctx, f.writer))
}
