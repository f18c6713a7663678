package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// demoNoticesLoss runs it with gateways that keep a promise of stored sources only
// by word.
func demoNoticesLoss(t *testing.T, executable string) {
	for _, test := range []struct {
		name    string
		site    func(app string) string
		restart string // what happens before the second start
		steps   []int
		patient bool // all that was accepted arrives
	}{
		{name: "acknowledged, not stored", steps: []int{2, 3, 4}, site: func(app string) string {
			return strings.Replace(demoSite(app), "webhook /hooks/orders* orders {", "handle /hooks/orders* {\nheader Hookgate-Result accepted\nrespond 200\n}\nwebhook /none* orders {", 1)
		}},
		{name: "not stored, passed on", steps: []int{0, 2, 3, 4}, site: func(app string) string {
			before, after, _ := strings.Cut(demoSite(app), "retry")
			_, after, _ = strings.Cut(after, "forward "+app)
			return before + after
		}},
		{name: "store lost in the crash", steps: []int{2, 3, 4}, site: demoSite, restart: "rm -f events.db*"},
		{name: "duplicates delivered", steps: []int{2, 3, 4}, patient: true, site: siteWith(t, "forward", "dedupe off\nforward")},
		{name: "bodies written anew", steps: []int{3}, patient: true, site: func(app string) string {
			return strings.Replace(demoSite(app), "forward "+app, "forward {\nrequest_body {\nset changed\n}\nreverse_proxy "+app+"\n}", 1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			executable := executable
			if test.restart != "" {
				executable, _ = countingScript(t, executable, test.restart)
			}
			var out bytes.Buffer
			d := newTestDemo(executable, test.site, &out)
			d.temp = shortTemp(t)
			if test.patient {
				d.patience = demoPatience
			}
			err := d.run(t.Context())
			wantNothingLeft(t, d.temp)
			wantDiffers(t, d, out.String(), err, nil, nil, test.steps)
		})
	}
	t.Run("no second start", func(t *testing.T) {
		script, _ := countingScript(t, executable, "echo had enough >&2; exit 1")
		temp := emptyTemp(t)
		err := newTestDemo(script, demoSite, io.Discard).run(t.Context())
		for _, want := range []string{demoSteps[1].does, "the gateway ended by itself", "had enough"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, wanted %q", err, want)
			}
		}
		wantNothingLeft(t, temp)
	})
}

// TestDemoArrivals: exactly once, unchanged, and nothing else.
func TestDemoArrivals(t *testing.T) {
	const good = " of 20 events arrive, each once, each as it was sent"
	for _, test := range []struct {
		name   string
		change func(seen []seenRequest) []seenRequest
		want   string
	}{
		{"all", func(seen []seenRequest) []seenRequest { return seen }, "20" + good},
		{"in another order", func(seen []seenRequest) []seenRequest { slices.Reverse(seen); return seen }, "20" + good},
		{"none", func([]seenRequest) []seenRequest { return nil }, "0" + good + "; of order_1 it saw nothing"},
		{"one lost", func(seen []seenRequest) []seenRequest { return seen[:19] }, "19" + good + "; of order_20 it saw nothing"},
		{
			"one twice", func(seen []seenRequest) []seenRequest { return append(seen, seen[4]) },
			"19" + good + "; of order_5 it saw /hooks/orders from orders, id order_5 and /hooks/orders from orders, id order_5",
		},
		{"two swapped", func(seen []seenRequest) []seenRequest {
			seen[1].body, seen[2].body = seen[2].body, seen[1].body
			return seen
		}, "18" + good + "; of order_2 it saw /hooks/orders from orders, id order_2, with another body"},
		{
			"a byte changed", func(seen []seenRequest) []seenRequest { seen[6].body[0] ^= 1; return seen },
			"19" + good + "; of order_7 it saw /hooks/orders from orders, id order_7, with another body",
		},
		{
			"elsewhere", func(seen []seenRequest) []seenRequest { seen[0].path = "/"; return seen },
			"19" + good + "; of order_1 it saw / from orders, id order_1",
		},
		{
			"one invented", func(seen []seenRequest) []seenRequest { return append(seen, seenRequest{id: "order_21"}) },
			"20" + good + "; it saw 1 events that nobody sent",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen []seenRequest
			for i := range demoEvents {
				c := demoEvent(i)
				body, err := c.body()
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, seenRequest{path: c.path, source: "orders", id: c.id, body: body})
			}
			if got, err := arrivals(test.change(seen)); err != nil || got != test.want {
				t.Errorf("%q, %v; wanted %q", got, err, test.want)
			}
		})
	}
}

// TestDemoRepeats: a gateway that says duplicate, and delivers nonetheless, is noticed.
func TestDemoRepeats(t *testing.T) {
	for delivered, saw := range map[int]string{0: sawNothing, 1: "1 requests", demoEvents: "20 requests"} {
		app, sent := newDemoApp(shortTemp(t)), 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Hookgate-Result", "duplicate")
			if sent++; sent <= delivered {
				app.ServeHTTP(w, r)
			}
		}))
		sender, err := newDemoSender(newDemoSecrets())
		if err != nil {
			t.Fatal(err)
		}
		gateway := &demoGateway{end: server.Close, exited: make(chan struct{})}
		close(gateway.exited)
		gateway.client.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(server.URL) }}
		got, err := (&demoOutage{gateway: gateway, app: app, sender: sender}).repeat(t.Context())
		if want := "20 × 200 duplicate; the app sees " + saw; err != nil || got != want {
			t.Errorf("%q, %v; wanted %q", got, err, want)
		}
	}
}

// TestDemoAppStops: nobody listens while it is stopped, and what it saw outlasts
// that.
func TestDemoAppStops(t *testing.T) {
	app := newDemoApp(shortTemp(t))
	post := func() error {
		client := http.Client{Transport: overSocket(app.socket)}
		defer client.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", strings.NewReader("sent"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	for range 2 {
		if err := post(); err == nil {
			t.Error("it answers while it is stopped")
		}
		if err := app.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := post(); err != nil {
			t.Error(err)
		}
		app.stop()
		app.stop()
	}
	if seen := app.await(t.Context(), 2); len(seen) != 2 {
		t.Errorf("it saw %d requests", len(seen))
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if seen := app.await(over, 1); len(seen) != 0 {
		t.Errorf("then it saw %d more", len(seen))
	}
}
