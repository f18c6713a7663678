package api_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

// Who asks: the columns of the matrix.
var askers = []string{"no token", "nonsense", "expired", "portal's", "other app", "read-only", "app", "organisation", "operator"}

// The rows of the matrix: what each of them gets. Fine is a status of success.
const (
	forAll    = "fine fine fine fine fine fine fine fine fine"
	forTokens = "401  401  401  401  fine fine fine fine fine"
	forReader = "401  401  401  401  404  fine fine fine fine"
	forOwner  = "401  401  401  401  404  403  fine fine fine"
	forOrg    = "401  401  401  401  403  403  403  fine fine"
	forApps   = "401  401  401  401  fine fine fine 403  403"
)

// matrix says of each operation who may use it.
var matrix = map[string]string{
	"v1.application.create":                          forOrg,
	"v1.application.list":                            forOrg,
	"v1.application.get":                             forReader,
	"v1.application.upsert":                          forOrg,
	"v1.application.patch":                           forOrg,
	"v1.application.delete":                          forOrg,
	"v1.endpoint.create":                             forOwner,
	"v1.endpoint.list":                               forReader,
	"v1.endpoint.get":                                forReader,
	"v1.endpoint.upsert":                             forOwner,
	"v1.endpoint.patch":                              forOwner,
	"v1.endpoint.delete":                             forOwner,
	"v1.endpoint.get-secret":                         forOwner,
	"v1.endpoint.rotate-secret":                      forOwner,
	"v1.endpoint.get-headers":                        forReader,
	"v1.endpoint.set-headers":                        forOwner,
	"v1.endpoint.patch-headers":                      forOwner,
	"v1.endpoint.get-stats":                          forReader,
	"v1.endpoint.recover":                            forOwner,
	"v1.endpoint.replay-missing":                     forOwner,
	"v1.endpoint.bulk-replay":                        forOwner,
	"v1.endpoint.send-example":                       forOwner,
	"v1.event-type.create":                           forOrg,
	"v1.event-type.list":                             forTokens,
	"v1.event-type.get":                              forTokens,
	"v1.event-type.upsert":                           forOrg,
	"v1.event-type.patch":                            forOrg,
	"v1.event-type.delete":                           forOrg,
	"v1.message.create":                              forOrg,
	"v1.message.list":                                forReader,
	"v1.message.get":                                 forReader,
	"v1.message.expunge-content":                     forOrg,
	"v1.message-attempt.list-by-endpoint":            forReader,
	"v1.message-attempt.list-by-msg":                 forReader,
	"v1.message-attempt.list-attempted-messages":     forReader,
	"v1.message-attempt.list-attempted-destinations": forReader,
	"v1.message-attempt.get":                         forReader,
	"v1.message-attempt.expunge-content":             forOrg,
	"v1.message-attempt.resend":                      forOwner,
	"v1.authentication.app-portal-access":            forOrg,
	"v1.authentication.dashboard-access":             forOrg,
	"v1.authentication.expire-all":                   forOrg,
	"v1.authentication.logout":                       forApps,
	"v1.authentication.one-time-token":               forAll,
	"v1.background-task.list":                        forOrg,
	"v1.background-task.get":                         forReader,
	"v1.health.get":                                  forAll,
	"v1.health.ping":                                 forAll,
	"v1.openapi.get":                                 forAll,
}

// tokens makes a token for each of those who ask.
func (w *world) tokens(t testing.TB, other string) map[string]string {
	t.Helper()
	tokens := w.s.api.Tokens()
	past := api.NewTokens(keyring(t, keyText), w.s.store, api.Audience, func() time.Time { return time.Now().Add(-2 * time.Hour) })
	portal := api.NewTokens(keyring(t, keyText), w.s.store, "hookgate/portal", nil)
	all := map[string]string{
		"no token": "", "nonsense": "nonsense", "expired": mint(t, past, api.Holder{Scope: api.Organisation}, time.Hour),
		"portal's":  mint(t, portal, ofApp(w.app), time.Hour),
		"other app": mint(t, tokens, ofApp(other), time.Hour), "app": mint(t, tokens, ofApp(w.app), time.Hour),
		"read-only":    mint(t, tokens, api.Holder{Scope: api.Application, App: w.app, Capabilities: []api.Capability{api.ViewBase}}, time.Hour),
		"organisation": mint(t, tokens, api.Holder{Scope: api.Organisation}, time.Hour),
		"operator":     mint(t, tokens, api.Holder{Scope: api.Operator}, time.Hour),
	}
	return all
}

// state is what those who are refused must not change.
func (w *world) state() string {
	path := "/app/" + w.app
	var b strings.Builder
	for _, part := range []string{
		"", "/endpoint", "/endpoint/" + w.endpoint + "/secret", "/endpoint/" + w.endpoint + "/headers", "/msg", "/msg/" + w.message,
		"/attempt/msg/" + w.message, "/attempt/endpoint/" + w.endpoint,
	} {
		fmt.Fprintf(&b, "%s\n", w.s.request(w.s.org, "GET", path+part, nil).body)
	}
	for _, list := range []string{"/app", "/event-type?with_content=true&include_archived=true", "/background-task"} {
		fmt.Fprintf(&b, "%s\n", w.s.request(w.s.org, "GET", list, nil).body)
	}
	return b.String()
}

// Every operation is for whom it is for, and for nobody else. Whoever is refused learns
// nothing, and changes nothing.
//
// (P-03, P-12, P-21)
func TestAccess(t *testing.T) {
	s := newServer(t, config{})
	r := newReceiver(t, nil)
	other := s.app()
	w := newWorld(t, s, r)
	s.finished(w.task)
	routes := api.Routes()
	for operation := range matrix {
		if !slices.ContainsFunc(routes, func(r api.Route) bool { return r.Operation == operation }) {
			t.Errorf("%s is in the matrix, and is no operation", operation)
		}
	}
	tokens := w.tokens(t, other)
	before := w.state()
	each := func(fine bool, check func(route api.Route, asker, want string)) {
		for _, route := range routes {
			row := strings.Fields(matrix[route.Operation])
			if len(row) != len(askers) {
				t.Errorf("%s: no row says who may use it", route.Operation)
				continue
			}
			for i, asker := range askers {
				if (row[i] == "fine") == fine {
					check(route, asker, row[i])
				}
			}
		}
	}
	each(false, func(route api.Route, asker, want string) {
		for _, key := range [][]string{nil, {"Idempotency-Key", "k"}} {
			got := w.call(t, route, tokens[asker], key...)
			if strconv.Itoa(got.status) != want {
				t.Errorf("%s for %s: %d %s, want %s", route.Operation, asker, got.status, got.body, want)
				continue
			}
			if body := got.json(t); body["code"] == nil || body["detail"] == nil || len(body) != 2 || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s for %s: %s", route.Operation, asker, got.body)
			}
			if got.status == 401 && got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s for %s: no WWW-Authenticate", route.Operation, asker)
			}
		}
	})
	if after := w.state(); after != before {
		t.Errorf("those who were refused have changed something:\n%s\n%s", before, after)
	}
	each(true, func(route api.Route, asker, _ string) {
		if got := w.call(t, route, tokens[asker]); !slices.Contains(route.Statuses, got.status) {
			t.Errorf("%s for %s: %d %s, want %v", route.Operation, asker, got.status, got.body, route.Statuses)
		}
		if destroys(route) {
			w = newWorld(t, s, r)
			tokens = w.tokens(t, other)
		}
	})
}

// Each capability of a token allows what it is for, and nothing else does.
//
// (P-03)
func TestCapabilities(t *testing.T) {
	s := newServer(t, config{})
	w := newWorld(t, s, newReceiver(t, nil))
	for _, capability := range append(slices.Clone(api.Capabilities), "") {
		h := api.Holder{App: w.app, Capabilities: []api.Capability{}}
		if capability != "" {
			h.Capabilities = append(h.Capabilities, capability)
		}
		token := s.token(h)
		for _, route := range api.Routes() {
			if route.Needs == "" || destroys(route) {
				continue
			}
			got := w.call(t, route, token)
			if fine := slices.Contains(route.Statuses, got.status); fine != (route.Needs == capability) || !fine && got.status != 403 {
				t.Errorf("%s with %q: %d %s, it needs %s", route.Operation, capability, got.status, got.body, route.Needs)
			}
		}
	}
	// Nothing that changes something is for those who may only look.
	for _, route := range api.Routes() {
		if route.Needs == api.ViewBase && route.Method != "GET" || route.Access == api.Owners && route.Needs == "" {
			t.Errorf("%s %s needs %q", route.Method, route.Path, route.Needs)
		}
	}
}

// What is another application's is not there, by whatever id it is asked for.
//
// (P-03)
func TestOtherApplicationsIDs(t *testing.T) {
	s := newServer(t, config{})
	r := newReceiver(t, nil)
	w, own := newWorld(t, s, r), newWorld(t, s, r)
	before := w.state()
	tokens := map[string]string{"app": s.token(api.Holder{App: own.app}), "organisation": s.org}
	for _, route := range api.Routes() {
		if !strings.Contains(route.Path, "{app_id}/") || !strings.Contains(route.Path, "_id}") || route.Access == api.Public {
			continue
		}
		mixed := *own
		mixed.endpoint, mixed.message, mixed.attempt = w.endpoint, w.message, w.attempt
		if mixed.path(route.Path) == own.path(route.Path) {
			continue // it names nothing but the application
		}
		for asker, token := range tokens {
			got := mixed.call(t, route, token)
			want := 404
			if route.Access == api.Organisations && asker == "app" {
				want = 403
			}
			if route.Operation == "v1.endpoint.upsert" { // an id that is none makes an endpoint of one's own, whose uid is taken
				want = 409
			}
			if got.status != want {
				t.Errorf("%s for %s: %d %s, want %d", route.Operation, asker, got.status, got.body, want)
			}
		}
	}
	if after := w.state(); !reflect.DeepEqual(after, before) {
		t.Errorf("another application's things have changed:\n%s\n%s", before, after)
	}
}
