package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// sink is endpoints, each on a port of its own, as strangers' are on hosts of their
// own. It verifies each delivery and notes when it came, so that a producer that is fast
// because it drops, repeats or does not sign is found out.
type sink struct {
	urls     []string
	servers  []*http.Server
	verifier *verifier.Verifier
	served   sync.WaitGroup
	// tarpit is the endpoint that does not answer before released is closed; -1: none.
	tarpit   int
	released chan struct{}

	mu              sync.Mutex
	gate            chan struct{} // nobody is answered before it is closed; nil: everybody is
	slice, messages int
	came            []time.Time // by message and endpoint
	count, want     int
	all             chan struct{} // closed when as many deliveries as are wanted have come
	wrong           error         // the first thing that should not have come
	drained         map[string]int
}

// newSink serves n endpoints, one of which may be a tarpit.
func newSink(n, tarpit int) (*sink, error) {
	scheme, ok := verifier.Preset("svix")
	if !ok {
		return nil, errors.New("there is no preset svix")
	}
	v, err := verifier.New(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		return nil, err
	}
	s := &sink{verifier: v, tarpit: tarpit, released: make(chan struct{}), drained: make(map[string]int)}
	s.expect(0, 0, 0)
	for i := range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return nil, err
		}
		server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.take(w, r, i) })}
		s.urls, s.servers = append(s.urls, "http://"+listener.Addr().String()+"/hooks"), append(s.servers, server)
		s.served.Go(func() { _ = server.Serve(listener) }) // until it is closed
	}
	return s, nil
}

// take takes a delivery to an endpoint.
func (s *sink) take(w http.ResponseWriter, r *http.Request, endpoint int) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = s.verifier.Verify(&verifier.Request{Method: r.Method, Header: r.Header}, body, now)
	}
	var slice, message int
	if err == nil {
		slice, message, err = readMark(body)
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wrong = errors.Join(s.wrong, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if gate := s.closedGate(); gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	if endpoint == s.tarpit {
		select {
		case <-s.released:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.drained[string(body[:markEnd])]++
		case <-r.Context().Done():
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(slice, message, endpoint, now)
}

func (s *sink) note(slice, message, endpoint int, now time.Time) {
	at := message*len(s.urls) + endpoint
	switch {
	case s.wrong != nil:
	case slice != s.slice || message >= s.messages:
		s.wrong = fmt.Errorf("message %d of slice %d came during slice %d of %d messages", message, slice, s.slice, s.messages)
	case !s.came[at].IsZero():
		s.wrong = fmt.Errorf("message %d came to endpoint %d twice", message, endpoint)
	default:
		s.came[at] = now
		if s.count++; s.count == s.want {
			close(s.all)
		}
	}
}

// expect begins a slice. The channel is closed once that many deliveries of its messages
// have come.
func (s *sink) expect(slice, messages, deliveries int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slice, s.messages, s.count, s.want = slice, messages, 0, deliveries
	s.came, s.all = make([]time.Time, messages*len(s.urls)), make(chan struct{})
	if deliveries == 0 {
		close(s.all)
	}
	return s.all
}

// hold lets all deliveries wait for their answer until open is called.
func (s *sink) hold() (open func()) {
	gate := make(chan struct{})
	set := func(to chan struct{}) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gate = to
	}
	set(gate)
	return func() {
		set(nil)
		close(gate)
	}
}

func (s *sink) closedGate() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate
}

// check errs unless what came is what was expected.
func (s *sink) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == nil && s.count != s.want {
		return fmt.Errorf("%d of %d deliveries have come", s.count, s.want)
	}
	return s.wrong
}

// arrived returns when a message came to an endpoint.
func (s *sink) arrived(message, endpoint int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.came[message*len(s.urls)+endpoint]
}

// drain lets the tarpit answer, and waits until it has got n messages, some of them
// perhaps again: those whose attempt ended just then.
func (s *sink) drain(ctx context.Context, n int) (again int, err error) {
	close(s.released)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errMissing)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		got := len(s.drained)
		again = 0
		for _, times := range s.drained {
			again += times - 1
		}
		s.mu.Unlock()
		if got >= n {
			return again, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return again, fmt.Errorf("the tarpit got %d of %d messages: %w", got, n, context.Cause(ctx))
		}
	}
}

func (s *sink) close() {
	for _, server := range s.servers {
		_ = server.Close() // nobody asks it any more
	}
	s.served.Wait()
}

// A message bears a mark, at the same place in each, from which the sink tells which it is.
const (
	markBegin = len(`{"id":"`)
	sliceEnd  = markBegin + 6
	markEnd   = sliceEnd + 1 + 8
)

// markMessage returns a message's payload, of exactly as many bytes as like has, which are
// at least 192.
func markMessage(like []byte, slice, message int) ([]byte, error) {
	head := fmt.Sprintf(`{"id":"%06d-%08d",`, slice, message)
	rest, err := payload(len(like) - len(head) + 1)
	if err != nil {
		return nil, err
	}
	return append([]byte(head), rest[1:]...), nil
}

// remark returns a copy of a marked payload with another mark.
func remark(of []byte, slice, message int) []byte {
	body := append([]byte(nil), of...)
	digits(body[markBegin:sliceEnd], slice)
	digits(body[sliceEnd+1:markEnd], message)
	return body
}

func digits(to []byte, n int) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i], n = byte('0'+n%10), n/10
	}
}

func readMark(body []byte) (slice, message int, err error) {
	if len(body) < markEnd {
		return 0, 0, errors.New("a delivery without a mark")
	}
	if slice, err = strconv.Atoi(string(body[markBegin:sliceEnd])); err == nil {
		message, err = strconv.Atoi(string(body[sliceEnd+1 : markEnd]))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("a delivery without a mark: %w", err)
	}
	return slice, message, nil
}
