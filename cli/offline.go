package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// openFile returns a client of a store's file: the API of an operator who can only
// read.
func (a *admin) openFile(ctx context.Context) (*client, error) {
	reader, err := sqlite.OpenReadOnly(ctx, a.file)
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	closed := &closedStore{Reader: reader}
	if err := closed.look(ctx, a.file); err != nil {
		_ = reader.Close() // the first error is the one to tell
		return nil, fmt.Errorf("--store: %w", err)
	}
	operator := &gateway.Operator{Reader: closed, Now: a.host.time}
	api := gateway.NewOperatorAPI(func() (*gateway.Operator, bool) { return operator, true })
	return &client{admin: a, transport: direct{api}, origin: "http://store", close: reader.Close}, nil
}

// closedStore is a store that no gateway has open.
type closedStore struct {
	*store.Reader
	counts map[string]store.Count
	used   int64
}

var _ gateway.OperatorReader = (*closedStore)(nil)

func (s *closedStore) look(ctx context.Context, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	s.used = info.Size()
	s.counts, err = s.Reader.Counts(ctx)
	return err
}

// Counts returns what was pending and dead when the file was opened: nobody changes
// it.
func (s *closedStore) Counts() map[string]store.Count { return s.counts }

// Space returns the size of the file. How much could be written only its gateway
// knows.
func (s *closedStore) Space() store.Space { return store.Space{Used: s.used, Free: -1} }

// Keys is not known: a gateway counts them when it starts.
func (s *closedStore) Keys() int { return -1 }

// Trouble says that nobody accepts.
func (s *closedStore) Trouble() error { return errNotRunning }

var errNotRunning = errors.New("no gateway is running on this store")

// direct answers requests by a handler in this process.
type direct struct{ http.Handler }

// RoundTrip runs the handler.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &answer{header: http.Header{}}
	d.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// answer takes down what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns the headers.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader takes the first status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write takes the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}
