package portal_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// wants checks what a page has, and what it has not: those with ! in front.
func (r *reply) wants(t *testing.T, where string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if unwanted, not := strings.CutPrefix(text, "!"); not == r.has(strings.TrimPrefix(text, "!")) {
			if not {
				t.Errorf("%s has %q\n%s", where, unwanted, r.body)
			} else {
				t.Errorf("%s lacks %q\n%s", where, text, r.body)
			}
		}
	}
}

// The gateway is the operator's. To others, also of the organisation, there is none (P-03).
func TestGatewayIsTheOperators(t *testing.T) {
	g := newGatewayBed(t, config{})
	seq := g.dead("msg_1", `{"type":"invoice.paid"}`)
	app := g.bed.app("Acme")
	others := map[string]*visitor{"application": g.as(ofApp(app.ID)), "organisation": g.as(api.Holder{Scope: api.Organisation})}
	event := eventPage(seq)
	for _, path := range []string{"/portal/gateway", "/portal/gateway/sources/billing", "/portal/gateway/sources/send/orders/0", "/portal/gateway/recover?source=billing", event, event + "/payload", event + "/erase", event + "/forget", "/portal/gateway/jobs/job_1"} {
		for who, v := range others {
			if got := v.get(path); got.status != http.StatusNotFound || !got.has("There is nothing here") || got.has("billing") {
				t.Errorf("%s, %s: %d %s", path, who, got.status, got.body)
			}
		}
		if got := g.visitor().get(path); got.status != http.StatusSeeOther || !strings.HasPrefix(got.to, "/login?") {
			t.Errorf("%s, nobody: %d", path, got.status)
		}
	}
	form := url.Values{"source": {"billing"}}
	for _, path := range []string{"/portal/gateway/pause", "/portal/gateway/resume", "/portal/gateway/recover", event + "/retry", event + "/erase", event + "/forget", "/portal/gateway/jobs/job_1/cancel"} {
		for who, v := range others {
			if got := v.post(path, form); got.status != http.StatusNotFound {
				t.Errorf("%s, %s: %d", path, who, got.status)
			}
		}
		if got := g.visitor().post(path, form); got.status != http.StatusUnauthorized {
			t.Errorf("%s, nobody: %d", path, got.status)
		}
	}
	d, err := g.store.Event(t.Context(), seq)
	jobs, jobsErr := g.store.Jobs(t.Context())
	pauses, pausesErr := g.store.Pauses(t.Context())
	if err != nil || d.State != store.Dead || d.Head == nil || len(jobs) != 0 || len(pauses) != 0 || jobsErr != nil || pausesErr != nil {
		t.Errorf("%v %s, jobs %v, pauses %v", err, d.State, jobs, pauses)
	}
}

// What has come, what waits and what is dead, of each source and target; what is polled is
// the same bytes as long as nothing happens.
func TestGatewayPage(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	if got := v.get("/portal/"); got.status != http.StatusSeeOther || got.to != "/portal/gateway" {
		t.Errorf("the first page: %d %s", got.status, got.to)
	}
	g.send("msg_1", `{"type":"invoice.paid"}`)
	g.send("msg_1", `{"type":"invoice.paid"}`)
	g.send("msg_2", `{"type":"invoice.paid"}`, func(r *http.Request) { r.Header.Set("Svix-Id", "forged") })
	g.dead("msg_3", `{"type":"invoice.paid"}`)
	page := v.page("/portal/gateway")
	page.wants(t, "the gateway", `href="/portal/gateway/sources/billing"`, `href="/portal/gateway/sources/send%2Forders%2F1"`, `href="/portal/apps"`, "data-poll",
		"svix", "github", "accepting", `<td class="num">4</td><td class="num">1</td><td class="num">1</td>`, `<span class="pill bad">1</span>`, "own count, since <time")
	r := v.request(http.MethodGet, "/portal/gateway", nil)
	r.Header.Set("If-None-Match", page.header.Get("ETag"))
	if again := v.do(r); again.status != http.StatusNotModified {
		t.Errorf("nothing has changed: %d", again.status)
	}
	g.store.SetFreeSpace(1 << 62)
	v.page("/portal/gateway").wants(t, "a full store", `role="alert"`, "no space left", "refusing")
}

// A gateway that receives nothing, stores nothing, or is not there says what to do.
func TestGatewayWithout(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	whole := g.operator
	g.operator = &gateway.Operator{Now: time.Now}
	v.page("/portal/gateway").wants(t, "without anything", "No source yet", "Nothing is stored", "verify svix")
	g.operator = &gateway.Operator{Now: time.Now, Sources: whole.Sources[1:]}
	v.page("/portal/gateway").wants(t, "without a store", "direct", "Nothing is stored", "!No source yet")
	v.page("/portal/gateway/sources/direct").wants(t, "a source without a store", "events are passed on at once", "!Pause", "!Recover")
	for path, status := range map[string]int{"/portal/gateway/events/1": 409, "/portal/gateway/jobs/x": 409, "/portal/gateway/recover?source=direct": 409, "/portal/gateway/sources/billing": 404} {
		if got := v.get(path); got.status != status {
			t.Errorf("%s without a store: %d %s", path, got.status, got.body)
		}
	}
	if got := v.post("/portal/gateway/pause", url.Values{"source": {"direct"}}); got.status != http.StatusConflict || !got.has("nothing is stored") {
		t.Errorf("%d %s", got.status, got.body)
	}
	g.operator = nil
	v.page("/portal/gateway").wants(t, "without a gateway", "Nothing is received here")
	for _, path := range []string{"/portal/gateway/sources/billing", "/portal/gateway/events/1", "/portal/gateway/recover?source=billing", "/portal/gateway/jobs/x"} {
		if got := v.get(path); got.status != http.StatusNotFound || !got.has("Nothing is received here") {
			t.Errorf("%s without a gateway: %d", path, got.status)
		}
	}
	for _, path := range []string{"pause", "resume", "recover", "jobs/x/cancel", "events/1/retry", "events/1/erase", "events/1/forget"} {
		if got := v.post("/portal/gateway/"+path, nil); got.status != http.StatusNotFound {
			t.Errorf("%s without a gateway: %d", path, got.status)
		}
	}
}

// A source says why something was refused and what to do about it, when its secrets were of
// use, and lists its events; the list is polled only where that costs nothing.
func TestGatewaySource(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	empty := v.page("/portal/gateway/sources/billing")
	empty.wants(t, "a source without events", "No event yet", "never", "!Why it was refused")
	forge := func(r *http.Request) { r.Header.Set("Svix-Id", "forged") }
	g.send("msg_0", `{}`, forge)
	g.send("msg_0", `{}`, forge)
	g.send("msg_0", `{}`, func(r *http.Request) { r.Header.Del("Svix-Signature") })
	g.operator.Uses.Record("billing", "svix", 0, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	delivered := g.send("msg_done", `{"type":"invoice.paid"}`)
	g.becomes(delivered, store.Delivered)
	g.send("msg_other", `{"type":"user.created"}`)
	g.dead("msg_dead", `{"type":"invoice.dead"}`)
	g.app.says(delivery.Answer{Status: http.StatusInternalServerError})
	pending := g.send("msg_waits", `{"type":"invoice.waits"}`)
	g.eventually("an attempt", func() bool {
		attempts, err := g.store.Attempts(t.Context(), store.DeliveryID{Seq: pending})
		return err == nil && len(attempts) == 1
	})
	const path = "/portal/gateway/sources/billing"
	all := v.page(path)
	all.wants(t, "the source", "data-poll", "<code class=\"whole\">invalid_signature</code></td><td class=\"num\">2</td>", "Compare the secret", "<code class=\"whole\">missing_header</code></td><td class=\"num\">1</td>",
		"2026-11-23 12:00:00", "number 0", "msg_done", "msg_other", "msg_dead", "msg_waits", "due <time", "!"+billingSecret, "!MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	for state, id := range map[string]string{"delivered": "msg_done", "ignored": "msg_other", "dead": "msg_dead", "pending": "msg_waits"} {
		page := v.page(path + "?state=" + state)
		page.wants(t, state, id, "<option selected>"+state, "!data-poll")
		if n := strings.Count(page.body, "/portal/gateway/events/"); n != 1 {
			t.Errorf("%s: %d events", state, n)
		}
	}
	v.page(path+"?id=msg_dead").wants(t, "an id", "invoice.dead", "!msg_waits", "!data-poll")
	v.page(path+"?id="+strconv.FormatInt(delivered, 10)).wants(t, "a number", "msg_done", "!msg_dead")
	v.page(path+"?id=nothing").wants(t, "an unknown id", "No event has this id or number")
	v.page("/portal/gateway/sources/send%2Forders%2F0?id="+strconv.FormatInt(delivered, 10)).wants(t, "the number of another's", "No event has this id or number")
	for _, bad := range []string{"?state=lost", "?before=x", "?before=-1"} {
		if got := v.get(path + bad); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", bad, got.status)
		}
	}
	for _, gone := range []string{"/portal/gateway/sources/nobody", "/portal/gateway/sources/send/orders/9", "/portal/gateway/sources/%3Cscript%3E"} {
		if got := v.get(gone); got.status != http.StatusNotFound || got.has("<script>") {
			t.Errorf("%s: %d", gone, got.status)
		}
	}
}

// The events of a source are paged, each once.
func TestGatewaySourcePages(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	for n := range 120 {
		g.send("msg_"+strconv.Itoa(n), `{"type":"user.created"}`)
	}
	seen, pages, next := map[string]bool{}, 0, "/portal/gateway/sources/billing?state=ignored"
	for next != "" {
		page := v.page(next)
		pages++
		for i, part := range strings.Split(page.body, `href="/portal/gateway/events/`) {
			if i > 0 {
				seq, _, _ := strings.Cut(part, `"`)
				if seen[seq] {
					t.Errorf("%s is there twice", seq)
				}
				seen[seq] = true
			}
		}
		if page.has("Newest") != (pages > 1) {
			t.Errorf("page %d", pages)
		}
		next = ""
		if _, rest, ok := strings.Cut(page.body, `rel="next" href="`); ok {
			next, _, _ = strings.Cut(rest, `"`)
			next = strings.ReplaceAll(next, "&amp;", "&")
		}
	}
	if pages != 3 || len(seen) != 120 {
		t.Errorf("%d events on %d pages", len(seen), pages)
	}
}

// A source that has few events among many of others is not looked for without an end: the
// page says how far it has looked, and leads on.
func TestGatewaySourceOfFew(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	g.send("msg_rare", `{"type":"user.created"}`)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 21 {
				_, err := g.store.Accept(t.Context(), &store.Arrival{Source: "other", Scheme: "svix", Received: time.Now()})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	page := v.page("/portal/gateway/sources/billing")
	page.wants(t, "the first page", "None that recently", "This looked back until <time", "!msg_rare")
	_, next, _ := strings.Cut(page.body, `rel="next" href="`)
	next, _, _ = strings.Cut(next, `"`)
	v.page(next).wants(t, "the next page", "msg_rare", "!None that recently", "!Older")
}

// What each reason of the refusal table means is said.
func TestGatewayReasons(t *testing.T) {
	g := newGatewayBed(t, config{})
	_ = g.billing.Receive(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), nil)
	g.signedIn().page("/portal/gateway/sources/billing").wants(t, "a source that was looked at", "method_not_allowed", "Let monitors ask webhook_health.")
}

// The targets of a producer have slashes in their names, escaped or not, and each its own
// delivery of an event.
func TestGatewayTargets(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	g.targets[1].says(delivery.Answer{Status: http.StatusGone})
	_, _, err := g.orders.Send(context.WithoutCancel(t.Context()), g.engine.Accept, sender.Event{ID: "order-1", Type: "order.paid", Body: []byte(`{"order":1}`)})
	g.must(err)
	g.eventually("a dead letter", func() bool { return g.store.Counts()["send/orders/1"].Dead == 1 })
	const link = `?to=send%2Forders%2F1`
	for _, path := range []string{"/portal/gateway/sources/send%2Forders%2F1", "/portal/gateway/sources/send/orders/1"} {
		v.page(path).wants(t, path, "<h1>send/orders/1</h1>", "order-1", link, "!What has come")
		v.page(path+"?id=order-1").wants(t, path, "order-1", link, `<span class="pill bad">dead`)
	}
	found, err := g.store.Find(t.Context(), "send/orders", "order-1")
	g.must(err)
	event := eventPage(found[0].Seq)
	v.page(event+link).wants(t, "the second", "the destination answered 410", "status 410", `&#34;order&#34;: 1`, "It goes to 2 targets", "!Verified")
	v.page(event).wants(t, "the first", "status 200", "!status 410")
	g.targets[1].says(delivery.Answer{Status: http.StatusOK})
	v.does(event+"/retry"+link, nil).wants(t, "the second", "The next attempt is due now.")
	g.eventually("the second delivery", func() bool { return g.store.Counts()["send/orders/1"] == store.Count{} })
	if g.targets[0].got != 1 || g.targets[1].got != 2 {
		t.Errorf("attempts: %d, %d", g.targets[0].got, g.targets[1].got)
	}
	if got := v.get(event + "?to=send/orders/7"); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
	v.does("/portal/gateway/pause", url.Values{"source": {"send/orders/1"}}).wants(t, "the paused target", "An operator paused it", "<h1>send/orders/1</h1>")
}
