package store

import "context"

// Holder is [Tx.Holder] in a transaction of its own.
func (s *Store) Holder(ctx context.Context, place Digest) (seq int64, ok bool, err error) {
	type holder struct {
		seq int64
		ok  bool
	}
	h, err := do(ctx, s, func(tx *Tx) (h holder, err error) {
		h.seq, h.ok, err = tx.Holder(place)
		return h, err
	})
	return h.seq, h.ok, err
}

// Holder returns the event that holds a place, if there is one.
func (tx *Tx) Holder(place Digest) (seq int64, ok bool, err error) {
	if seq, ok = tx.effects.taken[place]; ok {
		return seq, true, nil
	}
	holders, err := tx.store.db.Keys().Holders(tx.ctx, tx, []Digest{place})
	seq, ok = holders[place]
	return seq, ok, err
}
