package sender

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/hookgate/hookgate/store"
)

// IntakeRefusal is a row of the table by which an [Intake] refuses.
type IntakeRefusal struct {
	Status int
	// Type is the word for it in the answer.
	Type string
	// When says which requests are refused so.
	When string
}

var (
	wrongMethod = &IntakeRefusal{http.StatusMethodNotAllowed, "method_not_allowed", "the method is not POST"}
	noToken     = &IntakeRefusal{http.StatusUnauthorized, "missing_authorization", "there is no bearer token; or, with `open`, the caller is not on this machine, or is a web page"}
	wrongToken  = &IntakeRefusal{http.StatusUnauthorized, "invalid_authorization", "the bearer token is not one of the producer's"}
	tooSlow     = &IntakeRefusal{http.StatusRequestTimeout, "request_timeout", "the body did not arrive within 10 s"}
	otherBody   = &IntakeRefusal{http.StatusConflict, "idempotency_conflict", "the `Idempotency-Key` is known with another body or type"}
	tooLarge    = &IntakeRefusal{http.StatusRequestEntityTooLarge, "payload_too_large", "the body is over `max_body`, declared or not"}
	badEvent    = &IntakeRefusal{http.StatusUnprocessableEntity, "invalid_event", "there is no type, or the id, the type or the body cannot be signed by the scheme"}
	notNow      = &IntakeRefusal{http.StatusServiceUnavailable, "unavailable", "the store failed, is full, does not answer or is stopping, or `max_backlog` events wait"}
)

// IntakeRefusals returns the table by which an [Intake] refuses.
func IntakeRefusals() []IntakeRefusal {
	return []IntakeRefusal{*noToken, *wrongToken, *wrongMethod, *tooSlow, *otherBody, *tooLarge, *badEvent, *notNow}
}

// refusedEvent is why an event is not taken.
type refusedEvent struct {
	*IntakeRefusal
	message string
}

func (e *refusedEvent) Error() string { return e.message }

func refusedIntake(as *IntakeRefusal, message string) error { return &refusedEvent{as, message} }

// refuse answers a request whose event is not taken. After 503 it is open whether the
// event is stored: the caller finds out by sending it again under the same key.
func (in *Intake) refuse(w http.ResponseWriter, err error) {
	refusal, message := notNow, "the event cannot be stored now; try again"
	var refused *refusedEvent
	var invalid *InvalidError
	var conflict *ConflictError
	switch {
	case errors.As(err, &refused):
		refusal, message = refused.IntakeRefusal, refused.message
	case errors.As(err, &invalid):
		refusal, message = badEvent, invalid.Error()
	case errors.As(err, &conflict):
		refusal, message = otherBody, conflict.Detail
	case errors.Is(err, ErrTooLarge):
		refusal, message = tooLarge, "the body is too large"
	case errors.Is(err, store.ErrBacklog):
		message = "too many events wait to be delivered; try again later"
		fallthrough
	default:
		in.trouble.Do(func() {
			in.Logger.Warn("events cannot be taken", slog.String("producer", in.producer.Name()), slog.Any("error", err))
		})
	}
	switch refusal.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	writeIntake(w, refusal.Status, map[string]any{"error": map[string]string{"type": refusal.Type, "message": message}})
}

func writeIntake(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // of texts there is none
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone
}
