package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
	"github.com/hookgate/hookgate/verifier"
)

// noon is when the clock of a test starts.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// bed is a gateway as the commands see it: an admin API over a store, without Caddy.
type bed struct {
	store    *store.Store
	path     string
	operator *gateway.Operator
	now      time.Time
	terminal bool
	onGet    func(path string) // before it is answered
	handle   http.Handler      // answers before the API, if it is not nil
	poll     time.Duration     // 0: 1 ms

	mu   sync.Mutex
	seen []string // requests: method, path and query
}

// idleEngine does what an operator asks, and delivers nothing.
type idleEngine struct{ *bed }

func (e idleEngine) Retry(ctx context.Context, id store.DeliveryID) error {
	_, err := e.store.Rearm(ctx, id, false)
	return err
}

func (e idleEngine) Pause(ctx context.Context, destination string) error {
	return e.store.Pause(ctx, destination)
}

func (e idleEngine) Resume(ctx context.Context, destination string) error {
	return e.store.Resume(ctx, destination)
}

func (e idleEngine) StartJobs() {}

func (e idleEngine) Status() []delivery.Status {
	return []delivery.Status{{Name: "source/travtus", InFlight: 2, Oldest: noon.Add(-90 * time.Second), Down: noon.Add(-3 * time.Hour)}}
}

type noQueue struct{}

func (noQueue) Accept(context.Context, *store.Arrival) (store.Verdict, error) {
	return store.Verdict{}, store.ErrClosed
}

// newBed has the source travtus, which is stored.
func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{path: filepath.Join(t.TempDir(), "events.db"), now: noon}
	b.open(t)
	t.Cleanup(func() { _ = b.store.Close() }) // some tests close it themselves
	scheme, _ := verifier.Preset("svix")
	source, err := gateway.NewSource(gateway.Config{
		Name: "travtus", Forward: &gateway.Forward{Queue: noQueue{}}, Verify: []gateway.Verify{{Scheme: scheme, Secrets: []string{testSecret, oldSecret}}},
	}, gateway.NewProcess(1<<20, b.clock), new(gateway.State))
	if err != nil {
		t.Fatal(err)
	}
	uses := new(gateway.SecretUses)
	uses.Record("travtus", "svix", 0, noon.Add(-5*time.Minute))
	b.operator = &gateway.Operator{
		Sources: []*gateway.Source{source}, Reader: b.store, Writer: b.store, Engine: idleEngine{b}, Uses: uses, Now: b.clock,
	}
	return b
}

func (b *bed) clock() time.Time { return b.now }

func (b *bed) open(t testing.TB) {
	t.Helper()
	s, err := store.Open(t.Context(), sqlite.New(b.path, 0), store.Options{Now: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	b.store = s
}

// close ends the gateway: its file can be read now.
func (b *bed) close(t testing.TB) {
	t.Helper()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// accept stores an event of the source travtus.
func (b *bed) accept(t testing.TB, id, typ, body string) int64 {
	t.Helper()
	return b.acceptHead(t, id, typ, "POST /hooks/travtus?a=b HTTP/1.1\n:host: app.example.com\nContent-Type: application/json\n", body)
}

// acceptHead is accept for an event with such headers.
func (b *bed) acceptHead(t testing.TB, id, typ, head, body string) int64 {
	t.Helper()
	key := &store.Key{}
	copy(key.ID[:], fmt.Sprintf("%-16.16s", id))
	v, err := b.store.Accept(t.Context(), &store.Arrival{
		Source: "travtus", To: []store.Target{{Destination: "source/travtus"}}, ID: id, Type: typ, Scheme: "svix", Timestamp: b.now, Received: b.now, Key: key, Window: time.Hour,
		Head: []byte(head), Body: []byte(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	return v.Seq
}

// settle writes an attempt, and what became of the delivery.
func (b *bed) settle(t testing.TB, seq int64, state store.State, a store.Attempt) {
	t.Helper()
	done := make(chan error)
	o := &store.Outcome{ID: store.DeliveryID{Seq: seq}, Destination: "source/travtus", Attempt: &a, State: state, Step: a.Number, At: b.now, Due: b.now.Add(5 * time.Minute)}
	if state == store.Dead {
		o.Reason = "exhausted"
	}
	b.store.Settle(t.Context(), o, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// run runs the webhook command against the gateway.
func (b *bed) run(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return b.runContext(t, t.Context(), stdin, args...)
}

func (b *bed) runContext(t testing.TB, ctx context.Context, stdin string, args ...string) (r result) {
	t.Helper()
	root := &cobra.Command{Use: "hookgate", SilenceUsage: true}
	webhook := &cobra.Command{Use: "webhook <command>"}
	root.AddCommand(webhook)
	poll := b.poll
	if poll == 0 {
		poll = time.Millisecond
	}
	Attach(webhook, Host{
		Program: "hookgate", Admin: b.admin, Exit: func(status int) error { return exited(status) },
		now: b.clock, poll: poll, terminal: func(any) bool { return b.terminal },
	})
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(append([]string{"webhook"}, args...))
	r.status = status(root.ExecuteContext(ctx))
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

// admin is the way to the gateway's API, which sees what it is asked.
func (b *bed) admin(address string) (http.RoundTripper, string, error) {
	if address == "nonsense" {
		return nil, "", errors.New("it cannot be read")
	}
	api := gateway.NewOperatorAPI(func() (*gateway.Operator, bool) { return b.operator, true })
	return direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.seen = append(b.seen, r.Method+" "+r.URL.RequestURI())
		b.mu.Unlock()
		if b.onGet != nil && r.Method == http.MethodGet {
			b.onGet(r.URL.Path)
		}
		if b.handle != nil {
			b.handle.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})}, "http://admin", nil
}

// asked returns what the gateway was asked since the last call.
func (b *bed) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := b.seen
	b.seen = nil
	return seen
}

// machine is an app on a developer's machine.
type machine struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
	answer func(n int, r *http.Request) int
}

func newMachine(t testing.TB) *machine {
	a := &machine{answer: func(int, *http.Request) int { return http.StatusOK }}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.seen, a.bodies = append(a.seen, r), append(a.bodies, string(body))
		n := len(a.seen)
		a.mu.Unlock()
		w.WriteHeader(a.answer(n, r))
	}))
	t.Cleanup(a.Close)
	return a
}

// got returns what it has seen until now.
func (a *machine) got() ([]*http.Request, []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen, a.bodies
}
