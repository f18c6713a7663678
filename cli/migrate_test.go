package cli

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// A store of a hundred thousand events of every kind moves to PostgreSQL, and goes on
// there as if nothing had been: every event is there once, as it was; what was pending,
// and what a half-done job has yet to recover, is delivered once, nothing else is; and
// copies of all are told.
func TestMigrate(t *testing.T) {
	n := faults.Cycles(t, 100) * 1000
	e, dsn := newEstate(t, n), pgserver.Database(t)
	before := fileContents(t, e.path)
	t.Setenv(dsnVariable, dsn)
	r := run(t, "", "migrate", "--json", e.path)
	var report migration
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.status != 0 {
		t.Fatalf("status %d, %v\n%s\n%s", r.status, err, r.stdout, r.stderr)
	}
	t.Logf("%d events in %.1f s: %.0f/s", report.Events, report.Seconds, float64(report.Events)/report.Seconds)
	if report.Events != int64(n) || report.Pauses != 1 || report.Jobs != 3 || report.Damaged != 0 || report.Replaced == 0 || report.Renamed != e.path+".migrated" {
		t.Errorf("reported %+v", report)
	}
	s := openPostgres(t, dsn)
	compareContents(t, before.asTaken(), contentsOf(t, &s.Reader))
	deliver(t, s, e.awaited())
	for _, id := range e.halfDone {
		if j, err := s.Job(t.Context(), id); err != nil || j.State != store.JobDone || j.Done != j.Total || j.Skipped != 0 {
			t.Errorf("a job that was half done: %+v, %v", j, err)
		}
	}
	resend(t, e, s)
	// A new event has a number of its own, greater than all.
	fresh := e.arrival(0)
	fresh.Key = &store.Key{ID: place("fresh")}
	if v, err := s.Accept(t.Context(), fresh); err != nil || v.Result != store.Stored || v.Seq <= slices.Max(e.seqs) {
		t.Errorf("a new event: %+v, %v", v, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(e.path + "*"); err != nil || !slices.Equal(left, []string{e.path + "-lock", e.path + ".migrated"}) {
		t.Errorf("beside the file are left %v, %v", left, err)
	}
	if after := fileContents(t, e.path+".migrated"); !reflect.DeepEqual(after, before) {
		t.Error("the file has changed")
	}
}

func compareContents(t *testing.T, want, got *contents) {
	t.Helper()
	if len(got.events) != len(want.events) || !reflect.DeepEqual(got.pauses, want.pauses) || !reflect.DeepEqual(got.jobs, want.jobs) || !maps.Equal(got.counts, want.counts) {
		t.Errorf("there are %d events, and\n%+v\n%+v\n%+v; want %d, and\n%+v\n%+v\n%+v",
			len(got.events), got.pauses, got.jobs, got.counts, len(want.events), want.pauses, want.jobs, want.counts)
	}
	for seq, w := range want.events {
		if g := got.events[seq]; !reflect.DeepEqual(g, w) {
			t.Fatalf("event %d is\n%+v; want\n%+v", seq, g, w)
		}
	}
}

// deliver runs an engine until these events are delivered and no job runs, and makes sure
// that each is delivered once, and no other is.
func deliver(t *testing.T, s *store.Store, want []int64) {
	t.Helper()
	var mu sync.Mutex
	var seen []int64
	app := transport(func(d *store.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, d.Seq)
	})
	all := make([]delivery.Destination, 0, 4)
	for _, name := range []string{"source/app", "source/replayed", "source/paused", "source/mending"} {
		all = append(all, delivery.Destination{Name: name, Transport: app})
	}
	engine := delivery.New(s, delivery.Options{Now: s.Now})
	engine.Add(all, nil).Begin()
	deadline := time.Now().Add(2 * time.Minute)
	for done := false; !done; {
		if time.Now().After(deadline) {
			t.Error("not everything is delivered")
			break
		}
		time.Sleep(20 * time.Millisecond) // between two looks
		mu.Lock()
		done = len(seen) >= len(want)
		mu.Unlock()
		jobs, err := s.Jobs(t.Context())
		done = done && err == nil && !slices.ContainsFunc(jobs, func(j store.Job) bool { return j.State == store.JobRunning })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := engine.Stop(ctx); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(seen)
	if !slices.Equal(seen, want) {
		t.Errorf("%d were delivered, %d of them different ones; want %d", len(seen), len(slices.Compact(slices.Clone(seen))), len(want))
	}
}

// transport is an app that takes everything.
type transport func(*store.Delivery)

func (f transport) Attempt(_ context.Context, d *store.Delivery) delivery.Answer {
	f(d)
	return delivery.Answer{Status: 200}
}

// resend sends a copy of every event: each is known as the one it was.
func resend(t *testing.T, e *estate, s *store.Store) {
	t.Helper()
	e.each(t, func(i int) error {
		v, err := s.Accept(t.Context(), e.arrivals[i])
		want := store.Duplicate
		switch i % allKinds {
		case isIgnored:
			want = store.Ignored
		case isDead:
			want = store.Rearmed
		case isForgotten:
			want = store.Stored
		}
		if err == nil && (v.Result != want || v.Seq != e.seqs[i] && want != store.Stored && want != store.Ignored) {
			t.Errorf("a copy of event %d, of kind %d, is %+v; want %v of %d", i, i%allKinds, v, want, e.seqs[i])
		}
		return err
	})
}

// TestMigrateByHand is what a person sees: first only what would be, then the move with
// the next step, and no second one.
func TestMigrateByHand(t *testing.T) {
	e, dsn := newEstate(t, 10*allKinds), pgserver.Database(t)
	file := file(t, "dsn", dsn+"\n")
	before := fileContents(t, e.path)
	r := run(t, "", "migrate", "--dry-run", "--dsn-file", file, e.path)
	if r.status != 0 || !strings.HasPrefix(r.stdout, "120 events would be moved to postgres://hookgate@127.0.0.1:") || !strings.HasSuffix(r.stdout, "\nNothing was changed.\n") {
		t.Errorf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
	}
	if n := tables(t, dsn); n != 0 {
		t.Errorf("a dry run has made %d tables", n)
	}
	r = run(t, dsn, "migrate", "--keep", "--dsn-file", "-", e.path)
	if r.status != 0 || !strings.HasPrefix(r.stdout, "Moved 120 events to postgres://hookgate@127.0.0.1:") {
		t.Fatalf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
	}
	for _, want := range []string{
		"\n  pending    57\n", "\n  delivered  38\n", "\n  dead       15\n", "\n  attempts   73\n", "\n  pauses     1\n", "\n  jobs       3\n",
		"\nTexts with what PostgreSQL does not take, which is U+FFFD there: 11.\n", "The file is still " + e.path + ": a gateway",
		"\n\n\tstore postgres {env.HOOKGATE_POSTGRES}\n\ninstead of store sqlite, and start the gateways.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "Warning: fsync is off") || !strings.Contains(r.stderr, "\n120 of 120 events, ") {
		t.Errorf("told\n%s", r.stderr)
	}
	if after := fileContents(t, e.path); !reflect.DeepEqual(after, before) {
		t.Error("the file has changed")
	}
	r = run(t, "", "migrate", "--dsn-file", file, e.path)
	r.want(t, 2, "the database holds 120 events already: that is what is in the file, so an earlier run may have moved it: if so, rename the file (mv "+e.path+" "+e.path+".migrated), and start")
	r = run(t, "", "migrate", "--dsn-file", file, newEstate(t, 2*allKinds).path)
	r.want(t, 2, "the database holds 120 events already: name an empty database")
	s := openPostgres(t, dsn)
	compareContents(t, before.asTaken(), contentsOf(t, &s.Reader))
}

// TestMigrateRefuses what cannot be moved, and says what to do. The database stays
// empty, and the file under its name.
func TestMigrateRefuses(t *testing.T) {
	e, dsn := newEstate(t, 2*allKinds), pgserver.Database(t)
	dir := t.TempDir()
	running := newBed(t) // a gateway has this one
	taken := newEstate(t, 2*allKinds)
	if err := os.WriteFile(taken.path+".migrated", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dsnFile := file(t, "dsn", dsn)
	to := func(args ...string) []string { return append([]string{"migrate", "--dsn-file", dsnFile}, args...) }
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"migrate", e.path}, "Export the connection string as HOOKGATE_POSTGRES, or name a file that holds it with --dsn-file"},
		{to(), "the file of the store is missing"},
		{to(e.path, "more"), `unknown argument "more"`},
		{to(filepath.Join(dir, "none.db")), "no such file"},
		{to(dir), "is not a file"},
		{to(file(t, "text", "this is not a store")), "file is not a database"},
		{to(file(t, "empty", "")), "no such table: versions"},
		{to(running.path), "a gateway runs on " + running.path + ": stop it first"},
		{to(taken.path), ".migrated is in the way"},
		{[]string{"migrate", "--dsn-file", filepath.Join(dir, "none"), e.path}, "no such file"},
		{[]string{"migrate", "--dsn-file", file(t, "blank", "\n"), e.path}, "is empty"},
		{[]string{"migrate", "--dsn-file", file(t, "nonsense", "postgres://hookgate:hush@127.0.0.1:1/a?port=x"), e.path}, "connection string"},
		{[]string{"migrate", "--dsn-file", file(t, "nobody", "postgres://hookgate:hush@127.0.0.1:1/a"), e.path}, "connecting to postgres://hookgate@127.0.0.1:1/a"},
	} {
		r := run(t, "", c.args...)
		if r.want(t, 2, c.want); strings.Contains(r.stderr, "hush") {
			t.Errorf("%v: the password is told:\n%s", c.args, r.stderr)
		}
	}
	gateway := openPostgres(t, dsn)
	run(t, "", to(e.path)...).want(t, 2, "stop all gateways on this database first")
	if err := gateway.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(e.path); err != nil {
		t.Error(err)
	}
	run(t, "", to(e.path)...).want(t, 0, "of 24 events")
}
