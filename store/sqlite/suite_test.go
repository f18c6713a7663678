package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
	"github.com/hookgate/hookgate/store/storetest"
)

// The suite that every store has to pass.
//
// (K-05, K-06, K-10, K-11, C-01, C-02, C-06, F-21)
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func(store.Options) (*store.Store, error) {
		path := filepath.Join(t.TempDir(), "events.db")
		return func(o store.Options) (*store.Store, error) {
			return store.Open(t.Context(), sqlite.New(path, time.Second), o)
		}
	})
}
