package sender

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// standing returns how a message stands at an endpoint, and when the next attempt is.
// before says that it was delivered once, before somebody had it sent by hand.
func standing(d *store.Delivery, before bool) (Status, time.Time) {
	switch {
	case d.State == store.Delivered || before:
		return StatusSuccess, time.Time{}
	case d.State == store.Pending:
		return StatusSending, d.Due
	}
	return ended(d.Reason), time.Time{}
}

// ended is the status of what is not sent any more.
func ended(reason string) Status {
	if reason == delivery.ReasonWithdrawn || reason == "erased" {
		return StatusCanceled
	}
	return StatusFail
}

// lastStatus is the status of the last attempt at a message.
func lastStatus(d *store.Delivery) Status {
	switch {
	case d.State == store.Delivered:
		return StatusSuccess
	case d.State == store.Dead:
		return ended(d.Reason)
	case d.Attempts == 0:
		return StatusSending
	case d.Status/100 == 2: // and somebody has it sent again
		return StatusSuccess
	}
	return StatusFail
}

// deliveredBefore reports whether a delivery that was sent by hand had been delivered
// already.
func (s *Sender) deliveredBefore(ctx context.Context, d *store.Delivery) (bool, error) {
	if !d.ByHand() || d.State == store.Delivered {
		return false, nil
	}
	found, _, err := s.Store.AttemptsOf(ctx, d.Seq, store.AttemptFilter{Limit: 1, Match: func(t *store.Tried) bool {
		return t.N == d.N && t.Attempt.Status/100 == 2
	}})
	return len(found) > 0, err
}

// AttemptedMessages returns a page of the messages of an endpoint, the newest first.
func (s *Sender) AttemptedMessages(ctx context.Context, app, ep string, f AttemptFilter) (List[EndpointMessage], error) {
	a, e, err := endpoint(s.reading(ctx), app, ep)
	if err != nil {
		return List[EndpointMessage]{}, err
	}
	c, before, after, err := seqCursor(a.ID, f.Page)
	if err != nil {
		return List[EndpointMessage]{}, err
	}
	which := chosen{f.EventTypes, f.Channel, f.Tag}
	var trouble error
	of := func(d *store.Delivery) (Status, time.Time) {
		before, err := s.deliveredBefore(ctx, d)
		trouble = cmp.Or(trouble, err)
		return standing(d, before)
	}
	match := which.match()
	if f.Status != nil || f.StatusCodeClass != nil {
		match = func(d *store.Delivery) bool {
			if !which.has(d) || f.StatusCodeClass != nil && d.Status/100*100 != *f.StatusCodeClass {
				return false
			}
			status, _ := of(d)
			return f.Status == nil || status == *f.Status
		}
	}
	found, next, err := s.Store.DeliveriesTo(ctx, e.ID, store.DeliveryFilter{
		From: f.After, To: f.Before, Before: before, After: after, Limit: c.limit, Body: f.WithContent, Match: match,
	})
	messages := make([]EndpointMessage, len(found))
	for i := range found {
		var wrong error
		m := &messages[i]
		m.Message, wrong = messageOf(a.ID, &found[i])
		m.Status, m.NextAttempt = of(&found[i])
		trouble = cmp.Or(trouble, wrong)
	}
	if err := firstOf(err, trouble); err != nil {
		return List[EndpointMessage]{}, fmt.Errorf("listing messages of an endpoint: %w", err)
	}
	return pageOf(c, messages, func(m *EndpointMessage) string { return m.ID }, seqID(a.ID, next)), nil
}

// AttemptedDestinations returns a page of the endpoints that a message is for, deleted
// ones too, in the order of their ids.
func (s *Sender) AttemptedDestinations(ctx context.Context, app, msg string, p Page) (List[MessageEndpoint], error) {
	p.Ascending = true
	c, err := p.read(isEndpointID)
	if err != nil {
		return List[MessageEndpoint]{}, err
	}
	a, d, err := s.message(ctx, app, msg)
	if err != nil {
		return List[MessageEndpoint]{}, err
	}
	deliveries, err := s.Store.DeliveriesOf(ctx, d.Seq)
	if err != nil {
		return List[MessageEndpoint]{}, fmt.Errorf("listing endpoints of a message: %w", err)
	}
	slices.SortFunc(deliveries, func(x, y store.Delivery) int {
		if c.backward {
			x, y = y, x
		}
		return cmp.Compare(x.Destination, y.Destination)
	})
	deliveries = slices.DeleteFunc(deliveries, func(d store.Delivery) bool {
		return c.at != "" && (c.backward && d.Destination >= c.at || !c.backward && d.Destination <= c.at)
	})
	endpoints, err := messageEndpoints(s.reading(ctx), a.ID, deliveries[:min(len(deliveries), c.limit+1)])
	if err != nil {
		return List[MessageEndpoint]{}, err
	}
	return listOf(c, endpoints, func(ep *MessageEndpoint) string { return ep.ID }), nil
}

// messageEndpoints returns the endpoints of deliveries, which are in the order of these or
// the other way round.
func messageEndpoints(q rows, app string, deliveries []store.Delivery) (endpoints []MessageEndpoint, err error) {
	if len(deliveries) == 0 {
		return nil, nil
	}
	first, last := deliveries[0].Destination, deliveries[len(deliveries)-1].Destination
	found, err := readEndpoints(q, "app = ? AND id >= ? AND id <= ?", []any{app, min(first, last), max(first, last)})
	if err != nil {
		return nil, err
	}
	by := make(map[string]*Endpoint, len(found))
	for i := range found {
		by[found[i].ID] = &found[i]
	}
	for i := range deliveries {
		d := &deliveries[i]
		of := by[d.Destination]
		if of == nil {
			continue
		}
		ep := MessageEndpoint{Endpoint: *of, Status: lastStatus(d)}
		if d.State == store.Pending {
			ep.NextAttempt = d.Due
		}
		endpoints = append(endpoints, ep)
	}
	return endpoints, nil
}

const statsSpan, statsSlack = 28 * 24 * time.Hour, 5 * time.Minute

// EndpointStats counts the attempts at an endpoint from a time on and before another, by
// default those of the last 28 days, and what is to be sent to it now.
func (s *Sender) EndpointStats(ctx context.Context, app, ref string, since, until time.Time) (Stats, error) {
	_, ep, err := endpoint(s.reading(ctx), app, ref)
	if err != nil {
		return Stats{}, err
	}
	now := s.Now()
	if until.IsZero() {
		until = now.Add(time.Millisecond) // what has begun just now counts
	}
	if since.IsZero() {
		since = until.Add(-statsSpan)
	}
	switch {
	case until.After(now.Add(statsSlack)):
		return Stats{}, &RefusedError{Code: CodeInvalidRange, Detail: "'until' must not be in the future"}
	case since.After(until) || until.Sub(since) > statsSpan+statsSlack:
		return Stats{}, &RefusedError{Code: CodeInvalidRange, Detail: "'since' has to be before 'until', and not more than 28 days"}
	}
	t, err := s.Store.TallyTo(ctx, ep.ID, since, until)
	if err != nil {
		return Stats{}, fmt.Errorf("counting attempts: %w", err)
	}
	return Stats{Success: t.Succeeded, Fail: t.Failed, Sending: s.Store.Counts()[ep.ID].Pending}, nil
}
