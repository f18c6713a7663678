package gateway_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// noon is when the clock of a test starts.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

const (
	svixSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_c2VjcmV0LW9mLXNvbWVib2R5LWVsc2U="
	textSecret  = "0123456789abcdef0123456789abcdef"
)

// clock is set by hand. It is safe for concurrent use.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) step(d time.Duration) { c.at.Add(int64(d)) }

// watcher remembers outcomes.
type watcher struct {
	mu        sync.Mutex
	annotated []gateway.Outcome
	counted   []gateway.Outcome
}

func (w *watcher) Annotate(_ *http.Request, o *gateway.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.annotated = append(w.annotated, *o)
}

func (w *watcher) Count(o *gateway.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted = append(w.counted, *o)
}

// take returns what was annotated and counted since the last call.
func (w *watcher) take() (annotated, counted []gateway.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	annotated, counted = w.annotated, w.counted
	w.annotated, w.counted = nil, nil
	return annotated, counted
}

// results counts the results of the requests that have ended.
func (w *watcher) results() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for i := range w.counted {
		n[w.counted[i].Result]++
	}
	return n
}

// app is the handler behind a source: it reads the request whole, remembers it,
// and answers.
type app struct {
	mu     sync.Mutex
	seen   []seen
	answer gateway.Next // nil answers 200
}

type seen struct {
	*http.Request
	body string
}

func (a *app) next(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.seen = append(a.seen, seen{r, string(body)})
	answer := a.answer
	a.mu.Unlock()
	if answer != nil {
		return answer(w, r)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// take returns what was seen since the last call.
func (a *app) take() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.seen
	a.seen = nil
	return all
}

// answers sets what the app does from now on.
func (a *app) answers(next gateway.Next) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = next
}

// status is an app's answer without a body.
func status(code int) gateway.Next {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(code)
		return nil
	}
}

// buffer is a bytes.Buffer that is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

// String returns what was written.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// bed is a source, what it stands on, and an app behind it.
type bed struct {
	*gateway.Source
	process *gateway.Process
	state   *gateway.State
	clock   *clock
	watcher *watcher
	app     *app
	logged  *buffer
}

// newBed returns the source "travtus" of the svix scheme, unless the configuration
// is changed.
func newBed(t testing.TB, change ...func(*gateway.Config)) *bed {
	t.Helper()
	b := &bed{state: new(gateway.State), clock: newClock(), watcher: new(watcher), app: new(app), logged: new(buffer)}
	b.process = gateway.NewProcess(64<<20, b.clock.now)
	b.Source = b.source(t, b.state, change...)
	return b
}

// source makes a source on the bed's process, observed by its watcher.
func (b *bed) source(t testing.TB, state *gateway.State, change ...func(*gateway.Config)) *gateway.Source {
	t.Helper()
	cfg := gateway.Config{
		Name:     "travtus",
		Verify:   []gateway.Verify{{Scheme: preset(t, "svix"), Secrets: []string{svixSecret}}},
		Logger:   slog.New(slog.NewJSONHandler(b.logged, nil)),
		Observer: b.watcher,
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := gateway.NewSource(cfg, b.process, state)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// of makes a source verify a preset.
func of(t testing.TB, name string) func(*gateway.Config) {
	t.Helper()
	scheme := preset(t, name)
	return func(cfg *gateway.Config) {
		cfg.Verify = []gateway.Verify{{Scheme: scheme, Secrets: []string{secretOf(scheme)}}}
	}
}

func preset(t testing.TB, name string) verifier.Scheme {
	t.Helper()
	s, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("there is no preset %s", name)
	}
	return s
}

// secretOf is a secret of the form that a scheme takes.
func secretOf(s verifier.Scheme) string {
	if s.Keys[0].Prefix == "whsec_" {
		return svixSecret
	}
	return textSecret
}

// signed returns a correctly signed request, as a server would hand it over.
func signed(t testing.TB, s verifier.Scheme, secret string, m verifier.Message) *http.Request {
	t.Helper()
	signer, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
	if err != nil {
		t.Fatal(err)
	}
	header, err := signer.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	return request(header, m.Body)
}

// svix returns an event of the svix scheme, signed now by the bed's clock.
func (b *bed) svix(t testing.TB, id string) *http.Request {
	t.Helper()
	return b.signed(t, "svix", verifier.Message{ID: id, Body: []byte(`{"type":"a.b","n":"` + id + `"}`)})
}

// signed returns an event of a preset, signed now by the bed's clock unless the
// message says when.
func (b *bed) signed(t testing.TB, scheme string, m verifier.Message) *http.Request {
	t.Helper()
	if m.Timestamp.IsZero() {
		m.Timestamp = b.clock.now()
	}
	s := preset(t, scheme)
	return signed(t, s, secretOf(s), m)
}

// request returns a POST with these headers.
func request(header http.Header, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/travtus", bytes.NewReader(body))
	r.Header = header.Clone()
	return r
}

// post sends a request through the source to its app.
func (b *bed) post(t testing.TB, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	return b.postTo(t, b.Source, r)
}

// postTo is post for another source on the same bed.
func (b *bed) postTo(t testing.TB, s *gateway.Source, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := s.Receive(w, r, b.app.next); err != nil {
		t.Errorf("Receive: %v", err)
	}
	return w
}

// forwarded fails the test unless the request reaches the app, and returns what
// the app saw.
func (b *bed) forwarded(t testing.TB, what string, r *http.Request) seen {
	t.Helper()
	w := b.post(t, r)
	all := b.app.take()
	if w.Code != http.StatusOK || len(all) != 1 || w.Header().Get("Hookgate-Result") != "" {
		t.Fatalf("%s: status %d %s, the app saw %d; want it forwarded", what, w.Code, w.Body, len(all))
	}
	return all[0]
}

// duplicate fails the test unless the request is answered as a duplicate.
func (b *bed) duplicate(t testing.TB, what string, r *http.Request) {
	t.Helper()
	w := b.post(t, r)
	if n := len(b.app.take()); w.Code != http.StatusOK || n != 0 || w.Header().Get("Hookgate-Result") != "duplicate" || w.Body.Len() != 0 {
		t.Errorf("%s: status %d %s, the app saw %d; want a duplicate", what, w.Code, w.Body, n)
	}
}

// outcome returns the outcome of the one request since the last call, and fails
// the test unless it was annotated at least once and counted exactly once.
func (b *bed) outcome(t testing.TB) gateway.Outcome {
	t.Helper()
	annotated, counted := b.watcher.take()
	if len(counted) != 1 || len(annotated) == 0 {
		t.Fatalf("annotated %d times and counted %d times; want 1", len(annotated), len(counted))
	}
	return counted[0]
}

// inFlight returns how many events are claimed and not settled.
func (b *bed) inFlight(t testing.TB) int {
	t.Helper()
	stats, ok := b.state.Stats()
	if !ok {
		t.Fatal("nothing is remembered")
	}
	return stats.InFlight
}

// eventually waits for something that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// sorted returns the keys of a map.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// emptyMessage has no body.
var emptyMessage = verifier.Message{ID: "msg_empty"}

// bare returns an event that costs no more than it has to, for tests and benchmarks
// with very many.
func bare(header http.Header, body []byte) *http.Request {
	return &http.Request{Method: http.MethodPost, URL: hook, Header: header, Body: &reader{data: body}, ContentLength: int64(len(body))}
}

var hook = &url.URL{Path: "/hooks/travtus"}

type reader struct {
	data []byte
	at   int
}

func (r *reader) Read(p []byte) (int, error) {
	if r.at == len(r.data) {
		return 0, io.EOF
	}
	n := copy(p, r.data[r.at:])
	r.at += n
	return n, nil
}

func (r *reader) Close() error { return nil }

// sink is a response of which only the head is kept.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// ok is an app that does nothing but answer.
func ok(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusOK)
	return nil
}
