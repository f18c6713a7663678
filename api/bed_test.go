package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

// server is a gateway's producer as it runs: store, engine, sender and API, behind a
// listener on loopback. Endpoints may be on loopback.
type server struct {
	t     testing.TB
	url   string
	api   *api.API
	store *store.Store
	send  *sender.Sender
	log   *logBuffer
	// org is a token of the organisation.
	org string
}

// config is what a test wants otherwise than usual.
type config struct {
	retry        []time.Duration
	noPrivate    bool // no network is allowed, and with that no http
	disableAfter time.Duration
	now          func() time.Time
	options      func(*api.Options)
	dsn          string // of a PostgreSQL database; default: a file
}

// quick is a schedule with which a message is given up within a moment.
var quick = []time.Duration{20 * time.Millisecond, 20 * time.Millisecond}

func newServer(t testing.TB, c config) *server {
	t.Helper()
	s := &server{t: t, log: &logBuffer{}}
	logger := logger(s.log)
	var err error
	var db store.Database = sqlite.New(filepath.Join(t.TempDir(), "events.db"), 0)
	if c.dsn != "" {
		if db, err = postgres.New(c.dsn, logger); err != nil {
			t.Fatal(err)
		}
	}
	s.store, err = store.Open(t.Context(), db, store.Options{
		Migrations: slices.Concat(sender.Migrations(), api.Migrations()), Match: sender.Match, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	engine := delivery.New(s.store, delivery.Options{Logger: logger, Now: c.now})
	var allow []netip.Prefix
	if !c.noPrivate {
		allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	guard, err := sender.NewGuard(allow)
	if err != nil {
		t.Fatal(err)
	}
	keys := keyring(t, keyText)
	if c.retry == nil {
		c.retry = quick
	}
	s.send, err = sender.New(sender.Options{
		Store: s.store, Engine: engine, Keys: keys, Guard: guard, Retry: c.retry, Timeout: 5 * time.Second, Logger: logger,
		DisableAfter: c.disableAfter, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	generation := engine.Add(nil, s.send)
	if err := s.send.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	generation.Begin()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		engine.Stop(ctx)
		if err := s.send.Close(); err != nil {
			t.Error(err)
		}
	})
	o := api.Options{Sender: s.send, Store: s.store, Keys: keys, Logger: logger}
	if c.options != nil {
		c.options(&o)
	}
	s.api = api.New(o)
	web := httptest.NewServer(s.api)
	t.Cleanup(web.Close)
	s.url = web.URL
	s.org = mint(t, s.api.Tokens(), api.Holder{Scope: api.Organisation}, time.Hour)
	return s
}

// logger writes everything into a log.
func logger(to io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// obj is a JSON object.
type obj = map[string]any

// reply is what the server answered.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// json is the body as an object.
func (r reply) json(t testing.TB) obj {
	t.Helper()
	var o obj
	if err := json.Unmarshal(r.body, &o); err != nil {
		t.Fatalf("%d: the body is no JSON object: %q: %v", r.status, r.body, err)
	}
	return o
}

// request makes a request of the API. A body may be nil, text as it is, or anything that
// marshals; a path is below /api/v1. Headers are pairs.
func (s *server) request(token, method, path string, body any, headers ...string) reply {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+api.Prefix+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, text}
}

// do makes a request with the organisation's token, which has to get that status, and
// returns the object in the answer; nil if there is no body.
func (s *server) do(status int, method, path string, body any, headers ...string) obj {
	s.t.Helper()
	return s.as(s.org, status, method, path, body, headers...)
}

func (s *server) as(token string, status int, method, path string, body any, headers ...string) obj {
	s.t.Helper()
	r := s.request(token, method, path, body, headers...)
	if r.status != status {
		s.t.Fatalf("%s %s: got %d %s, want %d", method, path, r.status, r.body, status)
	}
	if len(r.body) == 0 {
		return nil
	}
	if got := r.header.Get("Content-Type"); got != "application/json" {
		s.t.Fatalf("%s %s: Content-Type %q", method, path, got)
	}
	return r.json(s.t)
}

// app makes an application, and returns its id. With a uid it has one.
func (s *server) app(uid ...string) string {
	s.t.Helper()
	in := obj{"name": "an application"}
	if len(uid) > 0 {
		in["uid"] = uid[0]
	}
	return s.do(201, "POST", "/app", in)["id"].(string)
}

// endpoint makes an endpoint, and returns its id.
func (s *server) endpoint(app, url string, more obj) string {
	s.t.Helper()
	in := obj{"url": url}
	for k, v := range more {
		in[k] = v
	}
	return s.do(201, "POST", "/app/"+app+"/endpoint", in)["id"].(string)
}

// types makes event types.
func (s *server) types(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.do(201, "POST", "/event-type", obj{"name": name, "description": "a test"})
	}
}

// message sends a message, and returns its id.
func (s *server) message(app, eventType string, more obj) string {
	s.t.Helper()
	in := obj{"eventType": eventType, "payload": obj{"a": 1}}
	for k, v := range more {
		in[k] = v
	}
	return s.do(202, "POST", "/app/"+app+"/msg", in)["id"].(string)
}

// list is the data of a list.
func (s *server) list(path string) []obj {
	s.t.Helper()
	return items(s.do(200, "GET", path, nil))
}

// items are the data of a page.
func items(page obj) (all []obj) {
	for _, item := range page["data"].([]any) {
		all = append(all, item.(obj))
	}
	return all
}

// field returns one field of each item.
func field(all []obj, name string) (values []string) {
	for _, item := range all {
		values = append(values, fmt.Sprint(item[name]))
	}
	return values
}

// token is one of an application.
func (s *server) token(h api.Holder) string {
	s.t.Helper()
	h.Scope = api.Application
	return mint(s.t, s.api.Tokens(), h, time.Hour)
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// attempts waits until so many attempts of a message are there, and returns them, newest
// first.
func (s *server) attempts(app, msg string, n int) (all []obj) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%d attempts of %s", n, msg), func() bool {
		all = s.list("/app/" + app + "/attempt/msg/" + msg)
		return len(all) >= n
	})
	if len(all) != n {
		s.t.Fatalf("%d attempts, want %d: %v", len(all), n, field(all, "responseStatusCode"))
	}
	return all
}

// got is a webhook that was received.
type got struct {
	header http.Header
	body   string
}

// receiver is where an endpoint is.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	all    []got
	answer func(n int) (status int, body string) // of the n-th request, from 1
}

// newReceiver answers as it is told; 200 by default.
func newReceiver(t testing.TB, answer func(n int) (int, string)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.all = append(r.all, got{header: req.Header.Clone(), body: string(body)})
		n, answer := len(r.all), r.answer
		r.mu.Unlock()
		if answer == nil {
			return
		}
		status, text := answer(n)
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(r.Close)
	return r
}

// always is one answer to all requests.
func always(status int) func(int) (int, string) {
	return func(int) (int, string) { return status, "the answer" }
}

func (r *receiver) received() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// wait waits for so many webhooks.
func (r *receiver) wait(t testing.TB, n int) []got {
	t.Helper()
	eventually(t, fmt.Sprintf("%d webhooks", n), func() bool { return len(r.received()) >= n })
	all := r.received()
	if len(all) != n {
		t.Fatalf("%d webhooks, want %d", len(all), n)
	}
	return all
}

// says makes it answer otherwise.
func (r *receiver) says(answer func(int) (int, string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

var uniques atomic.Int64

// unique is a text that is new each time.
func unique() string { return strconv.FormatInt(uniques.Add(1), 36) }
