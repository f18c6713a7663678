package sender

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hookgate/hookgate/store"
)

// statusOfAttempt is how an attempt went.
func statusOfAttempt(a *store.Attempt) Status {
	if a.Status/100 == 2 {
		return StatusSuccess
	}
	return StatusFail
}

// attemptOf makes an attempt of a stored one.
func attemptOf(app string, t *store.Tried, f *AttemptFilter) (Attempt, error) {
	a := Attempt{
		ID: keyOf(t).id(), MsgID: messageID(app, t.Seq), EndpointID: t.Destination,
		StatusCode: t.Attempt.Status, Took: t.Attempt.Took, Status: statusOfAttempt(&t.Attempt), ByHand: t.Attempt.ByHand,
		Timestamp: t.Attempt.Started, Error: t.Attempt.Error,
	}
	if x, err := DecodeExchange(t.Attempt.Response); err == nil && len(t.Attempt.Response) > 0 {
		a.URL = x.URL
		if f.WithContent {
			a.Exchange, a.Response = x, responseText(x)
		}
	}
	if f.WithContent && a.Response == "" && a.StatusCode == 0 {
		a.Response = a.Error
	}
	if f.WithMessage {
		m, err := messageOf(app, &t.Delivery)
		if err != nil {
			return Attempt{}, err
		}
		a.Message = &m
	}
	return a, nil
}

// responseText is the body of a response as text; what is no text, as base64.
func responseText(x *Exchange) string {
	if utf8.Valid(x.Body) {
		return string(x.Body)
	}
	return base64.StdEncoding.EncodeToString(x.Body)
}

// keyOf is what the id of an attempt says.
func keyOf(t *store.Tried) attemptKey {
	return attemptKey{started: t.Attempt.Started, delivery: t.DeliveryID(), number: t.Attempt.Number}
}

// query writes a filter as the store's.
func (f *AttemptFilter) query() (c cursor, q store.AttemptFilter, err error) {
	c, err = f.read(func(id string) bool { _, ok := parseAttemptID(id); return ok })
	if err != nil {
		return c, q, err
	}
	q = store.AttemptFilter{From: f.After, To: f.Before, Limit: c.limit, Body: f.WithMessage && f.WithContent, Match: f.match(), Heads: chosen{f.EventTypes, f.Channel, f.Tag}.heads()}
	if c.at != "" {
		key, _ := parseAttemptID(c.at)
		at := store.AttemptPosition{Started: key.started, ID: key.delivery, Number: key.number}
		if c.backward {
			q.After = at
		} else {
			q.Before = at
		}
	}
	return c, q, nil
}

// match says which attempts are meant; nil for all.
func (f *AttemptFilter) match() func(*store.Tried) bool {
	which := chosen{f.EventTypes, f.Channel, f.Tag}
	if f.Status == nil && f.StatusCodeClass == nil && f.EndpointID == "" && which.match() == nil {
		return nil
	}
	return func(t *store.Tried) bool {
		return (f.Status == nil || statusOfAttempt(&t.Attempt) == *f.Status) &&
			(f.StatusCodeClass == nil || t.Attempt.Status/100*100 == *f.StatusCodeClass) &&
			(f.EndpointID == "" || t.Destination == f.EndpointID) && which.has(&t.Delivery)
	}
}

// AttemptsByEndpoint returns a page of the attempts at an endpoint, the newest first.
func (s *Sender) AttemptsByEndpoint(ctx context.Context, app, ep string, f AttemptFilter) (List[Attempt], error) {
	a, e, err := endpoint(s.often(ctx), app, ep)
	if err != nil {
		return List[Attempt]{}, err
	}
	f.EndpointID = ""
	c, q, err := f.query()
	if err != nil {
		return List[Attempt]{}, err
	}
	found, next, err := s.Store.AttemptsTo(ctx, e.ID, q)
	if err != nil {
		return List[Attempt]{}, fmt.Errorf("listing attempts: %w", err)
	}
	return s.attemptsOf(ctx, &a, c, &f, found, next)
}

// AttemptsByMessage returns a page of the attempts at a message, the newest first.
func (s *Sender) AttemptsByMessage(ctx context.Context, app, msg string, f AttemptFilter) (List[Attempt], error) {
	a, d, err := s.message(ctx, app, msg)
	if err != nil {
		return List[Attempt]{}, err
	}
	if f.EndpointID != "" && !isEndpointID(f.EndpointID) { // a deleted one has its id only
		_, e, err := endpoint(s.reading(ctx), a.ID, f.EndpointID)
		if err != nil {
			return List[Attempt]{}, err
		}
		f.EndpointID = e.ID
	}
	c, q, err := f.query()
	if err != nil {
		return List[Attempt]{}, err
	}
	found, next, err := s.Store.AttemptsOf(ctx, d.Seq, q)
	if err != nil {
		return List[Attempt]{}, fmt.Errorf("listing attempts: %w", err)
	}
	return s.attemptsOf(ctx, &a, c, &f, found, next)
}

func (s *Sender) attemptsOf(ctx context.Context, app *Application, c cursor, f *AttemptFilter, found []store.Tried, next store.AttemptPosition) (List[Attempt], error) {
	attempts := make([]Attempt, len(found))
	for i := range found {
		var err error
		if attempts[i], err = attemptOf(app.ID, &found[i], f); err != nil {
			return List[Attempt]{}, err
		}
	}
	if err := s.nameURLs(ctx, app.ID, attempts); err != nil {
		return List[Attempt]{}, err
	}
	at := ""
	if next != (store.AttemptPosition{}) {
		at = attemptKey{started: next.Started, delivery: next.ID, number: next.Number}.id()
	}
	return pageOf(c, attempts, func(a *Attempt) string { return a.ID }, at), nil
}

// nameURLs gives those attempts their endpoint's URL that were made at none.
func (s *Sender) nameURLs(ctx context.Context, app string, attempts []Attempt) error {
	urls := make(map[string]string)
	for i := range attempts {
		a := &attempts[i]
		if a.URL != "" {
			continue
		}
		url, known := urls[a.EndpointID]
		if !known {
			if _, err := s.reading(ctx).one("SELECT url FROM sender_endpoints WHERE app = ? AND id = ?", []any{app, a.EndpointID}, &url); err != nil {
				return fmt.Errorf("reading an endpoint: %w", err)
			}
			urls[a.EndpointID] = url
		}
		a.URL = url
	}
	return nil
}

// Attempt returns an attempt at a message, with its response.
func (s *Sender) Attempt(ctx context.Context, app, msg, id string) (Attempt, error) {
	a, d, err := s.message(ctx, app, msg)
	if err != nil {
		return Attempt{}, err
	}
	key, ok := parseAttemptID(id)
	if !ok || key.delivery.Seq != d.Seq {
		return Attempt{}, fmt.Errorf("attempt %w", ErrNotFound)
	}
	t, err := s.Store.Attempt(ctx, key.delivery, key.number)
	if err == nil && keyOf(&t) != key {
		err = store.ErrNotFound
	}
	if err != nil {
		return Attempt{}, notFound("attempt", err)
	}
	t.Body = d.Body
	attempt, err := attemptOf(a.ID, &t, &AttemptFilter{WithContent: true, WithMessage: true})
	if err != nil {
		return Attempt{}, err
	}
	one := []Attempt{attempt}
	err = s.nameURLs(ctx, a.ID, one)
	return one[0], err
}

// expunged is what stands where a response was.
const expunged = "EXPUNGED"

// ExpungeAttempt deletes what an endpoint has answered to an attempt.
func (s *Sender) ExpungeAttempt(tx *store.Tx, app, msg, id string) error {
	a, err := application(tx.Query, app)
	if err != nil {
		return err
	}
	seq, err := messageIn(tx, a.ID, msg)
	if err != nil {
		return err
	}
	key, ok := parseAttemptID(id)
	if !ok || key.delivery.Seq != seq {
		return fmt.Errorf("attempt %w", ErrNotFound)
	}
	found, err := tx.SetResponse(key.delivery, key.number, key.started, (&Exchange{Body: []byte(expunged)}).Encode())
	if err == nil && !found {
		err = fmt.Errorf("attempt %w", ErrNotFound)
	}
	return err
}

// Resend sends a message to an endpoint once more, now, whatever the endpoint selects.
// To a disabled one nothing is sent. If the payload is gone the error is a [RefusedError].
func (s *Sender) Resend(tx *store.Tx, app, msg, ep string) error {
	a, e, err := endpoint(tx.Query, app, ep)
	if err != nil {
		return err
	}
	seq, err := messageIn(tx, a.ID, msg)
	if err != nil {
		return err
	}
	if e.Disabled {
		return nil
	}
	_, err = tx.Deliver(seq, e.ID, true)
	switch {
	case errors.Is(err, store.ErrGone):
		return &RefusedError{Code: CodeMissingPayload, Detail: "The payload of the message has expired"}
	case err != nil:
		return notFound("message", err)
	}
	tx.Then(func() { s.Engine.Wake(e.ID) })
	return nil
}
