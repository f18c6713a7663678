package postgres

import (
	"context"
	"fmt"

	"github.com/hookgate/hookgate/store"
)

// keys are those of the unique index: nothing is in memory.
type keys struct{}

// Keys are kept by the server.
func (d *Database) Keys() store.Keys { return keys{} }

const holdersQuery = `SELECT place, seq FROM events WHERE place = ANY(?)`

// Holders looks places up. What other gateways commit meanwhile the unique index finds.
func (keys) Holders(_ context.Context, tx *store.Tx, places []store.Digest) (map[store.Digest]int64, error) {
	found := make(map[store.Digest]int64)
	if len(places) == 0 {
		return found, nil
	}
	list := make([][]byte, len(places))
	for i := range places {
		list[i] = places[i][:]
	}
	err := tx.Query(holdersQuery, []any{list}, func(scan func(...any) error) error {
		var place []byte
		var seq int64
		if err := scan(&place, &seq); err != nil {
			return err
		}
		if len(place) != len(store.Digest{}) {
			return fmt.Errorf("%w: the place of event %d is %x", store.ErrFailed, seq, place)
		}
		found[store.Digest(place)] = seq
		return nil
	})
	return found, err
}

// Changed has nothing to follow.
func (keys) Changed(map[store.Digest]int64, []store.Digest) {}

// Full reports false: the disk is the limit.
func (keys) Full() bool { return false }

// Len is not counted.
func (keys) Len() int { return -1 }
