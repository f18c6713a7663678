package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// operatorPaths are all paths of the API, with what an operator may do there.
var operatorPaths = map[string]string{
	"/webhooks/sources":                "GET",
	"/webhooks/sources/travtus/pause":  "POST",
	"/webhooks/sources/travtus/resume": "POST",
	"/webhooks/events":                 "GET",
	"/webhooks/events/1":               "GET",
	"/webhooks/events/1/retry":         "POST",
	"/webhooks/events/1/forget":        "POST",
	"/webhooks/events/1/erase":         "POST",
	"/webhooks/jobs":                   "GET, POST",
	"/webhooks/jobs/job_1":             "GET",
	"/webhooks/jobs/job_1/cancel":      "POST",
	"/webhooks/backup":                 "POST",
	"/webhooks/stats":                  "GET",
}

// wantOperatorError checks the shape of a refusal, its status and its type.
func wantOperatorError(t testing.TB, what string, status int, answer string, wantStatus int, wantType, says string) {
	t.Helper()
	var refusal struct {
		Error map[string]string
	}
	err := json.Unmarshal([]byte(answer), &refusal)
	e := refusal.Error
	if err != nil || status != wantStatus || e["type"] != wantType || len(e) != 2 || !strings.Contains(e["message"], says) {
		t.Errorf("%s: %d %s, want %d %s that says %q", what, status, answer, wantStatus, wantType, says)
	}
}

// TestOperatorMethods: each path takes its methods, and names them to who comes with
// another.
func TestOperatorMethods(t *testing.T) {
	b := newOperatorBed(t)
	for path, allowed := range operatorPaths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			status, header, answer := b.ask(t, method, path, "")
			if slices.Contains(strings.Split(allowed, ", "), method) {
				if status == http.StatusMethodNotAllowed || strings.Contains(answer, "nothing at this path") {
					t.Errorf("%s %s: %d %s", method, path, status, answer)
				}
				continue
			}
			wantOperatorError(t, method+" "+path, status, answer, http.StatusMethodNotAllowed, "method_not_allowed", strings.ReplaceAll(allowed, ", ", " or "))
			if got := header.Get("Allow"); got != allowed {
				t.Errorf("%s: Allow %q, want %q", path, got, allowed)
			}
		}
	}
	for _, path := range []string{"/webhooks/", "/webhooks/nothing", "/webhooks/events/1/nothing", "/webhooks/sources/travtus", "/other"} {
		status, _, answer := b.ask(t, "GET", path, "")
		wantOperatorError(t, path, status, answer, http.StatusNotFound, "not_found", "nothing at this path")
	}
}

// TestOperatorRefusals: the caller's mistakes are 4xx, and say what to do.
func TestOperatorRefusals(t *testing.T) {
	b := newOperatorBed(t)
	for _, test := range []struct {
		target, body string // a body makes it a POST
		status       int
		typ, says    string
	}{
		{"/webhooks/sources?x=1", "", 400, "invalid_request", `no parameter "x"`},
		{"/webhooks/stats?x=1", "", 400, "invalid_request", `no parameter "x"`},
		{"/webhooks/jobs?x=1", "", 400, "invalid_request", `no parameter "x"`},
		{"/webhooks/jobs/a?x=1", "", 400, "invalid_request", `no parameter "x"`},
		{"/webhooks/events?sauce=a", "", 400, "invalid_request", `no parameter "sauce"`},
		{"/webhooks/events?source=a&source=b", "", 400, "invalid_request", "more than once"},
		{"/webhooks/events?a=%zz", "", 400, "invalid_request", "malformed"},
		{"/webhooks/events?source=nobody", "", 404, "unknown_source", "there are direct, travtus"},
		{"/webhooks/events?source=nobody&id=a", "", 404, "unknown_source", "there are direct, travtus"},
		{"/webhooks/events?state=lost", "", 400, "invalid_request", "pending, delivered, dead or ignored"},
		{"/webhooks/events?from=yesterday", "", 400, "invalid_request", "from is a time in RFC 3339"},
		{"/webhooks/events?to=1", "", 400, "invalid_request", "to is a time in RFC 3339"},
		{"/webhooks/events?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "", 400, "invalid_request", "from has to be before to"},
		{"/webhooks/events?before=-1", "", 400, "invalid_request", "positive decimal number"},
		{"/webhooks/events?limit=0", "", 400, "invalid_request", "1 to 500"},
		{"/webhooks/events?limit=501", "", 400, "invalid_request", "1 to 500"},
		{"/webhooks/events?limit=x", "", 400, "invalid_request", "1 to 500"},
		{"/webhooks/events?id=a", "", 400, "invalid_request", "id goes with source"},
		{"/webhooks/events?id=&source=travtus", "", 400, "invalid_request", "id goes with source"},
		{"/webhooks/events?id=a&source=travtus&limit=1", "", 400, "invalid_request", "nothing else"},
		{"/webhooks/events/0", "", 400, "invalid_request", "positive decimal number"},
		{"/webhooks/events/9223372036854775808", "", 400, "invalid_request", "positive decimal number"},
		{"/webhooks/events/x", "", 400, "invalid_request", "positive decimal number"},
		{"/webhooks/events/1?payload=maybe", "", 400, "invalid_request", "true or false"},
		{"/webhooks/events/1?body=1", "", 400, "invalid_request", "no parameter"},
		{"/webhooks/events/1", "", 404, "not_found", "event 1"},
		{"/webhooks/events/x/retry", "{}", 400, "invalid_request", "positive decimal number"},
		{"/webhooks/events/1/retry?force=1", "{}", 400, "invalid_request", "no parameter"},
		{"/webhooks/events/1/erase", `{"really":true}`, 400, "invalid_request", `unknown field "really"`},
		{"/webhooks/jobs/job_x", "", 404, "not_found", ""},
		{"/webhooks/jobs/job_x/cancel", "{}", 404, "not_found", ""},
		{"/webhooks/jobs/job_x/cancel", `{"a":1}`, 400, "invalid_request", "unknown field"},
		{"/webhooks/jobs", "{}", 400, "invalid_request", "kind is recover or replay"},
		{"/webhooks/jobs", `{"kind":"resend","source":"travtus"}`, 400, "invalid_request", "kind is recover or replay"},
		{"/webhooks/jobs", `{"kind":"recover"}`, 400, "invalid_request", "needs a source"},
		{"/webhooks/jobs", `{"kind":"recover","source":"nobody"}`, 404, "unknown_source", "there are direct, travtus"},
		{"/webhooks/jobs", `{"kind":"recover","source":"direct"}`, 409, "conflict", "no forward"},
		{"/webhooks/jobs", `{"kind":"recover","source":"travtus","until":"2026-01-01T00:00:00Z"}`, 400, "invalid_request", "until is for replay"},
		{"/webhooks/jobs", `{"kind":"replay","source":"travtus"}`, 400, "invalid_request", "needs since"},
		{"/webhooks/jobs", `{"kind":"replay","source":"travtus","since":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}`, 400, "invalid_request", "since has to be before until"},
		{"/webhooks/jobs", `{"kind":"replay","source":"travtus","since":"2h"}`, 400, "invalid_request", "not the JSON object"},
		{"/webhooks/jobs", `{"kind":"replay","from":"2h"}`, 400, "invalid_request", `unknown field "from"`},
		{"/webhooks/jobs", `[]`, 400, "invalid_request", "not the JSON object"},
		{"/webhooks/jobs", `{"kind":`, 400, "invalid_request", "not the JSON object"},
		{"/webhooks/jobs", `{} {}`, 400, "invalid_request", "something after it"},
		{"/webhooks/jobs", `{"kind":"` + strings.Repeat("a", 64<<10) + `"}`, 413, "payload_too_large", "65536"},
		{"/webhooks/sources/nobody/pause", "{}", 404, "unknown_source", "there are direct, travtus"},
		{"/webhooks/sources/direct/pause", "{}", 409, "conflict", "no forward"},
		{"/webhooks/sources/direct/resume", "{}", 409, "conflict", "no forward"},
		{"/webhooks/sources/travtus/pause", `{"a":1}`, 400, "invalid_request", "unknown field"},
		{"/webhooks/backup", `{"path":"relative"}`, 400, "invalid_request", "absolute"},
	} {
		method := http.MethodGet
		if test.body != "" {
			method = http.MethodPost
		}
		status, _, answer := b.ask(t, method, test.target, test.body)
		wantOperatorError(t, fmt.Sprintf("%s %.80s", test.target, test.body), status, answer, test.status, test.typ, test.says)
	}
}

// TestOperatorWithoutStore: a gateway that stores nothing says so, and lists its
// sources; one without webhooks says that it runs none.
func TestOperatorWithoutStore(t *testing.T) {
	b := newOperatorBed(t)
	b.Operator = &gateway.Operator{Sources: b.Sources[1:], Now: b.clock.now}
	for path, methods := range operatorPaths {
		method, _, _ := strings.Cut(methods, ", ")
		status, _, answer := b.ask(t, method, path, "")
		if path == "/webhooks/sources" {
			if status != http.StatusOK || !strings.Contains(answer, `"direct"`) {
				t.Errorf("%s: %d %s", path, status, answer)
			}
			continue
		}
		wantOperatorError(t, path, status, answer, http.StatusConflict, "no_store", "nothing is stored")
	}
	b.api = gateway.NewOperatorAPI(func() (*gateway.Operator, bool) { return nil, false })
	status, _, answer := b.ask(t, "GET", "/webhooks/sources", "")
	wantOperatorError(t, "not running", status, answer, http.StatusServiceUnavailable, "not_running", "No webhook source")
}

// TestOperatorReadOnly: where no gateway runs, everything that changes something is
// refused, whatever it is about.
func TestOperatorReadOnly(t *testing.T) {
	b := newOperatorBed(t)
	seq := strconv.FormatInt(b.accept(t, "travtus", "a", "x", false, "{}"), 10)
	b.Operator = &gateway.Operator{Reader: b.store, Now: b.clock.now}
	for path, methods := range operatorPaths {
		if !strings.Contains(methods, "POST") || path == "/webhooks/backup" {
			continue
		}
		status, _, answer := b.ask(t, "POST", strings.Replace(path, "/1", "/"+seq, 1), "")
		wantOperatorError(t, path, status, answer, http.StatusConflict, "read_only", "Start the gateway")
	}
	if e := get[gateway.EventDetail](t, b, "/webhooks/events/"+seq+"?payload=true"); e.State != "pending" || e.Payload == nil {
		t.Errorf("%+v", e)
	}
	if page := get[gateway.EventPage](t, b, "/webhooks/events?source=other"); len(page.Events) != 0 {
		t.Errorf("%+v", page) // no configuration says which sources there are
	}
}

// brokenReader fails as a store does.
type brokenReader struct {
	gateway.OperatorReader
	err error
}

func (r brokenReader) Jobs(context.Context) ([]store.Job, error) { return nil, r.err }

// TestOperatorStoreErrors: what is the store's trouble is 5xx and keeps its cause.
func TestOperatorStoreErrors(t *testing.T) {
	b := newOperatorBed(t)
	for err, want := range map[error]struct {
		status int
		typ    string
	}{
		fmt.Errorf("%w: fsync", store.ErrFailed): {503, "unavailable"},
		store.ErrFull:                            {503, "unavailable"},
		store.ErrUnavailable:                     {503, "unavailable"},
		store.ErrClosed:                          {503, "unavailable"},
		store.ErrJobs:                            {409, "conflict"},
		store.ErrGone:                            {409, "conflict"},
		errors.New("odd"):                        {500, "internal"},
	} {
		b.Reader = brokenReader{b.store, err}
		status, _, answer := b.ask(t, "GET", "/webhooks/jobs", "")
		wantOperatorError(t, err.Error(), status, answer, want.status, want.typ, err.Error())
	}
}

// TestOperatorShapes: the names of the members are what programs rely on, and times
// are in UTC wherever the process is.
func TestOperatorShapes(t *testing.T) {
	b := newOperatorBed(t)
	b.Now = func() time.Time { return b.clock.now().In(time.FixedZone("", 3600)) }
	seq := b.accept(t, "travtus", "a", "x", false, "{}")
	b.settle(t, seq, "travtus", store.Dead, store.Attempt{Number: 1, Started: noon, Outcome: "failed", Status: 500, Error: "e", Response: []byte("r")})
	path := "/webhooks/events/" + strconv.FormatInt(seq, 10)
	_, _, answer := b.ask(t, "GET", path+"?payload=true", "")
	want := []string{"armed", "attempts", "attempts_made", "destination", "id", "payload", "reason", "received", "scheme", "seq", "settled", "size", "source", "state", "step", "timestamp", "type"}
	if got := members(t, answer); !slices.Equal(got, want) {
		t.Errorf("event has\n%q, want\n%q", got, want)
	}
	if !strings.Contains(answer, `"seq":`+strconv.FormatInt(seq, 10)+",") || !strings.Contains(answer, `"received":"2026-11-23T12:00:00Z"`) {
		t.Errorf("event %s", answer)
	}
	_, _, answer = b.ask(t, "POST", "/webhooks/jobs", `{"kind":"replay","source":"travtus","since":"2026-11-23T00:00:00+02:00","dry_run":true}`)
	if !strings.Contains(answer, `"since":"2026-11-22T22:00:00Z"`) || !strings.Contains(answer, `"until":"2026-11-23T12:00:00Z"`) {
		t.Errorf("job %s", answer)
	}
}

// TestOperatorRequest: what a developer's machine is sent is what was received, with
// our headers and the word replay.
func TestOperatorRequest(t *testing.T) {
	b := newOperatorBed(t)
	seq := b.accept(t, "travtus", "a", "invoice.paid", false, `{"a":1}`)
	e := get[gateway.EventDetail](t, b, "/webhooks/events/"+strconv.FormatInt(seq, 10)+"?payload=true")
	for to, want := range map[string]string{
		"":            "/hooks/travtus?a=b",
		"/":           "/hooks/travtus?a=b",
		"/other":      "/other",
		"/other?c=%2": "/other?c=%2",
	} {
		var got *http.Request
		var body []byte
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, body = r, make([]byte, 100)
			n, _ := r.Body.Read(body)
			body = body[:n]
		}))
		target, err := url.Parse(server.URL + to)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Request(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		server.Close()
		if got.Method != http.MethodPost || got.RequestURI != want || string(body) != `{"a":1}` || got.ContentLength != 7 || got.Host != target.Host {
			t.Errorf("%q: %s %s of %s: %q", to, got.Method, got.RequestURI, got.Host, body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Hookgate-Source": "travtus", "Hookgate-Scheme": "svix", "Hookgate-Id": "a",
			"Hookgate-Event-Type": "invoice.paid", "Hookgate-Timestamp": "2026-11-23T12:00:00.000Z", "Hookgate-Received": "2026-11-23T12:00:00.000Z",
			"Hookgate-Sequence": strconv.FormatInt(seq, 10), "Hookgate-Idempotency-Key": "travtus/a", "Hookgate-Attempt": "1", "Hookgate-Replay": "true",
		} {
			if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
				t.Errorf("%s is %q, want %q", name, values, want)
			}
		}
		if two := got.Header.Values("X-Two"); !slices.Equal(two, []string{"1", "2"}) {
			t.Errorf("X-Two is %q", two)
		}
	}
	e.Payload = nil
	if _, err := e.Request(t.Context(), &url.URL{Scheme: "http", Host: "localhost"}); err == nil {
		t.Error("a request is made of nothing")
	}
}
