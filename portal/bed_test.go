package portal_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

const keyText = "portal-test-key-portal-test-key-portal-test-key"

// bed is a gateway's producer as it runs, with its portal: behind a listener on loopback,
// where endpoints may be, too.
type bed struct {
	testing.TB
	url      string
	store    *store.Store
	engine   *delivery.Engine
	sender   *sender.Sender
	api      *api.API
	sessions *portal.Sessions
	portal   *portal.Portal
	log      *logBuffer
}

// config is what a test wants otherwise than usual.
type config struct {
	retry    []time.Duration
	now      func() time.Time
	brand    string
	operator func() *gateway.Operator
	guarded  bool          // endpoints may be on public addresses only
	timeout  time.Duration // of an attempt; default: 5s
	dsn      string        // of a PostgreSQL database; default: a file
}

func newBed(t testing.TB, c config) *bed {
	t.Helper()
	b := &bed{TB: t, log: new(logBuffer)}
	logger := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	web := httptest.NewUnstartedServer(nil)
	b.url = "http://" + net.JoinHostPort("localhost", portOf(web.Listener))
	var err error
	var db store.Database = sqlite.New(filepath.Join(t.TempDir(), "events.db"), 0)
	if c.dsn != "" {
		db, err = postgres.New(c.dsn, logger)
		b.must(err)
	}
	b.store, err = store.Open(t.Context(), db, store.Options{
		Migrations: slices.Concat(sender.Migrations(), api.Migrations(), portal.Migrations()), Match: sender.Match, Now: c.now,
	})
	b.must(err)
	t.Cleanup(func() { b.must(b.store.Close()) })
	b.engine = delivery.New(b.store, delivery.Options{Logger: logger, Now: c.now})
	allowed := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if c.guarded {
		allowed = nil
	}
	guard, err := sender.NewGuard(allowed)
	b.must(err)
	keys, err := sender.NewKeyring(keyText)
	b.must(err)
	if c.retry == nil {
		c.retry = []time.Duration{20 * time.Millisecond, 20 * time.Millisecond}
	}
	b.sender, err = sender.New(sender.Options{
		Store: b.store, Engine: b.engine, Keys: keys, Guard: guard, Retry: c.retry, Timeout: cmp.Or(c.timeout, 5*time.Second), Logger: logger, Now: c.now,
	})
	b.must(err)
	generation := b.engine.Add(nil, b.sender)
	b.must(b.sender.Start(t.Context()))
	generation.Begin()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		b.must(b.engine.Stop(ctx))
		b.must(b.sender.Close())
	})
	b.sessions = portal.NewSessions(keys, b.store, b.url, c.now)
	b.api = api.New(api.Options{Sender: b.sender, Store: b.store, Keys: keys, URL: b.url, Brand: c.brand, SignIn: b.sessions.Begin, Logger: logger})
	b.portal, err = portal.New(portal.Options{
		API: b.api, Sender: b.sender, Store: b.store, Sessions: b.sessions, Operator: c.operator, Brand: c.brand, Logger: logger,
	})
	b.must(err)
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if portal.Serves(r) {
			b.portal.ServeHTTP(w, r)
		} else {
			b.api.ServeHTTP(w, r)
		}
	})
	web.Start()
	t.Cleanup(web.Close)
	return b
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// change makes a change of the store.
func change[T any](b *bed, do func(tx *store.Tx) (T, error)) (out T) {
	b.Helper()
	b.must(b.store.Do(b.Context(), func(tx *store.Tx) (err error) {
		out, err = do(tx)
		return err
	}))
	return out
}

// app makes an application.
func (b *bed) app(name string) sender.Application {
	b.Helper()
	return change(b, func(tx *store.Tx) (sender.Application, error) {
		return b.sender.CreateApplication(tx, sender.ApplicationIn{Name: name})
	})
}

// endpoint makes an endpoint of an application.
func (b *bed) endpoint(app string, in sender.EndpointIn) sender.Endpoint {
	b.Helper()
	return change(b, func(tx *store.Tx) (sender.Endpoint, error) { return b.sender.CreateEndpoint(tx, app, in) })
}

// eventType describes an event type.
func (b *bed) eventType(in sender.EventTypeIn) {
	b.Helper()
	change(b, func(tx *store.Tx) (sender.EventType, error) { return b.sender.CreateEventType(tx, in) })
}

// message sends a message.
func (b *bed) message(app, eventType, payload string) sender.Message {
	b.Helper()
	m, _, err := b.sender.CreateMessage(b.Context(), app, sender.MessageIn{EventType: eventType, Payload: json.RawMessage(payload)})
	b.must(err)
	return m
}

// mint makes a token of the API.
func (b *bed) mint(h api.Holder) string {
	b.Helper()
	_, text, err := b.api.Tokens().Mint(h, time.Hour)
	b.must(err)
	return text
}

// link makes a link to the portal.
func (b *bed) link(h api.Holder, life time.Duration) string {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return change(b, func(tx *store.Tx) (string, error) { return b.api.Link(tx, r, api.Grant{Holder: h, Life: life}) })
}

// ofApp is who may do everything with an application.
func ofApp(id string) api.Holder { return api.Holder{Scope: api.Application, App: id} }

// visitor is a browser without a script.
type visitor struct {
	*bed
	client *http.Client
}

func (b *bed) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	b.must(err)
	return &visitor{b, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is a visitor who has signed in by a link.
func (b *bed) as(h api.Holder) *visitor {
	b.Helper()
	v := b.visitor()
	key := b.mint(h)
	if h.Scope == api.Application {
		key = b.link(h, time.Hour)
	}
	if got := v.post("/login", url.Values{"key": {key}}); got.status != http.StatusSeeOther {
		b.Fatalf("signing in: %d\n%s", got.status, got.body)
	}
	return v
}

// reply is what a visitor gets.
type reply struct {
	status int
	header http.Header
	body   string
	to     string // where it leads
}

// has reports whether the page has a text.
func (r *reply) has(text string) bool { return strings.Contains(r.body, text) }

func (v *visitor) do(r *http.Request) *reply {
	v.Helper()
	response, err := v.client.Do(r)
	v.must(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	v.must(err)
	return &reply{response.StatusCode, response.Header, string(body), response.Header.Get("Location")}
}

func (v *visitor) request(method, path string, body io.Reader) *http.Request {
	v.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.url + path
	}
	r, err := http.NewRequestWithContext(v.Context(), method, path, body)
	v.must(err)
	return r
}

func (v *visitor) get(path string) *reply {
	v.Helper()
	return v.do(v.request(http.MethodGet, path, nil))
}

// post sends a form, as a page of the portal does.
func (v *visitor) post(path string, form url.Values) *reply {
	v.Helper()
	r := v.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

// at is a path of an application.
func at(app string, parts ...string) string {
	return "/portal/app/" + app + "/" + strings.Join(parts, "/")
}

// page gets a page that has to be there.
func (v *visitor) page(path string) *reply {
	v.Helper()
	got := v.get(path)
	if got.status != http.StatusOK {
		v.Fatalf("%s: %d %s\n%s", path, got.status, got.to, got.body)
	}
	return got
}

// eventually waits until something is so.
func (b *bed) eventually(what string, so func() bool) {
	b.Helper()
	deadline := time.Now().Add(time.Minute)
	for !so() {
		if time.Now().After(deadline) {
			b.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
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

// receiver is where an endpoint is.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	status int
}

// newReceiver answers 200, until it is told otherwise.
func newReceiver(t testing.TB) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		kept := req.Clone(context.Background())
		kept.Body = io.NopCloser(bytes.NewReader(body))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, kept)
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, "the receiver's answer")
	}))
	t.Cleanup(r.Close)
	return r
}

// says makes it answer otherwise.
func (r *receiver) says(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// received is how many webhooks have come.
func (r *receiver) received() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// typeNamed describes an event type.
func typeNamed(name string) sender.EventTypeIn {
	return sender.EventTypeIn{Name: name, Description: name}
}
