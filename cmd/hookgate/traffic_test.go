//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	svix "github.com/svix/svix-webhooks/go"
)

// ledger is what was sent, acknowledged and received: the tests' own memory, which
// nobody kills.
type ledger struct {
	source   string // whose events they are
	mu       sync.Mutex
	sent     map[string][32]byte // id → digest of the body
	acked    map[string]bool
	received map[string][]int    // id → in which lives of the gateway the app has answered 200
	makers   map[string][]string // id → which gateways, each time they start another, made those attempts
	life     int
	dark     bool     // the power is gone: nothing is heard or reached now
	wrong    []string // what must not happen at all
}

func newLedger() *ledger {
	return &ledger{
		source: "crash", sent: make(map[string][32]byte), acked: make(map[string]bool),
		received: make(map[string][]int), makers: make(map[string][]string),
	}
}

func (l *ledger) with(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

// undelivered is how many acknowledged events the app has not received.
func (l *ledger) undelivered() (n int) {
	l.with(func() {
		for id := range l.acked {
			if len(l.received[id]) == 0 {
				n++
			}
		}
	})
	return n
}

// ackedCount is how many events are acknowledged.
func (l *ledger) ackedCount() (n int) {
	l.with(func() { n = len(l.acked) })
	return n
}

// stub is a server that a gateway sends to.
type stub struct {
	address string
	open    atomic.Int64 // connections
}

// serve answers with a handler until the test ends.
func (s *stub) serve(t *testing.T, handler http.Handler) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.open.Add(-1)
		}
	}
	server.Start()
	s.address = strings.TrimPrefix(server.URL, "http://")
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
}

// app is the stub that events are forwarded to.
type app struct {
	*ledger
	stub
	down  atomic.Bool  // it answers 503
	gone  atomic.Bool  // it answers 410
	hangs atomic.Bool  // it answers nothing
	fails sync.Map     // gateways that it answers 503, by name
	holds sync.Map     // gateways that it answers nothing, by name
	calls atomic.Int64 // in flight
	most  atomic.Int64 // ever in flight
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{ledger: newLedger()}
	a.serve(t, a)
	t.Cleanup(func() { a.hangs.Store(false) })
	return a
}

// nextLife begins the ledger of the gateway's next life.
func (a *app) nextLife(t *testing.T) {
	t.Helper()
	a.drain(t)
	a.with(func() { a.life++ })
}

// drain returns once all that a gateway had sent before it ended has come here, or to
// nothing.
func (s *stub) drain(t *testing.T) {
	t.Helper()
	// Connections are accepted in their order: this is the last.
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET "+quit+" HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for started := time.Now(); s.open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Since(started) > 30*time.Second {
			t.Fatalf("%d connections of a gateway that has ended are open", s.open.Load())
		}
	}
}

// quit is a path at which a stub says nothing.
const quit = "/quit"

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == quit {
		return
	}
	n := a.calls.Add(1)
	defer a.calls.Add(-1)
	for most := a.most.Load(); n > most && !a.most.CompareAndSwap(most, n); most = a.most.Load() {
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway was killed while it sent
	}
	maker := r.Header.Get("Gateway")
	name, _, _ := strings.Cut(maker, "#")
	for a.hangs.Load() || has(&a.holds, name) {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	if a.down.Load() || has(&a.fails, name) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if a.gone.Load() {
		w.WriteHeader(http.StatusGone)
		return
	}
	id := r.Header.Get("Hookgate-Id")
	a.with(func() {
		if a.dark { // nor can the app be reached
			panic(http.ErrAbortHandler)
		}
		sum, ok := a.sent[id]
		switch {
		case !ok:
			a.wrong = append(a.wrong, "invented: "+id)
		case sum != sha256.Sum256(body):
			a.wrong = append(a.wrong, "body changed: "+id)
		case r.Header.Get("Svix-Id") != id || r.Header.Get("Hookgate-Source") != a.source:
			a.wrong = append(a.wrong, "headers changed: "+id)
		}
		a.received[id] = append(a.received[id], a.life)
		a.makers[id] = append(a.makers[id], maker)
	})
}

func has(set *sync.Map, name string) bool {
	_, ok := set.Load(name)
	return ok
}

// senders post signed webhooks until they are stopped, and each again and again until
// it is acknowledged, to any of the gateways each time.
type senders struct {
	*ledger
	crew
	addresses []string
	hook      *svix.Webhook
}

// crew are goroutines that make requests until they are stopped.
type crew struct {
	client  *http.Client
	broken  atomic.Int64 // requests without an answer
	stop    chan struct{}
	working sync.WaitGroup
}

// hire makes a crew ready. It ends with the test.
func (c *crew) hire(t *testing.T) {
	c.stop = make(chan struct{})
	c.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * senderCount}, Timeout: 20 * time.Second}
	t.Cleanup(c.end)
}

const senderCount = 16

// startSenders starts so many senders for each gateway.
func startSenders(t *testing.T, to *gateway, l *ledger, more ...*gateway) *senders {
	t.Helper()
	s := newSenders(t, l, append(more, to)...)
	run := rand.Uint32()
	for n := range senderCount * len(s.addresses) {
		s.working.Go(func() {
			for k := 0; !s.stopping(); k++ {
				s.send(fmt.Sprintf("msg_%08x_%d_%d", run, n, k))
			}
		})
	}
	return s
}

// newSenders returns senders that do not start by themselves.
func newSenders(t *testing.T, l *ledger, to ...*gateway) *senders {
	t.Helper()
	hook, err := svix.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := &senders{ledger: l, hook: hook}
	for _, g := range to {
		s.addresses = append(s.addresses, g.address)
	}
	s.hire(t)
	return s
}

func (c *crew) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// end stops the crew. What they had not heard of is not sent again.
func (c *crew) end() {
	if !c.stopping() {
		close(c.stop)
	}
	c.working.Wait()
	c.client.CloseIdleConnections()
}

// send posts one event until it is acknowledged, or nobody waits for it any more.
func (s *senders) send(id string) {
	body := s.write(id)
	for {
		acked, err := s.post(s.addresses[rand.IntN(len(s.addresses))], id, body)
		if err != nil {
			s.with(func() { s.wrong = append(s.wrong, err.Error()) })
			return
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // the pace of a sender: there are 48 of them at three gateways
		if acked || s.stopping() {
			return
		}
	}
}

// write makes an event, and returns its body.
func (s *senders) write(id string) []byte {
	body := bytes.Repeat([]byte(id), rand.IntN(100))
	s.with(func() { s.sent[id] = sha256.Sum256(body) })
	return body
}

// post reports whether an event was acknowledged. A connection that breaks and a 503
// that says when to come again are no errors: the sender tries again.
func (s *senders) post(address, id string, body []byte) (acked bool, err error) {
	answer, err := s.ask(address, id, body)
	if err != nil {
		s.broken.Add(1)
		return false, nil
	}
	switch {
	case answer.status == http.StatusServiceUnavailable && answer.header.Get("Retry-After") != "":
		return false, nil
	case answer.status != http.StatusOK:
		return false, fmt.Errorf("%s was answered %d: %v %s", id, answer.status, answer.header, answer.text)
	}
	s.with(func() {
		if acked = !s.dark; acked {
			s.acked[id] = true
		}
	})
	return acked, nil
}

// answer is what a gateway has said.
type answer struct {
	status int
	header http.Header
	text   []byte
}

// ask posts an event once. The error says that there was no answer.
func (s *senders) ask(address, id string, body []byte) (answer, error) {
	now := time.Now()
	signature, err := s.hook.Sign(id, now, body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/hooks/"+s.source, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Svix-Id", id)
	r.Header.Set("Svix-Timestamp", fmt.Sprint(now.Unix()))
	r.Header.Set("Svix-Signature", signature)
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, text}, err
}

// settled waits until every acknowledged event has arrived, and then holds the ledger
// to what was promised. Each crash may have left attempts in flight, which are made
// again.
func (l *ledger) settled(t *testing.T, crashes int) {
	t.Helper()
	for left, since := l.undelivered(), time.Now(); left > 0; time.Sleep(10 * time.Millisecond) {
		if now := l.undelivered(); now < left {
			left, since = now, time.Now()
		} else if time.Since(since) > 30*time.Second {
			t.Errorf("acknowledged and lost: %d of %d", l.undelivered(), l.ackedCount())
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, what := range l.wrong[:min(len(l.wrong), 10)] {
		t.Error(what)
	}
	again, within := make(map[int]int), 0
	for _, lives := range l.received {
		for n := 1; n < len(lives); n++ {
			if lives[n] == lives[n-1] {
				within++
			} else {
				// What the crash at the end of a life left in flight may have to wait for
				// its turn longer than the next life lasts.
				again[lives[n-1]]++
			}
		}
	}
	total, most := 0, 0
	for _, n := range again {
		total, most = total+n, max(most, n)
	}
	t.Logf("%d sent, %d acknowledged, %d received; %d received again after %d crashes, at most %d because of one, and %d without any",
		len(l.sent), len(l.acked), len(l.received), total, crashes, most, within)
	if most > inFlight {
		t.Errorf("%d events were received again because of one crash, and only %d attempts can have been in flight", most, inFlight)
	}
	if within > 0 {
		t.Errorf("%d events were received twice without a crash in between", within)
	}
	if len(l.acked) == 0 || len(l.received) == 0 {
		t.Error("nothing has happened")
	}
}

// inFlight is how many attempts a crash can undo: an attempt is in flight until its
// outcome is on the disk.
const inFlight = concurrency
