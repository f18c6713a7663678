package postgres_test

import (
	"testing"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/storetest"
)

// The suite that every store has to pass.
//
// (K-05, K-06, K-10, K-11, C-01, C-02, C-06, F-21)
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func(store.Options) (*store.Store, error) {
		dsn := pgserver.Database(t)
		return func(o store.Options) (*store.Store, error) {
			db, err := postgres.New(dsn, nil)
			if err != nil {
				return nil, err
			}
			return store.Open(t.Context(), db, o)
		}
	})
}
