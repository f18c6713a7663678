package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// Refusal is a row of the refusal table: how a request that is not accepted is
// answered. Senders see type and message; the cause stays in our log.
type Refusal struct {
	Status  int
	Type    string
	Message string
	// RetryAfter is the least time before a retry makes sense; 0 if none is said.
	RetryAfter time.Duration
	// Close ends the connection: the rest of the body is not worth reading.
	Close bool
}

// The refusals. A 4xx says that nothing was forwarded; a 503 leaves open whether
// it was, and the sender's retry finds out, as a duplicate.
var (
	methodNotAllowed   = &Refusal{Status: http.StatusMethodNotAllowed, Type: "method_not_allowed", Message: "Webhooks are sent with POST."}
	missingHeader      = &Refusal{Status: http.StatusBadRequest, Type: "missing_header", Message: "A header that the signature needs is missing or empty."}
	malformedHeader    = &Refusal{Status: http.StatusBadRequest, Type: "malformed_header", Message: "A header that the signature needs is there more than once or malformed."}
	malformedBody      = &Refusal{Status: http.StatusBadRequest, Type: "malformed_body", Message: "The body is incomplete, or names its event ambiguously."}
	malformedHandshake = &Refusal{Status: http.StatusBadRequest, Type: "malformed_handshake", Message: "The challenge or the verify token is missing, there more than once or malformed."}
	invalidVerifyToken = &Refusal{Status: http.StatusForbidden, Type: "invalid_verify_token", Message: "The verify token does not match."}
	invalidSignature   = &Refusal{Status: http.StatusUnauthorized, Type: "invalid_signature", Message: "The signature does not match."}
	staleTimestamp     = &Refusal{Status: http.StatusUnauthorized, Type: "stale_timestamp", Message: "The timestamp is too old."}
	futureTimestamp    = &Refusal{Status: http.StatusUnauthorized, Type: "future_timestamp", Message: "The timestamp is too far in the future."}
	clockSkew          = &Refusal{Status: http.StatusServiceUnavailable, Type: "clock_skew", Message: "This server's clock seems to be wrong. Try again later.", RetryAfter: time.Minute}
	payloadTooLarge    = &Refusal{Status: http.StatusRequestEntityTooLarge, Type: "payload_too_large", Message: "The body is larger than this source accepts.", Close: true}
	requestTimeout     = &Refusal{Status: http.StatusRequestTimeout, Type: "request_timeout", Message: "The body did not arrive in time.", Close: true}
	inProgress         = &Refusal{Status: http.StatusServiceUnavailable, Type: "in_progress", Message: "The same event is being processed. Try again later.", RetryAfter: 5 * time.Second}
	unavailable        = &Refusal{Status: http.StatusServiceUnavailable, Type: "unavailable", Message: "The event cannot be accepted now. Try again later.", RetryAfter: 10 * time.Second}
	loopDetected       = &Refusal{Status: http.StatusLoopDetected, Type: "loop_detected", Message: "This event was forwarded by this very gateway."}
)

// refusals are all rows of the refusal table.
var refusals = [...]*Refusal{
	methodNotAllowed, missingHeader, malformedHeader, malformedBody, malformedHandshake, invalidVerifyToken,
	invalidSignature, staleTimestamp, futureTimestamp, clockSkew, payloadTooLarge, requestTimeout, inProgress, unavailable, loopDetected,
}

// Refusals returns all rows of the refusal table, for documentation and metrics.
func Refusals() []Refusal {
	rows := make([]Refusal, len(refusals))
	for i, r := range refusals {
		rows[i] = *r
	}
	return rows
}

// refusalError is a refusal with the cause that is for the log alone.
type refusalError struct {
	*Refusal
	cause error
}

func (e *refusalError) Error() string { return fmt.Sprintf("%s: %v", e.Type, e.cause) }
func (e *refusalError) Unwrap() error { return e.cause }

func refuse(r *Refusal, cause error) error { return &refusalError{r, cause} }

// refusalOf classifies an error of the way of an event.
func refusalOf(err error) *Refusal {
	var own *refusalError
	switch {
	case errors.As(err, &own):
		return own.Refusal
	case errors.Is(err, verifier.ErrMissingHeader):
		return missingHeader
	case errors.Is(err, verifier.ErrMalformedHeader):
		return malformedHeader
	case errors.Is(err, verifier.ErrInvalidSignature):
		return invalidSignature
	case errors.Is(err, verifier.ErrStaleTimestamp):
		return staleTimestamp
	case errors.Is(err, verifier.ErrFutureTimestamp):
		return futureTimestamp
	case errors.Is(err, verifier.ErrMalformedBody):
		return malformedBody
	case errors.Is(err, verifier.ErrMalformedHandshake):
		return malformedHandshake
	case errors.Is(err, verifier.ErrVerifyToken):
		return invalidVerifyToken
	default:
		return unavailable
	}
}

// write answers with the refusal. The body is one JSON object that holds nothing
// of the request.
func (r *Refusal) write(w http.ResponseWriter) {
	var answer struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	answer.Error.Type, answer.Error.Message = r.Type, r.Message
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // constant strings always marshal
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.RetryAfter.Seconds())))
	}
	if r.Close {
		h.Set("Connection", "close")
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body) // the sender may be gone; there is nobody else to tell
}
