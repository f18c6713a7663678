package portal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// A flood of requests, of bytes, of guesses or of inboxes ends at bounds, and does not
// reach what has nothing to do with it (P-17).
func TestPlayFlood(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		clock := newClock()
		b := newBed(t, config{now: clock.now})
		app := b.app("Acme")
		in, other := b.as(ofApp(app.ID)).take(app.ID), b.as(ofApp(app.ID)).take(app.ID)
		got := map[int]int{}
		for range 60 {
			r := in.send("x")
			got[r.status]++
			if r.status == http.StatusTooManyRequests && r.header.Get("Retry-After") == "" {
				t.Error("it is not said when to try again")
			}
		}
		if got[http.StatusTooManyRequests] < 39 || got[http.StatusOK] < 20 { // who comes first is not counted
			t.Errorf("%v", got)
		}
		if r := other.send("x"); r.status != http.StatusOK {
			t.Errorf("another inbox: %d", r.status)
		}
		clock.add(time.Second)
		if r := in.send("x"); r.status != http.StatusOK {
			t.Errorf("a second later: %d", r.status)
		}
	})
	t.Run("ring", func(t *testing.T) {
		clock := newClock()
		b := newBed(t, config{now: clock.now})
		app := b.app("Acme")
		in := b.as(ofApp(app.ID)).take(app.ID)
		for i := range 130 {
			if r := in.send(fmt.Sprintf("request <%03d>", i)); r.status != http.StatusOK {
				t.Fatal(r.status)
			}
			clock.add(time.Second)
		}
		if n := b.rows("play_requests"); n != 100 {
			t.Errorf("%d are kept", n)
		}
		seen, next := "", "?at="
		for range 10 {
			page := b.as(ofApp(app.ID)).page(at(app.ID, "play", in.token) + next)
			seen += page.body
			_, after, ok := strings.Cut(page.body, `rel="next" href="`)
			if !ok {
				break
			}
			next, _, _ = strings.Cut(after, `"`)
		}
		for i := range 130 {
			if shown := strings.Contains(seen, fmt.Sprintf("request &lt;%03d&gt;", i)); shown != (i >= 30) {
				t.Errorf("request %d: shown is %v", i, shown)
			}
		}
	})
	t.Run("bytes", func(t *testing.T) {
		clock := newClock()
		b := newBed(t, config{now: clock.now})
		app := b.app("Acme")
		in := b.as(ofApp(app.ID)).take(app.ID)
		for range 10 {
			if r := in.send(strings.Repeat("x", 1<<20), "X-Large", strings.Repeat("y", 100<<10)); r.status != http.StatusOK {
				t.Fatal(r.status)
			}
			clock.add(time.Second)
		}
		var bytes, largest, n int64
		b.must(b.store.Query(t.Context(), "SELECT SUM(LENGTH(body) + LENGTH(head)), MAX(LENGTH(body) + LENGTH(head)), COUNT(*) FROM play_requests", nil, func(scan func(...any) error) error {
			return scan(&bytes, &largest, &n)
		}))
		if bytes > 1<<20 || largest > (256+20)<<10 || n != 3 {
			t.Errorf("%d bytes are kept of %d requests, %d of one", bytes, n, largest)
		}
		in.endpoint(sender.EndpointIn{})
		endless := &zeros{}
		if w := b.serve(httptest.NewRequest(http.MethodPost, "/play/in/"+in.token, endless)); w.Code != http.StatusOK || endless.read > 3<<20 {
			t.Errorf("a body without end: %d after %d bytes", w.Code, endless.read)
		}
		if page := in.page(); !page.has("that are read, so its signature cannot be checked") {
			t.Error(page.body)
		}
		if page := in.page(); !page.has("first 256 KiB are kept") || !page.has("This is the beginning") || len(page.body) > 200<<10 {
			t.Errorf("a page of %d bytes", len(page.body))
		}
		raw := in.get(at(app.ID, "play", in.token, "10"))
		if len(raw.body) != 256<<10 || raw.header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(raw.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%d bytes, %v", len(raw.body), raw.header)
		}
	})
	t.Run("all inboxes together", func(t *testing.T) {
		b := newBed(t, config{now: newClock().now})
		app := b.app("Acme")
		v := b.as(ofApp(app.ID))
		got := map[int]int{}
		for range 5 {
			in := v.take(app.ID)
			for range 15 {
				got[in.send(strings.Repeat("x", 256<<10)).status]++
			}
		}
		if got[http.StatusOK] > 35 || got[http.StatusOK] < 20 || got[http.StatusTooManyRequests] < 40 {
			t.Errorf("%v", got)
		}
		hook := newReceiver(t)
		b.endpoint(app.ID, sender.EndpointIn{URL: hook.URL})
		b.message(app.ID, "a.b", `{}`)
		b.eventually("deliveries go on", func() bool { return hook.received() == 1 })
	})
	t.Run("guesses", func(t *testing.T) {
		b := newBed(t, config{now: newClock().now})
		app := b.app("Acme")
		v := b.as(ofApp(app.ID))
		known, fresh := v.take(app.ID), v.take(app.ID)
		known.send("x")
		got := map[int]int{}
		for i := range 300 {
			got[b.serve(httptest.NewRequest(http.MethodPost, fmt.Sprintf("/play/in/%026d", i), nil)).Code]++
		}
		if got[http.StatusNotFound] != 99 || got[http.StatusTooManyRequests] != 201 {
			t.Errorf("%v", got)
		}
		if r := known.send("x"); r.status != http.StatusOK {
			t.Errorf("an inbox that is in use: %d", r.status)
		}
		if r := fresh.send("x"); r.status != http.StatusTooManyRequests { // else the answer would tell it from a guess
			t.Errorf("one that is not: %d", r.status)
		}
	})
	t.Run("inboxes", func(t *testing.T) {
		b := newBed(t, config{now: newClock().now})
		app := b.app("Acme")
		v := b.as(ofApp(app.ID))
		for range 10 {
			v.take(app.ID)
		}
		if list := v.page(at(app.ID, "play")); list.has("<button class=\"primary\">") || !list.has("delete one to take another") {
			t.Error(list.body)
		}
		if got := v.post(at(app.ID, "play"), nil); got.status != http.StatusUnprocessableEntity {
			t.Errorf("one more: %d", got.status)
		}
		b.must(b.store.Do(t.Context(), func(tx *store.Tx) error {
			for i := range 990 {
				if _, err := tx.Exec("INSERT INTO play_inboxes (token, app, url, answer, created, expires) VALUES (?, 'app_x', '', 'ok', 0, ?)", fmt.Sprintf("%026d", i), b.sender.Now().Add(time.Hour).UnixMilli()); err != nil {
					return err
				}
			}
			return nil
		}))
		other := b.app("Other")
		if got := b.as(ofApp(other.ID)).post(at(other.ID, "play"), nil); got.status != http.StatusServiceUnavailable || b.rows("play_inboxes") != 1000 {
			t.Errorf("one more than all: %d", got.status)
		}
	})
}

// zeros are a body without end.
type zeros struct{ read int }

func (z *zeros) Read(p []byte) (int, error) {
	z.read += len(p)
	clear(p)
	return len(p), nil
}
