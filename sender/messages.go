package sender

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// MinRetention is how long a message is kept at least.
	MinRetention = time.Hour
	maxRetention = 90 * 24 * time.Hour
)

// check checks what a message is made of.
func (in *MessageIn) check() error {
	if len(in.Channels) == 0 {
		in.Channels = nil
	}
	if len(in.Tags) == 0 {
		in.Tags = nil
	}
	err := firstOf(
		checkEventType("eventType", in.EventType),
		checkUID("eventId", in.EventID, prefixMessage),
		checkNames("channels", in.Channels),
		checkNames("tags", in.Tags),
		in.checkPayload(),
	)
	if err == nil && in.Retention != 0 && (in.Retention < MinRetention || in.Retention > maxRetention) {
		err = invalid("payloadRetentionPeriod", "it has to be from 1 hour to 90 days")
	}
	return err
}

func (in *MessageIn) checkPayload() error {
	if in.Raw == nil && in.ContentType != "" {
		return invalid("transformationsParams.headers", "the content type is that of a raw payload, and there is none")
	}
	if in.ContentType != "" {
		if _, _, err := mime.ParseMediaType(in.ContentType); err != nil || len(in.ContentType) > maxName || checkHeader("x", in.ContentType) != nil {
			return invalid("transformationsParams.headers", "the content type is malformed")
		}
	}
	if in.Raw != nil {
		if len(*in.Raw) > MaxPayload {
			return ErrTooLarge
		}
		return nil
	}
	if len(in.Payload) > MaxPayload {
		return ErrTooLarge
	}
	if payload := bytes.TrimSpace(in.Payload); len(payload) == 0 || payload[0] != '{' || !json.Valid(payload) {
		return invalid("payload", "it has to be a JSON object")
	}
	return nil
}

// body is what is delivered.
func (in *MessageIn) body() []byte {
	if in.Raw != nil {
		return []byte(*in.Raw)
	}
	return in.Payload
}

// CreateMessage stores a message with a delivery for each endpoint of the application that
// takes it, and returns once that is on the disk. If the request was repeated, as its
// idempotency key says, the message of the first is returned, and existed says so. If the
// event id, or the key, is that of another message the error is a [ConflictError].
func (s *Sender) CreateMessage(ctx context.Context, app string, in MessageIn) (m Message, existed bool, err error) {
	if err := in.check(); err != nil {
		return Message{}, false, err
	}
	id, to, err := s.route(ctx, app, &in)
	if errors.Is(err, ErrNotFound) && in.Application != nil {
		if err := s.ensure(ctx, app, in.Application); err != nil {
			return Message{}, false, err
		}
		id, to, err = s.route(ctx, app, &in)
	}
	if err != nil {
		return Message{}, false, err
	}
	return s.send(ctx, id, &in, to)
}

// ensure makes the application that a message names.
func (s *Sender) ensure(ctx context.Context, ref string, in *ApplicationIn) error {
	wrong := func(kind, msg string) error {
		return &InvalidError{Loc: []string{"body", "application", "uid"}, Msg: msg, Type: kind}
	}
	switch in.UID {
	case "":
		return wrong("application_uid_missing", "Application not found, and the one to be made has no uid")
	case ref:
	default:
		return wrong("application_uid_mismatch", "Application not found, and the one to be made has another uid")
	}
	return s.Store.Do(ctx, func(tx *store.Tx) error {
		_, _, err := s.EnsureApplication(tx, *in)
		return err
	})
}

// send stores a message, which has been checked, for some endpoints of an application.
func (s *Sender) send(ctx context.Context, app string, in *MessageIn, endpoints []string) (m Message, existed bool, err error) {
	h := head{Channels: in.Channels, Tags: in.Tags, ContentType: in.ContentType}
	a := &store.Arrival{
		Source: app, Keep: true, Once: true, ID: in.EventID, Type: in.EventType,
		Received: s.Now().UTC().Truncate(time.Millisecond), Window: in.Retention, Body: in.body(),
	}
	if a.Window == 0 {
		a.Window = s.Retention
	}
	for _, id := range endpoints {
		a.To = append(a.To, store.Target{Destination: id})
	}
	var request []byte
	switch {
	case in.EventID != "":
		a.Key = &store.Key{ID: eventPlace(app, in.EventID), Body: in.digest()}
		if in.Idempotency != "" {
			place := requestPlace(app, in.Idempotency)
			request = place[:]
			h.Request = request
		}
	case in.Idempotency != "":
		a.Key = &store.Key{ID: requestPlace(app, in.Idempotency), Body: in.digest()}
	}
	a.Head = h.encode()
	v, err := s.Engine.Accept(ctx, a)
	if err != nil {
		return Message{}, false, fmt.Errorf("storing a message: %w", err)
	}
	if v.Result == store.Duplicate {
		return s.repeated(ctx, app, in, v, request)
	}
	return Message{
		ID: messageID(app, v.Seq), AppID: app, EventID: a.ID, EventType: a.Type, Payload: a.Body,
		ContentType: h.ContentType, Channels: h.Channels, Tags: h.Tags, Timestamp: a.Received,
	}, false, nil
}

// repeated answers a message whose place another has: with the other, if it was made by
// the same request.
func (s *Sender) repeated(ctx context.Context, app string, in *MessageIn, v store.Verdict, request []byte) (Message, bool, error) {
	if v.Conflict && in.EventID == "" {
		return Message{}, false, &ConflictError{Code: CodeConflict, Detail: "The idempotency key was used for another message"}
	}
	known, err := s.Store.Event(ctx, v.Seq)
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return Message{}, false, fmt.Errorf("reading a message: %w", notFound("message", err))
	}
	if in.EventID != "" {
		h, err := readHead(known.Head)
		if err != nil {
			return Message{}, false, err
		}
		if v.Conflict || len(request) == 0 || !bytes.Equal(h.Request, request) {
			return Message{}, false, &ConflictError{Code: CodeConflict, Detail: "There is a message with the eventId " + in.EventID + " already"}
		}
	}
	m, err := messageOf(app, &known)
	return m, err == nil, err
}

// Where messages are known by: their event id, or the request that has made them.
func eventPlace(app, eventID string) store.Digest   { return place("event", app, eventID) }
func requestPlace(app, request string) store.Digest { return place("once", app, request) }

func place(kind, app, name string) store.Digest {
	sum := sha256.Sum256([]byte(kind + "\x00" + app + "\x00" + name))
	return store.Digest(sum[:16])
}

// digest tells messages apart that have the same place.
func (in *MessageIn) digest() store.Digest {
	h := sha256.New()
	for _, text := range []string{in.EventType, in.EventID, joined(in.Channels), joined(in.Tags), in.ContentType} {
		h.Write([]byte(text + "\x00"))
	}
	h.Write(in.body())
	return store.Digest(h.Sum(nil)[:16])
}

// notFound makes an error of the store one of this package's.
func notFound(what string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s %w", what, ErrNotFound)
	}
	return err
}
