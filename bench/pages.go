package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/hookgate/hookgate/store/sqlite"
)

const (
	// fewMessages is how many messages there are in the store beside the large one.
	fewMessages = 1_000
	// filledApps and filledTypes are how many applications and event types there are.
	filledApps, filledTypes = 120, 120
	// oddType is the event type of odd messages.
	oddType = "order.refunded"
)

// library is a gateway with many messages of one application, whose pages are timed.
type library struct {
	*tenants
	n       int
	session *http.Cookie
	pages   []listedPage
	// cold are the times of the first look at each page after a start, and warm those of
	// others, in milliseconds.
	cold, warm map[string][]float64
	// counted is how many looks were needed to count all that charts show.
	counted int
}

// listedPage is a page of the portal.
type listedPage struct {
	name, path string
	// filtered says that it shows, or looks at, as much as there is up to a bound, which is
	// less where there are few messages.
	filtered bool
}

// lists times the pages of a gateway with n messages, and of one with few.
func (s *stage) lists(ctx context.Context, out io.Writer, l load, n, looks int) ([]goal, error) {
	sink, err := newSink(10, -1)
	if err != nil {
		return nil, err
	}
	defer sink.close()
	var both []*library
	for slice, n := range []int{fewMessages, n} {
		began := time.Now()
		b, err := s.library(ctx, l, sink, slice, n)
		if err != nil {
			return nil, err
		}
		both = append(both, b)
		fmt.Fprintf(out, "\n%d messages put into a store in %.1f s", n, time.Since(began).Seconds())
	}
	for look := range looks {
		for _, b := range both {
			if err := s.restart(ctx, b); err != nil {
				return nil, err
			}
			// Each page is the first one now and then.
			order := slices.Concat(b.pages[look%len(b.pages):], b.pages[:look%len(b.pages)])
			for i, times := range []map[string][]float64{b.cold, b.warm} {
				if i > 0 {
					if err := b.count(ctx); err != nil {
						return nil, err
					}
				}
				for _, p := range order {
					took, err := b.look(ctx, p)
					if err != nil {
						return nil, err
					}
					times[p.name] = append(times[p.name], took)
				}
			}
		}
	}
	few, many := both[0], both[1]
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "\n\n%d looks at each page, ms\twarm p50\tworst\tafter a start p50\tworst\twith %d warm p50\tafter a start p50\n", looks, few.n)
	for _, p := range many.pages {
		cold, warm := many.cold[p.name], many.warm[p.name]
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", p.name,
			median(warm), slices.Max(warm), median(cold), slices.Max(cold), median(few.warm[p.name]), median(few.cold[p.name]))
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\nafter a start %.0f more looks have counted all that %d endpoints were sent in a day\n", float64(many.counted)/float64(looks), len(sink.urls))
	return many.goals(few), nil
}

// goals are about the slowest page.
func (b *library) goals(few *library) []goal {
	slowest := func(times map[string][]float64, of func([]float64) float64) (name string, worst float64) {
		for _, p := range b.pages {
			if took := of(times[p.name]); took > worst {
				name, worst = p.name, took
			}
		}
		return name, worst
	}
	most := func(times []float64) float64 { return slices.Max(times) }
	warmest, warm := slowest(b.warm, most)
	coldest, cold := slowest(b.cold, most)
	farthest, times := "", 0.0
	for _, p := range b.pages {
		if ratio := median(b.warm[p.name]) / median(few.warm[p.name]); !p.filtered && ratio > times {
			farthest, times = p.name, ratio
		}
	}
	return []goal{
		{name: fmt.Sprintf("worst ms of a page with %d messages (%s)", b.n, warmest), values: []float64{warm}, bound: atMost, limit: 100},
		{name: fmt.Sprintf("the same after a start (%s)", coldest), values: []float64{cold}, bound: atMost, limit: 100},
		{name: fmt.Sprintf("%d/%d messages, p50 of a page without a filter (%s)", b.n, few.n, farthest), values: []float64{times}, bound: atMost, limit: 3},
	}
}

// library makes a store with n messages, and stops the gateway that has made the first.
func (s *stage) library(ctx context.Context, l load, sink *sink, slice, n int) (b *library, err error) {
	b = &library{n: n, cold: make(map[string][]float64), warm: make(map[string][]float64)}
	gate, err := s.serve(ctx, fmt.Sprintf("messages-%d", n), site{connections: l.connections, stored: true, key: newKey()})
	if err != nil {
		return nil, err
	}
	if b.tenants, err = newTenants(ctx, s.binary, gate, append([][]string{sink.urls}, make([][]string, filledApps-1)...)); err != nil {
		return nil, err
	}
	for i := range filledTypes {
		if _, err := b.create(ctx, "/event-type", map[string]any{"name": fmt.Sprintf("order.kind%03d", i), "description": "One of many."}); err != nil {
			return nil, err
		}
	}
	like, err := markMessage(s.body, 0, 0)
	if err != nil {
		return nil, err
	}
	// What is copied was delivered.
	all := sink.expect(slice, 2, 2*len(sink.urls))
	for i, message := range []map[string]any{
		{"eventType": "order.paid", "tags": []string{"shop"}},
		{"eventType": oddType, "tags": []string{"vip"}},
	} {
		message["payload"] = json.RawMessage(remark(like, slice, i))
		body, err := json.Marshal(message)
		if err != nil {
			return nil, err
		}
		if _, err := b.post(ctx, b.url+"/api/v1/app/"+b.ids[0]+"/msg", body, http.StatusAccepted); err != nil {
			return nil, err
		}
	}
	if err := arrive(ctx, all, patience); err != nil {
		return nil, errors.Join(err, sink.check())
	}
	if err := b.rest(ctx); err != nil {
		return nil, err
	}
	b.close()
	file := storeFile(b.dir)
	c := copies{n: n, until: b.began}
	if c.common, c.odd, err = templates(ctx, file); err != nil {
		return nil, err
	}
	if err := c.fill(ctx, file); err != nil {
		return nil, err
	}
	if err := s.restart(ctx, b); err != nil {
		return nil, err
	}
	return b, b.list(ctx)
}

// templates are the messages that are in a store, the common one and the odd one.
func templates(ctx context.Context, file string) (common, odd int64, err error) {
	r, err := sqlite.OpenReadOnly(ctx, file)
	if err != nil {
		return 0, 0, err
	}
	err = r.Query(ctx, "SELECT MIN(seq), MAX(seq) FROM events", nil, func(scan func(...any) error) error { return scan(&common, &odd) })
	return common, odd, errors.Join(err, r.Close())
}

// restart starts the gateway of a library anew.
func (s *stage) restart(ctx context.Context, b *library) (err error) {
	b.close()
	if b.server, err = s.serve(ctx, b.name, b.site); err != nil {
		return err
	}
	return b.rest(ctx)
}

// counting is what a page says while its chart is not whole, and most how often it may.
const (
	counting = "not all are counted yet"
	most     = 2_000
)

// count looks at the page that adds up all endpoints until everything is counted.
func (b *library) count(ctx context.Context) error {
	for range most {
		page, err := b.visit(ctx, b.session, "/portal/app/"+b.ids[0]+"/activity")
		if err != nil || !bytes.Contains(page, []byte(counting)) {
			return err
		}
		b.counted++
	}
	return fmt.Errorf("%s: after %d looks the activity is not counted", b.name, most)
}

// look opens a page, and returns how long that took in milliseconds.
func (b *library) look(ctx context.Context, p listedPage) (float64, error) {
	v := viewer{client: b.client, session: b.session, url: b.url + p.path}
	began := time.Now()
	_, _, err := v.get(ctx, "")
	return milliseconds(time.Since(began)), err
}

// list names the pages.
func (b *library) list(ctx context.Context) (err error) {
	if b.session, err = b.signIn(ctx, b.token); err != nil {
		return err
	}
	api, app := "/api/v1/app/"+b.ids[0], "/portal/app/"+b.ids[0]
	endpoints, err := b.ask(ctx, api+"/endpoint?order=ascending")
	if err != nil {
		return err
	}
	// The first endpoint is the busiest, and at the second everything fails.
	busiest, err := fieldOf(endpoints, "data", 0, "id")
	if err != nil {
		return err
	}
	failing, err := fieldOf(endpoints, "data", 1, "id")
	if err != nil {
		return err
	}
	middle := b.began.Add(-filledOver / 2).UTC()
	day := func(at time.Time) string { return at.Format("2006-01-02T15:04") }
	attempts, err := b.ask(ctx, api+"/attempt/endpoint/"+busiest+"?"+url.Values{"limit": {"1"}, "before": {middle.Format(time.RFC3339)}}.Encode())
	if err != nil {
		return err
	}
	attempt, err := fieldOf(attempts, "data", 0, "id")
	if err != nil {
		return err
	}
	message, err := fieldOf(attempts, "data", 0, "msgId")
	if err != nil {
		return err
	}
	within := "?" + url.Values{"after": {day(middle.Add(-time.Hour))}, "before": {day(middle)}}.Encode()
	at, messages := app+"/endpoints/"+busiest, app+"/messages"
	b.pages = []listedPage{
		{"endpoints", app + "/endpoints", false},
		{"endpoint", at, false},
		{"endpoint, middle", at + "?at=" + attempt, false},
		{"endpoint, succeeded", at + "?status=success", false},
		{"endpoint, failed", at + "?status=fail", true},
		{"endpoint, of a rare type", at + "?type=" + oddType, true},
		{"endpoint, an hour", at + within, true},
		{"endpoint, an hour, of a rare type", at + within + "&type=" + oddType, true},
		{"endpoint that fails", app + "/endpoints/" + failing, false},
		{"messages", messages, false},
		{"messages, middle", messages + "?at=" + message, false},
		{"messages, of a rare type", messages + "?type=" + oddType, true},
		{"messages, with a rare tag", messages + "?tag=vip", true},
		{"messages, an hour", messages + within, true},
		{"message", messages + "/" + message, false},
		{"attempt", messages + "/" + message + "/attempts/" + attempt, false},
		{"activity", app + "/activity", false},
		{"events", app + "/events", false},
		{"event", app + "/events/order.kind001", false},
		{"recover", at + "/recover?since=14d", true},
		{"recover, of an endpoint that fails", app + "/endpoints/" + failing + "/recover?since=14d", true},
		{"applications", "/portal/apps", false},
	}
	return nil
}
