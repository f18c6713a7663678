package gateway_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/hookgate/hookgate/store"
)

// TestNoAttemptIsSentTwice: where the app may have read a request, net/http does not
// send it again by itself, whatever the sender says of its being idempotent; where it
// cannot have, it does. (U-11)
func TestNoAttemptIsSentTwice(t *testing.T) {
	for _, header := range []string{"X-None", "Idempotency-Key", "X-Idempotency-Key"} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			if calls.Add(1) > 1 {
				panic(http.ErrAbortHandler) // ends the connection without an answer
			}
		}))
		defer server.Close()
		transport := new(http.Transport)
		defer transport.CloseIdleConnections()
		b := newShelf(t)
		r := b.svix(t, "msg_1")
		r.Header.Set(header, "abc")
		b.answered(t, "an event", r, "accepted")
		d := delivered(b.shelf.take()[0])
		if err := b.send(t, transport, server.Listener.Addr().String(), d); err != nil {
			t.Fatal(err)
		}
		if err := b.send(t, transport, server.Listener.Addr().String(), d); err == nil {
			t.Error("an attempt without an answer is none that failed")
		}
		if n := calls.Load(); n != 2 {
			t.Errorf("%s: the app saw %d requests of 2 attempts", header, n)
		}
	}

	// A connection that was closed while idle takes nothing of the request.
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var last atomic.Pointer[closing]
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		last.Store(&closing{Conn: c})
		return last.Load(), err
	}}
	defer transport.CloseIdleConnections()
	b := newShelf(t)
	b.answered(t, "an event", b.svix(t, "msg_1"), "accepted")
	d := delivered(b.shelf.take()[0])
	for range 2 {
		if err := b.send(t, transport, server.Listener.Addr().String(), d); err != nil {
			t.Fatal(err)
		}
		last.Load().closed.Store(true)
	}
}

// closing is a connection to which nothing can be written once it is closed.
type closing struct {
	net.Conn
	closed atomic.Bool
}

func (c *closing) Write(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// send makes an attempt as a reverse proxy does.
func (b *storedBed) send(t testing.TB, transport *http.Transport, address string, d *store.Delivery) error {
	t.Helper()
	r, err := b.Request(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Scheme, r.URL.Host, r.RequestURI = "http", address, ""
	response, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
