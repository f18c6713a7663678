package sender

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotFound says that there is no such application, endpoint, event type, message,
	// attempt or task. It is wrapped with which of them.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge says that a payload has more than [MaxPayload] bytes.
	ErrTooLarge = errors.New("the payload is too large")
)

// InvalidError says what is wrong with a value that was given.
type InvalidError struct {
	// Loc is where it is: "body" or "query", and the names of fields.
	Loc []string
	// Msg is for people. It never holds a secret.
	Msg string
	// Type names the mistake, such as "value_error".
	Type string
}

func (e *InvalidError) Error() string { return strings.Join(e.Loc, ".") + ": " + e.Msg }

// invalid returns an [InvalidError] of a field of the body.
func invalid(field, format string, args ...any) error {
	return &InvalidError{Loc: append([]string{"body"}, strings.Split(field, ".")...), Msg: fmt.Sprintf(format, args...), Type: "value_error"}
}

// invalidQuery returns an [InvalidError] of a parameter of the query.
func invalidQuery(name, format string, args ...any) error {
	return &InvalidError{Loc: []string{"query", name}, Msg: fmt.Sprintf(format, args...), Type: "value_error"}
}

// The codes of a [RefusedError].
const (
	CodeLimitReached   = "limit_reached"
	CodeInvalidRange   = "invalid_range"
	CodeMissingPayload = "missing_payload"
	CodeInvalidScheme  = "invalid_scheme"
)

// RefusedError says why something well-formed is not done.
type RefusedError struct {
	// Code is one of those above, Detail is for people.
	Code, Detail string
}

func (e *RefusedError) Error() string { return e.Detail }

// The codes of a [ConflictError].
const (
	CodeConflict        = "conflict"
	CodeEventTypeExists = "event_type_exists"
)

// ConflictError says that a name is taken, or was used for something else.
type ConflictError struct {
	// Code is one of those above, Detail is for people.
	Code, Detail string
}

func (e *ConflictError) Error() string { return e.Detail }
