package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// app is what stands behind both servers. It reads the event and answers 200; it
// counts, so that a server that is fast because it drops events, or because it
// verifies nothing, is found out.
type app struct {
	address        string
	seen, verified atomic.Int64
	server         *http.Server
	served         chan error
}

func newApp() (*app, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &app{address: listener.Addr().String(), served: make(chan error, 1)}
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
	a.seen.Add(1)
	if r.Header.Get("Hookgate-Source") != "" {
		a.verified.Add(1)
	}
}

// counts returns how many events came since the last call, and how many of them
// were marked as verified.
func (a *app) counts() (seen, verified int) {
	return int(a.seen.Swap(0)), int(a.verified.Swap(0))
}

func (a *app) close() error {
	err := a.server.Close()
	if served := <-a.served; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}
