package gateway

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/dedupe"
	"github.com/hookgate/hookgate/verifier"
)

// Next is the handler behind a source. Its errors are returned untouched.
type Next func(http.ResponseWriter, *http.Request) error

// Receive is the way of an event: shape of the request, body, signature,
// freshness, claim, and then the next handlers. Refusals and duplicates are
// answered here; everything else is next's answer.
func (s *Source) Receive(w http.ResponseWriter, r *http.Request, next Next) error {
	o := &Outcome{Source: s.Name}
	defer func() { s.Observer.Count(o) }()
	received := s.process.Now()
	via, loop := s.process.via(r.Header, s.Name)
	Strip(r)

	verifiers := *s.verifiers.Load() // one set of secrets judges the whole request
	if handshake(verifiers, r) {
		o.Result = ResultHandshake
		s.Observer.Annotate(r, o)
		return next(w, r)
	}
	// Refused requests, too, may have a body that drips, and net/http waits for it.
	deadline(w, s.ReadTimeout)
	v, envelope, err := s.open(verifiers, r, loop, o)
	if err != nil {
		return s.refuse(w, r, o, err)
	}
	held := reservation{budget: s.process.Bodies}
	defer held.release()
	body, err := held.readBody(r, s.MaxBody)
	var verified verifier.Verified
	if err == nil {
		deadline(w, 0)
		verified, err = envelope.Verify(body, s.process.Now())
	}
	held.release()
	event, err := s.identify(&verified, o, err)
	if err != nil {
		return s.refuse(w, r, o, err)
	}
	claim, err := s.claim(r.Context(), v, event, o)
	if errors.Is(err, dedupe.ErrDuplicate) {
		return s.duplicate(w, r, o)
	}
	if err != nil {
		return s.refuse(w, r, o, err)
	}
	if claim != nil {
		defer claim.Release() // does nothing once committed; holds also if next panics
	}

	o.Result = ResultAccepted
	s.Observer.Annotate(r, o)
	tidy(r.Header, v, o.Type)
	o.mark(r.Header, received, strconv.FormatInt(s.state.next(received), 10), via)
	return s.pass(w, r, body, claim, o, next)
}

func handshake(verifiers []*verifier.Verifier, r *http.Request) bool {
	for _, v := range verifiers {
		for _, h := range v.Scheme().Handshakes {
			if h.Matches(r) {
				return true
			}
		}
	}
	return false
}

// open chooses the verifier and reads the envelope: all that can be judged
// before the body is read.
func (s *Source) open(verifiers []*verifier.Verifier, r *http.Request, loop bool, o *Outcome) (*verifier.Verifier, verifier.Envelope, error) {
	if r.Method != http.MethodPost {
		return nil, verifier.Envelope{}, refuse(methodNotAllowed, fmt.Errorf("method %.16q", r.Method))
	}
	if loop {
		return nil, verifier.Envelope{}, refuse(loopDetected, errors.New("the source's own delivery came back: check what its next handler forwards to"))
	}
	request := &verifier.Request{Method: r.Method, Header: r.Header, RawQuery: r.URL.RawQuery}
	for _, v := range verifiers {
		if v.Present(request) {
			o.Scheme = v.Name()
			envelope, err := v.Parse(request)
			return v, envelope, err
		}
	}
	var names []string
	for _, v := range verifiers {
		names = append(names, v.SignaturePlaces()...)
	}
	return nil, verifier.Envelope{}, refuse(missingHeader, fmt.Errorf("there is no %s", strings.Join(names, " or ")))
}

// deadline bounds how long the rest of the request may take to arrive; 0 takes the
// bound away. The network knows real time only. Writers that have no deadline are
// of tests, and a connection that is gone says so when it is read.
func deadline(w http.ResponseWriter, after time.Duration) {
	var at time.Time
	if after > 0 {
		at = time.Now().Add(after)
	}
	_ = http.NewResponseController(w).SetReadDeadline(at)
}

// identify takes from a verified request what may be believed, also when it is
// too old to be accepted.
func (s *Source) identify(verified *verifier.Verified, o *Outcome, err error) (verifier.Event, error) {
	stale := errors.Is(err, verifier.ErrStaleTimestamp) || errors.Is(err, verifier.ErrFutureTimestamp)
	if err != nil && !stale {
		return verifier.Event{}, err
	}
	o.Signed, o.Secret, o.Timestamp = true, verified.Secret, verified.Timestamp
	if t := verified.Scheme().Timestamp; t != nil {
		o.Skew = verified.Timestamp.Sub(s.process.Now())
		if !t.OfEvent {
			off := o.Skew
			if !stale {
				off = 0
			}
			if s.process.clock.observe(s.process.Now(), off) {
				err = refuse(clockSkew, err)
			}
		}
	}
	event, malformed := verified.Event()
	if err == nil {
		err = malformed
	}
	o.ID, o.Type = event.ID, event.Type
	if o.ID == "" && malformed == nil {
		o.ID = "sha256:" + hex.EncodeToString(event.Digest[:])
	}
	return event, err
}

// claim takes the event's key, or waits for whoever has it. A nil claim without
// an error is of a source that remembers nothing.
func (s *Source) claim(ctx context.Context, v *verifier.Verifier, event verifier.Event, o *Outcome) (*dedupe.Claim, error) {
	scheme := v.Scheme()
	if s.Dedupe.Off || (event.ID == "" && scheme.BodyRepeats && !s.repeatsCount) {
		return nil, nil
	}
	var key dedupe.Key
	switch {
	case event.ID == "":
		key = dedupe.BodyKey(s.Name, event.Digest)
	case scheme.BodyVaries:
		key = dedupe.IDKey(s.Name, event.ID)
	default:
		key = dedupe.IDBodyKey(s.Name, event.ID, event.Digest)
	}
	claim, err := s.state.memory.Load().Claim(ctx, key, s.Wait)
	switch {
	case errors.Is(err, dedupe.ErrInProgress):
		return nil, refuse(inProgress, err)
	case err != nil:
		return nil, err
	}
	o.Conflict = claim.Conflict
	return claim, nil
}

// pass runs the next handlers. They are detached from the sender's connection: a
// sender who hangs up does not stop an event half-way, and its retry finds the
// outcome.
func (s *Source) pass(w http.ResponseWriter, r *http.Request, body []byte, claim *dedupe.Claim, o *Outcome, next Next) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	r = r.WithContext(&verifiedContext{Context: ctx, request: r.Context()})
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.TransferEncoding, r.Trailer = nil, nil

	answer := &answerWriter{ResponseWriter: w, claim: claim}
	defer func() { // also if next panics
		if o.Result == ResultAccepted && (answer.status < 200 || answer.status > 299) {
			o.Result = ResultFailed
		}
	}()
	err := next(answer, r)
	if err == nil && answer.status == 0 {
		// A chain without an answer would be a 200 for an event that nobody took.
		return s.refuse(w, r, o, refuse(unavailable, errors.New("no handler behind the source answered; add one, such as reverse_proxy")))
	}
	return err
}

// duplicate answers a known event: the sender is done, the app is not asked.
func (s *Source) duplicate(w http.ResponseWriter, r *http.Request, o *Outcome) error {
	o.Result = ResultDuplicate
	s.Observer.Annotate(r, o)
	w.Header().Set(headerResult, ResultDuplicate)
	w.WriteHeader(http.StatusOK)
	return nil
}

// refuse answers, annotates and logs; it returns nil, as the answer is written.
func (s *Source) refuse(w http.ResponseWriter, r *http.Request, o *Outcome, err error) error {
	refusal := refusalOf(err)
	o.Result, o.Err = refusal.Type, err
	s.Observer.Annotate(r, o)
	s.state.refusals.log(s.Logger, s.process.Now(), o, r.RemoteAddr)
	if refusal == methodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	refusal.write(w)
	return nil
}
