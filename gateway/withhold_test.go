package gateway_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// tokenScheme has its secret itself in a header, or in the query.
func tokenScheme(from verifier.Ref) func(*gateway.Config) {
	s := verifier.Scheme{
		Name: "token", Signature: []verifier.Location{{From: from}}, Signed: "{body}",
		Keys: []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.Token}},
	}
	return func(cfg *gateway.Config) {
		cfg.Verify = []gateway.Verify{{Scheme: s, Secrets: []string{textSecret}, Options: verifier.Options{AllowWeak: true}}}
	}
}

// keep names headers that are kept.
func keep(names ...string) func(*gateway.Config) {
	return func(cfg *gateway.Config) { cfg.Forward.Keep = names }
}

// TestWithheld: which headers are neither stored nor forwarded, which of them can be
// kept, and which are all the same. (H-12, X-03)
func TestWithheld(t *testing.T) {
	credentials := []string{
		"Authorization", "Cookie", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Anything", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto",
		"X-Forwarded-Host", "X-Forwarded-User", "X-Gitlab-Token",
	}
	ofConnection := []string{
		"Connection", "Upgrade", "Expect", "Te", "Transfer-Encoding", "Content-Length", "Keep-Alive", "Trailer", "Proxy-Connection", "Host", "Http2-Settings", "Early-Data",
		"X-Named", "X-Named-Too", // by Connection
	}
	others := []string{
		"Accept", "Accept-Encoding", "Content-Type", "Content-Encoding", "User-Agent", "X-Real-Ip", "X-Custom", "X-Forwarded", "Authorization-Info", "Xcookie", "Traceparent",
		"Tracestate", "Baggage", "Idempotency-Key", "Via", "Date", "X-Gitlab-Event",
	}
	event := func() *http.Request {
		r := request(http.Header{}, []byte("{}"))
		for _, name := range slices.Concat(credentials, ofConnection, others) {
			r.Header[name] = []string{"a", "b"}
			for _, twin := range []string{strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", ".")} {
				r.Header[twin] = []string{"c"}
			}
		}
		r.Header["Connection"] = []string{"keep-alive, x_named", " X-NAMED-TOO ,,close"}
		for _, name := range spellings {
			r.Header[name] = []string{"forged"}
		}
		r.Header["X-Gitlab-Token"] = []string{textSecret}
		return r
	}
	for what, row := range map[string]struct{ kept []string }{"by default": {}, "all kept": {credentials}, "one kept, in another case": {[]string{"cookie"}}} {
		b := newShelf(t, tokenScheme("header:X-Gitlab-Token"), keep(row.kept...))
		b.answered(t, what, event(), "accepted")
		got := b.copied(t).Header
		maps.DeleteFunc(got, func(name string, _ []string) bool { return strings.HasPrefix(name, "Hookgate-") })
		want := map[string]bool{}
		for _, name := range slices.Concat(others, row.kept) {
			name = http.CanonicalHeaderKey(name)
			want[name], want[strings.ReplaceAll(name, "-", "_")], want[strings.ReplaceAll(name, "-", ".")] = true, true, true
		}
		// Other spellings of what the scheme itself reads are no one's.
		delete(want, "X_Gitlab_Token")
		delete(want, "X.Gitlab.Token")
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%s: forwarded\n%q; want\n%q", what, sorted(got), sorted(want))
		}
		if lines := got["X-Custom"]; !slices.Equal(lines, []string{"a", "b"}) {
			t.Errorf("%s: X-Custom: %q", what, lines)
		}
	}
}

// TestWithheldFromTheQuery: the value of the query that is a secret, and no other
// byte of it.
func TestWithheldFromTheQuery(t *testing.T) {
	token := textSecret
	for _, row := range []struct{ query, want string }{
		{"token=" + token, ""},
		{"a=b&token=" + token + "&c=%zz&&d", "a=b&c=%zz&&d"},
		{"%74oken=" + token + "&tokens=x&Token=y", "tokens=x&Token=y"},
	} {
		for _, kept := range []bool{false, true} {
			change := []func(*gateway.Config){tokenScheme("query:token")}
			want := row.want
			if kept {
				change, want = append(change, keep("query:token")), row.query
			}
			b := newShelf(t, change...)
			r := request(http.Header{}, []byte(row.query))
			if r.URL.RawQuery = row.query; strings.Contains(row.query, "%zz") {
				r.URL.RawQuery = strings.Replace(row.query, "%zz", "%41", 1) // the scheme reads the query
				want = strings.Replace(want, "%zz", "%41", 1)
			}
			b.answered(t, row.query, r, "accepted")
			if got := b.copied(t).URL.RawQuery; got != want {
				t.Errorf("%s, kept %v: %q; want %q", row.query, kept, got, want)
			}
		}
	}
	b := newShelf(t)
	r := b.svix(t, "msg_1")
	r.URL.RawQuery = "token=mine&x=%zz"
	b.answered(t, "a query that the scheme does not read", r, "accepted")
	if got := b.copied(t).URL.RawQuery; got != "token=mine&x=%zz" {
		t.Errorf("query %q", got)
	}
}

// TestKeepMistakes: what must never be forwarded cannot be kept. (H-15)
func TestKeepMistakes(t *testing.T) {
	const connection = ": it belongs to the connection the event came by and means nothing on another; remove it"
	const names = ": a name consists of letters, digits, -, _ and .; there are no patterns, name each header"
	for name, want := range map[string]string{
		"connection": connection, "Upgrade": connection, "TE": connection, "transfer_encoding": connection, "Content-Length": connection, "Host": connection,
		"Keep-Alive": connection, "Trailer": connection, "Expect": connection, "Proxy-Connection": connection,
		"Hookgate-Source": ": Hookgate-* headers are ours, which is why the app can believe them; remove it", "hookgate_id": ": Hookgate-* headers are ours, which is why the app can believe them; remove it",
		"query:token": ": no scheme has a token there, so that it is kept anyway; remove it",
		"":            names, "X-Forwarded-*": names, "a b": names, "X-É": names, "a:b": names,
	} {
		cfg := gateway.Config{Name: "travtus", Verify: []gateway.Verify{{Scheme: preset(t, "svix"), Secrets: []string{svixSecret}}}}
		cfg.Forward = &gateway.Forward{Queue: new(shelf), Keep: []string{name}}
		_, err := gateway.NewSource(cfg, gateway.NewProcess(1<<20, newClock().now), new(gateway.State))
		if err == nil || !strings.HasSuffix(err.Error(), want) || !strings.HasPrefix(err.Error(), "source travtus: keep_header ") {
			t.Errorf("%q: %v; want %s", name, err, want)
		}
	}
}

// TestCanaries: of twelve secrets that are configured and sent, none is in the store,
// an answer, an outcome or the log, after good, bad, ignored, refused and panicking
// traffic; only the bodies of accepted events are in the store. (X-01, X-03, S-18)
func TestCanaries(t *testing.T) {
	canary := func(n int) string { return fmt.Sprintf("canary-%02d-0123456789abcdef", n) }
	const bodyOfAccepted = "this-is-kept"
	resign := "whsec_" + base64.StdEncoding.EncodeToString([]byte(canary(12)))
	b := newStored(t, func(cfg *gateway.Config) {
		tokenScheme("header:X-Gitlab-Token")(cfg)
		query := cfg.Verify[0]
		query.Scheme.Signature = []verifier.Location{{From: "query:token"}}
		cfg.Verify[0].Secrets, query.Secrets = []string{canary(1)}, []string{canary(2)}
		cfg.Verify = append(cfg.Verify, query)
		cfg.MaxBody = 1000
		cfg.Forward.Resign = &gateway.Resign{Scheme: preset(t, "standard"), Secret: resign}
	})
	b.Logger = slog.New(slog.NewJSONHandler(b.logged, &slog.HandlerOptions{Level: slog.Level(-100)}))
	event := func(token, query, body string) *http.Request {
		r := request(http.Header{
			"Authorization": {"Bearer " + canary(3)}, "Cookie": {"session=" + canary(4)}, "Proxy-Authorization": {canary(5)}, "Forwarded": {"for=" + canary(6)},
			"X-Forwarded-For": {canary(7)}, "X_forwarded_user": {canary(8)}, "Connection": {"X-Internal"}, "X-Internal": {canary(9)}, "Hookgate-Source": {canary(10)},
		}, []byte(body))
		if token != "" {
			r.Header.Set("X-Gitlab-Token", token)
			r.Header["X_gitlab_token"] = []string{token}
		}
		r.URL.RawQuery = "token=" + query + "&a=b"
		return r
	}
	told := ""
	send := func(status int, r *http.Request) {
		t.Helper()
		w := b.post(t, r)
		_, counted := b.watcher.take()
		told += fmt.Sprintf("%d %v %s %+v\n", w.Code, w.Header(), w.Body, counted)
		if w.Code != status {
			t.Errorf("%d %s; want %d", w.Code, w.Body, status)
		}
	}
	send(200, event(canary(1), canary(2), bodyOfAccepted))
	send(200, event("", canary(2), bodyOfAccepted+"2"))
	send(200, event(canary(1), canary(2), bodyOfAccepted)) // a copy
	send(401, event("wrong-"+canary(11), canary(2), canary(11)))
	send(401, event("", "wrong-"+canary(11), canary(11)))
	send(413, event(canary(1), canary(2), strings.Repeat(canary(11), 100)))
	b.shelf.answers(fails(store.ErrFull))
	send(503, event(canary(1), canary(2), canary(11)))
	b.shelf.answers(func(context.Context, *store.Arrival) (store.Verdict, error) { panic("a bug") })
	func() {
		defer func() { told += fmt.Sprint(recover()) }()
		send(0, event(canary(1), canary(2), canary(11)))
	}()
	b.shelf.answers(nil)
	typed := b.source(t, new(gateway.State), b.forward, of(t, "travelbase"), only("nothing"), func(cfg *gateway.Config) { cfg.Name = "typed" })
	ignored := b.signed(t, "travelbase", verifier.Message{Body: []byte(`{"id":"evt_1","type":"a.b","secret":"` + canary(11) + `"}`)})
	if w := b.postTo(t, typed, ignored); w.Header().Get("Hookgate-Result") != "ignored" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, a := range b.shelf.take()[:2] {
		if r, err := b.Request(t.Context(), delivered(a)); err != nil {
			t.Error(err)
		} else {
			told += fmt.Sprint(r.Header, r.URL)
		}
	}

	b.close(t)
	var kept strings.Builder
	files, err := filepath.Glob(b.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kept.Write(text)
	}
	b.open(t)
	if !strings.Contains(kept.String(), bodyOfAccepted) || !strings.Contains(b.logged.String(), "webhook refused") {
		t.Error("there is nothing to search in")
	}
	secrets := []string{resign, strings.TrimPrefix(resign, "whsec_")}
	for n := 1; n <= 12; n++ {
		secrets = append(secrets, canary(n))
	}
	for _, secret := range secrets {
		for where, text := range map[string]string{"the store": kept.String(), "the log": b.logged.String(), "what is told and forwarded": told} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, where)
			}
		}
	}
}
