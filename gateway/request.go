package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/hookgate/hookgate/store"
)

// ErrRebuild says that no request can be made of what is stored. It tells nothing of the
// destination, and the next attempt will fare no better.
var ErrRebuild = errors.New("the stored request cannot be rebuilt")

// Request returns the request of one attempt at a delivery of a stored source: what
// arrived, as a server would hand it over, and what the app may believe of it. It is
// a fresh one each time, whose body and headers nobody else has; ctx bounds it. An
// error wraps [ErrRebuild].
func (s *Source) Request(ctx context.Context, d *store.Delivery) (*http.Request, error) {
	h, err := decodeHead(d.Head)
	if err == nil && s.outlet.resigner != nil {
		err = s.outlet.resigner.sign(h, d, s.process.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: event %d: %w", ErrRebuild, d.Seq, err)
	}
	marks{
		Source: s.Name, Scheme: d.Scheme, ID: d.ID, Type: d.Type, Timestamp: d.Timestamp,
		Attempt: d.Attempts + 1, Received: d.Received, Sequence: d.Seq, Replay: d.Replay,
		Key: cmp.Or(d.Origin, d.Source) + "/" + d.ID, Via: h.hops + s.hop,
	}.write(h.header)
	ctx = context.WithValue(ctx, verifiedKey{}, true)
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, h.local)
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Body)), nil }
	r := (&http.Request{
		Method: h.method, URL: h.url, RequestURI: h.url.RequestURI(),
		Proto: fmt.Sprintf("HTTP/%d.%d", h.major, h.minor), ProtoMajor: h.major, ProtoMinor: h.minor,
		Header: h.header, Host: h.host, RemoteAddr: h.remote, TLS: h.connection(), ContentLength: int64(len(d.Body)),
	}).WithContext(ctx)
	r.Body, _ = body()
	if !repeatable(h.header) {
		r.GetBody = body
	}
	return r, nil
}

// repeatable reports whether net/http takes a POST for one that it may send again by
// itself. With GetBody it then would, also where the app has read the first, beyond
// the attempts that we count. Without such a header GetBody lets it repeat only what
// was certainly not processed, as on a connection that was closed while idle.
func repeatable(h http.Header) bool {
	return h["Idempotency-Key"] != nil || h["X-Idempotency-Key"] != nil
}
