package gateway

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookgate/hookgate/store"
)

// maxPage is how many events a page has at most.
const maxPage = 500

// EventInfo is an event and how far its delivery is, without its payload.
type EventInfo struct {
	// Seq is the event's number, as in Hookgate-Sequence. It begins at the
	// microseconds since 1970, and so stays within what a JSON number can hold in
	// any language until the year 2255.
	Seq    int64  `json:"seq"`
	Source string `json:"source"`
	// Origin is the source's name when the event came, if that was another: the
	// idempotency key keeps it.
	Origin string `json:"origin,omitempty"`
	// ID is the authenticated id, else "sha256:" and a digest. Type and Timestamp
	// are there only if they are authenticated.
	ID        string    `json:"id"`
	Type      string    `json:"type,omitempty"`
	Scheme    string    `json:"scheme"`
	Timestamp time.Time `json:"timestamp,omitzero"`
	Received  time.Time `json:"received"`
	// Size is that of the body, in bytes.
	Size int64 `json:"size"`
	// Destination is where it goes; empty of an ignored event.
	Destination string `json:"destination,omitempty"`
	// State is pending, delivered, dead or ignored.
	State string `json:"state"`
	// Made is how many attempts were made, Step how many of them the schedule counts.
	Made int `json:"attempts_made"`
	Step int `json:"step"`
	// Armed is when its schedule began, Due when a pending one is to be attempted
	// next, Settled when it was delivered or given up.
	Armed   time.Time `json:"armed,omitzero"`
	Due     time.Time `json:"due,omitzero"`
	Settled time.Time `json:"settled,omitzero"`
	// Replay says that its latest schedule is a replay's.
	Replay bool `json:"replay,omitempty"`
	// Reason says why it is dead.
	Reason string `json:"reason,omitempty"`
}

// EventPage is a part of a list of events, the newest first.
type EventPage struct {
	Events []EventInfo `json:"events"`
	// Next is the cursor of the next page, for "before"; empty at the end.
	Next string `json:"next,omitempty"`
}

// EventDetail is all that is known of an event.
type EventDetail struct {
	EventInfo
	// Deliveries are all of an event that a producer has several targets for.
	Deliveries []DeliveryInfo `json:"deliveries,omitempty"`
	// Attempts are those at the destination, oldest first, at most the newest 200.
	Attempts []AttemptInfo `json:"attempts"`
	// Payload is there if it was asked for and is still kept.
	Payload *Payload `json:"payload,omitempty"`
}

// DeliveryInfo is where an event goes, and how far that is.
type DeliveryInfo struct {
	Destination string `json:"destination"`
	State       string `json:"state"`
}

// AttemptInfo is one attempt.
type AttemptInfo struct {
	// Number counts from 1.
	Number  int       `json:"number"`
	Started time.Time `json:"started"`
	// Took is how long it took, in milliseconds.
	Took int64 `json:"took_ms"`
	// Outcome is one of the engine's words; Status the HTTP status, 0 if there was
	// none.
	Outcome string `json:"outcome"`
	Status  int    `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
	// Response is the beginning of the response's body, where it is kept.
	Response *Content `json:"response,omitempty"`
}

// Content is bytes, and text if they are that.
type Content struct {
	Base64 []byte `json:"base64"`
	Text   string `json:"text,omitempty"`
}

func newContent(b []byte) *Content {
	if b == nil {
		b = []byte{} // an empty text, not null
	}
	c := &Content{Base64: b}
	if utf8.Valid(b) {
		c.Text = string(b)
	}
	return c
}

func newEventInfo(d *store.Delivery) EventInfo {
	i := EventInfo{
		Seq: d.Seq, Source: d.Source, Origin: d.Origin, ID: d.ID, Type: d.Type, Scheme: d.Scheme,
		Timestamp: d.Timestamp.UTC(), Received: d.Received.UTC(), Size: d.Size,
		Destination: d.Destination, State: d.State.String(), Made: d.Attempts, Step: d.Step,
		Replay: d.Replay, Reason: d.Reason,
	}
	switch d.State {
	case store.Pending:
		i.Armed, i.Due = d.Armed.UTC(), d.Due.UTC()
	case store.Delivered, store.Dead:
		i.Armed, i.Settled = d.Armed.UTC(), d.Settled.UTC()
	}
	return i
}

// Events returns a page of events, the newest first. A filter's limit is 50 if it
// has none.
func (o *Operator) Events(ctx context.Context, f store.Filter) (EventPage, error) {
	r, err := o.reader()
	if err != nil {
		return EventPage{}, err
	}
	if f.Limit < 0 || f.Limit > maxPage {
		return EventPage{}, invalid("limit is 1 to %d.", maxPage)
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return EventPage{}, invalid("from has to be before to.")
	}
	name := f.Source
	if isTarget(name) {
		f.Source, f.Destination = "", name
	}
	found, next, err := r.List(ctx, f)
	if err != nil {
		return EventPage{}, err
	}
	if len(found) == 0 && f.Before == 0 && name != "" && o.Engine != nil {
		// A source may be gone and have events still, or be there and have none.
		if err := o.knows(name); err != nil {
			return EventPage{}, err
		}
	}
	page := newPage(found)
	if next > 0 {
		page.Next = strconv.FormatInt(next, 10)
	}
	return page, nil
}

// Find returns the events of a source, or of a target's producer, with an id, the newest
// first: several if it came with several bodies, or was forgotten in between. It looks
// through the events themselves, which takes a while in a large store.
func (o *Operator) Find(ctx context.Context, source, id string) (EventPage, error) {
	r, err := o.reader()
	if err != nil {
		return EventPage{}, err
	}
	name := source
	if isTarget(name) {
		name = name[:max(strings.LastIndexByte(name, '/'), len(targetPrefix))]
	}
	found, err := r.Find(ctx, name, id)
	if err != nil {
		return EventPage{}, err
	}
	for i := range found {
		if isTarget(source) && found[i].Destination != source {
			if err := o.deliveryTo(ctx, &found[i], source); err != nil {
				return EventPage{}, err
			}
		}
	}
	if len(found) == 0 && o.Engine != nil {
		if err := o.knows(source); err != nil {
			return EventPage{}, err
		}
	}
	return newPage(found), nil
}

func newPage(found []store.Delivery) EventPage {
	page := EventPage{Events: make([]EventInfo, len(found))}
	for i := range found {
		page.Events[i] = newEventInfo(&found[i])
	}
	return page
}

// deliveryTo makes a delivery of an event the one to a destination.
func (o *Operator) deliveryTo(ctx context.Context, d *store.Delivery, destination string) error {
	if destination == "" || d.Destination == destination {
		return nil
	}
	all, err := o.Reader.DeliveriesOf(ctx, d.Seq)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(other store.Delivery) bool { return other.Destination == destination })
	if at < 0 {
		return notFound("Event %d does not go to %.80q.", d.Seq, destination)
	}
	*d, err = o.Reader.Delivery(ctx, all[at].DeliveryID())
	return err
}

// Event returns an event with its attempts, and with its payload if that is asked
// for. Of an event with several deliveries it is about that to the destination, or about
// the first if none is named.
func (o *Operator) Event(ctx context.Context, seq int64, destination string, payload bool) (EventDetail, error) {
	r, err := o.reader()
	if err != nil {
		return EventDetail{}, err
	}
	d, err := r.Event(ctx, seq)
	if err == nil {
		err = o.deliveryTo(ctx, &d, destination)
	}
	if err != nil {
		return EventDetail{}, err
	}
	attempts, err := r.Attempts(ctx, d.DeliveryID())
	if err != nil {
		return EventDetail{}, err
	}
	detail := EventDetail{EventInfo: newEventInfo(&d), Attempts: make([]AttemptInfo, len(attempts))}
	for i, a := range attempts {
		info := AttemptInfo{
			Number: a.Number, Started: a.Started.UTC(), Took: a.Took.Milliseconds(),
			Outcome: a.Outcome, Status: a.Status, Error: a.Error,
		}
		if len(a.Response) > 0 {
			info.Response = newContent(a.Response)
		}
		detail.Attempts[i] = info
	}
	if isTarget(d.Destination) {
		if detail.Deliveries, err = o.deliveries(ctx, seq); err != nil {
			return EventDetail{}, err
		}
	}
	if payload && d.Head != nil {
		detail.Payload, err = newPayload(&d)
	}
	return detail, err
}

// deliveries returns where an event goes, if that is more than one place.
func (o *Operator) deliveries(ctx context.Context, seq int64) ([]DeliveryInfo, error) {
	all, err := o.Reader.DeliveriesOf(ctx, seq)
	if err != nil || len(all) < 2 {
		return nil, err
	}
	infos := make([]DeliveryInfo, len(all))
	for i := range all {
		infos[i] = DeliveryInfo{all[i].Destination, all[i].State.String()}
	}
	return infos, nil
}

// Retry makes a pending delivery due now, and starts the schedule of a dead or
// delivered one anew. Of an event with several deliveries the destination has to be
// named: one that was guessed could repeat what was delivered, and leave what was not.
func (o *Operator) Retry(ctx context.Context, seq int64, destination string) error {
	if _, err := o.writer(); err != nil {
		return err
	}
	d, err := o.Reader.Event(ctx, seq)
	if err == nil {
		err = o.deliveryTo(ctx, &d, destination)
	}
	if err == nil && destination == "" {
		var all []DeliveryInfo
		if all, err = o.deliveries(ctx, seq); len(all) > 0 {
			return conflict("Event %d goes to %d places: say which destination is meant, as %s.", seq, len(all), all[len(all)-1].Destination)
		}
	}
	switch {
	case err != nil:
		return err
	case d.State == store.IgnoredState:
		return conflict("Event %d was ignored by only: its payload was not kept.", seq)
	case d.Head == nil:
		return conflict("The payload of event %d is gone: there is nothing to deliver.", seq)
	}
	return o.Engine.Retry(ctx, d.DeliveryID())
}

// Forget gives up an event's key: its next copy is as new. What is pending is
// delivered all the same.
func (o *Operator) Forget(ctx context.Context, seq int64) error {
	w, err := o.writer()
	if err != nil {
		return err
	}
	return w.Forget(ctx, seq)
}

// Erase deletes an event's payload and what its attempts were answered, for good.
// A pending delivery becomes dead; copies are still known.
func (o *Operator) Erase(ctx context.Context, seq int64) error {
	w, err := o.writer()
	if err != nil {
		return err
	}
	return w.Erase(ctx, seq)
}
