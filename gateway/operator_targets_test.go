package gateway_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// TestOperatorTargets: of an event with several targets each delivery can be seen, found
// and tried again by itself; what is stored of it, which has no request, is shown.
func TestOperatorTargets(t *testing.T) {
	b := newOperatorBed(t)
	b.Targets = []string{"send/orders/0", "send/orders/1"}
	v, err := b.store.Accept(t.Context(), &store.Arrival{
		Source: "send/orders", To: []store.Target{{Destination: "send/orders/0"}, {Destination: "send/orders/1"}},
		ID: "order-1", Type: "order.paid", Received: b.clock.now(), Head: []byte(`{"not":"a request"}`), Body: []byte(`{"order":1}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, state := range []store.State{store.Delivered, store.Dead} {
		done := make(chan error)
		b.store.Settle(t.Context(), &store.Outcome{
			ID: store.DeliveryID{Seq: v.Seq, N: n}, Destination: "send/orders/" + strconv.Itoa(n), State: state, Step: 1, At: b.clock.now(),
			Attempt: &store.Attempt{Number: 1, Outcome: "x", Status: 200 + 210*n},
		}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	path := "/webhooks/events/" + strconv.FormatInt(v.Seq, 10)
	for query, want := range map[string]struct {
		state  string
		status int
	}{"": {"delivered", 200}, "&destination=send/orders/0": {"delivered", 200}, "&destination=send/orders/1": {"dead", 410}} {
		e := get[gateway.EventDetail](t, b, path+"?payload=1"+query)
		if e.State != want.state || len(e.Attempts) != 1 || e.Attempts[0].Status != want.status || len(e.Deliveries) != 2 || e.Deliveries[1] != (gateway.DeliveryInfo{Destination: "send/orders/1", State: "dead"}) {
			t.Errorf("%q: %+v", query, e)
		}
		if p := e.Payload; p == nil || string(p.Body.Base64) != `{"order":1}` || p.Method != "" || p.Headers == nil || len(p.Headers) != 0 {
			t.Errorf("%q: %+v", query, p)
		}
		if _, err := e.Request(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "message") {
			t.Errorf("%q: %v", query, err)
		}
	}
	found := get[gateway.EventPage](t, b, "/webhooks/events?source=send/orders/1&id=order-1")
	if len(found.Events) != 1 || found.Events[0].State != "dead" || found.Events[0].Destination != "send/orders/1" {
		t.Errorf("found %+v", found)
	}
	post := func(body string, want int, says string) {
		t.Helper()
		if status, _, answer := b.ask(t, http.MethodPost, path+"/retry", body); status != want || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	post(`{"destination":"send/orders/2"}`, http.StatusNotFound, "does not go to")
	post(`{}`, http.StatusConflict, "goes to 2 places: say which destination is meant, as send/orders/1.")
	post(`{"destination":"send/orders/1"}`, http.StatusOK, "{}")
	for n, want := range []string{"delivered", "pending"} {
		if e := get[gateway.EventDetail](t, b, path+"?destination=send/orders/"+strconv.Itoa(n)); e.State != want {
			t.Errorf("after the retry of the second: the delivery %d is %s", n, e.State)
		}
	}
	if status, _, _ := b.ask(t, http.MethodGet, path+"?destination=send/orders/2", ""); status != http.StatusNotFound {
		t.Error(status)
	}
}

// TestOperatorGuessesNoEndpoint: a message at several endpoints is no more guessed at than
// one with several targets.
func TestOperatorGuessesNoEndpoint(t *testing.T) {
	b := newOperatorBed(t)
	v, err := b.store.Accept(t.Context(), &store.Arrival{
		Source: "app_1", To: []store.Target{{Destination: "ep_1"}, {Destination: "ep_2"}}, ID: "msg_1", Received: b.clock.now(), Head: []byte("{}"), Body: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := "/webhooks/events/" + strconv.FormatInt(v.Seq, 10) + "/retry"
	for body, want := range map[string]int{"{}": http.StatusConflict, `{"destination":"ep_3"}`: http.StatusNotFound, `{"destination":"ep_1"}`: http.StatusOK, `{"destination":"ep_2"}`: http.StatusOK} {
		if status, _, answer := b.ask(t, http.MethodPost, path, body); status != want {
			t.Errorf("%s: %d %s, want %d", body, status, answer, want)
		}
	}
}
