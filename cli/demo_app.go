package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// demoApp stands behind the gateway. It answers 200 to everything, and remembers
// it, also over a stop.
type demoApp struct {
	socket string
	server *http.Server // nil while it is stopped
	mu     sync.Mutex
	seen   []seenRequest
	more   chan struct{} // has something in it when there is more to see
}

type seenRequest struct {
	path, source, id string
	body             []byte
}

// thanks is the app's answer, by which the sender knows that it was the app's.
const thanks = "Thank you."

// demoAppSocket is in the gateway's directory. While the app is stopped nobody else
// can take it, as a free port can be taken.
const demoAppSocket = "app.sock"

func newDemoApp(dir string) *demoApp {
	return &demoApp{socket: filepath.Join(dir, demoAppSocket), more: make(chan struct{}, 1)}
}

// start listens. It has to be stopped.
func (a *demoApp) start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", a.socket)
	if err != nil {
		return fmt.Errorf("starting the app: %w", err)
	}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go a.server.Serve(listener) //nolint:errcheck // it ends when stop closes it, and nobody asks why
	return nil
}

// stop closes the socket and all connections. A second stop does nothing.
func (a *demoApp) stop() {
	if a.server != nil {
		_ = a.server.Close()
		a.server = nil
	}
}

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
	select {
	case a.more <- struct{}{}:
	default:
	}
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

// await returns what was seen since the last take: n requests or more, or fewer once
// ctx is done.
func (a *demoApp) await(ctx context.Context, n int) (seen []seenRequest) {
	for {
		seen = append(seen, a.take()...)
		if len(seen) >= n {
			return seen
		}
		select {
		case <-a.more:
		case <-ctx.Done():
			return seen
		}
	}
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
