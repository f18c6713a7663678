package caddymodule_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/verifier"
)

// TestModules: each is registered under its name, made anew as a pointer, and
// refuses a field that it does not have: a typing error must not switch off a
// protection.
func TestModules(t *testing.T) {
	for _, id := range []string{"webhooks", "http.handlers.webhook", "http.handlers.webhook_guard", "http.handlers.webhook_health"} {
		info, err := caddy.GetModule(id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if a, b := reflect.ValueOf(info.New()), reflect.ValueOf(info.New()); a.Kind() != reflect.Pointer || a.Type().Elem().Size() > 0 && a.Pointer() == b.Pointer() {
			t.Errorf("%s: New does not return a pointer to a module of its own", id)
		}
	}
	for what, config := range map[string]string{
		"app":     `{"apps":{"webhooks":{"body_memroy":1}}}`,
		"scheme":  `{"apps":{"webhooks":{"schemes":[{"name":"x","singed":"{body}"}]}}}`,
		"handler": `{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"webhook","source":"a","verify":[{"scheme":"svix","secrets":["{env.SVIX}"]}],"max_bdoy":1}]}]}}}}}`,
		"verify":  `{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"webhook","source":"a","verify":[{"scheme":"svix","secrets":["{env.SVIX}"],"pst":"5m"}]}]}]}}}}}`,
		"guard":   `{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"webhook_guard","off":true}]}]}}}}}`,
	} {
		var cfg caddy.Config
		if err := json.Unmarshal([]byte(config), &cfg); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&cfg); err == nil || !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("%s with a misspelt field: %v", what, err)
		}
	}
}

// TestErrorsOfNextHandlers reach the site's handle_errors as they were, with the
// outcome in the placeholders, and release the event; a refusal keeps its own body
// and is none of theirs. (caddy-style 1.12)
func TestErrorsOfNextHandlers(t *testing.T) {
	address := freeAddress(t)
	run(t, quiet, "http://"+address+` {
	webhook /hooks* travtus {
		verify svix {env.SVIX}
	}
	error "no kettle" 418
	handle_errors {
		respond "{http.error.status_code} {http.error.message} {http.webhook.id} {http.webhook.result}" 418
	}
}
`)
	for range 2 { // not a duplicate: nobody took it
		if status, _, text := send(t, svix(t, "http://"+address+"/hooks", "msg_1")); status != http.StatusTeapot || text != "418 no kettle msg_1 failed" {
			t.Errorf("status %d, %q", status, text)
		}
	}
	forged := svix(t, "http://"+address+"/hooks", "msg_2")
	forged.Header.Set("Svix-Id", "msg_3")
	if status, _, text := send(t, forged); status != http.StatusUnauthorized || !strings.Contains(text, `"type":"invalid_signature"`) {
		t.Errorf("a refusal: status %d, %q", status, text)
	}
}

// TestBodyLimitOfTheSite: a limit of the site that a body without a declared length
// meets while we read it is a refusal like our own.
func TestBodyLimitOfTheSite(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet, source(address, app.address(), "request_body {\nmax_size 10B\n}"))
	chunked := svix(t, "http://"+address+"/hooks", "msg_1")
	chunked.ContentLength = -1
	if status, _, text := send(t, chunked); status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "payload_too_large") {
		t.Errorf("status %d, %q", status, text)
	}
	if n := len(app.take()); n != 0 {
		t.Errorf("the app was called %d times", n)
	}
}

// TestTraceShowsNoSecret: Caddy's trace mode logs whole modules, and debug logs
// whole requests.
func TestTraceShowsNoSecret(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	log := filepath.Join(t.TempDir(), "log")
	run(t, "debug\nservers {\ntrace\n}\nlog {\noutput file "+log+"\nlevel DEBUG\n}\n", source(address, app.address(), ""))
	send(t, svix(t, "http://"+address+"/hooks", "msg_1"))
	var text []byte
	eventually(t, func() bool {
		text, _ = os.ReadFile(log)
		return bytes.Contains(text, []byte(`"module"`))
	}, "no trace of the modules")
	if bytes.Contains(text, []byte("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")) {
		t.Error("the log holds the secret")
	}
}

// TestAnswersAreStreamed: what the app flushes arrives before its answer has ended;
// a writer that hid [http.Flusher] would hold it back.
func TestAnswersAreStreamed(t *testing.T) {
	more := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("first\n"))
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = w.Write([]byte("second\n"))
	}))
	t.Cleanup(app.Close)
	address := freeAddress(t)
	run(t, quiet, source(address, app.Listener.Addr().String(), ""))
	response, err := http.DefaultTransport.RoundTrip(svix(t, "http://"+address+"/hooks", "msg_1"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for _, want := range []string{"first", "second"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q arrived, wanted %q", lines.Text(), want)
		}
		if want == "first" {
			close(more)
		}
	}
}

// TestHTTP2: the same over HTTP/2, where a body has no length and a connection many
// requests.
func TestHTTP2(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	run(t, quiet+"servers {\nprotocols h1 h2c\n}\n", source(address, app.address(), ""))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	t.Cleanup(client.CloseIdleConnections)
	for id, want := range map[string]string{"msg_1": "", "msg_2": ""} {
		for _, want := range []string{want, "duplicate"} {
			r := signed(t, preset(t, "svix"), svixSecret, "http://"+address+"/hooks", verifier.Message{ID: id, Body: []byte(`{"n":"` + id + `"}`)})
			r.ContentLength = -1
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK || response.Header.Get("Hookgate-Result") != want {
				t.Errorf("%s: HTTP/%d, status %d, result %q, wanted %q", id, response.ProtoMajor, response.StatusCode, response.Header.Get("Hookgate-Result"), want)
			}
		}
	}
	if seen := app.take(); len(seen) != 2 {
		t.Errorf("the app was called %d times", len(seen))
	}
}
