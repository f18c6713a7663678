package postgres_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// importBed is a database with tables and nothing in them, and a connection that looks at
// it.
type importBed struct {
	dsn  string
	db   *postgres.Database
	conn *pgx.Conn
}

func newImportBed(t *testing.T) *importBed {
	t.Helper()
	b := &importBed{dsn: pgserver.Database(t)}
	s := b.gateway(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.db, err = postgres.New(b.dsn, nil); err != nil {
		t.Fatal(err)
	}
	if b.conn, err = pgx.Connect(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.Close(context.Background()) }) // the database goes, too
	return b
}

// gateway opens the store as one does.
func (b *importBed) gateway(t *testing.T) *store.Store {
	t.Helper()
	db, err := postgres.New(b.dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err == nil {
		err = s.Trouble()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *importBed) count(t *testing.T, query string, args ...any) (n int64) {
	t.Helper()
	if err := b.conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// pauses are n rows, and then an error if it is not nil.
func pauses(n int, err error) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if !yield([]any{"source/" + string(rune('a'+i)), int64(i)}, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

var pauseColumns = []string{"destination", "since"}

// An import that fails, wherever, leaves nothing; its error is that of what failed.
func TestImportIsAllOrNothing(t *testing.T) {
	b := newImportBed(t)
	errSource := errors.New("the source cannot be read")
	for name, c := range map[string]struct {
		fill func(ctx context.Context, in store.Intake, cancel func()) error
		want error
	}{
		"the source fails": {func(ctx context.Context, in store.Intake, _ func()) error {
			_, err := in.Copy(ctx, "pauses", pauseColumns, pauses(3, errSource))
			return err
		}, errSource},
		"after the copying": {func(ctx context.Context, in store.Intake, _ func()) error {
			n, err := in.Copy(ctx, "pauses", pauseColumns, pauses(3, nil))
			if n != 3 {
				t.Errorf("%d copied", n)
			}
			return errors.Join(err, errSource)
		}, errSource},
		"canceled": {func(ctx context.Context, in store.Intake, cancel func()) error {
			_, err := in.Copy(ctx, "pauses", pauseColumns, func(yield func([]any, error) bool) {
				for row, err := range pauses(20, nil) {
					if cancel(); !yield(row, err) {
						return
					}
				}
			})
			return err
		}, context.Canceled},
		"the same twice": {func(ctx context.Context, in store.Intake, _ func()) error {
			_, err := in.Copy(ctx, "pauses", pauseColumns, pauses(3, nil))
			if err == nil {
				_, err = in.Copy(ctx, "pauses", pauseColumns, pauses(1, nil))
			}
			return err
		}, store.ErrConflict},
		"no such column": {func(ctx context.Context, in store.Intake, _ func()) error {
			_, err := in.Copy(ctx, "pauses", []string{"destination", "nonsense"}, pauses(1, nil))
			return err
		}, nil},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := b.db.Import(ctx, filled, func(in store.Intake) error { return c.fill(ctx, in, cancel) })
		cancel()
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
		if err := b.db.Vacant(t.Context(), filled); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := b.db.Import(t.Context(), filled, func(in store.Intake) error {
		_, err := in.Copy(t.Context(), "pauses", pauseColumns, pauses(20, nil))
		return err
	})
	if n := b.count(t, "SELECT COUNT(*) FROM pauses"); err != nil || n != 20 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// While it is imported to, nobody else writes: neither a gateway that runs without
// having a lease at the moment, nor one that starts meanwhile, which waits and then finds
// everything; and no second import begins.
func TestImportIsAlone(t *testing.T) {
	b := newImportBed(t)
	found := make(chan map[string]time.Time, 1)
	err := b.db.Import(t.Context(), filled, func(in store.Intake) error {
		if _, err := in.Copy(t.Context(), "pauses", pauseColumns, pauses(2, nil)); err != nil {
			return err
		}
		_, err := b.conn.Exec(t.Context(), "SET lock_timeout = '50ms'; INSERT INTO pauses VALUES ('source/x', 1)")
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "55P03" {
			t.Errorf("somebody has written: %v", err)
		}
		if err := b.db.Import(t.Context(), filled, func(store.Intake) error { return nil }); err == nil || !strings.Contains(err.Error(), "another import is under way") {
			t.Errorf("a second import: %v", err)
		}
		go func() {
			s := b.gateway(t)
			for s.Trouble() != nil { // it has no lease
				time.Sleep(5 * time.Millisecond) // between two looks
			}
			all, err := s.Pauses(t.Context())
			if err = errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
			found <- all
		}()
		for b.count(t, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'INSERT INTO gateways %' AND wait_event_type = 'Lock'") == 0 {
			select {
			case all := <-found:
				t.Errorf("a gateway has not waited: %v", all)
				return nil
			case <-time.After(5 * time.Millisecond): // between two looks
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := <-found; len(all) != 2 {
		t.Errorf("the gateway that waited finds %v", all)
	}
}

// filled are the tables that are imported to.
var filled = []string{"events", "payloads", "deliveries", "attempts", "pauses", "jobs"}

// A database that a gateway uses is refused until its lease is over.
func TestImportBesideAGateway(t *testing.T) {
	b := newImportBed(t)
	gateway := b.gateway(t)
	refused := func(want string) {
		t.Helper()
		for _, err := range []error{b.db.Vacant(t.Context(), filled), b.db.Import(t.Context(), filled, func(store.Intake) error { return errors.New("it is filled") })} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v; want %q", err, want)
			}
		}
	}
	refused("stop all gateways on this database first")
	if err := gateway.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Vacant(t.Context(), filled); err != nil {
		t.Error(err)
	}
	// One that was killed is not there any more once its lease has run out.
	for expires, want := range map[string]string{"clock_timestamp() + interval '9 s'": "killed:1 uses it", "clock_timestamp()": "it is filled"} {
		if _, err := b.conn.Exec(t.Context(), "DELETE FROM gateways"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.conn.Exec(t.Context(), "INSERT INTO gateways VALUES (7, 'killed:1', now(), "+expires+")"); err != nil {
			t.Fatal(err)
		}
		if err := b.db.Import(t.Context(), filled, func(store.Intake) error { return errors.New("it is filled") }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expires, err)
		}
	}
}

// A database that cannot hold a store is refused, and none is changed by the question.
func TestVacant(t *testing.T) {
	dsn := pgserver.Database(t)
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }() // it has written nothing that counts
	if err := db.Vacant(t.Context(), filled); err != nil {
		t.Error(err)
	}
	rows, err := conn.Query(t.Context(), "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace")
	if err != nil {
		t.Fatal(err)
	}
	if made, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(made) > 0 {
		t.Errorf("it has made %v, %v", slices.Sorted(slices.Values(made)), err)
	}
	if !slices.ContainsFunc(db.Warnings(), func(w string) bool { return strings.Contains(w, "fsync is off") }) {
		t.Errorf("it warns of %v", db.Warnings())
	}
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	other, err := postgres.New(dsn[:strings.LastIndex(dsn, "/")]+"/ascii", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Vacant(t.Context(), filled); err == nil || !strings.Contains(err.Error(), "has to be UTF8") {
		t.Errorf("a database that does not take any text: %v", err)
	}
}
