package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// A filled store has that many events more, which wait with the payload of the
// template, and each has a key of its own.
func TestFill(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.db"), filepath.Join(dir, "to.db")
	if err := fill(t.Context(), from, to, 1); err == nil {
		t.Fatal("filled from an empty store")
	}
	with(t, from, func(s *store.Store) {
		event := store.Delivery{Event: store.Event{Source: "bench", Type: "order.paid", Scheme: "svix"}, Destination: destination, Head: []byte("head"), Body: []byte("body")}
		if err := put(t.Context(), s, event, 0); err != nil {
			t.Fatal(err)
		}
	})
	for file, n := range map[string]int{from: 9, to: 1100} {
		if err := fill(t.Context(), from, file, n); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]int{from: 10, to: 1100} {
		with(t, file, func(s *store.Store) {
			if n := s.Counts()[destination].Pending; n != int64(want) || s.Keys() != want {
				t.Errorf("%s: %d events wait, and %d keys are taken; want %d", file, n, s.Keys(), want)
			}
			events, err := s.Claim(t.Context(), destination, time.Now().Add(time.Hour), 2*want, nil)
			if err != nil || len(events) != want {
				t.Fatalf("%s: %d events are due, want %d: %v", file, len(events), want, err)
			}
			for _, e := range events {
				if string(e.Head) != "head" || string(e.Body) != "body" || e.Type != "order.paid" {
					t.Fatalf("%s: %+v is not a copy", file, e)
				}
			}
		})
	}
}

func with(t *testing.T, file string, use func(*store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), sqlite.New(file, 0), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	use(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
