package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// settled returns the attempts at a message, the first one first, once there are so many and no
// more are to come.
func (b *bed) settled(m sender.Message, n int) (all []sender.Attempt) {
	b.Helper()
	b.eventually("the attempts are made", func() bool {
		l, err := b.sender.AttemptsByMessage(b.Context(), m.AppID, m.ID, sender.AttemptFilter{WithContent: true})
		b.must(err)
		to, err := b.sender.AttemptedDestinations(b.Context(), m.AppID, m.ID, sender.Page{})
		b.must(err)
		all = l.Data
		return len(all) >= n && !slices.ContainsFunc(to.Data, func(e sender.MessageEndpoint) bool {
			return e.Status == sender.StatusPending || e.Status == sender.StatusSending
		})
	})
	slices.Reverse(all)
	if len(all) != n {
		b.Fatalf("%d attempts, not %d", len(all), n)
	}
	return all
}

// A delivery to an inbox is handed over in the process, where no address is open to
// endpoints but public ones, and the exchange is as over a connection; each answer does to
// the delivery what it would do from elsewhere.
func TestPlayDeliveries(t *testing.T) {
	for name, tt := range map[string]struct {
		answer   string
		statuses []int
		body     string
		class    sender.Class
		disabled string
	}{
		"200":             {"ok", []int{200}, "Received.\n", "", ""},
		"500":             {"500", []int{500, 500, 500}, "Received. This temporary URL was told to answer 500.\n", "", ""},
		"410":             {"410", []int{410}, "Received. This temporary URL was told to answer 410.\n", "", sender.DisabledGone},
		"slow":            {"slow", []int{0, 0, 0}, "", sender.ClassTimeout, ""},
		"twice, then 200": {"twice", []int{500, 500, 200}, "Received.\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := config{guarded: true}
			if tt.class == sender.ClassTimeout {
				c.timeout = time.Second
			}
			b := newBed(t, c)
			app := b.app("Acme")
			in := b.as(ofApp(app.ID)).take(app.ID)
			ep := in.endpoint(sender.EndpointIn{Headers: map[string]string{"x-own": "mine"}})
			in.answers(tt.answer)
			all := b.settled(b.message(app.ID, "a.b", `{"hello":"there"}`), len(tt.statuses))
			for i, a := range all {
				if a.StatusCode != tt.statuses[i] {
					t.Errorf("attempt %d: %d, %s", i+1, a.StatusCode, a.Error)
				}
			}
			x := all[len(all)-1].Exchange
			if x == nil || x.Class != tt.class || string(x.Body) != tt.body || x.Withheld || x.URL != in.url || x.Sent.Get("Svix-Id") == "" {
				t.Fatalf("%+v", x)
			}
			if x.Class == "" && (x.Protocol != "HTTP/1.1" || x.Header.Get("Content-Type") != "text/plain; charset=utf-8" || x.Header.Get("Date") == "" || x.Header.Get("Content-Length") == "") {
				t.Errorf("%+v", x)
			}
			if x.Class == sender.ClassTimeout && (x.Reason != "there was no response in time" || x.Took < 500*time.Millisecond || x.Took > 10*time.Second) {
				t.Errorf("%s after %s", x.Reason, x.Took)
			}
			page := in.page()
			if n := strings.Count(page.body, "signature verifies</span>"); n != len(tt.statuses) || !page.has("<dt>X-Own</dt><dd><code>mine</code></dd>") || !page.has("<span>POST</span>") {
				t.Errorf("%d requests: %s", n, page.body)
			}
			b.eventually("the endpoint is as it should be", func() bool {
				ep, err := b.sender.Endpoint(t.Context(), app.ID, ep.ID)
				b.must(err)
				return ep.DisabledReason == tt.disabled
			})
		})
	}
}

// Each event has its own two failures.
func TestPlayTwice(t *testing.T) {
	b := newBed(t, config{guarded: true})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	in.endpoint(sender.EndpointIn{Scheme: sender.SchemeTravelbase})
	in.answers("twice")
	for range 3 {
		all := b.settled(b.message(app.ID, "a.b", `{}`), 3)
		if all[1].StatusCode != http.StatusInternalServerError || all[2].StatusCode != http.StatusOK {
			t.Errorf("%d, then %d", all[1].StatusCode, all[2].StatusCode)
		}
	}
}

// spellings are URLs that are not the inbox's, though they look like it or lead there.
func spellings(in *box) []string {
	host := strings.TrimPrefix(in.bed.url, "http://")
	_, port, _ := strings.Cut(host, ":")
	path := "/play/in/" + in.token
	return []string{
		in.url + "/", in.url + "?", in.url + "?a=b", in.url + "#a", in.url + "a", in.url[:len(in.url)-1], in.url + "/../" + in.token, in.url + "%00", in.url + " ", " " + in.url,
		"HTTP://" + host + path, "http://LOCALHOST:" + port + path, "http://localhost.:" + port + path, "http://127.0.0.1:" + port + path, "http://[::1]:" + port + path,
		"http://localhost" + path, "http://localhost:80" + path, "http://localhost:0" + port + path, "http://user@" + host + path, "http://user:password@" + host + path, "http://@" + host + path,
		"https://" + host + path, "https://user@" + host + path, "http://" + host + "/portal/" + path, "http://" + host + "/play/in/" + strings.ToUpper(in.token), "http://" + host + "//play/in/" + in.token,
		"http://" + host + "/play/in/%" + "61" + in.token[1:], "http://" + host + "/play/./in/" + in.token, "http://" + host + "/play/in/" + strings.Repeat("a", 26), "http://" + host + "/portal/",
		"http://169.254.169.254" + path, "http://evil.example" + path, "http://169.254.169.254/#" + in.url, "http://169.254.169.254/?" + in.url, "http://169.254.169.254\\@" + host + path, `http://` + host + `\` + path,
	}
}

// Only the URL that an inbox was given is saved, and delivered to, where the guard lets
// nothing else pass, and only while there is the inbox.
func TestPlayGuard(t *testing.T) {
	b := newBed(t, config{guarded: true, retry: []time.Duration{time.Millisecond}})
	app := b.app("Acme")
	in := b.as(ofApp(app.ID)).take(app.ID)
	save := func(url string) error {
		return b.store.Do(t.Context(), func(tx *store.Tx) error {
			_, err := b.sender.CreateEndpoint(tx, app.ID, sender.EndpointIn{URL: url, EventTypes: []string{"none"}})
			return err
		})
	}
	b.eventType(sender.EventTypeIn{Name: "none"})
	if err := save(in.url); err != nil {
		t.Fatal(err)
	}
	var invalid *sender.InvalidError
	for _, url := range spellings(in) {
		if strings.HasPrefix(url, "https://") && !strings.Contains(url, "@") {
			url = strings.Replace(url, "localhost", "127.0.0.1", 1)
		}
		if err := save(url); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	// Whatever the store says that an endpoint has for a URL. Each has a type of its own, as
	// one that fails is left alone for a while.
	deliver := func(i int, url string, attempts int) *sender.Exchange {
		t.Helper()
		kind := fmt.Sprintf("type.%d", i)
		b.eventType(sender.EventTypeIn{Name: kind})
		ep := b.endpoint(app.ID, sender.EndpointIn{URL: "https://example.com/", EventTypes: []string{kind}})
		change(b, func(tx *store.Tx) (int64, error) {
			return tx.Exec("UPDATE sender_endpoints SET url = ? WHERE id = ?", url, ep.ID)
		})
		return b.settled(b.message(app.ID, kind, `{}`), attempts)[0].Exchange
	}
	all := spellings(in)
	for i, url := range all {
		if x := deliver(i, url, 2); x == nil || x.Class != sender.ClassURL && x.Class != sender.ClassBlocked {
			t.Errorf("%q: %+v", url, x)
		}
	}
	if n := b.rows("play_requests"); n != 0 {
		t.Errorf("%d requests have passed the guard", n)
	}
	if x := deliver(len(all), in.url, 1); x.Status != http.StatusOK {
		t.Errorf("the URL itself: %+v", x)
	}
	in.post(at(app.ID, "play", in.token, "delete"), nil)
	if x := deliver(len(all)+1, in.url, 2); x.Class != sender.ClassURL {
		t.Errorf("the URL of a deleted inbox: %+v", x)
	}
	if err := save(in.url); !errors.As(err, &invalid) {
		t.Errorf("saving the URL of a deleted inbox: %v", err)
	}
}
