package sender

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/hookgate/hookgate/store"
)

// OperationalUID is the uid of the application that is told what happens to the endpoints
// of all others. If there is none nobody is told.
const OperationalUID = "operational"

// The types of operational webhooks.
const (
	EndpointCreated  = "endpoint.created"
	EndpointUpdated  = "endpoint.updated"
	EndpointDeleted  = "endpoint.deleted"
	EndpointDisabled = "endpoint.disabled"
	AttemptFailing   = "message.attempt.failing"   // for the fourth time
	AttemptExhausted = "message.attempt.exhausted" // there is no further attempt
	AttemptRecovered = "message.attempt.recovered" // after it was failing
)

// operation is what operational webhooks tell.
type operation struct {
	Type      string
	App       Application
	Endpoint  Endpoint
	FailSince time.Time
	attempt   *outcome
	message   *store.Delivery
}

// body writes an operation as it is sent.
func (o *operation) body() []byte {
	type lastAttempt struct {
		ID        string    `json:"id"`
		Status    int       `json:"responseStatusCode"`
		Timestamp time.Time `json:"timestamp"`
	}
	data := struct {
		AppID       string       `json:"appId"`
		AppUID      *string      `json:"appUid"`
		EndpointID  string       `json:"endpointId"`
		EndpointUID *string      `json:"endpointUid"`
		FailSince   *time.Time   `json:"failSince,omitempty"`
		Trigger     string       `json:"trigger,omitempty"`
		MsgID       string       `json:"msgId,omitempty"`
		MsgEventID  *string      `json:"msgEventId,omitempty"`
		LastAttempt *lastAttempt `json:"lastAttempt,omitempty"`
	}{AppID: o.App.ID, AppUID: optional(o.App.UID), EndpointID: o.Endpoint.ID, EndpointUID: optional(o.Endpoint.UID)}
	if o.Type == EndpointDisabled {
		data.Trigger = o.Endpoint.DisabledReason
		if !o.FailSince.IsZero() {
			data.FailSince = &o.FailSince
		}
	}
	if o.attempt != nil {
		key := attemptKey{started: o.attempt.started, delivery: o.attempt.id, number: o.attempt.number}
		data.MsgID, data.MsgEventID = messageID(o.App.ID, o.message.Seq), optional(o.message.ID)
		data.LastAttempt = &lastAttempt{ID: key.id(), Status: o.attempt.status, Timestamp: o.attempt.started.UTC().Truncate(time.Millisecond)}
	}
	text, _ := json.Marshal(map[string]any{"type": o.Type, "data": data}) // it always can be
	return text
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// announce tells of an operation once its transaction is committed. What happens to the
// operational application itself is not told, as that would have no end.
func (s *Sender) announce(tx *store.Tx, o operation) {
	if o.App.UID != OperationalUID {
		tx.Then(func() { s.later(func(ctx context.Context) { s.sendOperation(ctx, &o) }) })
	}
}

// tell tells of an attempt. It does not block.
func (s *Sender) tell(kind string, said outcome) {
	s.later(func(ctx context.Context) {
		if _, found, err := findApplication(s.reading(ctx), OperationalUID); err != nil || !found {
			return
		}
		o := operation{Type: kind, attempt: &said}
		endpoints, err := readEndpoints(s.reading(ctx), "id = ?", []any{said.endpoint})
		if err != nil || len(endpoints) == 0 {
			return
		}
		o.Endpoint = endpoints[0]
		if o.App, err = s.Application(ctx, o.Endpoint.AppID); err != nil || o.App.UID == OperationalUID {
			return
		}
		d, err := s.Store.Event(ctx, said.id.Seq)
		if err != nil {
			return
		}
		o.message = &d
		s.sendOperation(ctx, &o)
	})
}

func (s *Sender) sendOperation(ctx context.Context, o *operation) {
	_, _, err := s.CreateMessage(ctx, OperationalUID, MessageIn{EventType: o.Type, Payload: o.body()})
	if err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
		s.Logger.Warn("an operational webhook is not sent", slog.String("type", o.Type), slog.String("endpoint", o.Endpoint.ID), slog.Any("error", err))
	}
}
