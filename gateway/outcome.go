package gateway

import (
	"net/http"
	"time"
)

// The results of requests that are not refused; those of refused ones are the
// types of the refusal table.
const (
	// ResultAccepted: verified, new and passed on or, by a stored source, kept to
	// be forwarded.
	ResultAccepted = "accepted"
	// ResultDuplicate: verified, known, answered with 200 and not passed on.
	ResultDuplicate = "duplicate"
	// ResultIgnored: verified, answered with 200 and not to be forwarded, as its
	// type is none of those that a stored source forwards.
	ResultIgnored = "ignored"
	// ResultFailed: passed on, but the next handlers did not answer 2xx, so that
	// the sender's retry will be passed on again.
	ResultFailed = "failed"
	// ResultHandshake: a provider's check of the URL, answered or passed on at once,
	// and no event.
	ResultHandshake = "handshake"
)

// Outcome is what became of a request. ID, Type and Timestamp are set only if
// authenticated.
type Outcome struct {
	Source, Scheme string
	// ID is the signed id, else "sha256:" and the digest of the signed bytes.
	ID        string
	Type      string
	Timestamp time.Time
	// Result is one of the Result constants or the type of a refusal.
	Result string
	// Err is the cause of a refusal, for the log.
	Err error
	// Signed says that the signature held; then Secret is the index of the secret
	// that matched and Skew the timestamp's distance from the clock.
	Signed bool
	Secret int
	Skew   time.Duration
	// Conflict says that the id is known with another body.
	Conflict bool
	// Sequence is the number of the stored event, of a duplicate that of the event
	// it is a copy of; 0 if none is stored.
	Sequence int64
}

// Observer sees outcomes. Both methods are called on the request's goroutine and
// must not keep o.
type Observer interface {
	// Annotate is called once the outcome is known: for accepted requests before
	// the next handlers run, so that they may read it.
	Annotate(r *http.Request, o *Outcome)
	// Count is called once per request, at its end.
	Count(o *Outcome)
}

type nobody struct{}

func (nobody) Annotate(*http.Request, *Outcome) {}
func (nobody) Count(*Outcome)                   {}
