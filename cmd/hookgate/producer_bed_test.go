//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
)

// The keys of producers, by the names of their environment variables.
const (
	firstKey  = "PRODUCER_KEY_1"
	secondKey = "PRODUCER_KEY_2"
	thirdKey  = "PRODUCER_KEY_3"
)

// sendToken is what callers of webhook_send bring.
const sendToken = "a-token-of-the-tests-0123456789"

// tenant is the uid of the application of the tests.
const tenant = "acme"

// producer is a gateway that sends: by webhook_portal, and by webhook_send to the targets
// of a mailbox.
type producer struct {
	*gateway
	to     *mailbox
	stored string // the line of the Caddyfile that says where
	keys   map[string]string
	token  string // of the organisation
}

// newProducer configures a producer. Where it keeps things is a line of a Caddyfile.
func newProducer(t *testing.T, name, stored string, to *mailbox, env ...string) *producer {
	t.Helper()
	p := &producer{
		gateway: &gateway{t: t, name: name, address: freeAddress(t), home: t.TempDir()}, to: to, stored: stored,
		keys: map[string]string{firstKey: "the first key of the tests, and of nothing else", secondKey: "the second key of the tests, and of nothing else", thirdKey: "the third key of the tests, and of nothing else"},
	}
	p.env = slices.Concat(env, []string{"SEND_TOKEN=" + sendToken, "SEND_SECRET=" + to.targetSecret})
	for name, key := range p.keys {
		p.env = append(p.env, name+"="+key)
	}
	p.configure(p.caddyfile(firstKey))
	p.token = p.mint(firstKey)
	return p
}

// newFileProducer configures a producer that keeps everything in a directory.
func newFileProducer(t *testing.T, to *mailbox) *producer {
	t.Helper()
	return newProducer(t, "producer", "sqlite "+filepath.Join(t.TempDir(), "events.db"), to)
}

// clusterProducers starts two producers that share PostgreSQL, with the application.
func clusterProducers(t *testing.T, to *mailbox) []*producer {
	t.Helper()
	env := "PRODUCER_PG=" + pgserver.Database(t)
	all := make([]*producer, 2)
	for n := range all {
		all[n] = newProducer(t, fmt.Sprint("p", n), "postgres {env.PRODUCER_PG}", to, env)
		all[n].start()
	}
	all[0].settle()
	return all
}

// caddyfile is the configuration with some keys, the first of which is used.
func (p *producer) caddyfile(keys ...string) string {
	var targets strings.Builder
	for _, name := range p.to.targets {
		targets.WriteString(" " + p.to.url(name))
	}
	free := ""
	if strings.HasPrefix(p.stored, "sqlite ") {
		free = "free_space 1MiB"
	}
	return fmt.Sprintf(`{
	admin unix/%s
	persist_config off
	grace_period 3s
	webhooks {
		store %s
		%s
		key {env.%s}
		allow_private 127.0.0.0/8
	}
}
http://%s {
	webhook_send /send orders {
		token {env.SEND_TOKEN}
		sign  standard {env.SEND_SECRET}
		to    %s
		concurrency %d
		retry 100ms 200ms 500ms forever
	}
	webhook_portal
}
`, p.socket(), p.stored, free, strings.Join(keys, "} {env."), p.address, targets.String(), concurrency)
}

// reload changes the configuration of the running gateway to other keys, and that with
// which it starts.
func (p *producer) reload(keys ...string) {
	p.t.Helper()
	text := p.caddyfile(keys...)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.admin("POST", "/load", text, nil)
}

// says waits until the log of the gateway has a text so many times.
func (p *producer) says(text string, times int) {
	p.t.Helper()
	until(p.t, 20*time.Second, "the log says "+text, func() bool {
		p.log.mu.Lock()
		defer p.log.mu.Unlock()
		return strings.Count(p.log.text.String(), text) >= times
	})
}

// run runs a command of the program, and returns what it prints.
func (p *producer) run(env []string, args ...string) string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), binary, append([]string{"webhook"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("webhook %s: %v\n%s", strings.Join(args, " "), err, problem.String())
	}
	return strings.TrimSpace(string(out))
}

// mint makes a token of the organisation with a key.
func (p *producer) mint(key string) string {
	p.t.Helper()
	return p.run([]string{"HOOKGATE_KEY=" + p.keys[key]}, "token")
}

// ask asks the API for something, with a token, and returns the status and the answer.
func (p *producer) ask(token, method, path string, given any) (int, []byte) {
	p.t.Helper()
	text, err := json.Marshal(given)
	if err != nil {
		p.t.Fatal(err)
	}
	if given == nil {
		text = nil
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.address+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, answer
}

// api does something over the API, which has to succeed, and decodes the answer if into
// is not nil.
func (p *producer) api(method, path string, given, into any) {
	p.t.Helper()
	status, text := p.ask(p.token, method, path, given)
	if status/100 != 2 {
		p.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		p.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

// list is all that the API lists, page by page: one may have less than it has room for,
// and yet not be the last.
func (p *producer) list(path string, query url.Values) (all []json.RawMessage) {
	p.t.Helper()
	query.Set("limit", "250")
	for {
		var page struct {
			Data     []json.RawMessage
			Iterator string
			Done     bool
		}
		p.api("GET", path+"?"+query.Encode(), nil, &page)
		all = append(all, page.Data...)
		if page.Done {
			return all
		}
		if page.Iterator == query.Get("iterator") {
			p.t.Fatalf("%s lists pages that do not end", path)
		}
		query.Set("iterator", page.Iterator)
	}
}

// settle makes the application, with an endpoint for each of the mailbox's.
func (p *producer) settle() {
	p.t.Helper()
	p.api("POST", "/app", map[string]any{"name": "Acme", "uid": tenant}, nil)
	for _, name := range p.to.endpoints {
		p.endpoint(name)
	}
}

// endpoint makes an endpoint of one of the mailbox's.
func (p *producer) endpoint(name string) {
	p.t.Helper()
	e := p.to.ends[name]
	p.api("POST", "/app/"+tenant+"/endpoint", map[string]any{"url": p.to.url(name), "uid": name, "scheme": e.scheme, "secret": e.secrets[0]}, nil)
}

// failed is how many attempts at an endpoint have failed, as the API says.
func (p *producer) failed(name string) int {
	p.t.Helper()
	attempts := p.list("/app/"+tenant+"/attempt/endpoint/"+name, url.Values{"status": {"2"}})
	for _, a := range attempts[:min(len(attempts), 3)] {
		p.t.Logf("an attempt at %s has failed: %s", name, a)
	}
	return len(attempts)
}

// newSecret makes a secret for an endpoint of a scheme.
func newSecret(scheme string) string {
	key := make([]byte, 24)
	_, _ = rand.Read(key) // it never fails
	if scheme == "travelbase" {
		return base64.RawURLEncoding.EncodeToString(key)
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// clients is how many write messages at once.
const clients = 8

// writers are the application's own services: they create messages until they are
// stopped, and repeat each request until it is answered, and sometimes once more.
type writers struct {
	crew
	*mailbox
	producers []*producer
	count     counter
}

// counter counts what became of requests.
type counter struct{ repeated, recovered, refused int }

// startWriters starts writers, who ask any of the producers.
func startWriters(t *testing.T, to *mailbox, producers ...*producer) *writers {
	t.Helper()
	w := newWriters(t, to, producers...)
	for n := range clients {
		w.working.Go(func() {
			for k := 0; !w.stopping(); k++ {
				w.write(fmt.Sprintf("k-%d-%d", n, k), k%4 != 3)
			}
		})
	}
	return w
}

// newWriters returns writers that do not start by themselves.
func newWriters(t *testing.T, to *mailbox, producers ...*producer) *writers {
	w := &writers{mailbox: to, producers: producers}
	w.hire(t)
	return w
}

// write creates a message by the API, or else sends one by webhook_send, and repeats the
// request until it is answered, or nobody waits for it any more.
func (w *writers) write(key string, api bool) {
	m := w.compose(key, api)
	for broke, repeat := false, key[len(key)-1] == '7'; ; {
		before := w.seen(m)
		id, err := w.post(m)
		switch {
		case err == nil && id == "": // there was no answer, or 503
			broke = true
		case err != nil:
			w.wrongly("%s: %v", key, err)
			return
		default:
			w.acknowledge(m, id)
			w.with(func() {
				if broke {
					w.count.repeated++
				}
				if broke && before == id { // it had been stored, and the reply was lost
					w.count.recovered++
				}
			})
			if !repeat {
				pace()
				return
			}
			repeat = false
		}
		pace()
		if w.stopping() {
			return
		}
	}
}

// post makes the request of a message once, and returns the id that it was answered with;
// none, if there was no answer, or one that asks to come again.
func (w *writers) post(m *message) (id string, err error) {
	p := w.producers[m.turn()%len(w.producers)]
	url, token, body := "http://"+p.address+"/send?type=order.paid", sendToken, m.body
	if m.api {
		url = "http://" + p.address + "/api/v1/app/" + tenant + "/msg"
		w.with(func() { token = p.token })
		body = fmt.Appendf(nil, `{"eventType":"order.paid","payload":%s}`, m.body)
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", m.key)
	response, err := w.client.Do(r)
	if err != nil {
		w.broken.Add(1)
		return "", nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.broken.Add(1)
		return "", nil
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		w.with(func() { w.count.refused++ })
		return "", nil
	}
	var answer struct{ ID string }
	if err := json.Unmarshal(text, &answer); err != nil || response.StatusCode != http.StatusAccepted || answer.ID == "" {
		return "", fmt.Errorf("answered %d %s", response.StatusCode, text)
	}
	return answer.ID, nil
}
