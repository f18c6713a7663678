package sqlite_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// A query that is kept sees what was committed since it last ran, also if that ended early,
// and works from many goroutines at once.
func TestQueryOften(t *testing.T) {
	s, err := store.Open(t.Context(), sqlite.New(filepath.Join(t.TempDir(), "events.db"), time.Second), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stop := errors.New("stop")
	for want := range 5 {
		var all sync.WaitGroup
		for range 8 { // more than there are connections
			all.Go(func() {
				got := 0
				err := s.QueryOften(t.Context(), "SELECT seq FROM events WHERE source = ?", []any{"source/often"}, func(scan func(...any) error) error {
					var seq int64
					got++
					return scan(&seq)
				})
				if err != nil || got != want {
					t.Errorf("%d events, want %d: %v", got, want, err)
				}
				err = s.QueryOften(t.Context(), "SELECT seq FROM events WHERE source = ?", []any{"source/often"}, func(func(...any) error) error { return stop })
				if (want > 0) != errors.Is(err, stop) {
					t.Errorf("a row's error: %v", err)
				}
			})
		}
		all.Wait()
		_, err := s.Accept(t.Context(), &store.Arrival{
			Source: "source/often", To: []store.Target{{Destination: "source/often"}}, Type: "a", Received: time.Now(), Window: time.Hour, Head: []byte("{}"), Body: []byte("{}"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.QueryOften(t.Context(), "SELECT nothing FROM nowhere", nil, nil); err == nil {
		t.Error("a query of what is not there")
	}
	s.Close()
	if err := s.QueryOften(t.Context(), "SELECT seq FROM events WHERE source = ?", []any{"x"}, nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("once it is closed: %v", err)
	}
}
