package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// The page adds up what happened at all endpoints, and names those that fail most.
func TestActivity(t *testing.T) {
	var later atomic.Int64
	b := newBed(t, config{retry: []time.Duration{time.Hour}, now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	app, other := b.app("Acme"), b.app("Other")
	v := b.as(ofApp(app.ID))
	path := at(app.ID, "activity")
	if got := v.page(path); !got.has("No endpoint yet") || !got.has("Messages of the last 24 hours: 0 messages") || !got.has("data-poll") {
		t.Error(got.body)
	}
	good, bad, worse := newReceiver(t), newReceiver(t), newReceiver(t)
	worse.says(http.StatusInternalServerError)
	b.endpoint(app.ID, sender.EndpointIn{URL: good.URL + "/good"})
	half := b.endpoint(app.ID, sender.EndpointIn{URL: bad.URL + "/half"})
	b.eventually("none counted", func() bool { return v.page(path).has("There was no attempt") })
	b.endpoint(other.ID, sender.EndpointIn{URL: worse.URL + "/foreign"})
	foreign := b.message(other.ID, "invoice.paid", `{}`)
	b.attempts(&foreign, 1)
	m := b.message(app.ID, "invoice.paid", `{}`)
	b.attempts(&m, 2)
	later.Add(int64(5 * time.Second)) // what is counted is good enough for a while
	b.eventually("all that succeeded", func() bool { return v.page(path).has("Every attempt has succeeded") })
	b.endpoint(app.ID, sender.EndpointIn{URL: worse.URL + "/worst"})
	bad.says(http.StatusInternalServerError)
	m = b.message(app.ID, "invoice.paid", `{}`)
	b.attempts(&m, 3)
	later.Add(int64(5 * time.Second))
	var got *reply
	b.eventually("all that failed", func() bool { // a slow machine counts in several looks
		got = v.page(path)
		return got.has("<strong>2</strong> attempts failed") && got.has("<strong>3</strong> attempts succeeded")
	})
	for _, want := range []string{
		"<strong>2</strong> messages", "<strong>2</strong> attempts failed", "<strong>3</strong> attempts succeeded", "<strong>2</strong> waiting now", ">40.0 %<",
		"Messages of the last 24 hours: 2 messages; the most in an hour: ", "Attempts of the last 24 hours: 2 failed, 3 succeeded",
		at(app.ID, "endpoints", half.ID), ">100.0 %<", ">50.0 %<",
	} {
		if !got.has(want) {
			t.Errorf("%q is missing in\n%s", want, got.body)
		}
	}
	if strings.Index(got.body, "/worst") > strings.Index(got.body, "/half") || got.has("/good") || got.has("/foreign") {
		t.Errorf("the worst are not the first:\n%s", got.body)
	}
}

// So many endpoints are added up, and the page says so; so many are named.
func TestActivityOfMany(t *testing.T) {
	b := newBed(t, config{retry: []time.Duration{time.Hour}})
	app := b.app("Acme")
	r := newReceiver(t)
	r.says(http.StatusInternalServerError)
	for i := range 101 {
		b.endpoint(app.ID, sender.EndpointIn{URL: fmt.Sprintf("%s/%d", r.URL, i)})
	}
	m := b.message(app.ID, "invoice.paid", `{}`)
	b.eventually("all attempts", func() bool {
		found, err := b.sender.AttemptsByMessage(t.Context(), app.ID, m.ID, sender.AttemptFilter{Page: sender.Page{Limit: 250}})
		b.must(err)
		return len(found.Data) == 101
	})
	v := b.as(ofApp(app.ID))
	got := v.page(at(app.ID, "activity"))
	for got.has("not all are counted yet") { // so much takes a slow machine several looks
		got = v.page(at(app.ID, "activity"))
	}
	if !got.has("There are more than 100 endpoints") || !got.has("<strong>100</strong> attempts failed") || strings.Count(got.body, ">100.0 %<") != 11 {
		t.Error(got.body)
	}
}
