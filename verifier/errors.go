package verifier

import (
	"errors"
	"fmt"
	"time"
)

// The reasons for which a request is refused. Every error of [Verifier.Parse],
// [Verifier.Handshake], [Envelope.Verify], [Verified.Event] and
// [Verified.Handshake] is a [*Refusal] that wraps exactly one of them.
var (
	// ErrMissingHeader: a header (or query value) the scheme needs is absent or
	// empty.
	ErrMissingHeader = errors.New("missing header")
	// ErrMalformedHeader: a header the scheme needs is there twice, is not of
	// its grammar, or contradicts its twin under another name.
	ErrMalformedHeader = errors.New("malformed header")
	// ErrInvalidSignature: no candidate signature matches any secret.
	ErrInvalidSignature = errors.New("invalid signature")
	// ErrStaleTimestamp: correctly signed, but older than the tolerance.
	ErrStaleTimestamp = errors.New("stale timestamp")
	// ErrFutureTimestamp: correctly signed, but further ahead of the clock than
	// the tolerance.
	ErrFutureTimestamp = errors.New("future timestamp")
	// ErrMalformedBody: correctly signed, but the id in the body is ambiguous (the
	// same member twice) or no usable text, or the time that should be there is not.
	ErrMalformedBody = errors.New("malformed body")
	// ErrMalformedHandshake: the request is a handshake, but its challenge or its
	// verify token is there twice or not at all, or the challenge is no text that
	// could be answered.
	ErrMalformedHandshake = errors.New("malformed handshake")
	// ErrVerifyToken: a handshake's verify token is not the configured one.
	ErrVerifyToken = errors.New("wrong verify token")
)

// Refusal says why a request was refused, for a log or an operator. It never
// holds a secret, an expected signature or a part of the body.
type Refusal struct {
	// Reason is one of the Err values of this package.
	Reason error
	// Where is the header, query value or body member at fault, in the spelling
	// of the scheme; empty if none is.
	Where string
	// Detail says what is wrong with it, in a few words.
	Detail string
	// Skew is the timestamp's distance from the clock, positive in the future;
	// set for stale and future timestamps.
	Skew time.Duration
}

// Error says the reason and, as far as known, where and what.
func (r *Refusal) Error() string {
	text := r.Reason.Error()
	if r.Where != "" {
		text += " " + r.Where
	}
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	if r.Skew != 0 {
		text += fmt.Sprintf(" (%+.0f s)", r.Skew.Seconds())
	}
	return text
}

// Unwrap returns the reason, for [errors.Is].
func (r *Refusal) Unwrap() error { return r.Reason }

func refuse(reason error, where, detail string) error {
	return &Refusal{Reason: reason, Where: where, Detail: detail}
}
