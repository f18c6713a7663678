package hookgate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/hookgate/hookgate"
	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/verifier"
)

const (
	exampleSvixSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleTextSecret = "0123456789abcdef0123456789abcdef"
)

// TestCaddyfileExample runs Caddyfile.example as it stands, but for the ports.
// (L-07)
func TestCaddyfileExample(t *testing.T) {
	data, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "grace_period") {
		t.Error("without grace_period a slow client holds up the end of the process for ever (L-07)")
	}
	head, _, _ := strings.Cut(string(data), "\n{")
	for _, secret := range regexp.MustCompile(`\{env\.(\w+)\}`).FindAllStringSubmatch(string(data), -1) {
		if !strings.Contains(head, "export "+secret[1]+"=") {
			t.Errorf("the comment at the top does not name %s", secret[1])
		}
		t.Setenv(secret[1], exampleTextSecret)
	}
	t.Setenv("SVIX_SECRET", exampleSvixSecret)

	seen := make(chan *http.Request, 10)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	defer app.Close()
	gateway, metrics := freePort(t), freePort(t)
	text := string(data)
	for old, replacement := range map[string]string{
		"http://:8080": "http://:" + gateway, "http://:8081": "http://:" + metrics, "127.0.0.1:3000": app.Listener.Addr().String(),
	} {
		if strings.Count(text, old) < 1 {
			t.Fatalf("there is no %s", old)
		}
		text = strings.ReplaceAll(text, old, replacement)
	}
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile.example"})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("adapting: %v, %v", err, warnings)
	}
	var cfg struct {
		Apps struct {
			Webhooks struct{ Schemes []verifier.Scheme }
		}
	}
	if err := json.Unmarshal(adapted, &cfg); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(adapted, []byte(`"forward":`)); n != 2 {
		t.Fatalf("%d sources are stored", n)
	}
	log := filepath.Join(t.TempDir(), "log")
	runCaddy(t, adapted, log)

	url := "http://127.0.0.1:" + gateway
	for _, test := range []struct {
		source   string
		scheme   verifier.Scheme
		secret   string
		accepted string // what a new event is answered; the app's own answer has nothing
	}{
		{"svix", presetScheme(t, "svix"), exampleSvixSecret, "accepted"},
		{"svix", presetScheme(t, "standard"), exampleSvixSecret, "accepted"},
		{"travelbase", presetScheme(t, "travelbase"), exampleTextSecret, "accepted"},
		{"acme", cfg.Apps.Webhooks.Schemes[0], exampleTextSecret, ""},
	} {
		t.Run(test.source+" by "+test.scheme.Name, func(t *testing.T) {
			hook := url + "/hooks/" + test.source
			event := func() *http.Request {
				return exampleEvent(t, test.scheme, test.secret, hook, "example_"+test.scheme.Name)
			}
			if status, result := sendExample(t, event()); status != http.StatusOK || result != test.accepted {
				t.Errorf("new: %d %q", status, result)
			}
			select {
			case r := <-seen:
				if source := r.Header.Get("Hookgate-Source"); source != test.source {
					t.Errorf("the app saw the source %q", source)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the app saw nothing")
			}
			if status, result := sendExample(t, event()); status != http.StatusOK || result != "duplicate" {
				t.Errorf("again: %d %q", status, result)
			}
			if status, _ := sendExample(t, newExampleRequest(t, hook, nil)); status != http.StatusBadRequest {
				t.Errorf("unsigned: %d", status)
			}
		})
	}
	if status, body := getExample(t, url+"/healthz"); status != http.StatusOK || body != `{"status":"ok"}` {
		t.Errorf("health: %d %s", status, body)
	}
	if status, body := getExample(t, "http://127.0.0.1:"+metrics+"/metrics"); status != http.StatusOK ||
		!strings.Contains(body, `caddy_webhooks_requests_total{result="accepted",scheme="acme",source="acme"} `) ||
		!strings.Contains(body, "caddy_http_requests_total") {
		t.Errorf("metrics: %d %s", status, body)
	}
	if err := caddy.Stop(); err != nil { // the log is whole after that
		t.Fatal(err)
	}
	if len(seen) > 0 { // every attempt has ended
		t.Errorf("the app saw %d more than it should", len(seen))
	}
	lines, err := os.ReadFile(log)
	if err != nil || !bytes.Contains(lines, []byte(`"webhook":{"source":"travelbase","scheme":"travelbase","id":"example_travelbase"`)) {
		t.Errorf("%v, the log is\n%s", err, lines)
	}
}

// TestExampleReceivers runs each app of examples/ behind a gateway. It has to
// process an event once, also when the gateway has forgotten it, and nothing that
// is not verified.
func TestExampleReceivers(t *testing.T) {
	t.Setenv("SVIX_SECRET", exampleSvixSecret)
	for _, example := range []struct {
		name, needs string
		args        []string
	}{
		{"go", "go", []string{filepath.Join(t.TempDir(), "receiver")}}, // built below: go run would leave a grandchild
		{"node", "node", []string{"node", "examples/node/receiver.mjs"}},
		{"python", "python3", []string{"python3", "examples/python/receiver.py"}},
	} {
		t.Run(example.name, func(t *testing.T) {
			if _, err := exec.LookPath(example.needs); err != nil {
				faults.Missing(t, example.needs)
			}
			if example.name == "go" {
				if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", example.args[0], "./examples/go").CombinedOutput(); err != nil {
					t.Fatalf("%v:\n%s", err, out)
				}
			}
			receiver := freePort(t)
			output := startReceiver(t, receiver, example.args)
			svix := presetScheme(t, "svix")
			send := func(what string, r *http.Request, wantStatus int, wantResult string) {
				t.Helper()
				if status, result := sendExample(t, r); status != wantStatus || result != wantResult {
					t.Errorf("%s: %d %q, wanted %d %q", what, status, result, wantStatus, wantResult)
				}
			}
			url := runGateway(t, receiver)
			send("new", exampleEvent(t, svix, exampleSvixSecret, url+"/hooks", "msg_1"), 200, "")
			send("duplicate", exampleEvent(t, svix, exampleSvixSecret, url+"/hooks", "msg_1"), 200, "duplicate")
			send("unsigned", newExampleRequest(t, url+"/hooks", nil), 400, "")
			forged := newExampleRequest(t, url+"/other", nil)
			forged.Header = http.Header{"Hookgate-Source": {"svix"}, "Hookgate-Id": {"msg_2"}, "Hookgate-Idempotency-Key": {"svix/msg_2"}}
			send("forged", forged, 403, "")
			if err := caddy.Stop(); err != nil {
				t.Fatal(err)
			}
			url = runGateway(t, receiver)
			send("again, after a restart", exampleEvent(t, svix, exampleSvixSecret, url+"/hooks", "msg_1"), 200, "")
			send("another", exampleEvent(t, svix, exampleSvixSecret, url+"/hooks", "msg_2"), 200, "")
			if got, want := output(), "processing order.paid msg_1\nprocessing order.paid msg_2\n"; strings.ReplaceAll(got, "\r", "") != want {
				t.Errorf("the receiver said\n%swanted\n%s", got, want)
			}
		})
	}
}

// runGateway runs one source in front of a receiver and returns the gateway's
// URL, which is another each time: [caddy.Stop] returns before its listeners are
// closed.
func runGateway(t *testing.T, receiver string) (url string) {
	t.Helper()
	port := freePort(t)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(fmt.Appendf(nil,
		"{\ndefault_bind 127.0.0.1\n}\nhttp://:%s {\nwebhook /hooks* svix {\nverify svix {env.SVIX_SECRET}\n}\nreverse_proxy 127.0.0.1:%s\n}\n", port, receiver), nil)
	if err != nil {
		t.Fatal(err)
	}
	runCaddy(t, adapted, "")
	return "http://127.0.0.1:" + port
}

// startReceiver starts an example, waits until it listens, and returns a function
// that ends it and returns what it printed.
func startReceiver(t *testing.T, port string, args []string) (output func() string) {
	t.Helper()
	var out, log bytes.Buffer
	receiver := exec.CommandContext(t.Context(), args[0], args[1:]...)
	receiver.Env = append(os.Environ(), "PORT="+port)
	receiver.Stdout, receiver.Stderr = &out, &log
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = receiver.Wait()
	}()
	output = func() string {
		_ = receiver.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("the receiver logged\n%s", &log)
		}
		return out.String()
	}
	t.Cleanup(func() { output() })
	deadline, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return output
		}
		select {
		case <-tick.C:
		case <-exited:
			t.Fatalf("%v ended:\n%s", args, &log)
		case <-deadline:
			t.Fatalf("%v does not listen: %v", args, err)
		}
	}
}

// runCaddy runs a configuration in this process, until the test ends or
// [caddy.Stop], and keeps it from everything outside. An empty log discards.
func runCaddy(t *testing.T, adapted []byte, log string) {
	t.Helper()
	var cfg map[string]any
	if err := json.Unmarshal(adapted, &cfg); err != nil {
		t.Fatal(err)
	}
	writer := map[string]any{"output": "discard"}
	if log != "" {
		writer = map[string]any{"output": "file", "filename": log}
	}
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // for the instance's name, which Caddy keeps beside the storage
	cfg["admin"] = map[string]any{"disabled": true, "config": map[string]any{"persist": false}}
	cfg["storage"] = map[string]any{"module": "file_system", "root": t.TempDir()}
	cfg["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{"writer": writer, "encoder": map[string]any{"format": "json"}}}}
	private, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	if err := caddy.Load(private, true); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func presetScheme(t *testing.T, name string) verifier.Scheme {
	t.Helper()
	s, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	return s
}

// exampleEvent is a signed event, the same for the same id.
func exampleEvent(t *testing.T, s verifier.Scheme, secret, url, id string) *http.Request {
	t.Helper()
	signer, err := verifier.NewSigner(s, []string{secret}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"id":%q,"type":"order.paid"}`, id)
	header, err := signer.Sign(verifier.Message{ID: id, Timestamp: time.Now(), Body: body})
	if err != nil {
		t.Fatal(err)
	}
	r := newExampleRequest(t, url, body)
	r.Header = header
	return r
}

func newExampleRequest(t *testing.T, url string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sendExample returns the status and the gateway's own result, if it answered.
func sendExample(t *testing.T, r *http.Request) (status int, result string) {
	t.Helper()
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Hookgate-Result")
}

func getExample(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
