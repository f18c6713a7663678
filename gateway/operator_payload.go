package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/hookgate/hookgate/store"
)

// Payload is a stored request, as it was received but for what is withheld. Of a message,
// which this gateway has made itself, it is the body alone: its headers are made anew for
// each attempt.
type Payload struct {
	Method string `json:"method"`
	// URL is path and query.
	URL  string `json:"url"`
	Host string `json:"host,omitempty"`
	// Headers are sorted by name; those of one name are in their order.
	Headers []HeaderLine `json:"headers"`
	Body    *Content     `json:"body"`
}

// HeaderLine is one line of a request's header.
type HeaderLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newPayload(d *store.Delivery) (*Payload, error) {
	if d.Scheme == "" {
		return &Payload{Headers: []HeaderLine{}, Body: newContent(d.Body)}, nil
	}
	h, err := decodeHead(d.Head)
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", d.Seq, err)
	}
	p := &Payload{Method: h.method, URL: h.url.RequestURI(), Host: h.host, Headers: []HeaderLine{}, Body: newContent(d.Body)}
	for _, name := range slices.Sorted(maps.Keys(h.header)) {
		for _, value := range h.header[name] {
			p.Headers = append(p.Headers, HeaderLine{name, value})
		}
	}
	return p, nil
}

// Request returns a request that brings the event to a URL that this gateway does
// not forward to, such as that of a developer's machine: the method, headers and body
// that were received, and those headers of ours that do not depend on a source of the
// configuration, with Hookgate-Replay. If the URL has a path, its path and query
// stand for those of the event. The payload has to be there.
func (e *EventDetail) Request(ctx context.Context, to *url.URL) (*http.Request, error) {
	if e.Payload == nil {
		return nil, errors.New("the payload is not kept any more")
	}
	if e.Scheme == "" {
		return nil, errors.New("it is a message of this gateway's own, which has no request but those of its attempts")
	}
	target := url.URL{Scheme: to.Scheme, User: to.User, Host: to.Host, Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}
	if to.Path == "" || to.Path == "/" {
		own, err := url.ParseRequestURI(e.Payload.URL)
		if err != nil {
			return nil, errors.New("the event's URL cannot be parsed")
		}
		target.Path, target.RawPath, target.RawQuery = own.Path, own.RawPath, own.RawQuery
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(e.Payload.Method, http.MethodPost), target.String(), bytes.NewReader(e.Payload.Body.Base64))
	if err != nil {
		return nil, err
	}
	// The body is not to be sent twice by itself.
	r.GetBody = nil
	r.Body = io.NopCloser(bytes.NewReader(e.Payload.Body.Base64))
	for _, line := range e.Payload.Headers {
		r.Header[line.Name] = append(r.Header[line.Name], line.Value)
	}
	marks{
		Source: e.Source, Scheme: e.Scheme, ID: e.ID, Type: e.Type, Timestamp: e.Timestamp,
		Attempt: e.Made + 1, Received: e.Received, Sequence: e.Seq, Replay: true, Key: cmp.Or(e.Origin, e.Source) + "/" + e.ID,
	}.write(r.Header)
	return r, nil
}
