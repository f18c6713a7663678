package portal_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// The way of an event from its arrival to its delivery, with what is stored of it; what may
// be a secret of the provider's is not shown; its body is sent as a file that no browser runs
// (P-08).
func TestGatewayEvent(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	g.app.says(delivery.Answer{Status: http.StatusGone, Response: []byte("response-canary")})
	body := `{"type":"invoice.paid","amount":42}`
	seq := g.send("msg_1", body, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer header-canary")
		r.Header.Set("Cookie", "session=header-canary")
		r.Header.Set("X-Api-Key", "header-canary")
		r.Header.Set("X-Trace", "trace-7")
	})
	g.becomes(seq, store.Dead)
	v.page(eventPage(seq)).wants(t, "a dead letter", "<h1>invoice.paid</h1>", "msg_1", "Arrived", "POST /hooks?tenant=7&amp;token=", "as <strong>svix</strong>, signed <time", "before the sender was answered",
		"Attempt 1", "status 410", "response-canary", "Given up", "the destination answered 410", "&#34;amount&#34;: 42", "Svix-Signature", "trace-7", "X-Api-Key",
		"!header-canary", "!query-canary", "!data-poll", "Retry now")
	raw := v.page(eventPage(seq, "/payload"))
	if raw.body != body || raw.header.Get("Content-Type") != "text/plain; charset=utf-8" || raw.header.Get("X-Content-Type-Options") != "nosniff" ||
		raw.header.Get("Content-Disposition") != `attachment; filename="event-`+strconv.FormatInt(seq, 10)+`.txt"` || !strings.Contains(raw.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%v\n%s", raw.header, raw.body)
	}
	g.app.says(delivery.Answer{Status: http.StatusOK})
	v.does(eventPage(seq, "/retry"), nil).wants(t, "after a retry", "The next attempt is due now.")
	g.becomes(seq, store.Delivered)
	v.page(eventPage(seq)).wants(t, "a delivered one", "Attempt 2", "Deliver again", "Delivered")

	ignored := g.send("msg_2", `{"type":"user.created"}`)
	v.page(eventPage(ignored)).wants(t, "an ignored one", "as ignored", "That of an ignored event is not kept.", "!Retry", "!Download")
	if got := v.post(eventPage(ignored, "/retry"), nil); got.status != http.StatusConflict || !got.has("was ignored") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := v.get(eventPage(ignored, "/payload")); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
	for _, bad := range []string{"0", "x", "-1", "99999999999999999999", "12"} {
		if got := v.get("/portal/gateway/events/" + bad); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", bad, got.status)
		}
	}
}

// An event that waits is polled: its page changes with the next attempt.
func TestGatewayEventThatWaits(t *testing.T) {
	g := newGatewayBed(t, config{})
	g.must(g.operator.Pause(t.Context(), "billing"))
	seq := g.send("msg_1", `{"type":"invoice.paid"}`)
	g.signedIn().page(eventPage(seq)).wants(t, "the event", "data-poll", "Waiting for its first attempt", "!Attempt 1")
}

// A message of an application leads to that application.
func TestGatewayMessage(t *testing.T) {
	g := newGatewayBed(t, config{})
	app := g.bed.app("Acme")
	g.eventType(typeNamed("order.paid"))
	g.message(app.ID, "order.paid", `{"order":1}`)
	page, err := g.operator.Events(t.Context(), store.Filter{Source: app.ID})
	g.must(err)
	g.signedIn().page(eventPage(page.Events[0].Seq)).wants(t, "a message", "/portal/app/"+app.ID+"/messages", "&#34;order&#34;: 1", "!Verified", "!Forget")
}

// A payload is erased, and a key forgotten, after it was said what that means.
func TestGatewayEraseAndForget(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	seq := g.dead("msg_1", `{"type":"invoice.paid","name":"private-canary"}`)
	v.page(eventPage(seq)).wants(t, "before", "private-canary", eventPage(seq, "/erase"), eventPage(seq, "/forget"))
	v.page(eventPage(seq, "/forget")).wants(t, "the question", "Forget the event?", "a second time", `method="post" action="`+eventPage(seq, "/forget")+`"`)
	if again := g.send("msg_1", `{"type":"invoice.paid","name":"private-canary"}`); again != seq {
		t.Fatal("a GET has forgotten it")
	}
	v.does(eventPage(seq, "/forget"), nil).wants(t, "forgotten", "its next copy is a new event")
	if again := g.send("msg_1", `{"type":"invoice.paid","name":"private-canary"}`); again == seq {
		t.Error("it is not forgotten")
	}
	v.page(eventPage(seq, "/erase")).wants(t, "the question", "Erase the payload?", "for good", `method="post" action="`+eventPage(seq, "/erase")+`"`)
	v.page(eventPage(seq)).wants(t, "a GET erases nothing", "private-canary")
	v.does(eventPage(seq, "/erase"), nil).wants(t, "erased", "The payload is erased.", "not kept any more", "!private-canary", "!Download", "!response-canary")
	if got := v.post(eventPage(seq, "/retry"), nil); got.status != http.StatusConflict {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, action := range []string{"/erase", "/forget", "/retry"} {
		if got := v.post(eventPage(1, action), nil); got.status != http.StatusNotFound {
			t.Errorf("%s of no event: %d", action, got.status)
		}
	}
}

// Whatever a provider sends is text on each page (P-07).
func TestGatewayShowsText(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	const evil = `</code></script><script>alert(1)</script>"><img src=x onerror=alert(1)>`
	g.app.says(delivery.Answer{Status: http.StatusGone, Response: []byte(evil), Err: errEvil(evil)})
	body := `{"type":"invoice.<script>alert(1)</script>","x":` + strconv.Quote(evil+"\u2028\u202e") + `}`
	id := "msg_" + strings.ReplaceAll(evil, " ", "/")
	seq := g.send(id, body, func(r *http.Request) {
		r.Header.Set("X-Evil", evil+"\u202e")
		r.URL.RawQuery = "q=" + url.QueryEscape(evil)
		r.RequestURI = r.URL.RequestURI()
	})
	if seq == 0 {
		t.Fatal("it is not stored")
	}
	g.becomes(seq, store.Dead)
	for _, path := range []string{"/portal/gateway", "/portal/gateway/sources/billing", "/portal/gateway/sources/billing?id=" + url.QueryEscape(evil), eventPage(seq), eventPage(seq, "/erase"), eventPage(seq, "/forget"), "/portal/gateway/recover?source=billing"} {
		page := v.page(path)
		page.wants(t, path, "!<script>alert", "!<img src=x", "!\u202e", "!\u2028")
	}
	for _, path := range []string{"/portal/gateway/recover?source=" + url.QueryEscape(evil), "/portal/gateway/recover?source=billing&since=" + url.QueryEscape(evil), "/portal/gateway/jobs/" + url.PathEscape(evil), eventPage(seq) + "?to=" + url.QueryEscape(evil)} {
		got := v.get(path)
		if got.status != http.StatusNotFound && got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, got.status)
		}
		got.wants(t, path, "!<script>alert", "!<img src=x")
	}
}

type errEvil string

func (e errEvil) Error() string { return string(e) }

// A source is paused and resumed, and says so.
func TestGatewayPause(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	form := url.Values{"source": {"billing"}}
	v.page("/portal/gateway/sources/billing").wants(t, "before", "While it is paused nothing reaches the app", "!Resume</button>")
	v.does("/portal/gateway/pause", form).wants(t, "paused", "events are stored, and wait", "An operator paused it", "Resume</button>")
	seq := g.send("msg_1", `{"type":"invoice.paid"}`)
	v.page("/portal/gateway").wants(t, "the gateway", `<span class="pill warn">paused</span>`)
	v.does("/portal/gateway/resume", form).wants(t, "resumed", "It goes on", "!Resume</button>")
	g.becomes(seq, store.Delivered)
	for source, status := range map[string]int{"nobody": 404, "": 404, "direct": 409} {
		if got := v.post("/portal/gateway/pause", url.Values{"source": {source}}); got.status != status {
			t.Errorf("%q: %d %s", source, got.status, got.body)
		}
	}
}

// Dead letters are counted, recovered by a job that is followed, and only those since a time.
func TestGatewayRecover(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	v.page("/portal/gateway/recover?source=billing").wants(t, "without dead letters", "There is nothing to recover", "!Recover all")
	var seqs []int64
	for n := range 3 {
		seqs = append(seqs, g.dead("msg_"+strconv.Itoa(n), `{"type":"invoice.paid"}`))
	}
	const path = "/portal/gateway/recover?source=billing"
	v.page(path).wants(t, "the count", "3 dead letters", "Recover all 3", `name="since" value=""`)
	ago := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	v.page(path+"&since="+ago.Format("2006-01-02T15:04")).wants(t, "an hour ago", "3 dead letters since", "Recover all 3")
	// Where it is two hours later than in UTC, the same hands of the clock are two hours earlier.
	v.page(path+"&zone=-120&since="+ago.Add(2*time.Hour).Format("2006-01-02T15:04")).wants(t, "in another zone", "3 dead letters since", `value="`+ago.Truncate(time.Minute).Format("2006-01-02T15:04:05Z")+`"`)
	for query, says := range map[string]string{
		"&since=" + time.Now().UTC().Add(time.Hour).Format("2006-01-02T15:04"): "in the future",
		"&since=yesterday":                   "cannot be read as a date",
		"&since=2026-11-23T08:30&zone=99999": "cannot be read as a date",
	} {
		if got := v.get(path + query); got.status != http.StatusUnprocessableEntity || !got.has(says) || got.has("Recover all") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	g.app.says(delivery.Answer{Status: http.StatusOK})
	job := v.does("/portal/gateway/recover", url.Values{"source": {"billing"}, "since": {ago.Format(time.RFC3339)}})
	job.wants(t, "the job", "<h1>Recover</h1>", "<progress", `href="/portal/gateway/sources/billing"`)
	for _, seq := range seqs {
		g.becomes(seq, store.Delivered)
	}
	jobs, err := g.operator.Jobs(t.Context())
	g.must(err)
	at := "/portal/gateway/jobs/" + jobs.Jobs[0].ID
	g.eventually("the end of the job", func() bool { return v.page(at).has("All of it is due.") })
	v.page(at).wants(t, "the job at its end", "3 of 3", `<progress max="3" value="3"`, "!data-poll", "!Cancel")
	v.page("/portal/gateway/sources/billing").wants(t, "the source", at, "3 of 3")
	for _, form := range []url.Values{{"source": {"nobody"}}, {}, {"source": {"billing"}, "since": {"x"}}} {
		if got := v.post("/portal/gateway/recover", form); got.status < 400 || got.status > 499 {
			t.Errorf("%v: %d", form, got.status)
		}
	}
	if got := v.get("/portal/gateway/jobs/none"); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
}

// A job that runs is polled, and can be ended.
func TestGatewayCancel(t *testing.T) {
	g := newGatewayBed(t, config{})
	v := g.signedIn()
	g.dead("msg_1", `{"type":"invoice.paid"}`)
	j, err := g.store.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/billing"}) // nobody runs it
	g.must(err)
	at := "/portal/gateway/jobs/" + j.ID
	v.page(at).wants(t, "a job that runs", "data-poll", "0 of 1", `action="`+at+`/cancel"`)
	v.does(at+"/cancel", nil).wants(t, "after that", "The job has ended.", "canceled", "!data-poll", "!Cancel</button>")
	if got := v.post("/portal/gateway/jobs/none/cancel", nil); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
}
