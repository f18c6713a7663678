package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// handshaking is a scheme whose provider checks the URL by a GET with a parameter,
// or by an OPTIONS with a header.
func handshaking(t testing.TB) verifier.Scheme {
	t.Helper()
	s := preset(t, "github")
	s.Handshakes = []verifier.Handshake{{Method: http.MethodGet, Challenge: "query:hub.challenge"}, {Method: http.MethodOptions, Challenge: "header:WebHook-Request-Origin"}}
	return s
}

// TestHandshakePasses to the app, which has to answer it; nothing marks it as
// verified, and nothing is remembered. (pitfalls 49, 50 and 55)
func TestHandshakePasses(t *testing.T) {
	for name, method := range map[string]string{"query": http.MethodGet, "header": http.MethodOptions} {
		b := newBed(t, custom(handshaking(t), gateway.Dedupe{}))
		asks := func() *http.Request {
			r := httptest.NewRequest(method, "/hooks/travtus?hub.challenge=1158201444", nil)
			if name == "header" {
				r.URL.RawQuery = ""
				r.Header.Set("WebHook-Request-Origin", "provider.example.com")
			}
			for _, name := range spellings {
				r.Header[name] = []string{"forged"}
			}
			return r
		}
		var guarded http.Header
		b.app.answers(func(w http.ResponseWriter, r *http.Request) error {
			gateway.Guard(r)
			r.Header.Set("Hookgate-Id", "of a handler in between")
			gateway.Guard(r) // strips: the request is not verified
			guarded = r.Header
			w.Header().Set("X-App", "yes")
			w.WriteHeader(http.StatusAccepted)
			_, err := w.Write([]byte("1158201444"))
			return err
		})
		for range 2 { // each passes, none is a duplicate
			w := b.post(t, asks())
			if w.Code != http.StatusAccepted || w.Body.String() != "1158201444" || w.Header().Get("X-App") != "yes" || w.Header().Get("Hookgate-Result") != "" {
				t.Errorf("%s: %d %v %s; want the app's own answer", name, w.Code, w.Header(), w.Body)
			}
			all := b.app.take()
			if len(all) != 1 || all[0].Method != method {
				t.Fatalf("%s: the app saw %d", name, len(all))
			}
			for header := range guarded {
				if slices.Contains(spellings, header) {
					t.Errorf("%s: the app sees %s", name, header)
				}
			}
			if o := b.outcome(t); o.Result != "handshake" || o.Signed || o.ID != "" || o.Err != nil {
				t.Errorf("%s: outcome %+v", name, o)
			}
		}
		if stats, _ := b.state.Stats(); stats.Entries+stats.InFlight != 0 {
			t.Errorf("%s: remembered: %+v", name, stats)
		}
		b.app.answers(func(http.ResponseWriter, *http.Request) error { return errApp })
		if err := b.Receive(httptest.NewRecorder(), asks(), b.app.next); err != errApp {
			t.Errorf("%s: error %v; want the app's own", name, err)
		}
	}
}

// TestHandshakeIsNoWayRound: what is not exactly one is a webhook, or refused; a
// POST never is one. (pitfalls 15 and 50)
func TestHandshakeIsNoWayRound(t *testing.T) {
	b := newBed(t, custom(handshaking(t), gateway.Dedupe{}))
	for name, row := range map[string]struct {
		method, query, header string
		kind                  string
	}{
		"another parameter":        {"GET", "hub.mode=subscribe", "", "method_not_allowed"},
		"no parameter":             {"GET", "", "", "method_not_allowed"},
		"parameter, other case":    {"GET", "Hub.Challenge=1", "", "method_not_allowed"},
		"the header for the GET":   {"GET", "", "x", "method_not_allowed"},
		"the query for OPTIONS":    {"OPTIONS", "hub.challenge=1", "", "method_not_allowed"},
		"an empty header":          {"OPTIONS", "", " ", "malformed_handshake"},
		"HEAD":                     {"HEAD", "hub.challenge=1", "x", "method_not_allowed"},
		"an unsigned POST":         {"POST", "hub.challenge=1", "x", "missing_header"},
		"lower-case get":           {"get", "hub.challenge=1", "", "method_not_allowed"},
		"a parameter in the value": {"GET", "a=hub.challenge", "", "method_not_allowed"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/hooks/travtus", nil)
		r.Method = row.method
		r.URL = &url.URL{Path: "/hooks/travtus", RawQuery: row.query}
		if row.header != "" {
			r.Header.Set("WebHook-Request-Origin", strings.TrimSpace(row.header)) // as a server does
		}
		b.refused(t, name, r, row.kind)
	}
	newBed(t).refused(t, "a scheme without handshakes", httptest.NewRequest(http.MethodGet, "/hooks/travtus?hub.challenge=1", nil), "method_not_allowed")
	b.forwarded(t, "a signed POST", signed(t, handshaking(t), textSecret, verifier.Message{Body: []byte("{}")}))
}
