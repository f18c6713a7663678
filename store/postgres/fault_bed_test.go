package postgres_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// generous is how long a store may take to work again once it can. It takes less than a
// second, or until a lease has run out: on a machine that is busy with other tests this
// tells a slow one from none.
const generous = 30 * time.Second

// faultBed is an open store and what it has promised.
type faultBed struct {
	*store.Store
	t   *testing.T
	db  *postgres.Database
	dsn string // past any proxy

	mu      sync.Mutex
	n       int
	log     lockedBuffer
	acked   map[string]int64 // id → sequence number
	settled map[int64]bool   // that were delivered
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// openFaultBed opens a store at one connection string, and looks at what is stored by
// another.
func openFaultBed(t *testing.T, dsn, direct string, o store.Options) *faultBed {
	t.Helper()
	b, err := tryFaultBed(t, dsn, direct, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tryFaultBed(t *testing.T, dsn, direct string, o store.Options) (*faultBed, error) {
	t.Helper()
	b := &faultBed{t: t, dsn: direct, acked: make(map[string]int64), settled: make(map[int64]bool)}
	o.Logger = slog.New(slog.NewTextHandler(&b.log, nil))
	var err error
	if b.db, err = postgres.New(dsn, o.Logger); err != nil {
		t.Fatal(err)
	}
	if b.Store, err = store.Open(t.Context(), b.db, o); err != nil {
		return b, err
	}
	t.Cleanup(func() { _ = b.Close() }) // what a fault has left open is no concern here
	return b, nil
}

// faultBody is the body of an event, told from all others.
func faultBody(id string) []byte {
	return bytes.Repeat([]byte("body of "+id+"\n"), 20)
}

func faultArrival(id string) *store.Arrival {
	sum := sha256.Sum256([]byte(id))
	return &store.Arrival{
		Source: "a", To: []store.Target{{Destination: "source/a", Claim: true}}, ID: id, Type: "invoice.paid", Scheme: "svix", Received: time.Now(), Window: time.Hour,
		Key: &store.Key{ID: store.Digest(sum[:16])}, Head: []byte("POST /\n"), Body: faultBody(id),
	}
}

func (b *faultBed) id() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return fmt.Sprint("event", b.n)
}

// send accepts one more arrival.
func (b *faultBed) send(ctx context.Context) (store.Verdict, error) { return b.sendAs(ctx, b.id()) }

func (b *faultBed) sendAs(ctx context.Context, id string) (store.Verdict, error) {
	v, err := b.Accept(ctx, faultArrival(id))
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.acked[id] = v.Seq
	}
	return v, err
}

func (b *faultBed) mustSend() store.Verdict {
	b.t.Helper()
	v, err := b.send(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// deliver writes that an event was delivered, and waits for it.
func (b *faultBed) deliver(v store.Verdict) error {
	done := make(chan error, 1)
	b.Settle(context.Background(), faultOutcome(v, store.Delivered), func(err error) { done <- err })
	err := <-done
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.settled[v.Seq] = true
	}
	return err
}

func faultOutcome(v store.Verdict, state store.State) *store.Outcome {
	now := time.Now()
	return &store.Outcome{
		ID: store.DeliveryID{Seq: v.Seq}, Destination: "source/a", Owner: v.Owner, State: state, Step: 1, At: now, Due: now.Add(time.Hour),
		Attempt: &store.Attempt{Number: 1, Started: now, Outcome: "word", Status: 200, Response: []byte("ok")},
	}
}

// passing makes sure that an error is one that passes by itself.
func passing(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrFailed) && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the error does not say that it passes: %v", err)
	}
}

// await waits until something is so, and returns how long that took.
func await(t *testing.T, within time.Duration, what string, so func() bool) time.Duration {
	t.Helper()
	started := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		if time.Since(started) > within {
			t.Fatalf("after %s: %s", within, what)
		}
		<-tick.C
	}
	return time.Since(started)
}

// recovers makes sure that the store takes arrivals again, by itself.
func (b *faultBed) recovers() {
	b.t.Helper()
	var last error
	took := await(b.t, generous, "the store still refuses", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if _, last = b.send(ctx); last != nil {
			passing(b.t, last)
		}
		return last == nil
	})
	b.t.Logf("the store works again after %s", took.Round(10*time.Millisecond))
	if err := b.Trouble(); err != nil {
		b.t.Errorf("the store works, and there is trouble: %v", err)
	}
}

// troubled waits until the store says so.
func (b *faultBed) troubled() error {
	b.t.Helper()
	await(b.t, generous, "the store knows of no trouble", func() bool { return b.Trouble() != nil })
	return b.Trouble()
}

// complete makes sure that every promise is kept: what was acknowledged is stored once,
// as it came, and what was delivered is not pending.
func (b *faultBed) complete() {
	b.t.Helper()
	type stored struct {
		id    string
		body  []byte
		state int64
	}
	conn := connect(b.t, b.dsn)
	rows, err := conn.Query(b.t.Context(), "SELECT e.seq, e.id, p.body, d.state FROM events e LEFT JOIN payloads p ON p.seq = e.seq LEFT JOIN deliveries d ON d.event = e.seq")
	if err != nil {
		b.t.Fatal(err)
	}
	bySeq, ids := make(map[int64]stored), make(map[string]int)
	var seq int64
	var state *int64
	var s stored
	_, err = pgx.ForEachRow(rows, []any{&seq, &s.id, &s.body, &state}, func() error {
		if state == nil || s.body == nil {
			b.t.Errorf("%s is stored by half", s.id)
			return nil
		}
		bySeq[seq] = stored{s.id, bytes.Clone(s.body), *state}
		ids[s.id]++
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.acked) == 0 {
		b.t.Fatal("nothing was acknowledged")
	}
	for id, seq := range b.acked {
		got := bySeq[seq]
		switch {
		case ids[id] != 1:
			b.t.Errorf("%s was acknowledged and is stored %d times", id, ids[id])
		case got.id != id || !bytes.Equal(got.body, faultBody(id)):
			b.t.Errorf("%s was acknowledged as %d, which is %q with %.30q", id, seq, got.id, got.body)
		case b.settled[seq] && store.State(got.state) != store.Delivered:
			b.t.Errorf("%s was delivered, and is %s", id, store.State(got.state))
		}
	}
	b.t.Logf("%d acknowledged, %d delivered, %d stored", len(b.acked), len(b.settled), len(bySeq))
}

// connect is a connection of somebody else.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// run runs statements of somebody else.
func run(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// count is the answer to a query.
func count(t *testing.T, conn *pgx.Conn, query string) (n int64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// databaseOf is the name in a connection string without settings.
func databaseOf(dsn string) string { return dsn[strings.LastIndexByte(dsn, '/')+1:] }
