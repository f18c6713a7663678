package sender

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Local are URLs that this process answers itself, as it has given them away: what goes to
// one is handed over without a connection, so that no guard has to let pass where the
// process can be reached. A URL is one if it is spelled as it was given away, byte for
// byte, and only as long as it is valid. Everything else is for the guard.
type Local interface {
	// Has reports whether a URL is one, within a transaction.
	Has(tx *store.Tx, url string) (bool, error)
	// Handler returns what answers a URL; nil if it is none. It has to return soon after
	// the request's context is done.
	Handler(ctx context.Context, url string) http.Handler
}

// SetLocal says which URLs are local. Before it is called, none is.
func (s *Sender) SetLocal(l Local) { s.local.Store(&l) }

// isLocal reports whether a URL is local, within a transaction.
func (s *Sender) isLocal(tx *store.Tx, url string) (bool, error) {
	if l := s.local.Load(); l != nil {
		return (*l).Has(tx, url)
	}
	return false, nil
}

// localHandler returns what answers a URL that is local; nil if it is none.
func (s *Sender) localHandler(ctx context.Context, url string) http.Handler {
	if l := s.local.Load(); l != nil {
		return (*l).Handler(ctx, url)
	}
	return nil
}

// handOver lets a handler answer a request as if it had come over a connection.
func handOver(h http.Handler, r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI, in.Host = in.URL.RequestURI(), r.URL.Host
	in.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		for _, value := range values {
			in.Header.Add(name, value)
		}
	}
	w := &handed{header: make(http.Header)}
	h.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err // over a connection nobody would have waited for it
	}
	w.WriteHeader(http.StatusOK) // if it has not been called
	w.sent.Set("Content-Length", strconv.Itoa(w.body.Len()))
	return &http.Response{
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, Body: io.NopCloser(&w.body), Request: r,
	}, nil
}

// handed takes the answer of a handler.
type handed struct {
	header, sent http.Header // sent is what the header was when the body began
	status       int
	body         bytes.Buffer
}

func (w *handed) Header() http.Header { return w.header }

func (w *handed) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	w.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
}

func (w *handed) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
