package postgres_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// stores fills a table of events with so many, of all sizes, two of three with a payload.
const stores = `WITH s AS (SELECT i, 1000000 + i AS seq, (i * 7919) % 20011 AS size FROM generate_series(1, $1::int) i), e AS (
	INSERT INTO events (seq, source, id, type, scheme, stamp, received, size, keep)
	SELECT seq, 'b', 'event' || i, 'x', 'svix', 0, 1700000000000 + i, size, 0 FROM s
)
INSERT INTO payloads (seq, sum, head, body) SELECT seq, 0, '', '' FROM s WHERE i % 3 > 0`

// What is stored is told from a sample, of a large table a small part, and it falls when
// rows go although no file shrinks.
//
// (F-20)
func TestSpace(t *testing.T) {
	dsn := pgserver.Database(t)
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{statements: make(map[string]statement)}
	db.Trace(r)
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn := connect(t, dsn)
	near := func(what string) {
		t.Helper()
		want := count(t, conn, "SELECT COALESCE(SUM(1024 + CASE WHEN p.seq IS NULL THEN 0 ELSE e.size END), 0)::bigint FROM events e LEFT JOIN payloads p ON p.seq = e.seq")
		space, err := db.Space(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, and %d are told", what, want, space.Used)
		// Of 3,087 pages each is looked at with a chance of 500/3087, which makes the
		// standard deviation of the estimate 4.3 %: a quarter is nearly six of them.
		if space.Used < want*3/4 || space.Used > want*5/4 || space.Free != -1 {
			t.Errorf("%s: %d bytes are stored, and it tells %+v", what, want, space)
		}
	}
	near("nothing")
	const n = 250_000
	for _, fill := range []string{"ALTER TABLE events SET (autovacuum_enabled = off)", "ALTER TABLE payloads SET (autovacuum_enabled = off)"} {
		run(t, conn, fill)
	}
	if _, err := conn.Exec(t.Context(), stores, n); err != nil {
		t.Fatal(err)
	}
	near("a mix")
	size := count(t, conn, "SELECT pg_relation_size('events')")
	run(t, conn, "DELETE FROM payloads WHERE seq % 2 = 0")
	near("with half of the payloads")
	run(t, conn, "DELETE FROM payloads WHERE seq % 5 < 3", "DELETE FROM events WHERE seq % 5 < 3")
	near("with two fifths of the events")
	if now := count(t, conn, "SELECT pg_relation_size('events')"); now < size {
		t.Errorf("the table has shrunk from %d to %d bytes: this test shows nothing", size, now)
	}
	if err := s.Close(); err != nil { // the lease's statements are recorded, too
		t.Fatal(err)
	}
	for _, st := range r.statements {
		if !strings.Contains(st.sql, "TABLESAMPLE") {
			continue
		}
		var text []byte
		if err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON, BUFFERS) "+st.sql, st.args...).Scan(&text); err != nil {
			t.Fatal(err)
		}
		var plans []struct{ Plan sampledNode }
		if err := json.Unmarshal(text, &plans); err != nil {
			t.Fatal(err)
		}
		pages := plans[0].Plan.pages("events")
		total := size / 8192
		t.Logf("%d of %d pages are looked at", pages, total)
		if pages < 350 || pages > 700 || total < 3000 {
			t.Errorf("of %d pages %d are looked at", total, pages)
		}
		return
	}
	t.Error("there is no sample")
}

// sampledNode is a plan with what it has read.
type sampledNode struct {
	Relation string        `json:"Relation Name"`
	Hit      int64         `json:"Shared Hit Blocks"`
	Read     int64         `json:"Shared Read Blocks"`
	Plans    []sampledNode `json:"Plans"`
}

// pages returns how many pages of a table were read.
func (n *sampledNode) pages(relation string) (pages int64) {
	if n.Relation == relation {
		pages = n.Hit + n.Read
	}
	for i := range n.Plans {
		pages += n.Plans[i].pages(relation)
	}
	return pages
}

// Retention by size deletes the oldest events until little enough is stored, and no more.
//
// (F-21)
func TestRetentionBySizeStops(t *testing.T) {
	const most, chunk = 10 << 20, 4 << 20
	dsn := pgserver.Database(t)
	b := openFaultBed(t, dsn, dsn, store.Options{})
	conn := connect(t, dsn)
	if _, err := conn.Exec(t.Context(), stores, 3000); err != nil {
		t.Fatal(err)
	}
	run(t, conn, `INSERT INTO deliveries (event, n, destination, state, armed, due, settled) SELECT seq, 0, 'source/b', 2, received, received, received FROM events`)
	before, err := b.db.Space(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.SetRetention(store.Retention{Age: 100 * 365 * 24 * time.Hour, Size: most})
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := b.db.Space(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes before, %d after", before.Used, after.Used)
	if before.Used < 2*most || after.Used > most || after.Used < most-chunk {
		t.Errorf("of %d bytes %d are left, and %d may be", before.Used, after.Used, most)
	}
	var oldest, newest int64
	err = conn.QueryRow(t.Context(), "SELECT MIN(seq), MAX(seq) FROM payloads").Scan(&oldest, &newest)
	if err != nil {
		t.Fatal(err)
	}
	if newest < 1002999 || count(t, conn, "SELECT COUNT(*) FROM events e WHERE e.seq > "+strconv.FormatInt(oldest, 10)+" AND e.seq % 3 <> 1000000 % 3 AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.seq = e.seq)") > 0 {
		t.Errorf("newer payloads went before older ones: %d to %d are left", oldest, newest)
	}
}
