package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// chain is the handlers of a forward, compiled once. It makes an attempt by running
// them with a request of its own, which has nothing of the sender's: that one, its
// context and its body have ended long ago.
type chain struct {
	source  *gateway.Source
	routes  caddyhttp.RouteList
	handler caddyhttp.Handler
	server  *caddyhttp.Server
}

var _ delivery.Transport = (*chain)(nil)

// nobody stands at the end of a chain: who gets there was not handled, and an event
// that nobody took is not delivered.
var nobody caddyhttp.Handler = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// Attempt runs the handlers. What counts is the status line: an app that has sent
// 2xx has taken the event, whatever becomes of the rest of its response.
func (c *chain) Attempt(ctx context.Context, d *store.Delivery) (answer delivery.Answer) {
	r, err := c.source.Request(ctx, d)
	if err != nil {
		return delivery.Answer{Err: fmt.Errorf("%w: %w", delivery.ErrUnusable, err)}
	}
	w := newSink()
	defer func() {
		// How reverse_proxy ends when it cannot copy the whole response.
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
				panic(p)
			}
			answer = w.answer(errTruncated)
		}
	}()
	// A request is prepared once and run once: what it has run through is written in
	// its context.
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, c.server)
	return w.answer(c.handler.ServeHTTP(w, r))
}

// inline runs the handlers for a request that is not stored, and what comes after
// them if they leave it alone.
func (c *chain) inline(next caddyhttp.Handler) caddyhttp.Handler { return c.routes.Compile(next) }

var (
	errTruncated = errors.New("the response was cut off")
	errTooLong   = errors.New("the response is too long")
)

const (
	// maxResponse is how much of a response is read; more ends the attempt, by what
	// its status says.
	maxResponse = 64 << 10
	// keptResponse is how much of a response is kept, if it was no 2xx.
	keptResponse = 2 << 10
)

// sink is the writer of an attempt: it takes the status and the beginning of the
// body.
type sink struct {
	header http.Header
	status int
	size   int
	kept   []byte
}

func newSink() *sink { return &sink{header: make(http.Header)} }

// Header returns the response's headers.
func (s *sink) Header() http.Header { return s.header }

// WriteHeader takes the first final status.
func (s *sink) WriteHeader(status int) {
	if s.status == 0 && status >= 200 {
		s.status = status
	}
}

// Write takes the beginning of the body.
func (s *sink) Write(p []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	if s.size += len(p); s.size > maxResponse {
		return 0, errTooLong
	}
	if s.status > 299 {
		s.kept = append(s.kept, p[:min(len(p), keptResponse-len(s.kept))]...)
	}
	return len(p), nil
}

// answer is what the handlers have said. An error that they return, rather than
// answer, has a status where Caddy's error pages would show one.
func (s *sink) answer(err error) delivery.Answer {
	a := delivery.Answer{Status: s.status, RetryAfter: s.header.Get("Retry-After"), Err: err, Response: s.kept}
	var handled caddyhttp.HandlerError
	if errors.As(err, &handled) {
		if a.Status == 0 {
			a.Status = handled.StatusCode
		}
		if handled.Err != nil {
			a.Err = handled.Err // without where in Caddy's source it was made
		}
	}
	return a
}
