package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// bodyCanary is in each body, in the query and in headers that are none of ours.
const bodyCanary = "canary-of-the-request"

// canary misuses a source and looks for texts that must never be told.
type canary struct {
	*bed
	scheme  verifier.Scheme
	genuine http.Header
	secrets []string
	kinds   map[string]bool // what was refused, or not
}

// canaryBody names the event of the fixtures in each way that a preset reads.
func canaryBody(event string) string {
	return fmt.Sprintf(`{"id":%[1]q,"event_id":%[1]q,"event":{"id":%[1]q},"secret":%[2]q}`, event, bodyCanary)
}

func newCanary(t *testing.T, scheme verifier.Scheme) *canary {
	t.Helper()
	c := &canary{scheme: scheme, kinds: map[string]bool{}}
	c.bed = newBed(t, of(t, scheme.Name), func(cfg *gateway.Config) { cfg.MaxBody, cfg.Wait = 2000, time.Millisecond })
	c.Logger = slog.New(slog.NewJSONHandler(c.logged, &slog.HandlerOptions{Level: slog.Level(-100)}))
	c.genuine = c.event(t, "evt_1", 0).Header

	secret := secretOf(scheme)
	c.secrets = []string{bodyCanary, secret, base64.StdEncoding.EncodeToString([]byte(secret))}
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		key, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			t.Fatal(err)
		}
		c.secrets = append(c.secrets, rest, string(key))
	}
	_, name, _ := strings.Cut(string(scheme.Signature[0].From), ":")
	value := c.genuine.Get(name)
	signature := value[strings.LastIndexAny(strings.TrimRight(value, "="), ",= ")+1:]
	if len(signature) < 43 {
		t.Fatalf("%s: %q is no signature", scheme.Name, signature)
	}
	c.secrets = append(c.secrets, signature, signature[:20])
	return c
}

// event returns a correctly signed event, that far off.
func (c *canary) event(t *testing.T, id string, off time.Duration) *http.Request {
	t.Helper()
	return c.signedBody(t, canaryBody(id), off)
}

func (c *canary) signedBody(t *testing.T, body string, off time.Duration) *http.Request {
	t.Helper()
	return c.signed(t, c.scheme.Name, verifier.Message{ID: "msg_1", Type: "a.b", Timestamp: c.clock.now().Add(off), Body: []byte(body)})
}

// send posts a request and looks at what is answered and what the cause is.
func (c *canary) send(t *testing.T, r *http.Request) {
	t.Helper()
	r.Header.Set("Cookie", bodyCanary)
	r.Header.Set("Authorization", bodyCanary)
	if r.URL.RawQuery == "" {
		r.URL.RawQuery = bodyCanary
	}
	c.watcher.take()
	w := c.post(t, r)
	told := fmt.Sprint(w.Code, w.Header(), w.Body)
	_, counted := c.watcher.take()
	for i := range counted {
		c.kinds[counted[i].Result] = true
		told += fmt.Sprint(counted[i].Err)
	}
	for _, secret := range c.secrets {
		if strings.Contains(told, secret) {
			t.Errorf("%s: told %q: %s", c.scheme.Name, secret, told)
		}
	}
}

// misuse has something refused for every reason that does not take a connection.
func (c *canary) misuse(t *testing.T) {
	t.Helper()
	body := canaryBody("evt_1")
	for name, lines := range c.genuine {
		value := lines[0]
		for _, lines := range [][]string{
			{""}, {value, value}, {value + "x"}, {"x" + value}, {"x=" + value}, {value[1:]}, {strings.ToUpper(value)}, {bodyCanary},
		} {
			h := c.genuine.Clone()
			h[name] = lines
			c.send(t, request(h, []byte(body)))
		}
		h := c.genuine.Clone()
		delete(h, name)
		c.send(t, request(h, []byte(body)))
	}
	for range 12 { // enough for a summary
		c.send(t, request(c.genuine, []byte(bodyCanary)))
	}
	r := request(c.genuine, []byte(body))
	r.Method = http.MethodPut
	c.send(t, r)
	c.send(t, request(c.genuine, []byte(strings.Repeat(bodyCanary, 200))))
	r = request(c.genuine, nil)
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(bodyCanary), failing{io.ErrUnexpectedEOF})), -1
	c.send(t, r)
	for _, format := range []string{
		`{"id":%[1]q,"id":"b","event_id":%[1]q,"event_id":"b","event":{"id":%[1]q,"id":"b"}}`, `{"id":{"a":%[1]q},"event_id":[%[1]q],"event":{"id":7}}`,
		`{"id":"%[1]s \u0000","event_id":"%[1]s \u0000","event":{"id":"%[1]s \u0000"}}`,
	} {
		c.send(t, c.signedBody(t, fmt.Sprintf(format, bodyCanary), 0))
	}
	for _, off := range []time.Duration{-100 * 24 * time.Hour, 100 * 24 * time.Hour} {
		for range 11 {
			c.send(t, c.event(t, "evt_1", off))
		}
	}
	for _, h := range c.scheme.Handshakes {
		if name, ok := strings.CutPrefix(string(h.Challenge), "query:"); ok && !h.Signed {
			r := httptest.NewRequest(h.Method, "/hooks?"+url.Values{name: {"<" + bodyCanary}}.Encode(), nil)
			c.send(t, r)
		}
	}
	c.process.Bodies.SetLimit(1)
	c.send(t, request(c.genuine, []byte(body)))
	c.process.Bodies.SetLimit(1 << 20)
	c.app.answers(func(_ http.ResponseWriter, r *http.Request) error {
		again := c.event(t, "evt_2", 0)
		c.send(t, again) // while it is in flight
		again.Header.Set("Hookgate-Via", r.Header.Get("Hookgate-Via"))
		c.send(t, again)
		return nil // and no answer
	})
	c.send(t, c.event(t, "evt_2", 0))
}

// TestNothingSecretIsTold: secrets, expected and sent signatures and bodies are in
// no answer and no line of the log at any level, whatever a request is refused for.
// (S-18, X-G1, pitfall 20)
func TestNothingSecretIsTold(t *testing.T) {
	for _, scheme := range verifier.Presets() {
		if samples.Weak(scheme) || samples.Slow(scheme) || strings.Contains(scheme.Signed, "{url}") || scheme.BodyRepeats {
			continue // they are refused by the same code, with no secret of this form, another query, or no duplicates
		}
		c := newCanary(t, scheme)
		c.misuse(t)
		c.state.Flush(c.Logger, c.Name, c.clock.now().Add(time.Hour))
		text := c.logged.String()
		for _, secret := range c.secrets {
			quoted, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text, secret) || strings.Contains(text, string(quoted[1:len(quoted)-1])) {
				t.Errorf("%s: logged %s", scheme.Name, quoted)
			}
		}
		if !strings.Contains(text, refusedLine) || !strings.Contains(text, summaryLine) {
			t.Errorf("%s: the log has too little in it:\n%s", scheme.Name, text)
		}
		dated := scheme.Timestamp != nil
		for kind := range table {
			possible := true
			switch kind {
			case "request_timeout", "invalid_verify_token": // no preset has one: TestVerifyTokenOfSeveral
				possible = false
			case "malformed_handshake":
				possible = slices.ContainsFunc(scheme.Handshakes, func(h verifier.Handshake) bool { return !h.Signed })
			case "stale_timestamp", "future_timestamp":
				possible = dated
			case "clock_skew":
				// A webhook accepted with another unsigned id says that the clock is right.
				possible = dated && !scheme.Timestamp.OfEvent && scheme.UnsignedID == ""
			}
			if possible && !c.kinds[kind] {
				t.Errorf("%s: nothing was refused as %s", scheme.Name, kind)
			}
		}
	}
}
