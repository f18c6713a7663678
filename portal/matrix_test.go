package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// who may do what: a row of the matrix. What a session may not see is not there for it, and
// what it may not do is denied; nobody is sent to the login page, or told to sign in.
type who int

const (
	anybody   who = iota
	visitors      // whoever has signed in
	readers       // of the application, read-only ones, too
	consumers     // of the application, who may change things; and so may those above them
	company       // the organisation and operators
	operator      // operators alone
)

// matrix says of each route who it is for.
var matrix = map[string]who{
	"GET /login":          anybody,
	"POST /login":         anybody,
	"POST /portal/logout": visitors,
	"GET /portal":         visitors,
	"GET /portal/{$}":     visitors,
	"GET /portal/apps":    company,

	"GET /portal/app/{app}/endpoints":                            readers,
	"POST /portal/app/{app}/endpoints":                           consumers,
	"GET /portal/app/{app}/endpoints/new":                        consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}":                 readers,
	"GET /portal/app/{app}/endpoints/{endpoint}/edit":            consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/edit":           consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/enable":         consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/disable":        consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/delete":          consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/delete":         consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/secret":          readers,
	"POST /portal/app/{app}/endpoints/{endpoint}/secret":         consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/secret/rotate":  consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/headers":         readers,
	"POST /portal/app/{app}/endpoints/{endpoint}/headers":        consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/headers/remove": consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/test":            readers,
	"POST /portal/app/{app}/endpoints/{endpoint}/test":           consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/recover":         consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/recover":        consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/replay-missing":  consumers,
	"POST /portal/app/{app}/endpoints/{endpoint}/replay-missing": consumers,
	"GET /portal/app/{app}/endpoints/{endpoint}/tasks/{task}":    readers,

	"GET /portal/app/{app}/messages":                          readers,
	"GET /portal/app/{app}/messages/{msg}":                    readers,
	"GET /portal/app/{app}/messages/{msg}/payload":            readers,
	"GET /portal/app/{app}/messages/{msg}/attempts/{attempt}": readers,
	"POST /portal/app/{app}/messages/{msg}/resend":            consumers,
	"GET /portal/app/{app}/events":                            readers,
	"GET /portal/app/{app}/events/{type}":                     readers,
	"GET /portal/app/{app}/activity":                          readers,

	"GET /portal/app/{app}/play":                 readers,
	"POST /portal/app/{app}/play":                consumers,
	"GET /portal/app/{app}/play/{token}":         readers,
	"GET /portal/app/{app}/play/{token}/{n}":     readers,
	"POST /portal/app/{app}/play/{token}/answer": consumers,
	"POST /portal/app/{app}/play/{token}/delete": consumers,

	"GET /portal/gateway":                         operator,
	"GET /portal/gateway/sources/{source}":        operator,
	"GET /portal/gateway/sources/send/{name}/{n}": operator,
	"POST /portal/gateway/pause":                  operator,
	"POST /portal/gateway/resume":                 operator,
	"GET /portal/gateway/recover":                 operator,
	"POST /portal/gateway/recover":                operator,
	"GET /portal/gateway/events/{seq}":            operator,
	"GET /portal/gateway/events/{seq}/payload":    operator,
	"POST /portal/gateway/events/{seq}/retry":     operator,
	"GET /portal/gateway/events/{seq}/erase":      operator,
	"POST /portal/gateway/events/{seq}/erase":     operator,
	"GET /portal/gateway/events/{seq}/forget":     operator,
	"POST /portal/gateway/events/{seq}/forget":    operator,
	"GET /portal/gateway/jobs/{id}":               operator,
	"POST /portal/gateway/jobs/{id}/cancel":       operator,
}

// forms are what the routes are sent that want a form, by the end of their paths.
var forms = map[string]url.Values{
	"/endpoints":      {"url": {"https://example.com/hooks"}, "scheme": {"svix"}},
	"/edit":           {"url": {"https://example.com/hooks"}, "scheme": {"svix"}},
	"/rotate":         {"grace": {"3600"}},
	"/headers":        {"name": {"X-One"}, "value": {"1"}},
	"/remove":         {"name": {"X-One"}},
	"/test":           {"type": {"svix.ping"}, "payload": {"{}"}},
	"/answer":         {"answer": {"500"}},
	"/pause":          {"source": {"billing"}},
	"/resume":         {"source": {"billing"}},
	"/recover":        {"source": {"billing"}, "since": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}},
	"/replay-missing": {"since": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}},
	"/login":          {"key": {"none"}},
}

// TestAccessMatrix asks for every route as everybody: nobody, one whose session has expired,
// of another application, read-only, the application, the organisation and the operator.
func TestAccessMatrix(t *testing.T) {
	g := newGatewayBed(t, config{retry: []time.Duration{time.Millisecond}})
	b := g.bed
	app, other := b.app("Acme"), b.app("Other")
	b.eventType(sender.EventTypeIn{Name: "a.b"})
	readOnly := ofApp(app.ID)
	readOnly.Capabilities = []api.Capability{api.ViewBase}
	type session struct {
		name string
		make func() *visitor
		// allowed is what it may do, and absent what is not there for it. The rest is denied, or
		// to those without a session, leads to the login page.
		allowed, absent []who
	}
	sessions := []session{
		{"none", b.visitor, []who{anybody}, nil},
		{"expired", func() *visitor { return b.ended(ofApp(app.ID)) }, []who{anybody}, nil},
		{"other application", func() *visitor { return b.as(ofApp(other.ID)) }, []who{anybody, visitors}, []who{readers, consumers, company, operator}},
		{"read-only", func() *visitor { return b.as(readOnly) }, []who{anybody, visitors, readers}, []who{company, operator}},
		{"application", func() *visitor { return b.as(ofApp(app.ID)) }, []who{anybody, visitors, readers, consumers}, []who{company, operator}},
		{"organisation", func() *visitor { return b.as(api.Holder{Scope: api.Organisation}) }, []who{anybody, visitors, readers, consumers, company}, []who{operator}},
		{"operator", func() *visitor { return b.as(api.Holder{Scope: api.Operator}) }, []who{anybody, visitors, readers, consumers, company, operator}, nil},
	}
	seen := make(map[string]bool)
	for _, rt := range portal.Routes() {
		name := rt.Method + " " + rt.Path
		seen[name] = true
		row, ok := matrix[name]
		if !ok {
			t.Errorf("%s has no row in the matrix", name)
			continue
		}
		for _, s := range sessions {
			t.Run(name+" "+s.name, func(t *testing.T) {
				b := *b
				b.TB = t
				of := *g
				of.bed = &b
				path := of.fillIn(rt.Path, app.ID)
				v := s.make()
				v.bed = &b
				var got *reply
				if rt.Method == http.MethodGet {
					got = v.get(path)
				} else {
					got = v.post(path, forms[rt.Path[strings.LastIndex(rt.Path, "/"):]])
				}
				unsigned := got.status == http.StatusUnauthorized || got.status == http.StatusSeeOther && strings.HasPrefix(got.to, "/login?next=")
				switch {
				case slices.Contains(s.allowed, row):
					if unsigned && row != anybody || got.status >= 400 && row != anybody {
						t.Errorf("%d %s: it may", got.status, got.to)
					}
				case s.absent == nil:
					if !unsigned {
						t.Errorf("%d %s: nobody has signed in", got.status, got.to)
					}
				case slices.Contains(s.absent, row):
					if got.status != http.StatusNotFound || got.has("example.com") {
						t.Errorf("%d %s: there is no such page for it", got.status, got.to)
					}
				default:
					if got.status != http.StatusForbidden {
						t.Errorf("%d %s: it may not", got.status, got.to)
					}
				}
			})
		}
	}
	for name := range matrix {
		if !seen[name] {
			t.Errorf("%s is no route", name)
		}
	}
}

// fillIn puts things that there are into a path: new ones, since routes change them.
func (b *gatewayBed) fillIn(path, app string) string {
	b.Helper()
	values := map[string]string{"{app}": app, "{$}": "", "{type}": "a.b", "{source}": "billing", "{name}": "orders", "{n}": "0", "gateway/recover": "gateway/recover?source=billing"}
	if strings.Contains(path, "{seq}") {
		values["{seq}"] = strconv.FormatInt(b.dead(fmt.Sprintf("msg_%d", time.Now().UnixNano()), `{"type":"invoice.paid"}`), 10)
	}
	if strings.Contains(path, "{token}") {
		b.must(b.store.Do(b.Context(), func(tx *store.Tx) error { // an application has few at a time
			_, err := tx.Exec("DELETE FROM play_inboxes")
			return err
		}))
		box := b.as(ofApp(app)).take(app)
		box.send("one")
		values["{token}"], values["{n}"] = box.token, "1"
	}
	if strings.Contains(path, "{id}") {
		j, err := b.store.CreateJob(b.Context(), store.Job{Kind: store.Recover, Destination: "source/billing"})
		b.must(err)
		values["{id}"] = j.ID
	}
	if strings.Contains(path, "{endpoint}") || strings.Contains(path, "{msg}") {
		service := newReceiver(b)
		ep := b.endpoint(app, sender.EndpointIn{URL: service.URL})
		values["{endpoint}"] = ep.ID
		if strings.Contains(path, "{msg}") {
			m, err := b.sender.SendTo(b.Context(), app, ep.ID, sender.MessageIn{EventType: "a.b", Payload: []byte(`{}`)})
			b.must(err)
			values["{msg}"] = m.ID
			if strings.Contains(path, "{attempt}") {
				b.eventually("an attempt", func() bool {
					found, err := b.sender.AttemptsByMessage(b.Context(), app, m.ID, sender.AttemptFilter{})
					b.must(err)
					for _, a := range found.Data {
						values["{attempt}"] = a.ID
					}
					return len(found.Data) > 0
				})
			}
			forms["/resend"] = url.Values{"endpoint": {ep.ID}}
		}
		if strings.Contains(path, "{task}") {
			task, err := b.sender.Recover(b.Context(), app, ep.ID, time.Now().Add(-time.Hour), time.Time{})
			b.must(err)
			values["{task}"] = task.ID
		}
	}
	for name, value := range values {
		path = strings.ReplaceAll(path, name, value)
	}
	return path
}

func (b *bed) base() *url.URL {
	u, err := url.Parse(b.url)
	b.must(err)
	return u
}

// ended is somebody whose session was ended, with its cookie.
func (b *bed) ended(h api.Holder) *visitor {
	v := b.as(h)
	cookies := v.client.Jar.Cookies(b.base())
	v.post("/portal/logout", nil)
	late := b.visitor()
	late.client.Jar.SetCookies(b.base(), cookies)
	return late
}
