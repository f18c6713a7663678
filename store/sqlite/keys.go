package sqlite

import (
	"context"
	"database/sql"

	"github.com/hookgate/hookgate/store"
)

// MaxKeys is how many keys are remembered in memory: at about 40 bytes each, some
// 1.3 GB. Beyond, arrivals are refused; PostgreSQL has no such limit.
const MaxKeys = 32 << 20

// keys is the exact set of places that are taken.
type keys struct {
	holders map[store.Digest]int64
}

func newKeys() *keys { return &keys{holders: make(map[store.Digest]int64)} }

// load reads the places from the events.
func (k *keys) load(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, "SELECT seq, place FROM events WHERE place IS NOT NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	var place sql.RawBytes
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq, &place); err != nil {
			return err
		}
		k.holders[store.Digest(place)] = seq
	}
	return rows.Err()
}

// Holders looks places up.
func (k *keys) Holders(_ context.Context, _ *store.Tx, places []store.Digest) (map[store.Digest]int64, error) {
	found := make(map[store.Digest]int64)
	for _, p := range places {
		if seq, ok := k.holders[p]; ok {
			found[p] = seq
		}
	}
	return found, nil
}

// Changed follows a committed transaction.
func (k *keys) Changed(taken map[store.Digest]int64, given []store.Digest) {
	for _, p := range given {
		delete(k.holders, p)
	}
	for p, seq := range taken {
		k.holders[p] = seq
	}
}

// Full reports whether memory may not take more.
func (k *keys) Full() bool { return len(k.holders) >= MaxKeys }

// Len is how many places are taken.
func (k *keys) Len() int { return len(k.holders) }
