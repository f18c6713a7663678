package store

import "context"

// Holder returns the event that holds a place, if there is one.
func (s *Store) Holder(ctx context.Context, place Digest) (seq int64, ok bool, err error) {
	holders, err := do(ctx, s, func(tx *Tx) (map[Digest]int64, error) {
		return s.db.Keys().Holders(tx.ctx, tx, []Digest{place})
	})
	seq, ok = holders[place]
	return seq, ok, err
}
