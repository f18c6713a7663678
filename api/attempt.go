package api

import (
	"encoding/base64"
	"net/http"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// attemptOut is an attempt as it is answered.
type attemptOut struct {
	ID          string      `json:"id"`
	MsgID       string      `json:"msgId"`
	EndpointID  string      `json:"endpointId"`
	URL         string      `json:"url"`
	Response    string      `json:"response"`
	StatusCode  int         `json:"responseStatusCode"`
	DurationMs  int64       `json:"responseDurationMs"`
	Status      int         `json:"status"`
	StatusText  string      `json:"statusText"`
	TriggerType int         `json:"triggerType"`
	Timestamp   moment      `json:"timestamp"`
	Msg         *messageOut `json:"msg,omitzero"`
}

const (
	triggerScheduled = 0
	triggerManual    = 1
)

// responseOf writes the response of an attempt: as text, or base64 of what is none.
func responseOf(a *sender.Attempt, content bool) string {
	switch {
	case !content:
		return "{}"
	case !utf8.ValidString(a.Response):
		return base64.StdEncoding.EncodeToString([]byte(a.Response))
	}
	return a.Response
}

func attemptOf(a *sender.Attempt, content bool) attemptOut {
	out := attemptOut{
		ID: a.ID, MsgID: a.MsgID, EndpointID: a.EndpointID, URL: a.URL, Response: responseOf(a, content), StatusCode: a.StatusCode,
		DurationMs: a.Took.Milliseconds(), Status: int(a.Status), StatusText: a.Status.String(), Timestamp: moment(a.Timestamp),
		TriggerType: triggerScheduled,
	}
	if a.ByHand {
		out.TriggerType = triggerManual
	}
	if a.Message != nil {
		m := messageOf(a.Message, content)
		out.Msg = &m
	}
	return out
}

// endpointMessageOut is a message as it stands at an endpoint.
type endpointMessageOut struct {
	ID          string         `json:"id"`
	EventID     *string        `json:"eventId,omitzero"`
	EventType   string         `json:"eventType"`
	Payload     jsontext.Value `json:"payload" api:"object"`
	Channels    *[]string      `json:"channels,omitzero"`
	Tags        *[]string      `json:"tags,omitzero"`
	DeliverAt   *moment        `json:"deliverAt,omitzero"`
	Timestamp   moment         `json:"timestamp"`
	Status      int            `json:"status"`
	StatusText  string         `json:"statusText"`
	NextAttempt *moment        `json:"nextAttempt,omitzero"`
}

func endpointMessageOf(m *sender.EndpointMessage, content bool) endpointMessageOut {
	msg := messageOf(&m.Message, content)
	return endpointMessageOut{
		ID: msg.ID, EventID: msg.EventID, EventType: msg.EventType, Payload: msg.Payload, Channels: msg.Channels, Tags: msg.Tags,
		Timestamp: msg.Timestamp, Status: int(m.Status), StatusText: m.Status.String(), NextAttempt: momentOr(m.NextAttempt),
	}
}

// messageEndpointOut is an endpoint as a message stands at it.
type messageEndpointOut struct {
	ID           string    `json:"id"`
	UID          *string   `json:"uid"`
	URL          string    `json:"url"`
	Description  string    `json:"description"`
	ThrottleRate *int      `json:"throttleRate"`
	RateLimit    *int      `json:"rateLimit"`
	Version      int       `json:"version"`
	Disabled     bool      `json:"disabled"`
	EventTypes   *[]string `json:"eventTypes"`
	FilterTypes  *[]string `json:"filterTypes"`
	Channels     *[]string `json:"channels"`
	CreatedAt    moment    `json:"createdAt"`
	UpdatedAt    moment    `json:"updatedAt"`
	Scheme       string    `json:"scheme,omitzero"`
	Status       int       `json:"status"`
	StatusText   string    `json:"statusText"`
	NextAttempt  *moment   `json:"nextAttempt"`
}

func messageEndpointOf(e *sender.MessageEndpoint) messageEndpointOut {
	ep := endpointOf(&e.Endpoint)
	return messageEndpointOut{
		ID: ep.ID, UID: ep.UID, URL: ep.URL, Description: ep.Description, ThrottleRate: ep.ThrottleRate, RateLimit: ep.RateLimit,
		Version: ep.Version, Disabled: ep.Disabled, EventTypes: ep.EventTypes, FilterTypes: ep.FilterTypes, Channels: ep.Channels,
		CreatedAt: ep.CreatedAt, UpdatedAt: ep.UpdatedAt, Scheme: ep.Scheme,
		Status: int(e.Status), StatusText: e.Status.String(), NextAttempt: momentOr(e.NextAttempt),
	}
}

// attemptFilter reads which attempts, or attempted messages, are asked for.
func (c *call) attemptFilter() (sender.AttemptFilter, error) {
	f := sender.AttemptFilter{
		Page: c.query.page(false), Before: c.query.time(paramBefore), After: c.query.time(paramAfter), EventTypes: c.query.list(paramTypes),
		StatusCodeClass: c.query.number(paramClass), WithContent: c.query.bool(paramContent, true), WithMessage: c.query.bool(paramMessage, false),
	}
	if status := c.query.number(paramStatus); status != nil {
		s := sender.Status(*status)
		f.Status = &s
	}
	f.Channel, _ = c.query.text(paramChannel)
	f.Tag, _ = c.query.text(paramTag)
	f.EndpointID, _ = c.query.text(paramEndpoint)
	return f, c.query.fail
}

func listByEndpoint(c *call) (int, listResponse[attemptOut], error) {
	f, err := c.attemptFilter()
	if err != nil {
		return 0, listResponse[attemptOut]{}, err
	}
	f.EndpointID = ""
	list, err := c.sender.AttemptsByEndpoint(c.ctx, c.app, c.endpoint(), f)
	return http.StatusOK, listOf(list, func(a *sender.Attempt) attemptOut { return attemptOf(a, f.WithContent) }), err
}

func listByMessage(c *call) (int, listResponse[attemptOut], error) {
	f, err := c.attemptFilter()
	if err != nil {
		return 0, listResponse[attemptOut]{}, err
	}
	list, err := c.sender.AttemptsByMessage(c.ctx, c.app, c.path("msg_id"), f)
	return http.StatusOK, listOf(list, func(a *sender.Attempt) attemptOut { return attemptOf(a, f.WithContent) }), err
}

func listAttemptedMessages(c *call) (int, listResponse[endpointMessageOut], error) {
	f, err := c.attemptFilter()
	if err != nil {
		return 0, listResponse[endpointMessageOut]{}, err
	}
	f.EndpointID, f.StatusCodeClass = "", nil
	list, err := c.sender.AttemptedMessages(c.ctx, c.app, c.endpoint(), f)
	return http.StatusOK, listOf(list, func(m *sender.EndpointMessage) endpointMessageOut { return endpointMessageOf(m, f.WithContent) }), err
}

func listAttemptedDestinations(c *call) (int, listResponse[messageEndpointOut], error) {
	page := c.query.page(true)
	if c.query.fail != nil {
		return 0, listResponse[messageEndpointOut]{}, c.query.fail
	}
	list, err := c.sender.AttemptedDestinations(c.ctx, c.app, c.path("msg_id"), page)
	return http.StatusOK, listOf(list, messageEndpointOf), err
}

func getAttempt(c *call) (int, attemptOut, error) {
	a, err := c.sender.Attempt(c.ctx, c.app, c.path("msg_id"), c.path("attempt_id"))
	a.Message = nil // only lists have it, if it is asked for
	return http.StatusOK, attemptOf(&a, true), err
}

func expungeAttempt(c *call, tx *store.Tx, _ *none) (int, none, error) {
	return http.StatusNoContent, none{}, c.sender.ExpungeAttempt(tx, c.app, c.path("msg_id"), c.path("attempt_id"))
}

// empty is a body with nothing in it.
type empty struct{}

func resend(c *call, tx *store.Tx, _ *none) (int, empty, error) {
	return http.StatusAccepted, empty{}, c.sender.Resend(tx, c.app, c.path("msg_id"), c.endpoint())
}
