package gateway

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/dedupe"
	"github.com/hookgate/hookgate/verifier"
)

// Next is the handler behind a source. Its errors are returned untouched.
type Next func(http.ResponseWriter, *http.Request) error

// Receive is the way of an event: shape of the request, body, signature,
// freshness, and then either of two ways. A stored source has the event kept, and
// answers once it is. Any other claims it and runs the next handlers. Refusals and
// duplicates are answered here; everything else is next's answer. A handshake is no
// event: it is next's at once, or answered here if that is asked for.
func (s *Source) Receive(w http.ResponseWriter, r *http.Request, next Next) error {
	o := &Outcome{Source: s.Name}
	defer func() {
		s.state.counter.count(o.Result)
		s.Observer.Count(o)
	}()
	a := arrived{received: s.process.Now()}
	var loop bool
	a.hops, loop = s.process.hops(r.Header, s.hop)
	Strip(r)

	verifiers := *s.verifiers.Load() // one set of secrets judges the whole request
	request := &verifier.Request{Method: r.Method, Header: r.Header, RawQuery: r.URL.RawQuery, Body: hasBody(r)}
	challenge, err := unsignedHandshake(verifiers, request, o)
	if challenge != nil {
		return s.shakeUnsigned(w, r, challenge, o, next)
	}
	// Refused requests, too, may have a body that drips, and net/http waits for it.
	deadline(w, s.ReadTimeout)
	if err != nil {
		return s.refuse(w, r, o, err)
	}
	v, envelope, err := s.open(verifiers, request, loop, o)
	if err != nil {
		if s.turnAway(w, r, o, err) {
			s.diagnose(v, r, nil, o)
		}
		return nil
	}
	held := reservation{budget: s.process.Bodies}
	defer held.release()
	a.body, err = held.readBody(r, s.MaxBody)
	var verified verifier.Verified
	if err == nil {
		deadline(w, 0)
		verified, err = envelope.Verify(a.body, s.process.Now())
	}
	if err == nil && s.macs && verified.IsChallenge() {
		err = refuse(invalidSignature, errors.New("what is signed is a challenge: a handshake's answer would be such a signature"))
	}
	a.event, err = s.identify(&verified, o, err)
	if err == nil {
		challenge, err = verified.Handshake()
	}
	if err != nil {
		held.release()
		if s.turnAway(w, r, o, err) {
			s.diagnose(v, r, a.body, o)
		}
		return nil
	}
	a.scheme = v.Scheme()
	tidy(r.Header, v, o.Type)
	if challenge != nil {
		held.release()
		return s.shakeSigned(w, r, &a, challenge, o, next)
	}
	if s.Forward != nil {
		return s.store(w, r, &a, o) // holds its memory: a disk that hangs must not fill it
	}
	held.release()
	return s.passOn(w, r, &a, o, next)
}

// arrived is a verified event as it came.
type arrived struct {
	received time.Time
	hops     string // see [Process.hops]
	scheme   *verifier.Scheme
	event    verifier.Event
	body     []byte
}

// open chooses the verifier and reads the envelope: all that can be judged
// before the body is read.
func (s *Source) open(verifiers []*verifier.Verifier, request *verifier.Request, loop bool, o *Outcome) (*verifier.Verifier, verifier.Envelope, error) {
	if request.Method != http.MethodPost {
		return nil, verifier.Envelope{}, refuse(methodNotAllowed, fmt.Errorf("method %.16q", request.Method))
	}
	if loop {
		return nil, verifier.Envelope{}, refuse(loopDetected, errors.New("the source's own delivery came back: check what its next handler forwards to"))
	}
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

// key returns what an event is known by under a name of the source; ok is false if
// nothing is to be remembered.
func (s *Source) key(name string, a *arrived) (key dedupe.Key, ok bool) {
	switch {
	case s.Dedupe.Off:
		return key, false
	case a.event.ID == "" && a.scheme.BodyRepeats:
		return dedupe.BodyKey(name, a.event.Digest), s.repeatsCount
	case a.event.ID == "":
		return dedupe.BodyKey(name, a.event.Digest), true
	case a.scheme.BodyVaries:
		return dedupe.IDKey(name, a.event.ID), true
	default:
		return dedupe.IDBodyKey(name, a.event.ID, a.event.Digest), true
	}
}

// answer tells the sender that it is done, where the app is not asked.
func (s *Source) answer(w http.ResponseWriter, r *http.Request, o *Outcome, result string) error {
	o.Result = result
	s.Observer.Annotate(r, o)
	w.Header().Set(headerResult, result)
	w.WriteHeader(http.StatusOK)
	return nil
}

// refuse answers, annotates and logs; it returns nil, as the answer is written.
func (s *Source) refuse(w http.ResponseWriter, r *http.Request, o *Outcome, err error) error {
	s.turnAway(w, r, o, err)
	return nil
}

// turnAway is refuse, and reports whether the refusal has a line of its own in the log.
func (s *Source) turnAway(w http.ResponseWriter, r *http.Request, o *Outcome, err error) (logged bool) {
	refusal := refusalOf(err)
	o.Result, o.Err = refusal.Type, err
	s.Observer.Annotate(r, o)
	logged = s.state.refusals.log(s.Logger, s.process.Now(), o, r.RemoteAddr)
	if refusal == methodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	refusal.write(w)
	return logged
}
