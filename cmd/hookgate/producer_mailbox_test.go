//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// mailbox is the other end of all that producers send: each endpoint, and each target of
// webhook_send, is a path of it, and verifies what comes. It is the tests' ledger, too,
// which nobody kills.
type mailbox struct {
	stub
	endpoints, targets []string // the names of the ends
	targetSecret       string

	mu       sync.Mutex
	ends     map[string]*end
	messages map[string]*message // by key
	keys     map[string]string   // by id
	life     int
	wrong    []string // what must not happen at all
	came     int
}

// end is one of them.
type end struct {
	scheme  string
	secrets []string                          // that are of use, the first made first
	checks  atomic.Pointer[verifier.Verifier] // against them
	status  atomic.Int64                      // that it answers; 0 for 200
}

// message is what was written, acknowledged and received of one.
type message struct {
	key   string
	api   bool // to the endpoints, else to the targets
	body  []byte
	to    []string
	id    string // as it was told, or received, first
	acked bool
	got   map[string][]int // by end: in which lives of the gateway it was received
	turns atomic.Int64
}

// turn counts the requests that are made for it, from a random number on.
func (m *message) turn() int { return int(m.turns.Add(1)) }

// newMailbox has endpoints with these schemes, and two targets.
func newMailbox(t *testing.T, schemes ...string) *mailbox {
	t.Helper()
	b := &mailbox{ends: make(map[string]*end), messages: make(map[string]*message), keys: make(map[string]string), targetSecret: newSecret("standard")}
	for n, scheme := range schemes {
		b.endpoints = append(b.endpoints, fmt.Sprintf("%s-%d", scheme, n))
		b.addEnd(t, b.endpoints[n], scheme, newSecret(scheme))
	}
	for n := range 2 {
		b.targets = append(b.targets, fmt.Sprint("target-", n))
		b.addEnd(t, b.targets[n], "standard", b.targetSecret)
	}
	b.serve(t, b)
	return b
}

func (b *mailbox) addEnd(t *testing.T, name, scheme, secret string) {
	t.Helper()
	e := &end{scheme: scheme}
	b.ends[name] = e
	e.accept(t, secret)
}

// accept makes an end accept what is signed with these secrets.
func (e *end) accept(t *testing.T, secrets ...string) {
	t.Helper()
	preset, _ := verifier.Preset(e.scheme)
	v, err := verifier.New(preset, secrets, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e.secrets = secrets
	e.checks.Store(v)
}

func (b *mailbox) url(name string) string { return "http://" + b.address + "/to/" + name }

func (b *mailbox) with(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

func (b *mailbox) wrongly(format string, args ...any) {
	b.with(func() { b.wrong = append(b.wrong, fmt.Sprintf(format, args...)) })
}

// nextLife begins the ledger of the gateway's next life.
func (b *mailbox) nextLife(t *testing.T) {
	t.Helper()
	b.drain(t)
	b.with(func() { b.life++ })
}

// compose writes a message.
func (b *mailbox) compose(key string, api bool) *message {
	body := fmt.Sprintf(`{"key":%q,  "pad":%q}`, key, strings.Repeat("x", rand.IntN(500)))
	m := &message{key: key, api: api, body: []byte(body), to: b.targets, got: make(map[string][]int)}
	if api {
		m.to = b.endpoints
	}
	m.turns.Store(rand.Int64N(1 << 20))
	b.with(func() { b.messages[key] = m })
	return m
}

// seen returns the id under which a message is known.
func (b *mailbox) seen(m *message) (id string) {
	b.with(func() { id = m.id })
	return id
}

// acknowledge notes that a message was accepted under an id.
func (b *mailbox) acknowledge(m *message, id string) {
	b.with(func() {
		m.acked = true
		b.name(m, id)
	})
}

// name notes the id of a message, which never changes, and is of no other.
func (b *mailbox) name(m *message, id string) {
	if m.id == "" {
		m.id = id
	}
	if other, taken := b.keys[id]; m.id != id || taken && other != m.key {
		b.wrong = append(b.wrong, fmt.Sprintf("%s has the ids %s and %s; the second is of %s", m.key, m.id, id, other))
	}
	b.keys[id] = m.key
}

func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == quit {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway was killed while it sent
	}
	name := strings.TrimPrefix(r.URL.Path, "/to/")
	e := b.ends[name]
	if e == nil || r.Method != http.MethodPost {
		b.wrongly("%s %s came", r.Method, r.URL)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if status := int(e.status.Load()); status != 0 {
		w.WriteHeader(status)
		return
	}
	id, payload, err := e.read(r, body)
	if err == nil {
		err = b.receive(name, id, payload)
	}
	if err != nil {
		b.wrongly("%s: %v", name, err)
		w.WriteHeader(http.StatusBadRequest)
	}
}

// read verifies what has come, and returns the id and the payload.
func (e *end) read(r *http.Request, body []byte) (id string, payload []byte, err error) {
	if _, err := e.checks.Load().Verify(&verifier.Request{Method: r.Method, Header: r.Header}, body, time.Now()); err != nil {
		return "", nil, err
	}
	switch e.scheme {
	case "svix":
		return r.Header.Get("Svix-Id"), body, nil
	case "standard":
		return r.Header.Get("Webhook-Id"), body, nil
	}
	var envelope struct {
		ID, Type string
		Data     json.RawMessage
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return "", nil, err
	}
	id = r.Header.Get("X-Webhook-Id")
	if envelope.ID != id || envelope.Type != "order.paid" {
		return "", nil, fmt.Errorf("the envelope of %s is %s", id, body)
	}
	return id, envelope.Data, nil
}

// receive notes what has come to an end.
func (b *mailbox) receive(name, id string, payload []byte) error {
	var said struct{ Key string }
	if err := json.Unmarshal(payload, &said); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came++
	m := b.messages[said.Key]
	switch {
	case m == nil:
		return fmt.Errorf("invented: %s", payload)
	case !bytes.Equal(m.body, payload):
		return fmt.Errorf("the body of %s changed: %s", m.key, payload)
	case !slices.Contains(m.to, name):
		return fmt.Errorf("%s was not for it", m.key)
	}
	b.name(m, id)
	m.got[name] = append(m.got[name], b.life)
	return nil
}

// lacking is how many deliveries are still to come: of what was acknowledged, and of what
// has begun to come.
func (b *mailbox) lacking() (n int) {
	b.with(func() {
		for _, m := range b.messages {
			if m.acked || len(m.got) > 0 {
				n += len(m.to) - len(m.got)
			}
		}
	})
	return n
}

// ackedCount is how many messages are acknowledged.
func (b *mailbox) ackedCount() (n int) {
	b.with(func() {
		for _, m := range b.messages {
			if m.acked {
				n++
			}
		}
	})
	return n
}

// cameCount is how many requests were verified, and taken.
func (b *mailbox) cameCount() (n int) {
	b.with(func() { n = b.came })
	return n
}

// awaitAcked waits until so many messages are acknowledged.
func (b *mailbox) awaitAcked(t *testing.T, n int) {
	t.Helper()
	until(t, 30*time.Second, "messages are acknowledged", func() bool { return b.ackedCount() >= n })
}

// tally is what came more than once.
type tally struct {
	most   int // at one end because of one crash
	again  int // in all, after a crash
	within int // without a crash
}

// settled waits until all that was acknowledged has arrived, whole, and holds the ledger
// to what was promised, but for how often things come, which it returns.
func (b *mailbox) settled(t *testing.T) (n tally) {
	t.Helper()
	for lacking, since := b.lacking(), time.Now(); lacking > 0; time.Sleep(10 * time.Millisecond) {
		if now := b.lacking(); now < lacking {
			lacking, since = now, time.Now()
		} else if time.Since(since) > 30*time.Second {
			t.Errorf("%d deliveries of messages that were acknowledged, or delivered elsewhere, are lost", lacking)
			break
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.wrong[:min(len(b.wrong), 10)] {
		t.Error(what)
	}
	acked, stored, deliveries := 0, 0, 0
	crash := make(map[string]int)
	for _, m := range b.messages {
		if m.acked {
			acked++
		}
		if len(m.got) > 0 {
			stored++
		}
		for name, lives := range m.got {
			deliveries++
			for k := 1; k < len(lives); k++ {
				if lives[k] == lives[k-1] {
					n.within++
					continue
				}
				n.again++
				at := fmt.Sprintf("%s#%d", name, lives[k-1])
				crash[at]++
				n.most = max(n.most, crash[at])
			}
		}
	}
	t.Logf("%d messages written, %d acknowledged, %d stored, %d deliveries to %d ends; %d again after crashes, at most %d at one end because of one, and %d without any",
		len(b.messages), acked, stored, deliveries, len(b.ends), n.again, n.most, n.within)
	if acked == 0 || stored == 0 {
		t.Error("nothing has happened")
	}
	return n
}

// pace is how long a writer waits between two requests.
func pace() { time.Sleep(rand.N(4 * time.Millisecond)) }
