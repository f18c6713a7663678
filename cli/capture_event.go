package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// readEventJSON reads what events show --payload --json prints, and its payload alone.
func readEventJSON(data []byte) (c capture, err error) {
	var event gateway.EventDetail
	if err := json.Unmarshal(data, &event); err != nil {
		return c, fmt.Errorf("reading the JSON of an event: %w", err)
	}
	if event.Payload == nil && event.Seq == 0 {
		event.Payload = new(gateway.Payload)
		if err := json.Unmarshal(data, event.Payload); err != nil || event.Payload.Body == nil {
			return c, errors.New("this JSON is no event; webhook events show --payload --json prints one")
		}
		return newCapture(&event)
	}
	return storedCapture(&event)
}

// storedCapture makes a request of an event that a gateway has stored.
func storedCapture(event *gateway.EventDetail) (c capture, err error) {
	switch {
	case event.Scheme == "":
		return c, errors.New("the event is a message of the gateway's own, which was not received as a webhook")
	case event.Payload == nil || event.Payload.Body == nil:
		return c, errors.New("the event has no payload: it is not kept any more, or was not asked for with --payload")
	}
	return newCapture(event)
}

func newCapture(event *gateway.EventDetail) (c capture, err error) {
	p := event.Payload
	target, err := url.ParseRequestURI(p.URL)
	if err != nil {
		return c, errors.New("the event's URL cannot be parsed")
	}
	c.request = &verifier.Request{Method: cmp.Or(p.Method, http.MethodPost), Header: http.Header{}, RawQuery: target.RawQuery}
	for _, line := range p.Headers {
		c.request.Header.Add(line.Name, line.Value)
	}
	if p.Host != "" {
		c.request.Header.Set("Host", p.Host)
	}
	c.body, c.scheme, c.received = p.Body.Base64, event.Scheme, event.Received
	return c, nil
}

// stored asks the gateway, or a store's file, for an event.
func (a *admin) stored(ctx context.Context, name string) (c capture, err error) {
	api, err := a.open(ctx)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, api.close()) }()
	seq, err := api.event(ctx, name)
	if err != nil {
		return c, err
	}
	var event gateway.EventDetail
	if _, err := api.get(ctx, eventPath(seq, ""), url.Values{"payload": {"true"}}, &event); err != nil {
		return c, err
	}
	return storedCapture(&event)
}
