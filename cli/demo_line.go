package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// demoLine is the network between the demo's sender and its gateway: a port of this
// machine alone, as a sender does not reach sockets. It takes down what passes, and can
// be disturbed.
type demoLine struct {
	gateway *demoGateway
	server  *http.Server
	url     string

	mu      sync.Mutex
	failing int           // how many requests get no further
	headers string        // of the family by which the last was signed
	answers []string      // since the last call of begin
	open    bool          // a request has got through
	through chan struct{} // closed then
}

// newDemoLine listens. It has to be stopped.
func newDemoLine(ctx context.Context, gateway *demoGateway) (*demoLine, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening between sender and gateway: %w", err)
	}
	l := &demoLine{gateway: gateway, url: "http://" + listener.Addr().String()}
	l.begin(0)
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	go l.server.Serve(listener) //nolint:errcheck // it ends when stop closes it, and nobody asks why
	return l, nil
}

func (l *demoLine) stop() { _ = l.server.Close() }

// begin forgets what has passed, and disturbs the next requests.
func (l *demoLine) begin(failing int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing, l.headers, l.answers = failing, "no", nil
	l.open, l.through = false, make(chan struct{})
}

// ServeHTTP passes a request on, and takes down what the answer was.
func (l *demoLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, answer := http.StatusServiceUnavailable, "503"
	if !l.fails() {
		var err error
		if status, answer, err = l.pass(r); err != nil {
			status, answer = http.StatusBadGateway, "no answer"
		}
	}
	l.note(family(r.Header), answer, status == http.StatusOK)
	w.WriteHeader(status)
}

// fails reports whether a request is one that gets no further.
func (l *demoLine) fails() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing--
	return l.failing >= 0
}

func (l *demoLine) note(headers, answer string, through bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.headers, l.answers = headers, append(l.answers, answer)
	if through && !l.open {
		l.open = true
		close(l.through)
	}
}

func (l *demoLine) pass(r *http.Request) (status int, answer string, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, "", err
	}
	on, err := http.NewRequestWithContext(r.Context(), r.Method, "http://localhost"+r.URL.RequestURI(), bytes.NewReader(body)) //nolint:gosec // the gateway's socket, whatever the URL
	if err != nil {
		return 0, "", err
	}
	on.Header = r.Header.Clone()
	status, answer, err = l.gateway.send(on)
	return status, fmt.Sprintf("%d %s", status, answer), err
}

// family names the headers by which a request is signed.
func family(h http.Header) string {
	for name, family := range map[string]string{"Svix-Signature": "svix-*", "Webhook-Signature": "webhook-*", "X-Webhook-Signature": "x-webhook-*"} {
		if h.Get(name) != "" {
			return family
		}
	}
	return "no"
}

// passed waits until a request has got through, or ctx is done, and returns what it was
// signed with and all answers.
func (l *demoLine) passed(ctx context.Context) (headers string, answers []string) {
	l.mu.Lock()
	through := l.through
	l.mu.Unlock()
	select {
	case <-through:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.headers, l.answers
}
