package portal_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

const (
	billingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	githubSecret  = "0123456789abcdef0123456789abcdef"
)

// gatewayBed is a bed that also receives: the source billing is stored, and direct is not;
// orders is a producer with two targets.
type gatewayBed struct {
	*bed
	operator *gateway.Operator
	billing  *gateway.Source
	direct   *gateway.Source
	app      *destination
	orders   *sender.Producer
	targets  []*destination
}

// destination is the app behind a source, which answers what it is told to.
type destination struct {
	mu     sync.Mutex
	answer delivery.Answer
	got    int
}

func (d *destination) Attempt(context.Context, *store.Delivery) delivery.Answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got++
	return d.answer
}

// says makes it answer otherwise.
func (d *destination) says(a delivery.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = a
}

func newGatewayBed(t testing.TB, c config) *gatewayBed {
	t.Helper()
	g := &gatewayBed{operator: &gateway.Operator{Uses: new(gateway.SecretUses), Now: time.Now}}
	c.operator = func() *gateway.Operator { return g.operator }
	g.bed = newBed(t, c)
	process := gateway.NewProcess(64<<20, time.Now)
	g.billing = g.source(process, new(gateway.State), "billing", "svix", billingSecret, &gateway.Forward{Queue: g.engine, Only: []string{"invoice.*"}, Keep: []string{"Authorization", "Cookie"}})
	g.direct = g.source(process, new(gateway.State), "direct", "github", githubSecret, nil)
	scheme, _ := verifier.Preset("svix")
	var err error
	g.orders, err = sender.NewProducer(sender.ProducerOptions{Name: "orders", Scheme: scheme, Secrets: []string{billingSecret}, URLs: []string{"https://a.example", "https://b.example"}})
	g.must(err)
	g.app = &destination{answer: delivery.Answer{Status: http.StatusOK}}
	destinations := []delivery.Destination{{Name: g.billing.Destination(), Transport: g.app, Retry: []time.Duration{time.Hour}}}
	for _, d := range g.orders.Destinations() {
		target := &destination{answer: delivery.Answer{Status: http.StatusOK}}
		g.targets, g.operator.Targets = append(g.targets, target), append(g.operator.Targets, d.Name)
		d.Transport = target
		destinations = append(destinations, d)
	}
	g.engine.Add(destinations, g.sender).Begin()
	g.operator.Sources = []*gateway.Source{g.billing, g.direct}
	g.operator.Reader, g.operator.Writer, g.operator.Engine = g.store, g.store, g.engine
	return g
}

func (g *gatewayBed) source(process *gateway.Process, state *gateway.State, name, preset, secret string, forward *gateway.Forward) *gateway.Source {
	g.Helper()
	scheme, _ := verifier.Preset(preset)
	s, err := gateway.NewSource(gateway.Config{Name: name, Verify: []gateway.Verify{{Scheme: scheme, Secrets: []string{secret}}}, Forward: forward}, process, state)
	g.must(err)
	g.must(s.Start())
	return s
}

// send sends an event to the source billing, and returns its number, if it is stored.
func (g *gatewayBed) send(id, body string, change ...func(*http.Request)) int64 {
	g.Helper()
	scheme, _ := verifier.Preset("svix")
	signer, err := verifier.NewSigner(scheme, []string{billingSecret}, verifier.Options{})
	g.must(err)
	header, err := signer.Sign(verifier.Message{ID: id, Timestamp: time.Now(), Body: []byte(body)})
	g.must(err)
	r := httptest.NewRequest(http.MethodPost, "/hooks?tenant=7&token=query-canary", bytes.NewReader([]byte(body)))
	r.Header = header
	for _, c := range change {
		c(r)
	}
	g.must(g.billing.Receive(httptest.NewRecorder(), r, nil))
	found, err := g.store.Find(g.Context(), "billing", id)
	g.must(err)
	if len(found) == 0 {
		return 0
	}
	return found[0].Seq
}

// becomes waits until an event is in a state.
func (g *gatewayBed) becomes(seq int64, state store.State) {
	g.Helper()
	g.eventually("event "+strconv.FormatInt(seq, 10)+" is "+state.String(), func() bool {
		d, err := g.store.Event(g.Context(), seq)
		return err == nil && d.State == state
	})
}

// dead sends an event that is given up.
func (g *gatewayBed) dead(id, body string) int64 {
	g.Helper()
	g.app.says(delivery.Answer{Status: http.StatusGone, Response: []byte("response-canary")})
	seq := g.send(id, body)
	g.becomes(seq, store.Dead)
	return seq
}

// as signs in an operator.
func (g *gatewayBed) signedIn() *visitor {
	g.Helper()
	return g.as(api.Holder{Scope: api.Operator})
}

// does posts a form that has to lead somewhere, and returns the page that this is.
func (v *visitor) does(path string, form url.Values) *reply {
	v.Helper()
	got := v.post(path, form)
	if got.status != http.StatusSeeOther {
		v.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	return v.page(got.to)
}

func eventPage(seq int64, more ...string) string {
	to := "/portal/gateway/events/" + strconv.FormatInt(seq, 10)
	for _, m := range more {
		to += m
	}
	return to
}
