package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hookgate/hookgate/store"
)

// sampled is how many pages of the events are looked at, at most, to tell how much is
// stored.
const sampled = 500

// rowBytes is about what an event takes up without its body.
const rowBytes = 1024

// Space estimates what the events take up, from a sample of them: tables keep their
// size when rows go, so theirs says nothing. How much room the server has, nobody knows.
func (d *Database) Space(ctx context.Context) (store.Space, error) {
	reads := d.Readers()
	if reads == nil {
		return store.Space{}, fmt.Errorf("%w: %w", store.ErrUnavailable, errClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	var pages int64
	var bytes sql.NullFloat64
	err := reads.QueryRowContext(ctx, `SELECT pg_relation_size('events') / current_setting('block_size')::bigint`).Scan(&pages)
	if err == nil {
		percent := 100 * min(1, float64(sampled)/float64(max(pages, 1)))
		err = reads.QueryRowContext(ctx, `SELECT SUM($2::float8 + CASE WHEN EXISTS (SELECT 1 FROM payloads p WHERE p.seq = e.seq) THEN e.size ELSE 0 END) * 100 / $1::float8
FROM events e TABLESAMPLE SYSTEM ($1::float8)`, percent, float64(rowBytes)).Scan(&bytes)
	}
	if err != nil {
		return store.Space{}, fmt.Errorf("asking for what is stored: %w", classify(err))
	}
	return store.Space{Used: int64(bytes.Float64), Free: -1}, nil
}
