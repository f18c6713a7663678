package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/store"
)

// messageOf makes a message of a stored event.
func messageOf(app string, d *store.Delivery) (Message, error) {
	h, err := readHead(d.Head)
	if err != nil {
		return Message{}, err
	}
	return Message{
		ID: messageID(app, d.Seq), AppID: app, EventID: d.ID, EventType: d.Type, Payload: d.Body,
		ContentType: h.ContentType, Channels: h.Channels, Tags: h.Tags, Timestamp: d.Received,
	}, nil
}

// Message returns a message of an application by its id or event id, with its payload.
func (s *Sender) Message(ctx context.Context, app, ref string) (Message, error) {
	a, d, err := s.message(ctx, app, ref)
	if err != nil {
		return Message{}, err
	}
	return messageOf(a.ID, &d)
}

// message returns the event that is a message of an application.
func (s *Sender) message(ctx context.Context, app, ref string) (Application, store.Delivery, error) {
	a, err := s.Application(ctx, app)
	if err != nil {
		return Application{}, store.Delivery{}, err
	}
	seq, ok := parseMessageID(a.ID, ref)
	if !ok && !isID(prefixMessage, ref) {
		if seq, ok, err = s.Store.Holder(ctx, eventPlace(a.ID, ref)); err != nil {
			return Application{}, store.Delivery{}, fmt.Errorf("looking for a message: %w", err)
		}
	}
	if !ok {
		return Application{}, store.Delivery{}, fmt.Errorf("message %w", ErrNotFound)
	}
	d, err := s.Store.Event(ctx, seq)
	if err != nil && !errors.Is(err, store.ErrDamaged) { // what is damaged is as good as gone
		return Application{}, store.Delivery{}, notFound("message", err)
	}
	if d.Source != a.ID || d.Scheme != "" {
		return Application{}, store.Delivery{}, fmt.Errorf("message %w", ErrNotFound)
	}
	return a, d, nil
}

// messageIn returns the number of the event that is a message, in a transaction.
func messageIn(tx *store.Tx, app, ref string) (seq int64, err error) {
	seq, ok := parseMessageID(app, ref)
	if !ok && !isID(prefixMessage, ref) {
		if seq, ok, err = tx.Holder(eventPlace(app, ref)); err != nil {
			return 0, fmt.Errorf("looking for a message: %w", err)
		}
	}
	if !ok {
		return 0, fmt.Errorf("message %w", ErrNotFound)
	}
	return seq, nil
}

// ExpungeMessage deletes the payload of a message, and what endpoints have answered to
// it. What is pending of it is not sent any more.
func (s *Sender) ExpungeMessage(ctx context.Context, app, ref string) error {
	_, d, err := s.message(ctx, app, ref)
	if err != nil {
		return err
	}
	return notFound("message", s.Store.Erase(ctx, d.Seq))
}

// seqCursor reads the iterator of a list of messages.
func seqCursor(app string, p Page) (c cursor, before, after int64, err error) {
	c, err = p.read(func(id string) bool { _, ok := parseMessageID(app, id); return ok })
	if err != nil || c.at == "" {
		return c, 0, 0, err
	}
	seq, _ := parseMessageID(app, c.at)
	if c.backward {
		return c, 0, seq, nil
	}
	return c, seq, 0, nil
}

// pageOf makes a page of what the store has listed; next is the id of where the list goes
// on, "" if it does not. There may be fewer than asked for, or none, although it does.
func pageOf[T any](c cursor, data []T, id func(*T) string, next string) List[T] {
	l := List[T]{Data: data, Done: next == ""}
	if n := len(data); n > 0 {
		l.Iterator, l.PrevIterator = id(&data[n-1]), "-"+id(&data[0])
	}
	switch {
	case next == "":
	case c.backward:
		l.PrevIterator = "-" + next
	default:
		l.Iterator = next
	}
	return l
}

// Messages returns a page of an application's messages, the newest first.
func (s *Sender) Messages(ctx context.Context, app string, f MessageFilter) (List[Message], error) {
	a, err := s.Application(ctx, app)
	if err != nil {
		return List[Message]{}, err
	}
	c, before, after, err := seqCursor(a.ID, f.Page)
	if err != nil {
		return List[Message]{}, err
	}
	which := chosen{f.EventTypes, f.Channel, f.Tag}
	found, next, err := s.Store.Messages(ctx, store.MessageFilter{
		Source: a.ID, From: f.After, To: f.Before, Before: before, After: after, Limit: c.limit, Body: f.WithContent,
		Match: which.match(), Heads: which.heads(),
	})
	if err != nil {
		return List[Message]{}, fmt.Errorf("listing messages: %w", err)
	}
	messages := make([]Message, len(found))
	for i := range found {
		if messages[i], err = messageOf(a.ID, &found[i]); err != nil {
			return List[Message]{}, err
		}
	}
	return pageOf(c, messages, func(m *Message) string { return m.ID }, seqID(a.ID, next)), nil
}

// seqID is the iterator of a position; "" for none.
func seqID(app string, seq int64) string {
	if seq == 0 {
		return ""
	}
	return messageID(app, seq)
}

// chosen says which messages are meant; empty for all.
type chosen struct {
	types        []string
	channel, tag string
}

// match is what the store is asked with; nil for all.
func (c chosen) match() func(*store.Delivery) bool {
	if len(c.types) == 0 && !c.heads() {
		return nil
	}
	return c.has
}

// heads reports whether the Head of an event is looked at.
func (c chosen) heads() bool { return c.channel != "" || c.tag != "" }

// has reports whether an event is meant.
func (c chosen) has(d *store.Delivery) bool {
	if len(c.types) > 0 && !slices.Contains(c.types, d.Type) {
		return false
	}
	if !c.heads() {
		return true
	}
	h, err := readHead(d.Head)
	return err == nil && (c.channel == "" || slices.Contains(h.Channels, c.channel)) && (c.tag == "" || slices.Contains(h.Tags, c.tag))
}
