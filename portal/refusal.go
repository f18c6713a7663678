package portal

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// refusal is why a page is not shown, for people.
type refusal struct {
	status       int
	title, about string
}

func (e *refusal) Error() string { return fmt.Sprintf("%d %s", e.status, e.title) }

var (
	errNoPage = &refusal{http.StatusNotFound, "There is nothing here", "What you are looking for may have been deleted, or the address is wrong."}
	errDenied = &refusal{http.StatusForbidden, "You may not do this", "The link that you came by allows less than this. Ask who gave it to you for one that allows more."}
	errAway   = &refusal{http.StatusServiceUnavailable, "The store does not answer now", "Nothing is lost. Try again in a moment."}
	errServer = &refusal{http.StatusInternalServerError, "Something went wrong on our side", "It is in our log. Try again, or tell the operator when this was."}
)

// refusalOf classifies an error: what is shown, and whether it is for the log.
func refusalOf(err error) (shown *refusal, ours bool) {
	var own *refusal
	var invalid *sender.InvalidError
	var refused *sender.RefusedError
	var conflict *sender.ConflictError
	var operator *gateway.OperatorError
	switch {
	case errors.As(err, &own):
		return own, false
	case errors.As(err, &invalid):
		return &refusal{http.StatusUnprocessableEntity, "This cannot be done", upper(invalid.Msg) + "."}, false
	case errors.As(err, &refused):
		return &refusal{http.StatusUnprocessableEntity, "This cannot be done", refused.Detail}, false
	case errors.As(err, &conflict):
		return &refusal{http.StatusConflict, "This cannot be done", conflict.Detail}, false
	case errors.As(err, &operator):
		return &refusal{operator.Status, "This cannot be done", operator.Message}, false
	case errors.Is(err, store.ErrGone):
		return &refusal{http.StatusConflict, "This cannot be done", "The payload is not kept any more: there is nothing to deliver."}, false
	case errors.Is(err, store.ErrJobs):
		return &refusal{http.StatusConflict, "This cannot be done", "Too many jobs are running. Wait until one has ended, or cancel one."}, false
	case errors.Is(err, store.ErrDamaged):
		return &refusal{http.StatusInternalServerError, "What is stored of this is damaged", "It cannot be shown or delivered. The disk may be at fault: the log says more."}, true
	case errors.Is(err, sender.ErrNotFound), errors.Is(err, store.ErrNotFound):
		return errNoPage, false
	case errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrFull):
		return errAway, true
	}
	return errServer, true
}
