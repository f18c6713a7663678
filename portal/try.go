package portal

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/hookgate/hookgate/sender"
)

// tryData is the page on which a test event is sent to an endpoint.
type tryData struct {
	sender.Endpoint
	// Types are those there are examples of, and Type the chosen one.
	Types    []string
	Type     string
	Payload  string
	Problems problems
	// Sent is the message that was just sent, with what has come of it; nil if none was.
	Sent     *sender.Message
	Attempts []sender.Attempt
	// Waiting says that it is not settled yet.
	Waiting bool
}

// tryEndpoint shows an example of an event type to be edited and sent, and what has come of
// the one that was sent.
func tryEndpoint(v *visit) (response, error) {
	d, err := v.tryData(v.query("type"))
	if err != nil {
		return nil, err
	}
	if id := v.query("sent"); id != "" {
		if err := v.sent(d, id); err != nil {
			return nil, err
		}
	}
	return v.show("try", "Send a test event", d)
}

func (v *visit) tryData(chosen string) (*tryData, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	types, err := v.allTypes()
	if err != nil {
		return nil, err
	}
	d := &tryData{Endpoint: ep, Types: []string{sender.EventPing}, Type: sender.EventPing, Payload: pretty([]byte(sender.PingExample))}
	for i := range types {
		d.Types = append(d.Types, types[i].Name)
		if types[i].Name != chosen {
			continue
		}
		t, err := v.Sender.EventType(v.ctx, chosen)
		if err != nil {
			return nil, err
		}
		d.Type, d.Payload = t.Name, "{}"
		switch example, err := t.Example(0); {
		case err == nil:
			d.Payload = pretty(example)
		case !errors.As(err, new(*sender.RefusedError)): // there is none
			return nil, err
		}
	}
	return d, nil
}

// sent puts in what has come of a test event.
func (v *visit) sent(d *tryData, id string) error {
	m, err := v.Sender.Message(v.ctx, v.app.ID, id)
	if err != nil {
		return err
	}
	d.Sent = &m
	found, err := v.Sender.AttemptsByMessage(v.ctx, v.app.ID, id, sender.AttemptFilter{Page: sender.Page{Limit: perPage}, EndpointID: d.ID, WithContent: true})
	if err != nil {
		return err
	}
	d.Attempts = found.Data
	at, err := v.Sender.AttemptedDestinations(v.ctx, v.app.ID, id, sender.Page{Limit: perPage})
	if err != nil {
		return err
	}
	d.Waiting = slices.ContainsFunc(at.Data, func(ep sender.MessageEndpoint) bool { return ep.ID == d.ID && !ep.NextAttempt.IsZero() })
	return nil
}

// sendTest sends a test event.
func sendTest(v *visit) (response, error) {
	kind, payload := v.field("type"), v.r.PostForm.Get("payload")
	in := sender.MessageIn{EventType: kind, Payload: json.RawMessage(payload)}
	again := func(wrong problems) (response, error) {
		d, err := v.tryData(kind)
		if err != nil {
			return nil, err
		}
		d.Payload, d.Problems = payload, wrong
		return v.again("try", "Send a test event", d)
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(in.Payload, new(any)); errors.As(err, &syntax) {
		return again(problems{"payload": upper(syntax.Error()) + ", at byte " + count(syntax.Offset) + "."})
	}
	m, err := v.Sender.SendTo(v.ctx, v.app.ID, v.path("endpoint"), in)
	if wrong, ok := problemsOf(err, "eventType", "payload"); ok {
		return again(wrong)
	}
	if errors.Is(err, sender.ErrTooLarge) {
		return again(problems{"payload": "It is larger than " + size(int64(sender.MaxPayload)) + "."})
	}
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", v.path("endpoint"), "test")+"?type="+kind+"&sent="+m.ID, ""), nil
}
