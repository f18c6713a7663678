package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// ProducerOptions are the settings of a [Producer]. Zero values take the defaults.
type ProducerOptions struct {
	// Name is the producer's, as configured.
	Name string
	// Scheme and Secrets sign.
	Scheme  verifier.Scheme
	Secrets []string
	// AllowWeak allows schemes that protect little.
	AllowWeak bool
	// URLs are where everything goes: the operator's word, so that any address, and
	// plain http, is taken.
	URLs []string
	// MaxBacklog is how many events may be pending for one URL; 0 for any number.
	MaxBacklog int64
	// Retention is how long an event is kept, and known, after it is settled.
	// Default: 7 days.
	Retention time.Duration
	// Retry to Concurrency are those of [delivery.Destination].
	Retry       []time.Duration
	Forever     bool
	GiveUp      time.Duration
	Timeout     time.Duration
	Concurrency int
	// Client says how requests are made. Its Guard is not used.
	Client ClientOptions
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Producer sends what it is given to URLs of the configuration: there is no application,
// and no endpoint that anybody could change. It is safe for concurrent use.
type Producer struct {
	o      ProducerOptions
	client *Client
	post   func(context.Context, Post) *Exchange
	signer atomic.Pointer[verifier.Signer]
}

// NewProducer makes a producer.
func NewProducer(o ProducerOptions) (*Producer, error) {
	if len(o.URLs) == 0 {
		return nil, errors.New("there is no URL to send to")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Retention = cmp.Or(max(o.Retention, 0), 7*24*time.Hour)
	o.Client.Guard = nil
	urls := make([]string, len(o.URLs))
	for i, url := range o.URLs {
		checked, err := CheckURL(url, nil)
		if err != nil {
			return nil, fmt.Errorf("URL %d: %w", i+1, err)
		}
		urls[i] = checked
	}
	o.URLs = urls
	p := &Producer{o: o, client: NewClient(o.Client)}
	p.post = p.client.Post
	return p, p.SetSecrets(o.Secrets)
}

// SetSecrets makes it sign with other secrets from now on. If the scheme cannot sign with
// them nothing changes.
func (p *Producer) SetSecrets(secrets []string) error {
	signer, err := verifier.NewSigner(p.o.Scheme, secrets, verifier.Options{AllowWeak: p.o.AllowWeak})
	if err == nil {
		p.signer.Store(signer)
	}
	return err
}

// Close closes idle connections.
func (p *Producer) Close() { p.client.Close() }

// source is what the producer's events are stored under, and the beginning of its
// destinations.
func (p *Producer) source() string { return "send/" + p.o.Name }

func (p *Producer) destination(n int) string { return p.source() + "/" + strconv.Itoa(n) }

// Destinations returns where the producer's events go, one for each URL.
func (p *Producer) Destinations() []delivery.Destination {
	all := make([]delivery.Destination, len(p.o.URLs))
	for i, url := range p.o.URLs {
		all[i] = delivery.Destination{
			Name: p.destination(i), Transport: &urlTransport{p, url}, Retry: p.o.Retry, Forever: p.o.Forever,
			GiveUp: p.o.GiveUp, Timeout: p.o.Timeout, Concurrency: p.o.Concurrency,
		}
	}
	return all
}

// Event is what a producer is given.
type Event struct {
	// ID is the caller's; empty for one of ours. Type may be empty.
	ID, Type string
	Body     []byte
	// ContentType defaults to JSON's.
	ContentType string
}

// check errs about an event that could not be signed.
func (p *Producer) check(e *Event) error {
	if e.ID != "" && !visible(e.ID) {
		return invalid("id", "it has to be 1 to %d visible ASCII characters", maxName)
	}
	if e.Type != "" && !visible(e.Type) {
		return invalid("type", "it has to be 1 to %d visible ASCII characters", maxName)
	}
	if len(e.ContentType) > maxName || checkHeader("x", e.ContentType) != nil {
		return invalid("contentType", "it is malformed")
	}
	d := store.Delivery{Event: store.Event{Source: p.source(), ID: e.ID, Type: e.Type, Seq: 1, Received: p.o.Now()}, Body: e.Body}
	if _, _, err := p.signed(&d, &head{}, p.o.URLs[0]); err != nil {
		return invalid("event", "%s", err)
	}
	return nil
}

func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= maxName
}

// Send stores an event for all URLs, and returns its id once that is on the disk. If an
// event of that id has been sent with the same content, nothing is done, and existed says
// so; if it had another content the error is a [ConflictError].
func (p *Producer) Send(ctx context.Context, engine *delivery.Engine, e Event) (id string, existed bool, err error) {
	if err := p.check(&e); err != nil {
		return "", false, err
	}
	h := head{ContentType: e.ContentType}
	a := &store.Arrival{
		Source: p.source(), Once: true, ID: e.ID, Type: e.Type, Received: p.o.Now().UTC().Truncate(time.Millisecond),
		Window: p.o.Retention, MaxBacklog: p.o.MaxBacklog, Head: h.encode(), Body: e.Body,
	}
	for i := range p.o.URLs {
		a.To = append(a.To, store.Target{Destination: p.destination(i)})
	}
	if e.ID != "" {
		a.Key = &store.Key{ID: place("send", a.Source, e.ID), Body: place(e.Type, e.ContentType, string(e.Body))}
	}
	v, err := engine.Accept(ctx, a)
	if err != nil {
		return "", false, fmt.Errorf("storing an event: %w", err)
	}
	if v.Conflict {
		return "", false, &ConflictError{Code: CodeConflict, Detail: "There is another event with this id already"}
	}
	return eventID(a.Source, e.ID, v.Seq), v.Result == store.Duplicate, nil
}

// eventID is the id of a producer's event: the caller's, or one of ours.
func eventID(source, id string, seq int64) string {
	if id != "" {
		return id
	}
	return messageID(source, seq)
}

// signed returns the body and the headers of an attempt.
func (p *Producer) signed(d *store.Delivery, h *head, url string) (body []byte, header http.Header, err error) {
	m := verifier.Message{ID: eventID(d.Source, d.ID, d.Seq), Type: d.Type, Timestamp: p.o.Now(), URL: url, Body: d.Body}
	if p.o.Scheme.Timestamp != nil && p.o.Scheme.Timestamp.OfEvent {
		m.Timestamp = d.Received
	}
	contentType := h.ContentType
	if p.o.Scheme.Name == SchemeTravelbase {
		m.Body, contentType = envelope(m.ID, d.Type, d.Received, d.Body), ""
	}
	if header, err = p.signer.Load().Sign(m); err != nil {
		return nil, nil, fmt.Errorf("signing: %w", err)
	}
	header.Set("Content-Type", cmp.Or(contentType, jsonType))
	return m.Body, header, nil
}

// urlTransport brings a producer's events to one of its URLs.
type urlTransport struct {
	*Producer
	url string
}

// Attempt makes one attempt.
func (t *urlTransport) Attempt(ctx context.Context, d *store.Delivery) delivery.Answer {
	h, err := readHead(d.Head)
	if err != nil {
		return delivery.Answer{Err: fmt.Errorf("%w: %w", delivery.ErrUnusable, err)}
	}
	body, header, err := t.signed(d, h, t.url)
	if err != nil {
		return delivery.Answer{Err: fmt.Errorf("the event cannot be signed: %w", err)}
	}
	return answer(t.post(ctx, Post{URL: t.url, Header: header, Body: body}))
}
