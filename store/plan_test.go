package store_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// Nothing that runs again and again reads a table through: every statement of the
// committer after one of each operation, and the queries of the engine, of retention,
// of jobs and of the lists that have an index.
//
// (F-21, R-07)
func TestNoQueryReadsATableThrough(t *testing.T) {
	ctx := t.Context()
	file := sqlite.New(filepath.Join(t.TempDir(), "events.db"), time.Second)
	s, err := store.Open(ctx, file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	everything(t, s)
	allowed := map[string]string{ // the beginning of a statement → why it may
		"SELECT COUNT(*) FROM jobs": "there are 100 jobs",
		"DELETE FROM jobs":          "there are 100 jobs",
	}
	queries := s.Statements()
	if len(queries) < 25 {
		t.Errorf("only %d statements were prepared", len(queries))
	}
	for _, q := range store.Queries {
		queries = append(queries, q)
	}
	for _, f := range []store.Filter{{}, {Source: "a"}, {State: store.Dead}, {State: store.Pending, Source: "a"}, {State: store.Dead, Source: "a", Type: "x", Before: 9}, {Source: "a", Among: 9}, {Destination: "a", State: store.Delivered, Among: 9}} {
		queries = append(queries, f.Query())
	}
	for _, q := range queries {
		if strings.HasPrefix(q, "COMMIT") || strings.Contains(q, "SAVEPOINT") {
			continue
		}
		for _, line := range plan(t, file, q) {
			if !strings.HasPrefix(line, "SCAN ") || strings.Contains(line, "INDEX") || strings.Contains(line, "CONSTANT ROW") {
				continue
			}
			if ordered(q) && line == "SCAN e" {
				continue // in the order of its key, until the page is full
			}
			if paged(q) && len(line) == len("SCAN e") {
				continue // the page
			}
			if line == "SCAN b" && q == store.Queries["tally step"] {
				continue // the one bound
			}
			excused := false
			for beginning := range allowed {
				excused = excused || strings.HasPrefix(q, beginning)
			}
			if !excused {
				t.Errorf("%s\n\t%s", q, line)
			}
		}
	}
	// The lists of messages, and of what endpoints get, are read in the order of an index
	// from where the page begins; nothing but the page is sorted.
	for name, want := range map[string][]string{
		"messages":           {"SEARCH events USING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"messages chosen":    {"SEARCH events USING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"messages up":        {"SEARCH events USING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"count messages":     {"SEARCH events USING COVERING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"deliveries to":      {"SEARCH deliveries USING INDEX deliveries_of (destination=? AND event>? AND event<?)"},
		"deliveries to up":   {"SEARCH deliveries USING INDEX deliveries_of (destination=? AND event>? AND event<?)"},
		"deliveries of":      {"SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"},
		"attempts to":        {"SEARCH attempts USING INDEX attempts_of (destination=? AND (started,event,n,number)>(?,?,?,?) AND (started,event,n,number)<(?,?,?,?))"},
		"attempts to up":     {"SEARCH attempts USING INDEX attempts_of (destination=? AND (started,event,n,number)>(?,?,?,?) AND (started,event,n,number)<(?,?,?,?))"},
		"attempts chosen":    {"SEARCH attempts USING COVERING INDEX attempts_of (destination=? AND (started,event,n,number)>(?,?,?,?) AND (started,event,n,number)<(?,?,?,?))"},
		"attempts chosen up": {"SEARCH attempts USING COVERING INDEX attempts_of (destination=? AND (started,event,n,number)>(?,?,?,?) AND (started,event,n,number)<(?,?,?,?))"},
		"attempts of":        {"SEARCH attempts USING PRIMARY KEY (event=?)", "USE TEMP B-TREE FOR ORDER BY"}, // those of one event
		"attempt":            {"SEARCH a USING PRIMARY KEY (event=? AND n=? AND number=?)"},
		"tally":              {"SEARCH attempts USING COVERING INDEX attempts_of (destination=? AND started>? AND started<?)"},
		"count step":         {"SEARCH events USING COVERING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"attempts whole":     {"SEARCH a USING PRIMARY KEY (event=?)", "LIST SUBQUERY 1"},
		"heads":              {"SEARCH payloads USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1"},
		"failed":             {"SEARCH d USING COVERING INDEX deliveries_dead (destination=? AND settled>?)", "CORRELATED SCALAR SUBQUERY 1"}, // near the ends
		"missing":            {"SEARCH e USING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"missing all":        {"SEARCH e USING INDEX events_of (source=? AND seq>? AND seq<?)"},
		"select":             {"SEARCH d USING INDEX deliveries_of (destination=? AND event>? AND event<?)"},
		"select all":         {"SEARCH d USING COVERING INDEX deliveries_of (destination=? AND event>? AND event<?)"},
	} {
		if inner := innermost(plan(t, file, store.Queries[name])); !slices.Equal(inner, want) {
			t.Errorf("%s: %q, want %q", name, inner, want)
		}
	}
	for _, line := range plan(t, file, store.Queries["tally step"]) {
		if strings.HasPrefix(line, "SEARCH") && !strings.Contains(line, " USING COVERING INDEX attempts_of (destination=? AND started>? AND started<?)") {
			t.Errorf("tally step: %s", line)
		}
	}
	for _, name := range []string{"due", "next due", "oldest", "release", "expire", "recover"} {
		if lines := plan(t, file, store.Queries[name]); !strings.Contains(lines[0], "(destination=?") || (name == "due" && len(lines) > 2) {
			t.Errorf("%s: %q", name, lines)
		}
	}
	if lines := plan(t, file, "SELECT * FROM deliveries WHERE reason = 'x'"); len(lines) != 1 || !strings.HasPrefix(lines[0], "SCAN ") {
		t.Errorf("a table that is read through is not seen: %v", lines)
	}
}

// ordered reports whether a query reads events in the order of their key.
func ordered(q string) bool { return strings.HasSuffix(q, "ORDER BY e.seq DESC LIMIT ?") }

// innermost is how the page itself is found: what a plan says before the page is gone
// through.
func innermost(lines []string) (inner []string) {
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "CO-ROUTINE"), strings.HasPrefix(line, "MATERIALIZE"):
			continue
		case strings.HasPrefix(line, "SCAN"), len(inner) > 0 && strings.HasPrefix(line, "SEARCH"):
			return inner
		}
		inner = append(inner, line)
	}
	return inner
}

// paged reports whether a query goes through the page that its innermost part has found.
func paged(q string) bool { return strings.Contains(q, " LIMIT ?\n)") }

func plan(t *testing.T, file *sqlite.File, query string) (lines []string) {
	t.Helper()
	rows, err := file.Readers().Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// everything does one of each.
func everything(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	arrival := func(id byte) *store.Arrival {
		return &store.Arrival{Source: "a", To: []store.Target{{Destination: "source/a"}}, ID: string(id), Scheme: "svix", Received: time.Now(), Key: &store.Key{ID: store.Digest{id}}, Body: []byte("body")}
	}
	settle := func(seq int64, state store.State, destination string) {
		t.Helper()
		done := make(chan error, 1)
		s.Settle(ctx, &store.Outcome{
			ID: store.DeliveryID{Seq: seq}, Destination: destination, State: state, At: time.Now(), Due: time.Now().Add(time.Hour),
			Attempt: &store.Attempt{Number: 1, Started: time.Now()},
		}, func(err error) { done <- err })
		must(<-done)
	}
	var seqs []int64
	for id := range byte(8) {
		v, err := s.Accept(ctx, arrival(id))
		must(err)
		seqs = append(seqs, v.Seq)
	}
	settle(seqs[0], store.Delivered, "source/a")
	settle(seqs[1], store.Dead, "source/a")
	settle(seqs[2], store.Pending, "source/a")
	settle(seqs[3], store.Pending, "source/other")
	_, err := s.Accept(ctx, arrival(0)) // its window was none
	must(err)
	for _, id := range []byte{1, 2} {
		_, err := s.Accept(ctx, arrival(id))
		must(err)
	}
	_, err = s.Rearm(ctx, store.DeliveryID{Seq: seqs[0]}, false)
	must(err)
	_, err = s.Rearm(ctx, store.DeliveryID{Seq: seqs[3]}, false)
	must(err)
	must(s.Forget(ctx, seqs[4]))
	must(s.Erase(ctx, seqs[4]))
	settle(seqs[5], store.Pending, "source/a")
	_, err = s.Release(ctx, "source/a", time.Now().Add(time.Minute), 10)
	must(err)
	settle(seqs[6], store.Dead, "source/a")
	j, err := s.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: "source/a"})
	must(err)
	_, err = s.AdvanceJob(ctx, j.ID, 10)
	must(err)
	must(s.Pause(ctx, "source/a"))
	must(s.Resume(ctx, "source/a"))
	_, err = s.Expire(ctx, "source/a", time.Now().Add(time.Hour), "expired", 3)
	must(err)
	_, err = s.Adopt(ctx, "a", "b", 100)
	must(err)
	must(s.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Deliver(seqs[5], "ep_a", true)
		return err
	}))
	for _, kind := range []string{store.Missing, store.Select} {
		j, err := s.CreateJob(ctx, store.Job{Kind: kind, Destination: "ep_a", Source: "a"})
		must(err)
		_, err = s.AdvanceJob(ctx, j.ID, 10)
		must(err)
	}
	s.SetRetention(store.Retention{Age: time.Nanosecond, Dead: time.Nanosecond})
	must(s.Sweep(context.WithoutCancel(ctx)))
}
