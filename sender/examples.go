package sender

import (
	"context"
	"encoding/json"
)

// EventPing is a type that nobody has to describe: its example shows that an endpoint is
// reached.
const EventPing = "svix.ping"

// SendExample sends an example of an event type to one endpoint, whatever that selects.
func (s *Sender) SendExample(ctx context.Context, app, ref, name string, index int) (Message, error) {
	q := s.reading(ctx)
	a, ep, err := endpoint(q, app, ref)
	if err != nil {
		return Message{}, err
	}
	payload := json.RawMessage(`{"success": true}`)
	if name != EventPing {
		t, err := eventType(q, name)
		if err == nil {
			payload, err = t.example(index)
		}
		if err != nil {
			return Message{}, err
		}
	}
	in := MessageIn{EventType: name, Payload: payload}
	if err := in.check(); err != nil {
		return Message{}, err
	}
	m, _, err := s.send(ctx, a.ID, &in, []string{ep.ID})
	return m, err
}
