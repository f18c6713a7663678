package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// TestPlaceholders: the next handlers, error routes and response headers see the
// outcome, for refusals as far as it is known.
func TestPlaceholders(t *testing.T) {
	address := freeAddress(t)
	run(t, quiet, "http://"+address+` {
	webhook /hooks* travtus {
		verify svix {env.SVIX}
	}
	header >X-Outcome "{http.webhook.source}|{http.webhook.scheme}|{http.webhook.id}|{http.webhook.event_type}|{http.webhook.timestamp}|{http.webhook.result}"
	respond "{http.webhook.source} {http.webhook.id} {http.webhook.event_type} {http.webhook.result}"
}
`)
	at := time.Now().Truncate(time.Second)
	good := func(at time.Time) *http.Request {
		return signed(t, preset(t, "svix"), svixSecret, "http://"+address+"/hooks", verifier.Message{ID: "msg_1", Timestamp: at, Body: []byte(`{"type":"a.b"}`)})
	}
	if _, _, text := send(t, good(at)); text != "travtus msg_1 a.b accepted" {
		t.Errorf("the next handler saw %q", text)
	}
	forged := good(at)
	forged.Header.Set("svix-id", "msg_2")
	for _, row := range []struct {
		request *http.Request
		want    string
	}{
		{good(at), "travtus|svix|msg_1|a.b|" + at.UTC().Format(time.RFC3339) + "|duplicate"},
		{forged, "travtus|svix||||invalid_signature"},
		{good(at.Add(-time.Hour)), "travtus|svix|msg_1|a.b|" + at.Add(-time.Hour).UTC().Format(time.RFC3339) + "|stale_timestamp"},
	} {
		if _, header, _ := send(t, row.request); header.Get("X-Outcome") != row.want {
			t.Errorf("outcome %q, wanted %q", header.Get("X-Outcome"), row.want)
		}
	}
}

// TestAccessLog: the line of a request says what became of it, also when the app
// failed after it was accepted.
func TestAccessLog(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	app.answer = func(*http.Request) int { return http.StatusBadGateway }
	log := filepath.Join(t.TempDir(), "access")
	run(t, quiet, source(address, app.address(), "log {\noutput file "+log+"\n}"))
	send(t, svix(t, "http://"+address+"/hooks", "msg_1"))
	var line struct {
		Webhook map[string]string `json:"webhook"`
		Status  int               `json:"status"`
	}
	eventually(t, func() bool {
		data, _ := os.ReadFile(log)
		return json.Unmarshal(data, &line) == nil
	}, "no access log line")
	if line.Status != http.StatusBadGateway || line.Webhook["result"] != "failed" || line.Webhook["id"] != "msg_1" || line.Webhook["source"] != "travtus" {
		t.Errorf("the line says %+v", line)
	}
}

// TestMetricsAfterReload: counters go on, nothing is registered twice and nothing
// goes blank; labels come from the configuration alone. (R-04, L-12)
func TestMetricsAfterReload(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	sites := func(n int) string {
		return source(address, app.address(), fmt.Sprintf("metrics /metrics\nheader X-N %d", n))
	}
	run(t, quiet, sites(0))
	scrape := func() map[string]string {
		response, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		series := map[string]string{}
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "caddy_webhooks_") {
				series[name] = value
			}
		}
		return series
	}
	const accepted = `caddy_webhooks_requests_total{result="accepted",scheme="svix",source="travtus"}`
	before := scrape()[accepted]
	send(t, svix(t, "http://"+address+"/hooks", "msg_metrics_1"))
	if err := load(t, quiet, sites(1)); err != nil {
		t.Fatal(err)
	}
	send(t, svix(t, "http://"+address+"/hooks", "msg_metrics_2"))
	after := scrape()
	var a, b int
	_, _ = fmt.Sscan(before, &a)
	if _, err := fmt.Sscan(after[accepted], &b); err != nil || b != a+2 {
		t.Errorf("accepted went from %q to %q over two events and a reload", before, after[accepted])
	}
	if after[`caddy_webhooks_dedupe_entries{source="travtus"}`] != "2" {
		t.Errorf("entries: %v", after)
	}
	series := len(after)
	for i := range 200 {
		request := svix(t, fmt.Sprintf("http://%s/hooks/%d", address, i), fmt.Sprintf("msg_%d", i))
		request.Header.Set("Svix-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		request.Host = fmt.Sprintf("host-%d.example", i)
		sendRaw(t, address, fmt.Sprintf("POST /hooks/%d HTTP/1.1\r\nHost: %s\r\nSvix-Id: msg_%d\r\nSvix-Timestamp: 1614265330\r\nSvix-Signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", i, address, i))
	}
	if got := len(scrape()); got > series+1 { // one more: invalid_signature
		t.Errorf("200 forged requests made %d series out of %d", got, series)
	}
}

// TestHealth: 200 while the gateway can accept, 503 with the reason while it
// cannot, and never a word about the app behind it.
func TestHealth(t *testing.T) {
	address := freeAddress(t)
	run(t, quiet, source(address, "127.0.0.1:1", "webhook_health /healthz"))
	status, header, text := send(t, must(http.NewRequest(http.MethodGet, "http://"+address+"/healthz", nil)))
	if status != http.StatusOK || text != `{"status":"ok"}` || header.Get("Content-Type") != "application/json" {
		t.Errorf("status %d, %q", status, text)
	}
	if err := load(t, quiet+"webhooks {\nbody_memory 1KiB\n}\n", source(address, "127.0.0.1:1", "webhook_health /healthz")); err != nil {
		t.Fatal(err)
	}
	status, _, text = send(t, must(http.NewRequest(http.MethodGet, "http://"+address+"/healthz", nil)))
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "unverified bodies hold all of body_memory") {
		t.Errorf("status %d, %q", status, text)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
