package sender

import (
	"context"
	"encoding/json"
)

// EventPing is a type that nobody has to describe: its example shows that an endpoint is
// reached.
const EventPing = "svix.ping"

// PingExample is the example of [EventPing].
const PingExample = `{"success": true}`

// SendExample sends an example of an event type to one endpoint, whatever that selects.
func (s *Sender) SendExample(ctx context.Context, app, ref, name string, index int) (Message, error) {
	payload := json.RawMessage(PingExample)
	if name != EventPing {
		t, err := eventType(s.reading(ctx), name)
		if err == nil {
			payload, err = t.Example(index)
		}
		if err != nil {
			return Message{}, err
		}
	}
	return s.SendTo(ctx, app, ref, MessageIn{EventType: name, Payload: payload})
}

// SendTo sends a message to one endpoint, whatever that selects.
func (s *Sender) SendTo(ctx context.Context, app, ref string, in MessageIn) (Message, error) {
	a, ep, err := endpoint(s.reading(ctx), app, ref)
	if err != nil {
		return Message{}, err
	}
	if err := in.check(); err != nil {
		return Message{}, err
	}
	m, _, err := s.send(ctx, a.ID, &in, []string{ep.ID})
	return m, err
}
