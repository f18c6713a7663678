package main

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// A filled database has that many events more, which wait with the payload of the first,
// and each has a key of its own.
func TestFillPostgres(t *testing.T) {
	const n = 1100
	c := &cluster{dsn: pgserver.Database(t)}
	dsn := c.dsn
	withPostgres(t, dsn, func(*store.Store) {}) // makes the tables
	if err := c.fill(t.Context(), dsn, 1); !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("filled an empty database: %v", err)
	}
	withPostgres(t, dsn, func(s *store.Store) {
		event := store.Delivery{Event: store.Event{Source: "bench", Type: "order.paid", Scheme: "svix"}, Destination: destination, Head: []byte("head"), Body: []byte("body")}
		if err := put(t.Context(), s, event, 0); err != nil {
			t.Fatal(err)
		}
	})
	if err := c.fill(t.Context(), dsn, n-1); err != nil {
		t.Fatal(err)
	}
	err := c.use(t.Context(), dsn, func(conn *pgx.Conn) error {
		var places, ids int
		err := conn.QueryRow(t.Context(), "SELECT COUNT(DISTINCT place), COUNT(DISTINCT id) FROM events WHERE LENGTH(place) = $1", len(store.Digest{})).Scan(&places, &ids)
		if places != n || ids != n {
			t.Errorf("%d keys and %d ids, want %d", places, ids, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	withPostgres(t, dsn, func(s *store.Store) {
		if got := s.Counts()[destination].Pending; got != n {
			t.Errorf("%d events wait, want %d", got, n)
		}
		events, err := s.Claim(t.Context(), destination, time.Now().Add(time.Hour), 2*n, nil)
		if err != nil || len(events) != n {
			t.Fatalf("%d events are due, want %d: %v", len(events), n, err)
		}
		for _, e := range events {
			if string(e.Head) != "head" || string(e.Body) != "body" || e.Type != "order.paid" {
				t.Fatalf("%+v is not a copy", e)
			}
		}
	})
}

func withPostgres(t *testing.T, dsn string, use func(*store.Store)) {
	t.Helper()
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	use(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What the server's processes use is theirs, and grows with what they do.
func TestClusterCPU(t *testing.T) {
	c := &cluster{dsn: pgserver.Database(t)}
	if used := c.cpu(); used == used {
		t.Errorf("%v s of a server that is not known to be here", used)
	}
	err := c.use(t.Context(), c.dsn, func(conn *pgx.Conn) error {
		var backend int
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&backend); err != nil {
			return err
		}
		c.postmaster = parent(backend)
		before := c.cpu()
		_, err := conn.Exec(t.Context(), "SELECT COUNT(sha256(int8send(i))) FROM generate_series(1, 300000) i")
		if after := c.cpu(); !(after > before) {
			t.Errorf("%v s of CPU time after work, %v s before", after, before)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if parent(1) != 0 {
		t.Error("process 1 is taken for one of PostgreSQL's")
	}
}
