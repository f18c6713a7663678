package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/hookgate/hookgate/store"
)

// MaxKeys is how many keys are remembered in memory: at about 50 bytes each, some
// 1.6 GB. Beyond, arrivals are refused; PostgreSQL has no such limit.
const MaxKeys = 32 << 20

// keys is the exact set of places that are taken.
type keys struct {
	holders map[store.Digest]int64
	most    int
}

func newKeys(most int) *keys { return &keys{holders: make(map[store.Digest]int64), most: most} }

// load reads the places from the events. There may be millions, so it asks the driver
// itself: package sql would copy each value, and convert it.
func (k *keys) load(ctx context.Context, conn *sql.Conn) error {
	return conn.Raw(func(c any) error {
		q, ok := c.(driver.QueryerContext)
		if !ok {
			return errors.New("sqlite: the driver cannot be asked")
		}
		rows, err := q.QueryContext(ctx, "SELECT seq, place FROM events WHERE place IS NOT NULL", nil)
		if err != nil {
			return err
		}
		row := make([]driver.Value, 2)
		for err == nil {
			if err = rows.Next(row); err == nil {
				err = k.add(row)
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, rows.Close())
	})
}

func (k *keys) add(row []driver.Value) error {
	seq, ok := row[0].(int64)
	place, is := row[1].([]byte)
	if !ok || !is || len(place) != len(store.Digest{}) {
		return fmt.Errorf("%w: the place of event %v is %v", store.ErrFailed, row[0], row[1])
	}
	k.holders[store.Digest(place)] = seq
	return nil
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
func (k *keys) Full() bool { return len(k.holders) >= k.most }

// Len is how many places are taken.
func (k *keys) Len() int { return len(k.holders) }
