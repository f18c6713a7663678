package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// Error is how a call is refused: a status and, as JSON, its code and detail.
type Error struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// RetryAfter is the least time before a retry makes sense; 0 if none is said.
	RetryAfter time.Duration `json:"-"`
}

// Error returns what is wrong.
func (e *Error) Error() string { return e.Code + ": " + e.Detail }

// Problem is one thing that is wrong with a body or a query: where, what, and of
// which kind.
type Problem struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

// ValidationError is how a call is refused whose body or query can be read and is
// wrong all the same. Its status is 422.
type ValidationError struct {
	Detail []Problem `json:"detail"`
}

// Error returns the first problem.
func (e *ValidationError) Error() string {
	p := e.Detail[0]
	return strings.Join(p.Loc, ".") + ": " + p.Msg
}

// The refusals that have one wording.
var (
	errToken         = &Error{Status: http.StatusUnauthorized, Code: "authentication_failed", Detail: "Invalid token"}
	errDenied        = &Error{Status: http.StatusForbidden, Code: "insufficient access", Detail: "Insufficient access for the given operation."}
	errNoEntity      = &Error{Status: http.StatusNotFound, Code: "not_found", Detail: "Entity not found"}
	errNoApplication = &Error{Status: http.StatusNotFound, Code: "not_found", Detail: "Application not found"}
	errNoRoute       = &Error{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at this path."}
	errTooLarge      = &Error{Status: http.StatusRequestEntityTooLarge, Code: "payload_too_large", Detail: "Request payload is too large."}
	errServer        = &Error{Status: http.StatusInternalServerError, Code: "server_error", Detail: "Internal Server Error"}
	errUnavailable   = &Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Detail: "The store does not take this now. Try again later.", RetryAfter: 10 * time.Second}
	errNoRoom        = &Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Detail: "There is no room for this now. Try again later.", RetryAfter: 10 * time.Second}
)

// malformed refuses a query that cannot be read.
func malformed(format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Code: "generic_error", Detail: fmt.Sprintf(format, args...)}
}

// invalid refuses a value. The kind is "value_error" if none is given.
func invalid(kind, msg string, loc ...string) error {
	if kind == "" {
		kind = "value_error"
	}
	return &ValidationError{Detail: []Problem{{Loc: loc, Msg: msg, Type: kind}}}
}

// refusalOf classifies an error: what is answered, which is an *Error or a
// *ValidationError, and whether the cause is ours to mend, and for the log.
func refusalOf(err error) (status int, answer error, ours bool) {
	var own *Error
	var validation *ValidationError
	var wrong *sender.InvalidError
	var refused *sender.RefusedError
	var conflict *sender.ConflictError
	switch {
	case errors.As(err, &own):
	case errors.As(err, &validation):
		return http.StatusUnprocessableEntity, validation, false
	case errors.As(err, &wrong):
		return http.StatusUnprocessableEntity, invalid(wrong.Type, wrong.Msg, bodyLoc(wrong.Loc)...), false
	case errors.As(err, &refused):
		own = &Error{Status: http.StatusBadRequest, Code: refused.Code, Detail: refused.Detail}
	case errors.As(err, &conflict):
		own = &Error{Status: http.StatusConflict, Code: conflict.Code, Detail: conflict.Detail}
	case errors.Is(err, sender.ErrNotFound):
		own = errNoEntity
	case errors.Is(err, sender.ErrTooLarge):
		own = errTooLarge
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrBacklog), errors.Is(err, store.ErrKeys):
		return errNoRoom.Status, errNoRoom, true
	case errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return errUnavailable.Status, errUnavailable, true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errUnavailable.Status, errUnavailable, false // the caller does not wait any more
	default:
		return errServer.Status, errServer, true
	}
	return own.Status, own, false
}

// bodyLoc is where a value of a body is, as package sender names it.
func bodyLoc(loc []string) []string {
	if len(loc) > 0 && (loc[0] == "body" || loc[0] == "query" || loc[0] == "path") {
		return loc
	}
	return append([]string{"body"}, loc...)
}
