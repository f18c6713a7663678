package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// demoApp stands behind the gateway. It answers 200 to everything, and remembers
// it.
type demoApp struct {
	address string
	server  http.Server
	mu      sync.Mutex
	seen    []seenRequest
}

type seenRequest struct {
	path, source, id string
	body             []byte
}

// thanks is the app's answer, by which the sender knows that it was the app's.
const thanks = "Thank you."

// startDemoApp listens on a loopback port that the system chooses.
func startDemoApp(ctx context.Context) (*demoApp, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &demoApp{address: listener.Addr().String()}
	a.server = http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go a.server.Serve(listener) //nolint:errcheck // it ends when stop closes it, and nobody asks why
	return a, nil
}

func (a *demoApp) stop() { _ = a.server.Close() }

// ServeHTTP notes the request before it answers.
func (a *demoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.seen = append(a.seen, seenRequest{r.URL.Path, lenient(r.Header, "hookgate-source"), lenient(r.Header, "hookgate-id"), body})
	a.mu.Unlock()
	_, _ = io.WriteString(w, thanks) // if it is not read, the sender's side says so
}

// lenient reads a header as the most careless app would: any letter case, and _
// for -.
func lenient(h http.Header, name string) string {
	for given, values := range h {
		if strings.EqualFold(strings.ReplaceAll(given, "_", "-"), name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// take returns what was seen since the last call.
func (a *demoApp) take() []seenRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// describe says what the app saw of a request whose body was sent so.
func describe(seen []seenRequest, sent []byte) string {
	if len(seen) == 0 {
		return sawNothing
	}
	texts := make([]string, len(seen))
	for i, s := range seen {
		texts[i] = s.path + ", unverified"
		if s.source != "" {
			texts[i] = fmt.Sprintf("%s from %s, id %s", s.path, s.source, s.id)
		}
		if !bytes.Equal(s.body, sent) {
			texts[i] += ", with another body"
		}
	}
	return strings.Join(texts, " and ")
}
