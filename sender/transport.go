package sender

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// transport is how a sender's endpoints are reached.
type transport struct{ *Sender }

// Attempt makes one attempt at a delivery to an endpoint. The endpoint's URL, headers
// and secrets are those of now. If it is disabled, or gone, the delivery is withdrawn.
func (s transport) Attempt(ctx context.Context, d *store.Delivery) delivery.Answer {
	t, err := s.target(ctx, d.Destination)
	if err != nil {
		s.Logger.Error("an endpoint cannot be read, so that nothing is sent to it", slog.String("endpoint", d.Destination), slog.Any("error", err))
		return delivery.Answer{Err: &postError{"the endpoint's settings cannot be read", err}}
	}
	if t == nil || t.Disabled || t.AppID != d.Source {
		return delivery.Answer{Err: fmt.Errorf("endpoint %s: %w", d.Destination, delivery.ErrWithdrawn)}
	}
	h, err := readHead(d.Head)
	if err != nil {
		return delivery.Answer{Err: fmt.Errorf("%w: %w", delivery.ErrUnusable, err)}
	}
	body, header, err := t.signed(d, h, s.Now())
	if err != nil {
		return delivery.Answer{Err: &postError{"the message cannot be signed", err}}
	}
	addHeaders(header, t.headers)
	x := s.post(ctx, Post{URL: t.URL, Header: header, Body: body})
	if asksToDisable(x) {
		s.disableSoon(t.ID, DisabledAsked)
	}
	if now := s.Now(); x.Status/100 != 2 && s.overdue(d, now) {
		s.failed(t.ID, now)
	}
	return answer(x)
}

// addHeaders adds an endpoint's own headers to ours, as they are spelled, but for those
// that are ours.
func addHeaders(to http.Header, own map[string]string) {
	if len(own) == 0 {
		return
	}
	ours := make(map[string]bool, len(to))
	for name := range to {
		ours[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	for name, value := range own {
		if !ours[textproto.CanonicalMIMEHeaderKey(name)] && checkHeader(name, value) == nil {
			to[name] = []string{value}
		}
	}
}

// answer is what the engine is told of an exchange.
func answer(x *Exchange) delivery.Answer {
	a := delivery.Answer{Status: x.Status, RetryAfter: x.RetryAfter, Response: x.Encode()}
	if x.Err != nil {
		a.Err = &postError{x.Reason, x.Err}
	}
	return a
}

// postError is what went wrong with an attempt, in words that whom the endpoint belongs
// to may read. What it wraps is for the operator.
type postError struct {
	reason string
	err    error
}

func (e *postError) Error() string { return e.reason }
func (e *postError) Unwrap() error { return e.err }

// asksToDisable reports whether an endpoint has asked not to be sent anything any more.
func asksToDisable(x *Exchange) bool {
	return strings.EqualFold(strings.TrimSpace(x.Header.Get("Webhook-Delivery")), "disable")
}
