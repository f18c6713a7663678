package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookgate/hookgate/sender"
)

// maxPayload is how large the payload of a message may be, in bytes.
const maxPayload = 1 << 20

// messageIn is what a message is made of. The payload is kept and delivered as it is,
// byte for byte.
type messageIn struct {
	EventType       field[string]          `json:"eventType" api:"required,nonempty"`
	EventID         field[string]          `json:"eventId" api:"nonempty"`
	Payload         field[jsontext.Value]  `json:"payload" api:"object"`
	Data            field[jsontext.Value]  `json:"data" api:"object"`
	Channels        field[[]string]        `json:"channels" api:"nonempty"`
	Tags            field[[]string]        `json:"tags"`
	RetentionPeriod field[int64]           `json:"payloadRetentionPeriod" api:"min=1,max=90"`
	RetentionHours  field[int64]           `json:"payloadRetentionHours" api:"min=1,max=2160"`
	DeliverAt       field[time.Time]       `json:"deliverAt"`
	Application     field[applicationIn]   `json:"application"`
	Transformations field[transformations] `json:"transformationsParams"`
}

// transformations are what replaces the payload by something that is no JSON object.
type transformations struct {
	RawPayload field[string]            `json:"rawPayload"`
	Headers    field[map[string]string] `json:"headers"`
}

// messageOut is a message as it is answered.
type messageOut struct {
	ID        string         `json:"id"`
	EventID   *string        `json:"eventId,omitzero"`
	EventType string         `json:"eventType"`
	Payload   jsontext.Value `json:"payload" api:"object"`
	Channels  *[]string      `json:"channels,omitzero"`
	Tags      *[]string      `json:"tags,omitzero"`
	DeliverAt *moment        `json:"deliverAt,omitzero"`
	Timestamp moment         `json:"timestamp"`
}

// What stands in for a payload.
const (
	payloadLeftOut = `{}`
	payloadExpired = `{"expired":true}`
)

// payloadOf writes a payload. One that is no JSON object, because it was given raw, is
// put into one.
func payloadOf(m *sender.Message, content bool) jsontext.Value {
	switch {
	case !content:
		return jsontext.Value(payloadLeftOut)
	case m.Payload == nil:
		return jsontext.Value(payloadExpired)
	}
	value := jsontext.Value(m.Payload)
	if value.Kind() == '{' && value.IsValid() {
		return value
	}
	wrapped, err := json.Marshal(map[string]string{"rawPayload": strings.ToValidUTF8(string(m.Payload), string(utf8.RuneError))})
	if err != nil {
		return jsontext.Value(payloadLeftOut)
	}
	return wrapped
}

func messageOf(m *sender.Message, content bool) messageOut {
	return messageOut{
		ID: m.ID, EventID: textOr(m.EventID), EventType: m.EventType, Payload: payloadOf(m, content),
		Channels: listOr(m.Channels), Tags: listOr(m.Tags), Timestamp: moment(m.Timestamp),
	}
}

// message checks what package sender takes for granted, or names otherwise.
func (in *messageIn) message() (sender.MessageIn, error) {
	m := sender.MessageIn{
		EventType: in.EventType.value, EventID: in.EventID.or(""), Channels: in.Channels.or(nil), Tags: in.Tags.or(nil),
		Retention: time.Duration(in.RetentionPeriod.or(0)) * 24 * time.Hour,
	}
	if len(m.Tags) == 0 {
		m.Tags = nil
	}
	if in.RetentionHours.has() {
		m.Retention = time.Duration(in.RetentionHours.value) * time.Hour
	}
	payload := either(in.Payload, in.Data)
	switch {
	case !payload.has():
		return m, invalid("value_error.jsondecode", "missing field `payload`", "body", "payload")
	case payload.value.Kind() != '{':
		return m, invalid("value_error.jsondecode", "invalid type: the payload has to be a map", "body", "payload")
	case in.DeliverAt.has():
		return m, invalid("", "messages for later are not supported", "body", "deliverAt")
	}
	m.Payload = json.RawMessage(payload.value)
	if raw := in.Transformations.value.RawPayload; raw.has() {
		m.Raw = &raw.value
	}
	for name, value := range in.Transformations.value.Headers.or(nil) {
		if strings.EqualFold(name, "content-type") {
			m.ContentType = value
		}
	}
	if len(m.Payload) > maxPayload || m.Raw != nil && len(*m.Raw) > maxPayload {
		return m, errTooLarge
	}
	if in.Application.has() {
		app := in.Application.value.application()
		m.Application = &app
	}
	return m, nil
}

// createMessage is idempotent by itself: the store knows the key with the message.
func createMessage(c *call, in *messageIn) (int, messageOut, error) {
	content := c.query.bool(paramContent, true)
	if c.query.fail != nil {
		return 0, messageOut{}, c.query.fail
	}
	message, err := in.message()
	if err != nil {
		return 0, messageOut{}, err
	}
	if c.idempotency != "" {
		message.Idempotency = c.subject() + "\x00" + c.idempotency
	}
	m, _, err := c.sender.CreateMessage(c.ctx, c.app, message)
	return http.StatusAccepted, messageOf(&m, content), err
}

func listMessages(c *call) (int, listResponse[messageOut], error) {
	filter := sender.MessageFilter{
		Page: c.query.page(false), Before: c.query.time(paramBefore), After: c.query.time(paramAfter), EventTypes: c.query.list(paramTypes),
		WithContent: c.query.bool(paramContent, true),
	}
	filter.Channel, _ = c.query.text(paramChannel)
	filter.Tag, _ = c.query.text(paramTag)
	if c.query.fail != nil {
		return 0, listResponse[messageOut]{}, c.query.fail
	}
	list, err := c.sender.Messages(c.ctx, c.app, filter)
	return http.StatusOK, listOf(list, func(m *sender.Message) messageOut { return messageOf(m, filter.WithContent) }), err
}

func getMessage(c *call) (int, messageOut, error) {
	content := c.query.bool(paramContent, true)
	if c.query.fail != nil {
		return 0, messageOut{}, c.query.fail
	}
	m, err := c.sender.Message(c.ctx, c.app, c.path("msg_id"))
	return http.StatusOK, messageOf(&m, content), err
}

func expungeMessage(c *call, _ *none) (int, none, error) {
	return http.StatusNoContent, none{}, c.sender.ExpungeMessage(c.ctx, c.app, c.path("msg_id"))
}
