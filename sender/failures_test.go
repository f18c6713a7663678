package sender_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

func (b *bed) get(app, ep string) sender.Endpoint {
	b.Helper()
	got, err := b.sender.Endpoint(context.Background(), app, ep)
	if err != nil {
		b.Fatal(err)
	}
	return got
}

// told returns the operational webhooks that came to a URL, as type and data.
func (b *bed) told(url string) (types []string, data []map[string]any) {
	b.Helper()
	for _, p := range b.receivers.at(url) {
		var told struct {
			Type string
			Data map[string]any
		}
		if err := json.Unmarshal(p.Body, &told); err != nil {
			b.Fatal(err)
		}
		types, data = append(types, told.Type), append(data, told.Data)
	}
	return types, data
}

// TestGone: an endpoint that answers 410 gets nothing more until it is enabled, what
// waited for it is canceled, and the operational application is told (E-15).
func TestGone(t *testing.T) {
	onStores(t, func(b *bed) {
		ops := b.endpoint(b.app(sender.OperationalUID).ID, sender.EndpointIn{})
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{UID: "main"})
		other := b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
			x := &sender.Exchange{URL: p.URL, Status: 200}
			if p.URL == ep.URL {
				x.Status = 410
			}
			return x
		})
		first := b.send(app.ID, sender.MessageIn{})
		b.eventually("that it is disabled", func() bool { return b.get(app.ID, ep.ID).Disabled })
		if got := b.get(app.ID, ep.ID); got.DisabledReason != sender.DisabledGone {
			b.Errorf("disabled as %q", got.DisabledReason)
		}
		b.eventually("that it is told", func() bool {
			types, _ := b.told(ops.URL)
			return strings.Contains(strings.Join(types, " "), sender.EndpointDisabled)
		})
		types, data := b.told(ops.URL)
		for i := range types {
			if types[i] == sender.EndpointDisabled && (data[i]["appId"] != app.ID || data[i]["appUid"] != "one" || data[i]["endpointId"] != ep.ID || data[i]["endpointUid"] != "main" || data[i]["trigger"] != "gone") {
				b.Errorf("told %v", data[i])
			}
		}
		b.send(app.ID, sender.MessageIn{})
		b.arrived(other.URL, 2)
		b.change(func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, first.ID, ep.ID) })
		b.arrived(ep.URL, 1)
		b.receivers.status(200)
		enabled := must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{Disabled: ref(false)})
		})
		if enabled.Disabled || enabled.DisabledReason != "" {
			b.Errorf("enabled: %+v", enabled)
		}
		b.send(app.ID, sender.MessageIn{})
		b.arrived(ep.URL, 2)
		if !strings.Contains(b.logs.String(), "level=WARN msg=\"an endpoint is disabled") {
			b.Error("it is not logged")
		}
	})
}

// TestAsksToBeDisabled: an endpoint may ask by a header not to be sent anything any more,
// and that is about itself only (E-25).
func TestAsksToBeDisabled(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ep, other := b.endpoint(app.ID, sender.EndpointIn{}), b.endpoint(app.ID, sender.EndpointIn{})
	b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
		x := &sender.Exchange{URL: p.URL, Status: 500}
		if p.URL == ep.URL {
			x.Header = http.Header{"Webhook-Delivery": {"disable"}}
		}
		return x
	})
	b.send(app.ID, sender.MessageIn{})
	b.eventually("that it is disabled", func() bool { return b.get(app.ID, ep.ID).DisabledReason == sender.DisabledAsked })
	if b.get(app.ID, other.ID).Disabled {
		t.Error("the other one is disabled, too")
	}
}

// failFor gives up a message each few hours for so long.
func failFor(b *bed, app string, d time.Duration) {
	b.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		b.send(app, sender.MessageIn{})
		sleep(8 * time.Hour)
	}
}

// says makes endpoints answer with a status, and that of operational webhooks with another.
func (b *bed) says(status, ops int) {
	b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
		if strings.HasPrefix(p.URL, "https://ops.") {
			return &sender.Exchange{URL: p.URL, Status: ops}
		}
		return &sender.Exchange{URL: p.URL, Status: status}
	})
}

// failing makes a bed whose endpoints are asked twice, a minute apart, and answer 500.
func failing(b *bed) (sender.Application, sender.Endpoint) {
	b.Helper()
	b.options.Retry = []time.Duration{time.Minute}
	b.restart()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{})
	b.says(422, 200)
	return app, ep
}

// TestFailingForLong: an endpoint for which messages are given up for more than five days
// is disabled, also if the gateway was restarted meanwhile; not before; and enabling it
// begins anew (E-15).
func TestFailingForLong(t *testing.T) {
	inBubble(t, func(b *bed) {
		ops := b.endpoint(b.app(sender.OperationalUID).ID, sender.EndpointIn{URL: "https://ops.example.com/"})
		app, ep := failing(b)
		failFor(b, app.ID, 60*time.Hour)
		b.restart()
		failFor(b, app.ID, 60*time.Hour)
		got := b.get(app.ID, ep.ID)
		if got.Disabled || got.FirstFailure.IsZero() {
			b.Fatalf("after five days: %+v", got)
		}
		failFor(b, app.ID, 8*time.Hour)
		got = b.get(app.ID, ep.ID)
		if !got.Disabled || got.DisabledReason != sender.DisabledFailing {
			b.Fatalf("after more than five days: %+v", got)
		}
		types, data := b.told(ops.URL)
		if last := data[len(data)-1]; types[len(types)-1] != sender.EndpointDisabled || last["failSince"] == nil || last["trigger"] != sender.DisabledFailing {
			b.Errorf("told %v, the last is %v", types, last)
		}
		n := len(b.receivers.at(ep.URL))
		failFor(b, app.ID, 8*time.Hour)
		if more := len(b.receivers.at(ep.URL)) - n; more != 0 {
			b.Errorf("%d attempts while it is disabled", more)
		}
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{Disabled: ref(false)})
		})
		failFor(b, app.ID, 100*time.Hour)
		if got := b.get(app.ID, ep.ID); got.Disabled || got.FirstFailure.IsZero() {
			b.Errorf("four days after it was enabled: %+v", got)
		}
	})
}

// TestFailingNowAndThen: one success begins anew, and so does a long time without
// anything to send (E-15).
func TestFailingNowAndThen(t *testing.T) {
	inBubble(t, func(b *bed) {
		app, ep := failing(b)
		failFor(b, app.ID, 100*time.Hour)
		b.receivers.status(200)
		failFor(b, app.ID, 8*time.Hour)
		if got := b.get(app.ID, ep.ID); !got.FirstFailure.IsZero() {
			b.Errorf("after a success: %+v", got)
		}
		b.receivers.status(422)
		failFor(b, app.ID, 100*time.Hour)
		if got := b.get(app.ID, ep.ID); got.Disabled {
			b.Errorf("disabled in spite of a success: %+v", got)
		}
		sleep(200 * time.Hour)
		failFor(b, app.ID, 8*time.Hour)
		if got := b.get(app.ID, ep.ID); got.Disabled || time.Since(got.FirstFailure) > 9*time.Hour {
			b.Errorf("after a long silence: %+v", got)
		}
	})
}

// TestDownForLong: an endpoint that is down, for which therefore no message is given up, is
// disabled as one is for which they are: five days after the first would have been (E-15).
func TestDownForLong(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.status(500)
		for range 10 {
			b.send(app.ID, sender.MessageIn{})
		}
		const schedule = 27*time.Hour + 35*time.Minute + 5*time.Second
		sleep(schedule + 119*time.Hour)
		if got := b.get(app.ID, ep.ID); got.Disabled || got.FirstFailure.IsZero() {
			b.Errorf("before five days: %+v", got)
		}
		sleep(2 * time.Hour)
		if got := b.get(app.ID, ep.ID); !got.Disabled || got.DisabledReason != sender.DisabledFailing {
			b.Errorf("after five days: %+v", got)
		}
		sleep(time.Minute)
		if c := b.store.Counts()[ep.ID]; c.Pending != 0 {
			b.Errorf("%d still wait for it", c.Pending)
		}
	})
}

// TestExhausted: when the schedule is used up that can be seen and is told, and the message
// can be sent by hand, under the same id (E-23).
func TestExhausted(t *testing.T) {
	inBubble(t, func(b *bed) {
		ops := b.endpoint(b.app(sender.OperationalUID).ID, sender.EndpointIn{URL: "https://ops.example.com/"})
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.says(500, 200)
		m := b.send(app.ID, sender.MessageIn{EventID: "inv-1"})
		sleep(40 * time.Hour)
		l, err := b.sender.AttemptedMessages(b.Context(), app.ID, ep.ID, sender.AttemptFilter{})
		if err != nil || len(l.Data) != 1 || l.Data[0].Status != sender.StatusFail || !l.Data[0].NextAttempt.IsZero() {
			b.Fatalf("%+v, %v", l, err)
		}
		types, data := b.told(ops.URL)
		if got := strings.Join(types, " "); got != "endpoint.created message.attempt.failing message.attempt.exhausted" {
			b.Errorf("told %s", got)
		}
		attempts, err := b.sender.AttemptsByMessage(b.Context(), app.ID, m.ID, sender.AttemptFilter{})
		if err != nil || len(attempts.Data) != 8 {
			b.Fatalf("%d attempts, %v", len(attempts.Data), err)
		}
		last, _ := data[2]["lastAttempt"].(map[string]any)
		if data[2]["msgId"] != m.ID || data[2]["msgEventId"] != "inv-1" || last["id"] != attempts.Data[0].ID || last["responseStatusCode"] != 500.0 {
			b.Errorf("told %v; the last attempt is %s", data[2], attempts.Data[0].ID)
		}
		b.change(func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, "inv-1", ep.ID) })
		sleep(48 * time.Hour)
		got := b.receivers.at(ep.URL)
		if len(got) != 9 || got[8].Header.Get("Svix-Id") != m.ID {
			b.Errorf("%d attempts; want one more, of the same id", len(got))
		}
		b.receivers.status(200)
		b.change(func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, m.ID, ep.ID) })
		sleep(time.Second)
		l, err = b.sender.AttemptedMessages(b.Context(), app.ID, ep.ID, sender.AttemptFilter{})
		if err != nil || l.Data[0].Status != sender.StatusSuccess {
			b.Errorf("%+v, %v", l, err)
		}
		attempts, err = b.sender.AttemptsByMessage(b.Context(), app.ID, m.ID, sender.AttemptFilter{})
		if err != nil || len(attempts.Data) != 10 || !attempts.Data[0].ByHand || !attempts.Data[1].ByHand || attempts.Data[2].ByHand {
			b.Errorf("%+v, %v", attempts, err)
		}
		if !b.get(app.ID, ep.ID).FirstFailure.IsZero() {
			b.Error("the endpoint is still failing")
		}
	})
}

// TestRecovered: a message that was delivered after it was failing is told of.
func TestRecovered(t *testing.T) {
	inBubble(t, func(b *bed) {
		ops := b.endpoint(b.app(sender.OperationalUID).ID, sender.EndpointIn{URL: "https://ops.example.com/"})
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
			if p.URL == ep.URL && len(b.receivers.at(p.URL)) < 6 {
				return &sender.Exchange{URL: p.URL, Status: 400}
			}
			return &sender.Exchange{URL: p.URL, Status: 200}
		})
		b.send(app.ID, sender.MessageIn{})
		sleep(24 * time.Hour)
		types, _ := b.told(ops.URL)
		if got := strings.Join(types, " "); got != "endpoint.created message.attempt.failing message.attempt.recovered" {
			b.Errorf("told %s", got)
		}
	})
}

// TestOperational: changes of endpoints are told, but not those of the operational
// application itself; without one nobody is told.
func TestOperational(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		b.endpoint(app.ID, sender.EndpointIn{})
		operational := b.app(sender.OperationalUID)
		ops := b.endpoint(operational.ID, sender.EndpointIn{})
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{Description: ref("x")})
		})
		b.rotate(app.ID, ep.ID, "", 0)
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, ep.ID) })
		b.arrived(ops.URL, 4)
		types, data := b.told(ops.URL)
		counts := map[string]int{}
		for i := range types {
			counts[types[i]]++
			if data[i]["endpointId"] != ep.ID {
				b.Errorf("%s: %v", types[i], data[i])
			}
		}
		if counts[sender.EndpointCreated] != 1 || counts[sender.EndpointUpdated] != 2 || counts[sender.EndpointDeleted] != 1 {
			b.Errorf("told %v", counts)
		}
	})
}

// TestOperationalHasAnEnd: that an operational webhook is not taken is told nobody.
func TestOperationalHasAnEnd(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.options.Retry = []time.Duration{time.Minute}
		b.restart()
		operational := b.app(sender.OperationalUID)
		b.endpoint(operational.ID, sender.EndpointIn{})
		b.endpoint(b.app("one").ID, sender.EndpointIn{})
		b.receivers.status(422)
		sleep(24 * time.Hour)
		l, err := b.sender.Messages(b.Context(), operational.ID, sender.MessageFilter{})
		if err != nil || len(l.Data) != 1 {
			b.Errorf("%d messages, %v; want 1", len(l.Data), err)
		}
	})
}
