package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// operatorBed is an operator over a store with events, and an engine that delivers
// nothing.
type operatorBed struct {
	*gateway.Operator
	store  *store.Store
	engine *idleEngine
	clock  *clock
	api    *gateway.OperatorAPI
}

// idleEngine does what an operator asks, and tells what is said of it.
type idleEngine struct {
	store  *store.Store
	status []delivery.Status
	jobs   int // how often it was told to run them
}

func (e *idleEngine) Retry(ctx context.Context, id store.DeliveryID) error {
	_, err := e.store.Rearm(ctx, id, false)
	return err
}

func (e *idleEngine) Pause(ctx context.Context, destination string) error {
	return e.store.Pause(ctx, destination)
}

func (e *idleEngine) Resume(ctx context.Context, destination string) error {
	return e.store.Resume(ctx, destination)
}

func (e *idleEngine) StartJobs()                { e.jobs++ }
func (e *idleEngine) Status() []delivery.Status { return e.status }

// noQueue is where events of a source go that receives none.
type noQueue struct{}

func (noQueue) Accept(context.Context, *store.Arrival) (store.Verdict, error) {
	return store.Verdict{}, store.ErrClosed
}

// newOperatorBed has the source travtus, which is stored, and direct, which is not.
func newOperatorBed(t testing.TB) *operatorBed {
	t.Helper()
	b := &operatorBed{clock: newClock()}
	s, err := store.Open(t.Context(), sqlite.New(filepath.Join(t.TempDir(), "events.db"), 0), store.Options{Now: b.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.store, b.engine = s, &idleEngine{store: s}
	process := gateway.NewProcess(64<<20, b.clock.now)
	var sources []*gateway.Source
	for _, cfg := range []gateway.Config{
		{Name: "travtus", Forward: &gateway.Forward{Queue: noQueue{}}, Verify: []gateway.Verify{{Scheme: preset(t, "svix"), Secrets: []string{svixSecret, otherSecret}}}},
		{Name: "direct", Verify: []gateway.Verify{{Scheme: preset(t, "github"), Secrets: []string{textSecret}}}},
	} {
		source, err := gateway.NewSource(cfg, process, new(gateway.State))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	b.Operator = &gateway.Operator{
		Sources: sources, Reader: s, Writer: s, Engine: b.engine, Uses: new(gateway.SecretUses), Now: b.clock.now,
	}
	b.api = gateway.NewOperatorAPI(func() (*gateway.Operator, bool) { return b.Operator, true })
	return b
}

const storedHead = "POST /hooks/travtus?a=b HTTP/1.1\n:host: app.example.com\nContent-Type: application/json\nX-Two: 1\nX-Two: 2\n"

// accept stores an event of a source. With ignored it has no delivery.
func (b *operatorBed) accept(t testing.TB, source, id, typ string, ignored bool, body string) int64 {
	t.Helper()
	a := &store.Arrival{
		Source: source, To: []store.Target{{Destination: "source/" + source}}, ID: id, Type: typ, Scheme: "svix",
		Timestamp: b.clock.now(), Received: b.clock.now(), Key: &store.Key{}, Window: 72 * time.Hour,
		Head: []byte(storedHead), Body: []byte(body),
	}
	copy(a.Key.ID[:], fmt.Sprintf("%-16.16s", id))
	if ignored {
		a.To = nil
	}
	v, err := b.store.Accept(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return v.Seq
}

// settle writes an attempt, and what became of the delivery.
func (b *operatorBed) settle(t testing.TB, seq int64, source string, state store.State, a store.Attempt) {
	t.Helper()
	done := make(chan error)
	o := &store.Outcome{ID: store.DeliveryID{Seq: seq}, Destination: "source/" + source, Attempt: &a, State: state, Step: a.Number, At: b.clock.now(), Due: b.clock.now().Add(time.Minute)}
	if state == store.Dead {
		o.Reason = "exhausted"
	}
	b.store.Settle(t.Context(), o, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// ask sends a request to the API. Every answer has to be JSON.
func (b *operatorBed) ask(t testing.TB, method, target, body string) (status int, header http.Header, answer string) {
	t.Helper()
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	if !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: %v %s", method, target, w.Header(), w.Body)
	}
	return w.Code, w.Header(), strings.TrimSpace(w.Body.String())
}

// get decodes the answer to a GET that has to succeed. What it does not know is an
// error, so that the documented shape is the whole.
func get[T any](t testing.TB, b *operatorBed, target string) (into T) {
	t.Helper()
	status, _, answer := b.ask(t, http.MethodGet, target, "")
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&into); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s: %v", target, status, answer, err)
	}
	return into
}

// members returns the names of an answer's members, sorted.
func members(t testing.TB, answer string) []string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(answer), &object); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(object))
}
