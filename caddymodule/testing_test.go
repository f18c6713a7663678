package caddymodule_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/hookgate/hookgate/verifier"
)

const (
	svixSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	textSecret = "0123456789abcdef0123456789abcdef"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hookgate-test-")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"XDG_DATA_HOME": dir, "XDG_CONFIG_HOME": dir, "HOME": dir, "SVIX": svixSecret, "TEXT": textSecret,
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// preamble keeps a test's Caddy to itself.
const preamble = "default_bind 127.0.0.1\nadmin off\nauto_https off\npersist_config off\ngrace_period 2s\n"

// quiet is a global log configuration for tests that do not read the log.
const quiet = "log {\noutput discard\n}\n"

// load runs a configuration in this process in place of the one that runs.
// Global options go before the sites.
func load(t testing.TB, global, sites string) error {
	t.Helper()
	return caddy.Load(adaptAll(t, global, sites), true)
}

// adaptAll returns the JSON of a test's configuration.
func adaptAll(t testing.TB, global, sites string) []byte {
	t.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("{\n"+preamble+global+"}\n"+sites), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, sites)
	}
	return adapted
}

// run is load for a configuration that works; it ends with the test.
func run(t testing.TB, global, sites string) {
	t.Helper()
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	if err := load(t, global, sites); err != nil {
		t.Fatal(err)
	}
}

// validate provisions a configuration without running it.
func validate(t testing.TB, global, sites string) error {
	t.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("{\n"+preamble+quiet+global+"}\n"+sites), nil)
	if err != nil {
		return err
	}
	var cfg caddy.Config
	if err := json.Unmarshal(adapted, &cfg); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&cfg)
}

// freeAddress returns a loopback address nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// app is what stands behind the gateway: it answers, and remembers what it saw.
type app struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	answer func(*http.Request) int
}

// newApp starts an app; its server may be set up otherwise before.
func newApp(t testing.TB, setUp ...func(*http.Server)) *app {
	a := &app{answer: func(*http.Request) int { return http.StatusOK }}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		a.mu.Lock()
		a.seen = append(a.seen, r)
		answer := a.answer
		a.mu.Unlock()
		w.WriteHeader(answer(r))
	}))
	for _, f := range setUp {
		f(a.Config)
	}
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func (a *app) address() string { return a.Listener.Addr().String() }

// take returns what was seen since the last call.
func (a *app) take() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// believes reports whether the most lenient app would take r for verified: one
// that ignores letter case and takes _ and . for -.
func believes(r *http.Request) bool {
	for _, h := range []http.Header{r.Header, r.Trailer} {
		for name := range h {
			if strings.HasPrefix(strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name)), "hookgate") {
				return true
			}
		}
	}
	return false
}

// signed returns a request of a preset or other scheme.
func signed(t testing.TB, s verifier.Scheme, secret, url string, m verifier.Message) *http.Request {
	t.Helper()
	signer, err := verifier.NewSigner(s, []string{secret}, verifier.Options{AllowWeak: true})
	if err != nil {
		t.Fatal(err)
	}
	if m.Timestamp.IsZero() {
		m.Timestamp = time.Now()
	}
	header, err := signer.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	return r
}

func preset(t testing.TB, name string) verifier.Scheme {
	t.Helper()
	s, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	return s
}

func svix(t testing.TB, url, id string) *http.Request {
	t.Helper()
	return signed(t, preset(t, "svix"), svixSecret, url, verifier.Message{ID: id, Body: []byte(`{"type":"a.b","n":"` + id + `"}`)})
}

// svixBy is svix with a signer that is there already.
func svixBy(t testing.TB, signer *verifier.Signer, url, id string) *http.Request {
	t.Helper()
	body := []byte(`{"type":"a.b","n":"` + id + `"}`)
	header, err := signer.Sign(verifier.Message{ID: id, Timestamp: time.Now(), Body: body})
	if err != nil {
		t.Error(err)
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
	}
	r.Header = header
	return r
}

// send returns status and body of a request on a connection of its own. Right after
// a reload a connection may go with the old server: then it tries again, as every
// sender does.
func send(t testing.TB, r *http.Request) (int, http.Header, string) {
	t.Helper()
	r.Close = true
	for try := 0; ; try++ {
		if r.GetBody != nil {
			r.Body, _ = r.GetBody()
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil && try < 20 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header, string(body)
	}
}

// sendRaw writes bytes to an address and returns the first response's status.
func sendRaw(t testing.TB, address, text string) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%v after %q", err, text)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// source is a site with one source under /hooks*, in front of an app.
func source(address, app, options string) string {
	return fmt.Sprintf("http://%s {\n%s\nwebhook /hooks* travtus {\nverify svix {env.SVIX}\n}\nreverse_proxy %s\n}\n", address, options, app)
}
