package sender_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/verifier"
)

const producerSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

func preset(t *testing.T, name string) verifier.Scheme {
	t.Helper()
	s, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("there is no scheme %s", name)
	}
	return s
}

// producer makes a producer that delivers beside the endpoints.
func (b *bed) producer(o sender.ProducerOptions) *sender.Producer {
	b.Helper()
	if o.Name == "" {
		o.Name = "orders"
	}
	if o.Scheme.Name == "" {
		o.Scheme, o.Secrets = preset(b.T, "svix"), []string{producerSecret}
	}
	p, err := sender.NewProducer(o)
	if err != nil {
		b.Fatal(err)
	}
	sender.SetProducerPost(p, b.receivers.post)
	b.engine.Add(p.Destinations(), b.sender).Begin()
	return p
}

// TestProducer: what a producer is given goes to all of its URLs, signed; an event of the
// same id goes once, and with other content not at all.
func TestProducer(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		p := b.producer(sender.ProducerOptions{URLs: []string{"http://127.0.0.1:8080/a", "http://app/b"}})
		event := sender.Event{ID: "order:1/é"[:7], Type: "order.paid", Body: []byte("{ }")}
		id, existed, err := p.Send(ctx, b.engine, event)
		if err != nil || existed || id != event.ID {
			b.Fatal(id, existed, err)
		}
		for _, url := range []string{"http://127.0.0.1:8080/a", "http://app/b"} {
			got := b.arrived(url, 1)[0]
			w, err := svix.NewWebhook(producerSecret)
			if err != nil {
				b.Fatal(err)
			}
			if err := w.Verify(got.Body, header(&got)); err != nil || string(got.Body) != "{ }" || got.Header.Get("Svix-Id") != event.ID || got.Header.Get("Content-Type") != "application/json" {
				b.Errorf("%v: %s with %v", err, got.Body, got.Header)
			}
		}
		if id, existed, err := p.Send(ctx, b.engine, event); err != nil || !existed || id != event.ID {
			b.Errorf("again: %s, %t, %v", id, existed, err)
		}
		for _, other := range []sender.Event{{ID: event.ID, Type: event.Type, Body: []byte("{}")}, {ID: event.ID, Type: "other", Body: event.Body}, {ID: event.ID, Type: event.Type, Body: event.Body, ContentType: "text/plain"}} {
			_, _, err := p.Send(ctx, b.engine, other)
			wantConflict(b.T, err)
		}
		seen := map[string]bool{}
		for range 2 {
			id, existed, err := p.Send(ctx, b.engine, sender.Event{Body: []byte("text"), ContentType: "text/plain"})
			if err != nil || existed || seen[id] || !strings.HasPrefix(id, "msg_") {
				b.Errorf("without an id: %s, %t, %v", id, existed, err)
			}
			seen[id] = true
		}
		for _, got := range b.arrived("http://app/b", 3)[1:] {
			if !seen[got.Header.Get("Svix-Id")] || got.Header.Get("Content-Type") != "text/plain" {
				b.Errorf("came with %v", got.Header)
			}
		}
	})
}

// TestProducerRetries: each URL has a schedule of its own, under one id; secrets are
// those of the attempt.
func TestProducerRetries(t *testing.T) {
	inBubble(t, func(b *bed) {
		p := b.producer(sender.ProducerOptions{URLs: []string{"https://good/", "https://bad/"}, Retry: []time.Duration{time.Minute}, Forever: true})
		b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
			status := 200
			if p.URL == "https://bad/" {
				status = 400
			}
			return &sender.Exchange{URL: p.URL, Status: status}
		})
		if _, _, err := p.Send(b.Context(), b.engine, sender.Event{ID: "1", Body: []byte("x")}); err != nil {
			b.Fatal(err)
		}
		sleep(90 * time.Second)
		const next = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		if err := p.SetSecrets([]string{next, producerSecret}); err != nil {
			b.Fatal(err)
		}
		if err := p.SetSecrets([]string{"short"}); err == nil {
			b.Error("a bad secret is taken")
		}
		sleep(time.Minute)
		if n := len(b.receivers.at("https://good/")); n != 1 {
			b.Errorf("%d attempts at the good one", n)
		}
		bad := b.receivers.at("https://bad/")
		if len(bad) != 3 {
			b.Fatalf("%d attempts at the bad one; want 3", len(bad))
		}
		if svixVerifies(b.T, next, &bad[1]) || !svixVerifies(b.T, next, &bad[2]) || !svixVerifies(b.T, producerSecret, &bad[2]) || bad[2].Header.Get("Svix-Id") != "1" {
			b.Errorf("%v, then %v", bad[1].Header, bad[2].Header)
		}
	})
}

// TestProducerTravelbase: travelbase's envelope is made of what a producer is given.
func TestProducerTravelbase(t *testing.T) {
	b := newBed(t)
	b.start()
	p := b.producer(sender.ProducerOptions{Scheme: preset(t, "travelbase"), Secrets: []string{"travelbase-secret"}, URLs: []string{"http://app/"}})
	if _, _, err := p.Send(t.Context(), b.engine, sender.Event{ID: "evt_1", Type: "stay.changed", Body: []byte(`{"a": 1}`)}); err != nil {
		t.Fatal(err)
	}
	got := b.arrived("http://app/", 1)[0]
	var envelope struct {
		ID, Type  string
		CreatedAt string `json:"created_at"`
		Data      json.RawMessage
	}
	if err := json.Unmarshal(got.Body, &envelope); err != nil || envelope.ID != "evt_1" || envelope.Type != "stay.changed" || string(envelope.Data) != `{"a": 1}` || envelope.CreatedAt != got.Header.Get("X-Webhook-Timestamp") {
		t.Errorf("%s, %v", got.Body, err)
	}
}

// TestProducerRules: what cannot be configured, or sent, is refused.
func TestProducerRules(t *testing.T) {
	b := newBed(t)
	b.start()
	scheme := preset(t, "svix")
	for _, o := range []sender.ProducerOptions{
		{Scheme: scheme, Secrets: []string{producerSecret}},
		{Scheme: scheme, URLs: []string{"https://example.com/"}},
		{Scheme: scheme, Secrets: []string{"hunter2"}, URLs: []string{"https://example.com/"}},
		{Scheme: scheme, Secrets: []string{producerSecret}, URLs: []string{"ftp://example.com/"}},
		{Scheme: preset(t, "slack"), Secrets: []string{"whpk_1"}, URLs: []string{"https://example.com/"}},
	} {
		if _, err := sender.NewProducer(o); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	p := b.producer(sender.ProducerOptions{URLs: []string{"https://example.com/"}})
	for _, e := range []sender.Event{{ID: "a b"}, {ID: strings.Repeat("i", 257)}, {ID: "a\r\nb"}, {Type: "a\nb"}, {ContentType: "a\r\nX: y"}} {
		var invalid *sender.InvalidError
		if _, _, err := p.Send(t.Context(), b.engine, e); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if d := p.Destinations(); len(d) != 1 || d[0].Name != "send/orders/0" || d[0].Endpoint {
		t.Errorf("%+v", d)
	}
}
