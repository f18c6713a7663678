package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// table is the refusal table, as senders see it.
var table = map[string]struct {
	status     int
	message    string
	retryAfter string
	allow      string
	closes     bool
}{
	"method_not_allowed":   {status: 405, message: "Webhooks are sent with POST.", allow: "POST"},
	"missing_header":       {status: 400, message: "A header that the signature needs is missing or empty."},
	"malformed_header":     {status: 400, message: "A header that the signature needs is there more than once or malformed."},
	"malformed_body":       {status: 400, message: "The body is incomplete, or names its event ambiguously."},
	"malformed_handshake":  {status: 400, message: "The challenge or the verify token is missing, there more than once or malformed."},
	"invalid_verify_token": {status: 403, message: "The verify token does not match."},
	"invalid_signature":    {status: 401, message: "The signature does not match."},
	"stale_timestamp":      {status: 401, message: "The timestamp is too old."},
	"future_timestamp":     {status: 401, message: "The timestamp is too far in the future."},
	"clock_skew":           {status: 503, message: "This server's clock seems to be wrong. Try again later.", retryAfter: "60"},
	"payload_too_large":    {status: 413, message: "The body is larger than this source accepts.", closes: true},
	"request_timeout":      {status: 408, message: "The body did not arrive in time.", closes: true},
	"in_progress":          {status: 503, message: "The same event is being processed. Try again later.", retryAfter: "5"},
	"unavailable":          {status: 503, message: "The event cannot be accepted now. Try again later.", retryAfter: "10"},
	"loop_detected":        {status: 508, message: "This event was forwarded by this very gateway."},
}

func TestRefusalsAreTheWholeTable(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range gateway.Refusals() {
		want, ok := table[r.Type]
		if !ok || rows[r.Type] || r.Status != want.status || r.Message != want.message || r.Close != want.closes {
			t.Errorf("a row that is not in the table, or not so: %+v", r)
		}
		rows[r.Type] = true
	}
	if len(rows) != len(table) {
		t.Errorf("rows %v; want %v", sorted(rows), sorted(table))
	}
}

// wantRefusal fails the test unless an answer is the row of the refusal table, to
// the last byte.
func wantRefusal(t testing.TB, what, kind string, status int, h http.Header, body string) {
	t.Helper()
	want, ok := table[kind]
	if !ok {
		t.Fatalf("no refusal %q", kind)
	}
	var answer struct {
		Error struct{ Type, Message string } `json:"error"`
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); err != nil || d.More() {
		t.Errorf("%s: body %q: %v", what, body, err)
	}
	if status != want.status || answer.Error.Type != kind || answer.Error.Message != want.message {
		t.Errorf("%s: %d %s; want %d %s", what, status, body, want.status, kind)
	}
	closes := ""
	if want.closes {
		closes = "close"
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Retry-After": want.retryAfter, "Allow": want.allow, "Hookgate-Result": "",
	} {
		if got := h.Get(name); got != value {
			t.Errorf("%s: %s: %q; want %q", what, name, got, value)
		}
	}
	if got := h.Get("Connection"); closes != "" && got != closes {
		t.Errorf("%s: Connection: %q; want it closed", what, got)
	}
}

// refused fails the test unless a request is refused for that reason and leaves
// nothing behind.
func (b *bed) refused(t testing.TB, what string, r *http.Request, kind string) {
	t.Helper()
	b.watcher.take()
	b.app.take()
	w := b.post(t, r)
	wantRefusal(t, what, kind, w.Code, w.Header(), w.Body.String())
	if !table[kind].closes && w.Header().Get("Connection") != "" {
		t.Errorf("%s: the connection is closed for nothing", what)
	}
	if n := len(b.app.take()); n != 0 {
		t.Errorf("%s: the app was called %d times", what, n)
	}
	annotated, counted := b.watcher.take()
	if len(annotated) != 1 || len(counted) != 1 {
		t.Fatalf("%s: annotated %d times, counted %d times", what, len(annotated), len(counted))
	}
	for _, o := range []gateway.Outcome{annotated[0], counted[0]} {
		if o.Source != b.Name || o.Result != kind || o.Err == nil {
			t.Errorf("%s: outcome %+v", what, o)
		}
	}
	if held := b.process.Bodies.Used(); held != 0 {
		t.Errorf("%s: %d bytes are still held", what, held)
	}
}

// TestRefusals has a test for each row of the table, on requests as a server hands
// them over; those that take a connection are in wire_test.go. (S-01, S-05, S-06,
// S-10, S-12, H-01, H-06, H-07, H-10, T-02, T-04, B-01, B-02, C-04; pitfalls 14,
// 15, 24 and 31)
func TestRefusals(t *testing.T) {
	header := func(name string, lines ...string) func(*http.Request) {
		return func(r *http.Request) {
			if len(lines) == 0 {
				delete(r.Header, name)
				return
			}
			r.Header[name] = lines
		}
	}
	double := func(name, other string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = append(r.Header[name], other) }
	}
	twice := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = append(r.Header[name], r.Header[name]...) }
	}
	at := func(d time.Duration) func(*http.Request) {
		return func(r *http.Request) {
			*r = *signed(t, preset(t, "svix"), svixSecret, verifier.Message{ID: "msg_1", Timestamp: noon.Add(d), Body: []byte("{}")})
		}
	}
	body := func(text string, length int64) func(*http.Request) {
		return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), length }
	}
	for _, row := range []struct {
		name, kind string
		change     func(*http.Request)
	}{
		{"no id", "missing_header", header("Svix-Id")},
		{"no timestamp", "missing_header", header("Svix-Timestamp")},
		{"no signature", "missing_header", header("Svix-Signature")},
		{"empty id", "missing_header", header("Svix-Id", "")},
		{"blank timestamp", "missing_header", header("Svix-Timestamp", " \t")},
		{"empty signature", "missing_header", header("Svix-Signature", "")},
		{"signature as a trailer", "missing_header", func(r *http.Request) {
			r.Trailer = http.Header{"Svix-Signature": r.Header["Svix-Signature"]}
			r.Header.Del("Svix-Signature")
		}},
		{"id twice", "malformed_header", twice("Svix-Id")},
		{"timestamp twice", "malformed_header", twice("Svix-Timestamp")},
		{"signature twice", "malformed_header", twice("Svix-Signature")},
		{"signature, then junk", "malformed_header", double("Svix-Signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
		{"id, then another", "malformed_header", double("Svix-Id", "msg_2")},
		{"another id under the alias", "malformed_header", header("Webhook-Id", "msg_2")},
		{"id of another script", "malformed_header", header("Svix-Id", "msg_é")},
		{"id with a delimiter", "malformed_header", header("Svix-Id", "msg.1")},
		{"id of 257 bytes", "malformed_header", header("Svix-Id", strings.Repeat("m", 257))},
		{"id of 15 KiB", "malformed_header", header("Svix-Id", strings.Repeat("m", 15<<10))},
		{"milliseconds", "malformed_header", header("Svix-Timestamp", "1795435200000")},
		{"signed number", "malformed_header", header("Svix-Timestamp", "+179543520")},
		{"1970", "malformed_header", header("Svix-Timestamp", "0")},
		{"overflow", "malformed_header", header("Svix-Timestamp", "9223372036854775807")},
		{"no candidate", "malformed_header", header("Svix-Signature", "v1,")},
		{"sentinel", "malformed_header", header("Svix-Signature", "no-secret-provided")},
		{"other version", "malformed_header", header("Svix-Signature", "v0,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
		{"joined by a proxy", "malformed_header", func(r *http.Request) {
			r.Header.Set("Svix-Signature", r.Header.Get("Svix-Signature")+","+r.Header.Get("Svix-Signature"))
		}},
		{"17 candidates", "malformed_header", func(r *http.Request) {
			r.Header.Set("Svix-Signature", strings.Repeat("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ", 16)+r.Header.Get("Svix-Signature"))
		}},
		{"forged", "invalid_signature", header("Svix-Signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
		{"another id", "invalid_signature", header("Svix-Id", "msg_2")},
		{"another time", "invalid_signature", header("Svix-Timestamp", "1795435201")},
		{"another body", "invalid_signature", body("{ }", 3)},
		{"no body", "invalid_signature", body("", 0)},
		{"another secret", "invalid_signature", func(r *http.Request) {
			*r = *signed(t, preset(t, "svix"), otherSecret, verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")})
		}},
		{"too old", "stale_timestamp", at(-5*time.Minute - time.Second)},
		{"of last year", "stale_timestamp", at(-365 * 24 * time.Hour)},
		{"too far ahead", "future_timestamp", at(5*time.Minute + time.Second)},
		{"of next century", "future_timestamp", at(100 * 365 * 24 * time.Hour)},
		{"10 GB are declared", "payload_too_large", body("{}", 10<<30)},
		{"one byte too much is declared", "payload_too_large", body("{}", gateway.DefaultMaxBody+1)},
		{"one byte too much arrives", "payload_too_large", body(strings.Repeat("x", gateway.DefaultMaxBody+1), -1)},
		{"cut off by an earlier handler", "malformed_body", body("{", 2)},
		{"capped by an earlier handler", "payload_too_large", func(r *http.Request) {
			r.Body = http.MaxBytesReader(nil, r.Body, 1)
		}},
		{"a read error", "malformed_body", func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{io.ErrUnexpectedEOF}))
		}},
	} {
		everyWay(t, row.name, func(t *testing.T, way way) {
			b := way(t)
			r := b.signed(t, "svix", verifier.Message{ID: "msg_1", Body: []byte("{}")})
			row.change(r)
			b.refused(t, row.name, r, row.kind)
			b.untouched(t)
			// A refusal uses nothing up: the genuine request still counts as new.
			if w := b.post(t, b.signed(t, "svix", verifier.Message{ID: "msg_1", Body: []byte("{}")})); w.Code != http.StatusOK || w.Header().Get("Hookgate-Result") == "duplicate" || len(b.app.take()) != b.passes {
				t.Errorf("the genuine request after it: %d %s", w.Code, w.Body)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestToleranceToTheSecond: both edges pass. (T-01, pitfall 41)
func TestToleranceToTheSecond(t *testing.T) {
	b := newBed(t)
	for i, row := range []struct {
		off  time.Duration
		kind string
	}{
		{-5 * time.Minute, ""}, {-5*time.Minute - time.Second, "stale_timestamp"}, {5 * time.Minute, ""}, {5*time.Minute + time.Second, "future_timestamp"},
	} {
		r := b.signed(t, "svix", verifier.Message{ID: "msg_" + string(rune('a'+i)), Timestamp: noon.Add(row.off), Body: []byte("{}")})
		if row.kind == "" {
			b.forwarded(t, row.off.String(), r)
		} else {
			b.refused(t, row.off.String(), r, row.kind)
		}
	}
}

// TestOnlyPostIsAWebhook: whatever is signed, and in whatever letter case, with the
// method also for those who ask. (B-12)
func TestOnlyPostIsAWebhook(t *testing.T) {
	b := newBed(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PRI", "post", "Post", "POSTS", "X"} {
		r := b.svix(t, "msg_1")
		r.Method = method
		b.refused(t, method, r, "method_not_allowed")
	}
}

// TestAmbiguousBodyIsRefused: a signed body that names its event twice, or by
// something that is no name, cannot be told from another. (pitfall 36)
func TestAmbiguousBodyIsRefused(t *testing.T) {
	b := newBed(t, of(t, "stripe"))
	for _, body := range []string{
		`{"id":"evt_1","id":"evt_2"}`, `{"id":"evt_1","\u0069d":"evt_2"}`, `{"id":7}`, `{"id":null}`, `{"id":{}}`, `{"id":""}`, `{"id":"a b"}`,
		`{"id":"` + strings.Repeat("e", 257) + `"}`, `{"id":"evt_\n1"}`,
	} {
		b.refused(t, body, b.signed(t, "stripe", verifier.Message{Body: []byte(body)}), "malformed_body")
	}
	b.forwarded(t, "no JSON", b.signed(t, "stripe", verifier.Message{Body: []byte("id=evt_1")}))
}

// TestRefusalTellsNothingOfTheRequest: two requests refused for one reason get the
// same answer, whatever they hold. (S-18, pitfalls 20 and 43)
func TestRefusalTellsNothingOfTheRequest(t *testing.T) {
	b := newBed(t)
	answer := func(id string, at time.Time) []byte {
		r := b.signed(t, "svix", verifier.Message{ID: id, Timestamp: at, Body: []byte(id)})
		r.Header.Set("Svix-Signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		return b.post(t, r).Body.Bytes()
	}
	fresh, stale := answer("msg_1", noon), answer("msg_2", noon.Add(-time.Hour))
	if len(fresh) == 0 || !bytes.Equal(fresh, stale) {
		t.Errorf("a forgery gets %s if fresh, %s if stale", fresh, stale)
	}
}
