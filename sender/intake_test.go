package sender_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

const intakeToken = "0123456789abcdef"

// intake is what a test's intake works with.
type intake struct {
	t        *testing.T
	accepted []*store.Arrival
	verdict  store.Verdict
	err      error
	in       *sender.Intake
}

func newIntake(t *testing.T, scheme string, open bool) *intake {
	t.Helper()
	preset, _ := verifier.Preset(scheme)
	p, err := sender.NewProducer(sender.ProducerOptions{
		Name: "orders", Scheme: preset, Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, URLs: []string{"https://a.example.com/x", "http://10.0.0.7:8080/y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	i := &intake{t: t, verdict: store.Verdict{Result: store.Stored, Seq: 7}}
	o := sender.IntakeOptions{MaxBody: 100, Accept: func(_ context.Context, a *store.Arrival) (store.Verdict, error) {
		i.accepted = append(i.accepted, a)
		return i.verdict, i.err
	}}
	if !open {
		o.Tokens = func() []string { return []string{"another token of it", intakeToken} }
	}
	i.in = sender.NewIntake(p, o)
	return i
}

// post sends an event, as it is unless it is changed.
func (i *intake) post(change func(*http.Request)) (status int, header http.Header, answer map[string]any) {
	i.t.Helper()
	r := httptest.NewRequestWithContext(i.t.Context(), http.MethodPost, "/send?type=order.paid", strings.NewReader(`{"order":1}`))
	r.Header.Set("Authorization", "Bearer "+intakeToken)
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	i.in.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		i.t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return w.Code, w.Header(), answer
}

// TestIntakeTakes: what is stored is what was sent, for every target, under the caller's
// id or one of ours.
func TestIntakeTakes(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*http.Request)
		id, kind string
	}{
		"type of the URL":    {nil, "", "order.paid"},
		"id of the caller":   {func(r *http.Request) { r.Header.Set("Idempotency-Key", "order-1-paid") }, "order-1-paid", "order.paid"},
		"type of the body":   {func(r *http.Request) { r.URL.RawQuery = ""; setBody(r, `{"type":"order.new","n":1}`) }, "", "order.new"},
		"the URL is first":   {func(r *http.Request) { setBody(r, `{"type":"order.new"}`) }, "", "order.paid"},
		"scheme in any case": {func(r *http.Request) { r.Header.Set("Authorization", "bearer "+intakeToken) }, "", "order.paid"},
		"no JSON":            {func(r *http.Request) { r.Header.Set("Content-Type", "text/csv"); setBody(r, "a;b") }, "", "order.paid"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIntake(t, "svix", false)
			var sent string
			status, _, answer := i.post(func(r *http.Request) {
				if c.change != nil {
					c.change(r)
				}
				sent = r.Header.Get("X-Test-Body")
			})
			if status != http.StatusAccepted || len(i.accepted) != 1 {
				t.Fatalf("%d %v", status, answer)
			}
			a := i.accepted[0]
			if sent == "" {
				sent = `{"order":1}`
			}
			if a.ID != c.id || a.Type != c.kind || string(a.Body) != sent || len(a.To) != 2 || !a.Once || (a.Key != nil) != (c.id != "") {
				t.Errorf("stored: %+v with the body %q", a, a.Body)
			}
			if id, _ := answer["id"].(string); c.id != "" && id != c.id || c.id == "" && !strings.HasPrefix(id, "msg_") {
				t.Errorf("the answer is %v", answer)
			}
		})
	}
}

// setBody gives a request another body, and notes it for the test.
func setBody(r *http.Request, body string) {
	other := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Body, r.ContentLength = other.Body, other.ContentLength
	r.Header.Set("X-Test-Body", body)
}

// TestIntakeRefuses: each row of the table of refusals, and nothing is stored. What is
// repeated with another body is a conflict.
//
// (E-18, E-21)
func TestIntakeRefuses(t *testing.T) {
	del := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		err    error
		status int
		typ    string
	}{
		{"no token", del("Authorization"), nil, 401, "missing_authorization"},
		{"another scheme", set("Authorization", "Basic "+intakeToken), nil, 401, "missing_authorization"},
		{"an empty token", set("Authorization", "Bearer "), nil, 401, "missing_authorization"},
		{"a wrong token", set("Authorization", "Bearer "+intakeToken+"0"), nil, 401, "invalid_authorization"},
		{"a token that begins right", set("Authorization", "Bearer "+intakeToken[:15]), nil, 401, "invalid_authorization"},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, nil, 405, "method_not_allowed"},
		{"too large", func(r *http.Request) { setBody(r, strings.Repeat("x", 101)) }, nil, 413, "payload_too_large"},
		{"too large, undeclared", func(r *http.Request) { setBody(r, strings.Repeat("x", 101)); r.ContentLength = -1 }, nil, 413, "payload_too_large"},
		{"no type", func(r *http.Request) { r.URL.RawQuery = "" }, nil, 422, "invalid_event"},
		{"a type that is no text", func(r *http.Request) { r.URL.RawQuery = ""; setBody(r, `{"type":1}`) }, nil, 422, "invalid_event"},
		{"two types", func(r *http.Request) { r.URL.RawQuery = ""; setBody(r, `{"type":"a","type":"b"}`) }, nil, 422, "invalid_event"},
		{"a type that is no header", func(r *http.Request) { r.URL.RawQuery = "type=a%0d%0aX-Evil:1" }, nil, 422, "invalid_event"},
		{"an id that cannot be signed", set("Idempotency-Key", "a.b"), nil, 422, "invalid_event"},
		{"an id with a blank", set("Idempotency-Key", "a b"), nil, 422, "invalid_event"},
		{"an empty id", set("Idempotency-Key", ""), nil, 422, "invalid_event"},
		{"two ids", func(r *http.Request) { r.Header["Idempotency-Key"] = []string{"a", "b"} }, nil, 422, "invalid_event"},
		{"a body that ends early", func(r *http.Request) { r.Body = brokenBody{} }, nil, 422, "invalid_event"},
		{"a slow body", func(r *http.Request) { r.Body = slowBody{} }, nil, 408, "request_timeout"},
		{"the store fails", nil, store.ErrFailed, 503, "unavailable"},
		{"the store is full", nil, store.ErrFull, 503, "unavailable"},
		{"the backlog is full", nil, store.ErrBacklog, 503, "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newIntake(t, "svix", false)
			i.err = c.err
			status, header, answer := i.post(c.change)
			refused, _ := answer["error"].(map[string]any)
			if status != c.status || refused["type"] != c.typ || refused["message"] == "" {
				t.Errorf("%d %v", status, answer)
			}
			if c.err == nil && len(i.accepted) > 0 {
				t.Error("it is stored")
			}
			if want := map[int]string{401: "WWW-Authenticate", 405: "Allow", 503: "Retry-After"}[status]; want != "" && header.Get(want) == "" {
				t.Errorf("there is no %s", want)
			}
			seen[c.typ] = true
		})
	}
	i := newIntake(t, "svix", false)
	i.verdict = store.Verdict{Result: store.Duplicate, Seq: 7, Conflict: true}
	if status, _, answer := i.post(func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") }); status != 409 {
		t.Errorf("another body under the same key: %d %v", status, answer)
	}
	seen["idempotency_conflict"] = true
	i.verdict.Conflict = false
	if status, _, answer := i.post(func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") }); status != 202 || answer["id"] != "k" {
		t.Errorf("the same again: %d %v", status, answer)
	}
	for _, row := range sender.IntakeRefusals() {
		if !seen[row.Type] {
			t.Errorf("no case is refused as %s", row.Type)
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("gone") }
func (brokenBody) Close() error             { return nil }

type slowBody struct{ brokenBody }

func (slowBody) Read([]byte) (int, error) { return 0, &net.OpError{Op: "read", Err: timeout{}} }

type timeout struct{}

func (timeout) Error() string { return "timeout" }
func (timeout) Timeout() bool { return true }

// TestIntakeOpen: without tokens, only callers on the machine send, and no web pages.
func TestIntakeOpen(t *testing.T) {
	at := func(address net.Addr) func(*http.Request) {
		return func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, address))
			r.Header.Del("Authorization")
		}
	}
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 80} }
	page := func(address net.Addr, name, value string) func(*http.Request) {
		return func(r *http.Request) { at(address)(r); r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"loopback", at(tcp("127.0.0.1")), 202},
		{"loopback, IPv6", at(tcp("::1")), 202},
		{"a unix socket", at(&net.UnixAddr{Name: "/run/x", Net: "unix"}), 202},
		{"a network", at(tcp("10.0.0.1")), 401},
		{"everybody", at(tcp("203.0.113.1")), 401},
		{"nobody knows where", nil, 401},
		{"a page of another site", page(tcp("127.0.0.1"), "Sec-Fetch-Site", "cross-site"), 401},
		{"a page of another origin", page(tcp("127.0.0.1"), "Origin", "https://evil.example.com"), 401},
	} {
		i := newIntake(t, "svix", true)
		if status, _, answer := i.post(c.change); status != c.status || (status == 202) != (len(i.accepted) == 1) {
			t.Errorf("%s: %d %v", c.name, status, answer)
		}
	}
}
