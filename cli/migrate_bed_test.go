package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

// estate is a store's file with events of every kind, which a gateway has left.
type estate struct {
	*store.Store
	path     string
	now      time.Time
	arrivals []*store.Arrival
	seqs     []int64
	halfDone []string       // jobs
	settled  map[int64]bool // delivered again by a replay
}

// The allKinds of events of an estate.
const (
	dueNow = iota
	dueLater
	isDelivered
	isDead
	isIgnored
	isErased
	isReplayed // delivered once, and again by a job that is half done
	isAdopted
	isConflict
	isPaused
	isMending // dead letters, of which a job has recovered some
	isForgotten
	allKinds
)

// sourceOf says of each kind which source it is of.
var sourceOf = [allKinds]string{isReplayed: "replayed", isAdopted: "former", isPaused: "paused", isMending: "mending"}

// newEstate has n events.
func newEstate(t testing.TB, n int) *estate {
	t.Helper()
	// What is stored is in milliseconds, and what is due must be so by any clock.
	e := &estate{path: filepath.Join(t.TempDir(), "events.db"), now: time.Now().Add(-time.Minute).Truncate(time.Millisecond).UTC(), settled: make(map[int64]bool)}
	s, err := store.Open(t.Context(), sqlite.New(e.path, time.Second), store.Options{Now: func() time.Time { return e.now }})
	if err != nil {
		t.Fatal(err)
	}
	e.Store = s
	e.arrivals, e.seqs = make([]*store.Arrival, n), make([]int64, n)
	e.each(t, func(i int) error {
		e.arrivals[i] = e.arrival(i)
		v, err := e.Accept(t.Context(), e.arrivals[i])
		e.seqs[i] = v.Seq
		return err
	})
	e.each(t, func(i int) error { return e.age(i) })
	e.operate(t)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return e
}

// each calls f for all events, many at once. The two of a conflict come in their order.
func (e *estate) each(t testing.TB, f func(i int) error) {
	t.Helper()
	const workers = 256
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w * allKinds; i < len(e.arrivals); i += workers * allKinds {
				for k := i; k < min(i+allKinds, len(e.arrivals)); k++ {
					if err := f(k); err != nil {
						t.Errorf("event %d: %v", k, err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func (e *estate) arrival(i int) *store.Arrival {
	source := sourceOf[i%allKinds]
	if source == "" {
		source = "app"
	}
	a := &store.Arrival{
		Source: source, To: []store.Target{{Destination: store.SourceDestination(source)}}, ID: fmt.Sprint("msg_", i), Type: "invoice.paid", Scheme: "svix",
		Timestamp: e.now.Add(-time.Second), Received: e.now, Window: 72 * time.Hour,
		Head: fmt.Appendf(nil, "POST /hooks/%d HTTP/1.1\n", i), Body: []byte(strings.Repeat("\x00\xff{}", i%300)),
	}
	a.Key = &store.Key{ID: place(a.ID), Body: place(string(a.Body)), Aside: place(a.ID + string(a.Body))}
	switch i % allKinds {
	case isIgnored:
		a.To = nil
	case isConflict: // the id of the one before the last, which is delivered, with another body
		a.Key.ID = place(fmt.Sprint("msg_", i-isConflict+isDelivered))
	case isDead:
		a.Type, a.Timestamp = "", time.Time{}
	}
	if i%1000 == 0 {
		a.Type = "a\x00b\xffc"
	}
	return a
}

// place is a digest of a text.
func place(text string) (d store.Digest) {
	sum := sha256.Sum256([]byte(text))
	copy(d[:], sum[:])
	return d
}

// age makes of an event what its kind is.
func (e *estate) age(i int) error {
	o := &store.Outcome{ID: store.DeliveryID{Seq: e.seqs[i]}, Destination: store.SourceDestination(e.arrivals[i].Source), At: e.now, Step: 1}
	o.Attempt = &store.Attempt{Number: 1, Started: e.now, Took: 5 * time.Millisecond, Outcome: "delivered", Status: 200, Response: []byte("ok")}
	switch i % allKinds {
	case isDelivered, isErased, isReplayed, isForgotten:
		o.State = store.Delivered
	case dueLater:
		o.State, o.Due = store.Pending, e.now.Add(5*time.Hour)
		o.Attempt.Outcome, o.Attempt.Status, o.Attempt.Error, o.Attempt.Response = "failed", 0, "dial: \xff", nil
	case isDead, isMending:
		o.State, o.Reason = store.Dead, "exhausted"
		o.Attempt.Outcome, o.Attempt.Status = "failed", 500
	default:
		return nil
	}
	if err := e.settle(o); err != nil {
		return err
	}
	switch i % allKinds {
	case isErased:
		return e.Erase(context.Background(), e.seqs[i])
	case isForgotten:
		return e.Forget(context.Background(), e.seqs[i])
	}
	return nil
}

// operate does what an operator does.
func (e *estate) operate(t testing.TB) {
	t.Helper()
	ctx, must := t.Context(), func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(e.Pause(ctx, "source/paused"))
	for n := int64(1); n > 0; {
		var err error
		n, err = e.Adopt(ctx, "former", "app", 500)
		must(err)
	}
	job := func(kind, source string) store.Job {
		j, err := e.CreateJob(ctx, store.Job{Kind: kind, Destination: store.SourceDestination(source)})
		must(err)
		return j
	}
	_, err := e.CancelJob(ctx, job(store.Recover, "app").ID)
	must(err)
	for _, half := range []store.Job{job(store.Replay, "replayed"), job(store.Recover, "mending")} {
		half, err = e.AdvanceJob(ctx, half.ID, int(half.Total/2))
		must(err)
		if half.Total < 2 || half.State != store.JobRunning {
			t.Fatalf("the job is not half done: %+v", half)
		}
		e.halfDone = append(e.halfDone, half.ID)
	}
	replayed := e.kind(isReplayed)
	for i := 0; i < len(replayed)/2; i += 2 {
		e.settled[replayed[i]] = true
		must(e.settle(&store.Outcome{
			ID: store.DeliveryID{Seq: replayed[i]}, Destination: "source/replayed", At: e.now, Step: 1, State: store.Delivered,
			Attempt: &store.Attempt{Number: 2, Started: e.now, Outcome: "delivered", Status: 200},
		}))
	}
}

// settle writes an outcome.
func (e *estate) settle(o *store.Outcome) error {
	done := make(chan error)
	e.Settle(context.Background(), o, func(err error) { done <- err })
	return <-done
}

// awaited are the events that are delivered next, without a person's doing: those that
// are due, and those that jobs have yet to come to.
func (e *estate) awaited() []int64 {
	return slices.DeleteFunc(e.kind(dueNow, isReplayed, isAdopted, isConflict, isMending), func(seq int64) bool { return e.settled[seq] })
}

// kind is which events are of a kind.
func (e *estate) kind(wanted ...int) (seqs []int64) {
	for i, seq := range e.seqs {
		if slices.Contains(wanted, i%allKinds) {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// whole is an event with all that is known of it.
type whole struct {
	store.Delivery
	Sum       int64 // of the payload, as it is stored
	Attempted []store.Attempt
}

// contents is what a store holds.
type contents struct {
	events map[int64]whole
	pauses map[string]time.Time
	jobs   []store.Job
	counts map[string]store.Count
}

// contentsOf reads everything.
func contentsOf(t testing.TB, r *store.Reader) *contents {
	t.Helper()
	c := &contents{events: make(map[int64]whole)}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	c.pauses, err = r.Pauses(ctx)
	must(err)
	c.jobs, err = r.Jobs(ctx)
	must(err)
	c.counts, err = r.Counts(ctx)
	must(err)
	for before, more := int64(0), true; more; more = before != 0 {
		page, next, err := r.List(ctx, store.Filter{Before: before, Limit: 500})
		must(err)
		for _, d := range page {
			c.events[d.Seq] = whole{Delivery: d}
		}
		before = next
	}
	must(r.Query(ctx, `SELECT seq, sum, head, body FROM payloads`, nil, func(scan func(...any) error) error {
		var seq, sum int64
		var head, body []byte
		err := scan(&seq, &sum, &head, &body)
		w := c.events[seq]
		w.Sum, w.Head, w.Body = sum, append([]byte{}, head...), append([]byte{}, body...) // what is empty is there
		c.events[seq] = w
		return err
	}))
	must(r.Query(ctx, `SELECT event, number, started, took, outcome, status, error, response, by_hand FROM attempts ORDER BY event, n, number`, nil, func(scan func(...any) error) error {
		var seq, started, took int64
		var a store.Attempt
		err := scan(&seq, &a.Number, &started, &took, &a.Outcome, &a.Status, &a.Error, &a.Response, &a.ByHand)
		a.Started, a.Took = time.UnixMilli(started).UTC(), time.Duration(took)*time.Millisecond
		w := c.events[seq]
		w.Attempted = append(w.Attempted, a)
		c.events[seq] = w
		return err
	}))
	// What is read event by event is the same.
	part := max(len(c.events)/1000, 1)
	n := 0
	for seq, w := range c.events {
		if n++; n%part != 0 {
			continue
		}
		one := whole{Sum: w.Sum}
		one.Delivery, err = r.Event(ctx, seq)
		must(err)
		if one.State != store.IgnoredState {
			one.Attempted, err = r.Attempts(ctx, one.DeliveryID())
			must(err)
		}
		if !reflect.DeepEqual(one, w) {
			t.Fatalf("event %d is\n%+v; want\n%+v", seq, one, w)
		}
	}
	return c
}

// fileContents reads the file, as it is after the gateway.
func fileContents(t testing.TB, path string) *contents {
	t.Helper()
	r, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return contentsOf(t, r)
}

// asTaken are the contents with texts as PostgreSQL takes them.
func (c *contents) asTaken() *contents {
	taken := *c
	taken.events = maps.Clone(c.events)
	text := func(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD") }
	for seq, w := range taken.events {
		w.Type, w.Attempted = text(w.Type), slices.Clone(w.Attempted)
		for i := range w.Attempted {
			w.Attempted[i].Error = text(w.Attempted[i].Error)
		}
		taken.events[seq] = w
	}
	return &taken
}

// openPostgres opens the store that a database holds.
func openPostgres(t testing.TB, dsn string) *store.Store {
	t.Helper()
	db, err := postgres.New(dsn, nil)
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
	t.Cleanup(func() { _ = s.Close() }) // most have closed it
	return s
}

// tables counts the tables of a database.
func tables(t testing.TB, dsn string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }() // it has only read
	if err := conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
