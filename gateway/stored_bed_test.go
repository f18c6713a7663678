package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// shelf is a queue: it notes what it is given, and hands it to a store if there is
// one.
type shelf struct {
	*store.Store

	mu       sync.Mutex
	arrivals []*store.Arrival
	accept   func(ctx context.Context, a *store.Arrival) (store.Verdict, error) // nil: the store's
}

func (q *shelf) Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
	q.mu.Lock()
	q.arrivals = append(q.arrivals, a)
	accept := q.accept
	q.mu.Unlock()
	if accept != nil {
		return accept(ctx, a)
	}
	return q.Store.Accept(ctx, a)
}

// take returns what was handed over since the last call.
func (q *shelf) take() []*store.Arrival {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.arrivals
	q.arrivals = nil
	return all
}

// to is where an event goes that was handed over; "" if nowhere.
func to(a *store.Arrival) string {
	if len(a.To) == 0 {
		return ""
	}
	return a.To[0].Destination
}

// answers sets what becomes of arrivals from now on.
func (q *shelf) answers(accept func(ctx context.Context, a *store.Arrival) (store.Verdict, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.accept = accept
}

// fails makes a queue that answers with one error.
func fails(err error) func(context.Context, *store.Arrival) (store.Verdict, error) {
	return func(context.Context, *store.Arrival) (store.Verdict, error) { return store.Verdict{}, err }
}

// keeps is a queue's answer for which nothing is stored.
func keeps(context.Context, *store.Arrival) (store.Verdict, error) {
	return store.Verdict{Result: store.Stored, Seq: 1}, nil
}

// storedBed is a bed whose source is a stored one.
type storedBed struct {
	*bed
	shelf  *shelf // nil in [everyWay], if it passes on
	passes int    // how often the app is called for an event
	path   string
	last   gateway.Outcome // of [storedBed.answered]
}

// newShelf returns a stored source whose queue keeps nothing, but says that it does.
func newShelf(t testing.TB, change ...func(*gateway.Config)) *storedBed {
	t.Helper()
	b := &storedBed{shelf: &shelf{accept: keeps}}
	b.bed = newBed(t, append([]func(*gateway.Config){b.forward}, change...)...)
	return b
}

// newStored returns a stored source on a store of its own.
func newStored(t testing.TB, change ...func(*gateway.Config)) *storedBed {
	t.Helper()
	b := newShelf(t, change...)
	b.path = filepath.Join(t.TempDir(), "events.db")
	b.shelf.accept = nil
	b.open(t)
	t.Cleanup(func() { b.close(t) })
	return b
}

func (b *storedBed) forward(cfg *gateway.Config) { cfg.Forward = &gateway.Forward{Queue: b.shelf} }

func (b *storedBed) open(t testing.TB) {
	t.Helper()
	var err error
	b.shelf.Store, err = store.Open(context.Background(), sqlite.New(b.path, 0), store.Options{Now: b.clock.now})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *storedBed) close(t testing.TB) {
	t.Helper()
	if err := b.shelf.Close(); err != nil {
		t.Error(err)
	}
}

// configure makes the source anew with another configuration, as a reload does.
func (b *storedBed) configure(t testing.TB, change ...func(*gateway.Config)) {
	t.Helper()
	b.Source = b.source(t, b.state, append([]func(*gateway.Config){b.forward}, change...)...)
}

// way makes a source that goes one of the two ways of an event.
type way func(testing.TB, ...func(*gateway.Config)) *storedBed

// everyWay runs a test on a source that passes on, and on a stored one.
func everyWay(t *testing.T, name string, test func(*testing.T, way)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		test(t, func(t testing.TB, change ...func(*gateway.Config)) *storedBed {
			return &storedBed{bed: newBed(t, change...), passes: 1}
		})
	})
	t.Run(name+", stored", func(t *testing.T) { test(t, newShelf) })
}

// untouched fails the test if an event is in flight or was handed over.
func (b *storedBed) untouched(t testing.TB) {
	t.Helper()
	if b.shelf == nil {
		if n := b.inFlight(t); n != 0 {
			t.Errorf("%d events are in flight", n)
		}
	} else if n := len(b.shelf.take()); n != 0 {
		t.Errorf("%d events were handed over", n)
	}
}

// answered fails the test unless a request gets that 200, and returns the number
// of its event.
func (b *storedBed) answered(t testing.TB, what string, r *http.Request, result string) int64 {
	t.Helper()
	b.watcher.take()
	w := b.post(t, r)
	if w.Code != http.StatusOK || w.Header().Get("Hookgate-Result") != result || w.Body.Len() != 0 || len(w.Header()) != 1 {
		t.Fatalf("%s: %d %v %s; want 200 %s", what, w.Code, w.Header(), w.Body, result)
	}
	if n := len(b.app.take()); n != 0 {
		t.Errorf("%s: the app was called %d times", what, n)
	}
	if held := b.process.Bodies.Used(); held != 0 {
		t.Errorf("%s: %d bytes are still held", what, held)
	}
	o := b.outcome(t)
	if o.Result != result || o.Err != nil || o.Sequence == 0 || !o.Signed {
		t.Errorf("%s: outcome %+v", what, o)
	}
	b.last = o
	return o.Sequence
}

// delivery returns the delivery of an event; ok is false if it has none.
func (b *storedBed) delivery(t testing.TB, seq int64) (d store.Delivery, ok bool) {
	t.Helper()
	d, err := b.shelf.Delivery(t.Context(), store.DeliveryID{Seq: seq})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return d, err == nil
}

// attempt returns the request of the next attempt at an event.
func (b *storedBed) attempt(t testing.TB, seq int64) *http.Request {
	t.Helper()
	d, ok := b.delivery(t, seq)
	if !ok {
		t.Fatalf("event %d has no delivery", seq)
	}
	r, err := b.Request(t.Context(), &d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// settle writes what came of an attempt at an event.
func (b *storedBed) settle(t testing.TB, seq int64, state store.State, due time.Time) {
	t.Helper()
	done := make(chan error, 1)
	b.shelf.Settle(t.Context(), &store.Outcome{
		ID: store.DeliveryID{Seq: seq}, Destination: b.Destination(), State: state, Step: 1, Due: due, At: b.clock.now(),
		Attempt: &store.Attempt{Number: 1, Started: b.clock.now(), Outcome: "test"},
	}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
