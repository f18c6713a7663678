package sender_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

const testKey = "a key that is long enough for tests, and for nothing else"

// bed is a sender over a store, with an engine that delivers to receivers which are
// there without a network.
type bed struct {
	*testing.T
	database  func() store.Database
	options   sender.Options
	keys      []string
	store     *store.Store
	engine    *delivery.Engine
	sender    *sender.Sender
	receivers *receivers
	logs      *logs
	random    func() float64
}

// onStores runs a test over each store that there is.
func onStores(t *testing.T, test func(b *bed)) {
	t.Run("sqlite", func(t *testing.T) {
		b := newBed(t)
		b.start()
		test(b)
	})
	t.Run("postgres", func(t *testing.T) { onPostgres(t, test) })
}

// onPostgres runs a test over PostgreSQL.
func onPostgres(t *testing.T, test func(b *bed)) {
	t.Helper()
	dsn := pgserver.Database(t)
	b := newBed(t)
	b.database = func() store.Database {
		db, err := postgres.New(dsn, nil)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	b.start()
	test(b)
}

// newBed makes a bed over SQLite, which is not started yet.
func newBed(t *testing.T) *bed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.db")
	return &bed{
		T: t, keys: []string{testKey}, receivers: &receivers{}, logs: &logs{}, random: func() float64 { return 0.5 },
		database: func() store.Database { return sqlite.New(path, time.Second) },
	}
}

// start opens the store, and begins to deliver. The test ends with stop.
func (b *bed) start() {
	b.Helper()
	b.open()
	b.Cleanup(b.stop)
}

func (b *bed) open() {
	b.Helper()
	logger := slog.New(slog.NewTextHandler(b.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	b.store, err = store.Open(context.Background(), b.database(), store.Options{Migrations: sender.Migrations(), Match: sender.Match, Logger: logger})
	if err != nil {
		b.Fatal(err)
	}
	b.engine = delivery.New(b.store, delivery.Options{Now: b.store.Now, Rand: b.random, Logger: logger})
	o := b.options
	o.Store, o.Engine, o.Logger = b.store, b.engine, logger
	if o.Keys, err = sender.NewKeyring(b.keys...); err != nil {
		b.Fatal(err)
	}
	if o.Guard == nil {
		o.Guard = allowLoopback(b.T)
	}
	if b.sender, err = sender.New(o); err != nil {
		b.Fatal(err)
	}
	if b.receivers != nil {
		sender.SetPost(b.sender, b.receivers.post)
	}
	if err := b.sender.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.engine.Add(nil, b.sender).Begin()
}

func allowLoopback(t *testing.T) *sender.Guard {
	t.Helper()
	guard, err := sender.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// stop ends everything, as a gateway does.
func (b *bed) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(b.engine.Stop(ctx), b.sender.Close(), b.store.Close()); err != nil {
		b.Error(err)
	}
}

// restart stops and starts anew, with what has been changed of the bed.
func (b *bed) restart() {
	b.Helper()
	b.stop()
	b.open()
}

// change makes a change in a transaction, and fails if it errs.
func (b *bed) change(f func(tx *store.Tx) error) {
	b.Helper()
	if err := b.store.Do(context.Background(), f); err != nil {
		b.Fatal(err)
	}
}

// changing makes a change and returns what it has made, or the error.
func changing[T any](b *bed, f func(tx *store.Tx) (T, error)) (made T, err error) {
	err = b.store.Do(context.Background(), func(tx *store.Tx) (err error) {
		made, err = f(tx)
		return err
	})
	return made, err
}

// app makes an application.
func (b *bed) app(uid string) sender.Application {
	b.Helper()
	return must(b, func(tx *store.Tx) (sender.Application, error) {
		return b.sender.CreateApplication(tx, sender.ApplicationIn{Name: "Acme", UID: uid})
	})
}

// endpoint makes an endpoint, at a URL of its own if none is given.
func (b *bed) endpoint(app string, in sender.EndpointIn) sender.Endpoint {
	b.Helper()
	if in.URL == "" {
		in.URL = "https://" + strings.ToLower(strings.TrimPrefix(sender.NewID("x", time.Now()), "x")) + ".example.com/"
	}
	return must(b, func(tx *store.Tx) (sender.Endpoint, error) { return b.sender.CreateEndpoint(tx, app, in) })
}

func must[T any](b *bed, f func(tx *store.Tx) (T, error)) T {
	b.Helper()
	made, err := changing(b, f)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// send sends a message.
func (b *bed) send(app string, in sender.MessageIn) sender.Message {
	b.Helper()
	if in.EventType == "" {
		in.EventType = "invoice.paid"
	}
	if in.Payload == nil {
		in.Payload = json.RawMessage(`{"id": "in_1"}`)
	}
	m, _, err := b.sender.CreateMessage(context.Background(), app, in)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// receivers are the other ends of endpoints.
type receivers struct {
	mu     sync.Mutex
	answer func(ctx context.Context, p sender.Post) *sender.Exchange
	got    []request
}

// request is a post as it came.
type request struct {
	sender.Post
	at time.Time
}

func (r *receivers) post(ctx context.Context, p sender.Post) *sender.Exchange {
	r.mu.Lock()
	answer := r.answer
	p.Body = bytes.Clone(p.Body)
	r.got = append(r.got, request{p, time.Now()})
	r.mu.Unlock()
	if answer == nil {
		return &sender.Exchange{URL: p.URL, Status: 200, Body: []byte("ok")}
	}
	return answer(ctx, p)
}

// says makes them answer so from now on.
func (r *receivers) says(answer func(ctx context.Context, p sender.Post) *sender.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// status makes them answer with a status.
func (r *receivers) status(code int) {
	r.says(func(_ context.Context, p sender.Post) *sender.Exchange {
		return &sender.Exchange{URL: p.URL, Status: code, Body: []byte(fmt.Sprint("says ", code))}
	})
}

// at returns what came to a URL.
func (r *receivers) at(url string) (got []request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.got {
		if p.URL == url {
			got = append(got, p)
		}
	}
	return got
}

// arrived waits until so many requests have come to a URL, and returns them.
func (b *bed) arrived(url string, n int) []request {
	b.Helper()
	b.eventually(fmt.Sprintf("that %d come to %s", n, url), func() bool { return len(b.receivers.at(url)) >= n })
	got := b.receivers.at(url)
	if len(got) != n {
		b.Fatalf("%d requests came to %s; want %d", len(got), url, n)
	}
	return got
}

// eventually waits until something holds.
func (b *bed) eventually(what string, holds func() bool) {
	b.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			b.Fatalf("%s does not come true", what)
		}
		time.Sleep(2 * time.Millisecond) // between two looks
	}
}

// logs is a log that can be read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wantInvalid checks that an error is about a field.
func wantInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *sender.InvalidError
	if !errors.As(err, &invalid) || strings.Join(invalid.Loc, ".") != field {
		t.Errorf("%v; want an error about %s", err, field)
	}
}

// wantConflict checks that an error says that something is taken.
func wantConflict(t *testing.T, err error) {
	t.Helper()
	var conflict *sender.ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("%v; want a conflict", err)
	}
}

// wantRefused checks the code of a refusal.
func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	var refused *sender.RefusedError
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%v; want it refused as %s", err, code)
	}
}

// wantNotFound checks that there is no such thing.
func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, sender.ErrNotFound) {
		t.Errorf("%v; want not found", err)
	}
}

func ref[T any](v T) *T { return &v }
