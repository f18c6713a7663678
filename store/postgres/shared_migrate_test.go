package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// The next release, as far as the tables go: it adds what this one can do without.
var next = store.Migration{Component: "store", Version: 4, ReadableFrom: 3, SQL: []string{
	"ALTER TABLE events ADD COLUMN tenant TEXT NOT NULL DEFAULT ''",
	"ALTER TABLE deliveries ADD COLUMN colour {int} NOT NULL DEFAULT 0",
	"CREATE TABLE tenants (id {int} PRIMARY KEY, name {blob}) {clustered}",
}}

// One with which this release cannot work any more.
var afterNext = store.Migration{Component: "store", Version: 5, ReadableFrom: 4, SQL: []string{"CREATE TABLE colours (id {int} PRIMARY KEY)"}}

// Gateways that start together with an empty database make its tables once, and all work.
//
// (F-18)
func TestGatewaysThatStartTogether(t *testing.T) {
	dsn := pgserver.Database(t)
	const gateways = 8
	var mu sync.Mutex
	var stores []*store.Store
	var run []func() error
	for i := range gateways {
		// Half of them are of the next release.
		var o store.Options
		if i%2 == 0 {
			o.Migrations = []store.Migration{next}
		}
		run = append(run, func() error {
			db, err := postgres.New(dsn, nil)
			if err != nil {
				return err
			}
			s, err := store.Open(t.Context(), db, o)
			if err != nil {
				return err
			}
			mu.Lock()
			stores = append(stores, s)
			mu.Unlock()
			v, err := s.Accept(t.Context(), event("e", "body"))
			if err == nil && v.Result == 0 {
				err = fmt.Errorf("%+v", v)
			}
			return err
		})
	}
	atOnce(t, run...)
	owners := make(map[int64]bool)
	for _, s := range stores {
		owners[s.Standing().Owner] = true
		if page, _, err := s.List(t.Context(), store.Filter{}); err != nil || len(page) != 1 {
			t.Errorf("%d events, %v", len(page), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(owners) != gateways {
		t.Errorf("the numbers are %v", owners)
	}
}

// While gateways of the next release join, those of this one go on, and may be restarted.
//
// (F-18, L-09)
func TestThisReleaseGoesOnWithTheNextOnesTables(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	before := c.nodes[0]
	cycle := func(id string) {
		t.Helper()
		for i, n := range c.nodes {
			other := c.nodes[(i+1)%len(c.nodes)]
			id := fmt.Sprint(id, i)
			seq := n.stored(fresh(id))
			n.settle(outcome(n.only(seq), store.Dead))
			if v := other.accept(event(id, "body")); v.Result != store.Rearmed || v.Seq != seq {
				t.Errorf("%+v", v)
			}
			other.settle(outcome(other.only(seq), store.Delivered))
			if d := n.at(seq); d.State != store.Delivered || string(d.Body) != "body" {
				t.Errorf("%+v", d)
			}
		}
	}
	cycle("e")
	c.join(store.Options{Migrations: []store.Migration{next}})
	cycle("f") // what was planned before the tables changed is planned anew
	c.join(store.Options{})
	cycle("g")
	before.SetRetention(store.Retention{Age: 1})
	c.must(before.Sweep(t.Context()))
	c.must(before.Trouble())
}

// Tables that this release cannot work with are refused, with what to do, and the lock
// and the connections are given up.
//
// (F-18)
func TestNewerTablesAreRefused(t *testing.T) {
	c := newCluster(t, 0, store.Options{})
	later := store.Options{Migrations: []store.Migration{next, afterNext}}
	c.must(c.join(later).Close())
	db, err := postgres.New(c.dsn, nil)
	c.must(err)
	if _, err := store.Open(t.Context(), db, store.Options{}); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "use the later release") {
		t.Errorf("opened: %v", err)
	}
	if n := c.number("SELECT COUNT(*) FROM gateways"); n != 0 {
		t.Errorf("%d gateways are there", n)
	}
	c.join(later).stored(event("e", "body"))
}

// A step that fails leaves nothing behind, and keeps nobody else from opening.
func TestAMigrationThatFailsIsUndone(t *testing.T) {
	c := newCluster(t, 0, store.Options{})
	bad := next
	bad.SQL = append(append([]string(nil), next.SQL...), "ALTER TABLE nowhere ADD COLUMN x {int}")
	db, err := postgres.New(c.dsn, nil)
	c.must(err)
	if _, err := store.Open(t.Context(), db, store.Options{Migrations: []store.Migration{bad}}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("opened: %v", err)
	}
	if n := c.number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'versions'"); n != 0 {
		t.Errorf("%d tables are left", n)
	}
	c.join(store.Options{}).stored(event("e", "body"))
}

// A database that does not take any text is refused, with how to make one.
func TestOtherEncodingsAreRefused(t *testing.T) {
	c := newCluster(t, 0, store.Options{})
	name := fmt.Sprint("ascii_of_", c.foreign.Config().Database)
	c.exec("CREATE DATABASE " + name + " ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	db, err := postgres.New(c.dsn[:strings.LastIndexByte(c.dsn, '/')+1]+name, nil)
	c.must(err)
	if _, err := store.Open(t.Context(), db, store.Options{}); err == nil || !strings.Contains(err.Error(), "SQL_ASCII") || !strings.Contains(err.Error(), "createdb -E UTF8") {
		t.Errorf("opened: %v", err)
	}
}
