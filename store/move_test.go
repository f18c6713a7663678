package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

// filled makes a file with n events, each with a body of so many bytes, changed by some
// SQL.
func filled(t *testing.T, n, size int, changes ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "events.db")
	s := mustOpen(t, path)
	for i := range n {
		a := &store.Arrival{Source: "a", To: []store.Target{{Destination: "source/a"}}, ID: fmt.Sprint(i), Received: time.Now(), Key: &store.Key{ID: store.Digest{byte(i), byte(i >> 8), 1}}, Window: time.Hour, Head: []byte("head"), Body: make([]byte, size)}
		if _, err := s.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened opens a file to read, and counts what is in it.
func opened(t *testing.T, path string) (*store.Reader, *store.Inventory) {
	t.Helper()
	r, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // it has only read
	all, err := r.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, all
}

func target(t *testing.T) *postgres.Database {
	t.Helper()
	db, err := postgres.New(pgserver.Database(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// use opens the store of a database that something was moved to.
func use(t *testing.T, db store.Database) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), db, store.Options{})
	if err == nil {
		err = s.Trouble()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some have closed it
	return s
}

// A payload that is damaged moves as it is, is counted, and is found out there as well;
// one that is whole is whole.
func TestMoveOfDamage(t *testing.T) {
	r, all := opened(t, filled(t, 3, 10, "UPDATE payloads SET body = x'00' WHERE seq = (SELECT MIN(seq) FROM payloads)"))
	db := target(t)
	moved, err := r.Move(t.Context(), db, all, nil)
	if err != nil || moved != (store.Moved{Events: 3, Bytes: 3*14 - 9, Damaged: 1}) {
		t.Fatalf("moved %+v, %v", moved, err)
	}
	s := use(t, db)
	page, _, err := s.List(t.Context(), store.Filter{})
	if err != nil || len(page) != 3 {
		t.Fatalf("%+v %v", page, err)
	}
	for i, wantErr := range []error{nil, nil, store.ErrDamaged} { // the newest first
		if _, err := s.Event(t.Context(), page[i].Seq); !errors.Is(err, wantErr) {
			t.Errorf("event %d: %v; want %v", i, err, wantErr)
		}
	}
}

// What a store holds is moved in many steps, the ends of which no row falls between, and
// progress is told at each; rows without an event go along. The numbers that are given
// out there go on behind the last, also if the clock of this machine was ahead.
func TestMoveInSteps(t *testing.T) {
	const ahead = 1 << 55
	path := filled(t, 41, 512<<10, "UPDATE events SET seq = 1 WHERE seq = (SELECT MIN(seq) FROM events)",
		fmt.Sprintf("UPDATE events SET seq = %d WHERE seq = (SELECT MAX(seq) FROM events)", ahead),
		"INSERT INTO attempts (event, n, number, started, took, outcome, status, error) SELECT event, n, 1, 1, 1, 'failed', 500, 'no' FROM deliveries",
		fmt.Sprintf("INSERT INTO deliveries (event, n, destination, state, armed, due) VALUES (%d, 7, 'source/a', 2, 1, 1)", ahead+1))
	r, all := opened(t, path)
	db := target(t)
	var steps []store.Moved
	moved, err := r.Move(t.Context(), db, all, func(m store.Moved) { steps = append(steps, m) })
	if err != nil || moved.Events != 41 || moved.Bytes != all.Bytes || len(steps) < 3 || steps[len(steps)-1] != moved {
		t.Fatalf("moved %+v of %+v in %d steps, %v", moved, all, len(steps), err)
	}
	for i, s := range steps[1:] {
		if before := steps[i]; s.Events < before.Events || s.Bytes-before.Bytes > 16<<20 {
			t.Errorf("step %d goes from %+v to %+v", i+1, before, s)
		}
	}
	v, err := accept(t, use(t, db), 200)
	if err != nil || v.Result != store.Stored || v.Seq <= ahead {
		t.Errorf("the next event is %+v, %v", v, err)
	}
}

// An empty store moves as well, and one can go on in it.
func TestMoveOfNothing(t *testing.T) {
	r, all := opened(t, filled(t, 0, 0))
	db := target(t)
	if moved, err := r.Move(t.Context(), db, all, nil); err != nil || moved != (store.Moved{}) {
		t.Fatalf("moved %+v, %v", moved, err)
	}
	if v, err := accept(t, use(t, db), 0); err != nil || v.Result != store.Stored || v.Seq < time.Now().Add(-time.Hour).UnixMicro() {
		t.Errorf("the first event is %+v, %v", v, err)
	}
}

// lossy is a database that loses a row of a table on its way.
type lossy struct {
	*postgres.Database
	table string
}

func (l *lossy) Import(ctx context.Context, tables []string, fill func(store.Intake) error) error {
	return l.Database.Import(ctx, tables, func(in store.Intake) error { return fill(&lossyIntake{in, l.table}) })
}

type lossyIntake struct {
	store.Intake
	table string
}

func (l *lossyIntake) Copy(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	lost := int64(0)
	n, err := l.Intake.Copy(ctx, table, columns, func(yield func([]any, error) bool) {
		for row, err := range rows {
			if table == l.table && lost == 0 && err == nil {
				lost++
				continue
			}
			if !yield(row, err) {
				return
			}
		}
	})
	return n + lost, err // as it should have been
}

// What has not arrived is found out before anything is committed, whatever the copying
// has said.
func TestMoveIsVerified(t *testing.T) {
	path := filled(t, 5, 10, "INSERT INTO attempts (event, n, number, started, took, outcome, status, error) SELECT event, n, 1, 1, 1, 'failed', 500, 'no' FROM deliveries",
		"INSERT INTO pauses VALUES ('source/a', 1)", "INSERT INTO jobs VALUES ('job_1', 'recover', 'a', 1, 1, 'done', 1, 1, 0, 1, 1, 1, 1, '', 0, NULL)")
	for table, want := range map[string]string{
		"events": "events: 5 became 4", "payloads": "payloads: 5 became 4", "deliveries": "source/a pending: 5 became 4",
		"attempts": "attempts: 5 became 4", "pauses": "pauses: 1 became 0", "jobs": "jobs: 1 became 0",
	} {
		r, all := opened(t, path)
		db := target(t)
		_, err := r.Move(t.Context(), &lossy{db, table}, all, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", table, err, want)
		}
		if err := db.Vacant(t.Context(), r.Tables()); err != nil {
			t.Errorf("%s: something is left: %v", table, err)
		}
	}
}

// A file with more than this release knows is not moved by it, even if it can work with
// the file: what it does not know would be lost.
//
// (F-18)
func TestNewerIsNotMoved(t *testing.T) {
	other := []store.Migration{{Component: "tenants", Version: 1, ReadableFrom: 1, SQL: []string{"CREATE TABLE tenants (id {int} PRIMARY KEY)"}}}
	for name, later := range map[string]func(path string){
		"a column": func(path string) { store.WithMigrations(second, func() { mustOpen(t, path).Close() }) },
		"a component": func(path string) {
			s, err := openAt(t, path, store.Options{Migrations: other})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		},
	} {
		path := filled(t, 1, 1)
		later(path)
		r, err := sqlite.OpenReadOnly(t.Context(), path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := r.Inventory(t.Context()); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "use the release that made them") {
			t.Errorf("%s: %v", name, err)
		}
		r.Close()
	}
}

// A move to a database in which there is anything at all is refused before anything is
// changed.
func TestMoveToAnOccupiedDatabase(t *testing.T) {
	r, all := opened(t, filled(t, 1, 1))
	for table, occupy := range map[string]func(*store.Store) error{
		"events": func(s *store.Store) error { _, err := accept(t, s, 1); return err },
		"pauses": func(s *store.Store) error { return s.Pause(t.Context(), "source/a") },
		"jobs": func(s *store.Store) error {
			_, err := s.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
			return err
		},
	} {
		db := target(t)
		s := use(t, db)
		if err := errors.Join(occupy(s), s.Close()); err != nil {
			t.Fatal(err)
		}
		var occupied *store.OccupiedError
		if _, err := r.Move(t.Context(), db, all, nil); !errors.As(err, &occupied) || *occupied != (store.OccupiedError{Table: table, Rows: 1}) {
			t.Errorf("%s: %v", table, err)
		}
	}
}

// senderSteps are what a package with tables of its own may have.
var senderSteps = []store.Migration{
	{Component: "sender", Version: 1, ReadableFrom: 1, Tables: []string{"endpoints"}, SQL: []string{
		"CREATE TABLE endpoints (id TEXT PRIMARY KEY, \"order\" {int} NOT NULL, secret {blob}, note TEXT) {clustered}",
	}},
	{Component: "sender", Version: 2, ReadableFrom: 1, Tables: []string{"applications"}, SQL: []string{
		"CREATE TABLE applications (seq {int} PRIMARY KEY, name TEXT NOT NULL)",
		"ALTER TABLE endpoints ADD COLUMN url TEXT NOT NULL DEFAULT 'none'",
	}},
}

// The tables of packages that are handed in are moved with the others, whatever is in
// their rows, and counted; those of a package that is not, or that has gone on, are not.
func TestTablesOfOthersAreMoved(t *testing.T) {
	ctx := t.Context()
	path := filled(t, 3, 10)
	s, err := openAt(t, path, store.Options{Migrations: senderSteps})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Do(ctx, func(tx *store.Tx) error {
		for i := range 5000 {
			_, err := tx.Exec("INSERT INTO endpoints (id, \"order\", secret, note) VALUES (?, ?, ?, ?)", fmt.Sprint("ep_", i), int64(i)-7, []byte{0, 255, byte(i)}, "a\x00☃")
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec("INSERT INTO endpoints (id, \"order\", url) VALUES ('ep_null', 1, '')")
		return err
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.OpenReadOnly(ctx, path, senderSteps...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Inventory(ctx)
	if err != nil || all.Others["endpoints"] != 5001 || all.Others["applications"] != 0 || len(all.Others) != 2 {
		t.Fatalf("%+v %v", all, err)
	}
	for _, table := range []string{"endpoints", "applications"} {
		db := target(t)
		_, err := r.Move(ctx, &lossy{db, table}, all, nil)
		if want := table == "endpoints"; (err != nil) != want || want && !strings.Contains(err.Error(), "endpoints: 5001 became 5000") {
			t.Errorf("%s: %v", table, err)
		}
	}
	db := target(t)
	moved, err := r.Move(ctx, db, all, nil)
	if err != nil || moved.Events != 3 || moved.Replaced != 5000 {
		t.Fatalf("%+v %v", moved, err)
	}
	if err := db.Vacant(ctx, r.Tables()); err == nil {
		t.Error("it is vacant still")
	}
	there, err := store.Open(ctx, db, store.Options{Migrations: senderSteps})
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	type endpoint struct {
		id, url string
		order   int64
		secret  []byte
		note    *string
	}
	rows := make(map[string]endpoint)
	err = there.Query(ctx, "SELECT id, \"order\", secret, note, url FROM endpoints", nil, func(scan func(...any) error) error {
		var e endpoint
		err := scan(&e.id, &e.order, &e.secret, &e.note, &e.url)
		rows[e.id] = e
		return err
	})
	if e := rows["ep_4999"]; err != nil || len(rows) != 5001 || e.order != 4992 || string(e.secret) != "\x00\xff\x87" || e.note == nil || *e.note != "a\uFFFD☃" || e.url != "none" {
		t.Errorf("%d rows, %+v, %v", len(rows), e, err)
	}
	if e := rows["ep_null"]; e.secret != nil || e.note != nil || e.url != "" {
		t.Errorf("%+v", e)
	}
	// One that has something in a table of its own only is occupied, too.
	occupied := target(t)
	used, err := store.Open(ctx, occupied, store.Options{Migrations: senderSteps})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(used.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO applications VALUES (1, 'a')")
		return err
	}), used.Close())
	var full *store.OccupiedError
	if _, moving := r.Move(ctx, occupied, all, nil); err != nil || !errors.As(moving, &full) || full.Table != "applications" {
		t.Errorf("%v, %v", moving, err)
	}
	for name, known := range map[string][]store.Migration{"nothing": nil, "an earlier step": senderSteps[:1]} {
		r, err := sqlite.OpenReadOnly(ctx, path, known...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Inventory(ctx); !errors.Is(err, store.ErrNewer) {
			t.Errorf("%s is known: %v", name, err)
		}
		r.Close()
	}
	// A file that has never seen the package is moved, and has its tables there, empty.
	bare, err := sqlite.OpenReadOnly(ctx, filled(t, 1, 1), senderSteps...)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if all, err = bare.Inventory(ctx); err == nil {
		_, err = bare.Move(ctx, target(t), all, nil)
	}
	if err != nil || len(all.Others) != 0 {
		t.Errorf("%+v %v", all, err)
	}
}
