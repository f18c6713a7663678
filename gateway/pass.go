package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/hookgate/hookgate/dedupe"
)

// passOn is the way of an event of a source without a store: it is claimed, and its
// answer is the next handlers'.
func (s *Source) passOn(w http.ResponseWriter, r *http.Request, a *arrived, o *Outcome, next Next) error {
	claim, err := s.claim(r.Context(), a, o)
	if errors.Is(err, dedupe.ErrDuplicate) {
		return s.answer(w, r, o, ResultDuplicate)
	}
	if err != nil {
		return s.refuse(w, r, o, err)
	}
	if claim != nil {
		defer claim.Release() // does nothing once committed; holds also if next panics
	}
	o.Result = ResultAccepted
	s.Observer.Annotate(r, o)
	marks{
		Source: o.Source, Scheme: o.Scheme, ID: o.ID, Type: o.Type, Timestamp: o.Timestamp,
		Attempt: 1, Received: a.received, Sequence: s.state.next(a.received),
		Key: o.Source + "/" + o.ID, Via: a.hops + s.hop,
	}.write(r.Header)
	return s.pass(w, r, a.body, claim, o, next)
}

// claim takes the event's key, or waits for whoever has it. A nil claim without
// an error is of an event that is not remembered.
func (s *Source) claim(ctx context.Context, a *arrived, o *Outcome) (*dedupe.Claim, error) {
	key, ok := s.key(s.Name, a)
	if !ok {
		return nil, nil
	}
	claim, err := s.memory.Claim(ctx, key, s.Wait)
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
