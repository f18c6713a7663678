package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// app is what stands behind the servers. It reads the event and answers 200; it
// counts, so that a server that is fast because it drops events, or because it
// verifies nothing, is found out.
type app struct {
	address string
	server  *http.Server
	served  chan error

	mu sync.Mutex
	tally
	ids  map[string]string // of the events, with the attempt that brought them first
	want int
	all  chan struct{} // closed when as many events as are wanted have come
}

// tally is what an app saw: requests, how many different events these were, how
// many of the requests were marked as verified, and the last event that came again.
type tally struct {
	requests, events, verified int
	repeat                     string
}

// newApp serves at an address, or at any free one.
func newApp(address string) (*app, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	a := &app{address: listener.Addr().String(), served: make(chan error, 1)}
	a.expect(0)
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go func() { a.served <- a.server.Serve(listener) }()
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, verified := r.Header.Get("Svix-Id"), r.Header.Get("Hookgate-Source") != ""
	attempt := r.Header.Get("Hookgate-Attempt")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if verified {
		a.verified++
	}
	first, again := a.ids[id]
	if again {
		a.repeat = fmt.Sprintf("%s by attempt %s and then %s", id, first, attempt)
		return
	}
	a.ids[id] = attempt
	if a.events++; a.events == a.want {
		close(a.all)
	}
}

// expect forgets what came so far. The channel is closed once n different events
// have come.
func (a *app) expect(n int) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally, a.ids, a.want, a.all = tally{}, make(map[string]string, n), n, make(chan struct{})
	if n == 0 {
		close(a.all)
	}
	return a.all
}

// saw returns what came since the last call of expect.
func (a *app) saw() tally {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tally
}

func (a *app) close() error {
	err := a.server.Close()
	if served := <-a.served; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}
