package gateway_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

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
		cfg.Verify = []gateway.Verify{{Scheme: scheme, Secrets: []string{secretOf(scheme)}, Options: samples.Options(scheme)}}
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
	switch form := s.Keys[0]; {
	case form.Prefix == "whsec_":
		return svixSecret
	case form.Encoding == verifier.Text:
		return textSecret
	}
	public, _ := samples.Secrets(s, 0)
	return public
}

// privateOf is the secret that signs what secretOf verifies.
func privateOf(s verifier.Scheme) string {
	if !samples.Slow(s) {
		return secretOf(s)
	}
	_, private := samples.Secrets(s, 0)
	return private
}

// signed returns a correctly signed request, as a server would hand it over.
func signed(t testing.TB, s verifier.Scheme, secret string, m verifier.Message) *http.Request {
	t.Helper()
	signer, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
	if err != nil {
		t.Fatal(err)
	}
	m.URL = samples.Address(s, m.Body)
	header, err := signer.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Signature[1:] {
		header.Del(strings.TrimPrefix(string(l.From), "header:"))
	}
	r := request(header, m.Body)
	_, r.URL.RawQuery, _ = strings.Cut(m.URL, "?")
	return r
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
	return signed(t, s, privateOf(s), m)
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
