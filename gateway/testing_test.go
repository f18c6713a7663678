package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
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
