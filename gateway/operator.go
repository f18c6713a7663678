package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// OperatorReader is what an operator reads of a store.
type OperatorReader interface {
	List(ctx context.Context, f store.Filter) (page []store.Delivery, next int64, err error)
	Event(ctx context.Context, seq int64) (store.Delivery, error)
	Delivery(ctx context.Context, id store.DeliveryID) (store.Delivery, error)
	DeliveriesOf(ctx context.Context, seq int64) ([]store.Delivery, error)
	Find(ctx context.Context, source, id string) ([]store.Delivery, error)
	Attempts(ctx context.Context, id store.DeliveryID) ([]store.Attempt, error)
	Jobs(ctx context.Context) ([]store.Job, error)
	Job(ctx context.Context, id string) (store.Job, error)
	Counts() map[string]store.Count
	Space() store.Space
	Keys() int
	Trouble() error
	Backup(ctx context.Context, path string) error
}

// OperatorWriter is what an operator changes in a store.
type OperatorWriter interface {
	Forget(ctx context.Context, seq int64) error
	Erase(ctx context.Context, seq int64) error
	CountJob(ctx context.Context, j store.Job) (int64, error)
	CreateJob(ctx context.Context, j store.Job) (store.Job, error)
	CancelJob(ctx context.Context, id string) (store.Job, error)
}

// OperatorEngine is what an operator asks of the engine that delivers.
type OperatorEngine interface {
	Retry(ctx context.Context, id store.DeliveryID) error
	Pause(ctx context.Context, destination string) error
	Resume(ctx context.Context, destination string) error
	StartJobs()
	Status() []delivery.Status
}

// Operator is what the people who run a gateway may see and do. It is safe for
// concurrent use; its fields are not changed once it is in use. Every error that is
// the caller's mistake is an [OperatorError].
type Operator struct {
	// Sources are those of the running configuration.
	Sources []*Source
	// Reader is the store; nil if no source has one.
	Reader OperatorReader
	// Writer is the same store; nil if it can only be read, because no gateway runs
	// on it.
	Writer OperatorWriter
	// Targets are the destinations of the configured producers, by whose names operators
	// know them.
	Targets []string
	// Engine delivers; nil together with Writer.
	Engine OperatorEngine
	// Uses says when each secret was last of use; nil if nobody noted it.
	Uses *SecretUses
	// Now is the clock.
	Now func() time.Time
}

// OperatorError says why something that an operator asked for is not done.
type OperatorError struct {
	// Status is the HTTP status that says it.
	Status int `json:"-"`
	// Type is a fixed word, for programs.
	Type string `json:"type"`
	// Message is for people.
	Message string `json:"message"`
}

// Error returns the message.
func (e *OperatorError) Error() string { return e.Message }

func invalid(format string, args ...any) error {
	return &OperatorError{http.StatusBadRequest, "invalid_request", fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &OperatorError{http.StatusNotFound, "not_found", fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &OperatorError{http.StatusConflict, "conflict", fmt.Sprintf(format, args...)}
}

// reader returns the store.
func (o *Operator) reader() (OperatorReader, error) {
	if o.Reader == nil {
		return nil, &OperatorError{http.StatusConflict, "no_store", "No source of this configuration has forward, so that nothing is stored."}
	}
	return o.Reader, nil
}

// writer returns the store for a change.
func (o *Operator) writer() (OperatorWriter, error) {
	if _, err := o.reader(); err != nil {
		return nil, err
	}
	if o.Writer == nil {
		return nil, &OperatorError{http.StatusConflict, "read_only", "A store's file can only be read while no gateway runs on it. Start the gateway and ask it."}
	}
	return o.Writer, nil
}

// targetPrefix is what the targets of producers begin with, as no source's name does.
const targetPrefix = "send/"

func isTarget(name string) bool { return strings.HasPrefix(name, targetPrefix) }

// destination returns where the events of a source go; a target is one itself.
func destination(name string) string {
	if isTarget(name) {
		return name
	}
	return store.SourceDestination(name)
}

// operated returns by which name operators know a destination: that of its source, or of
// the target. They do not know endpoints of applications.
func operated(destination string) (name string, ok bool) {
	if isTarget(destination) {
		return destination, true
	}
	return store.DestinationSource(destination)
}

// knows returns an error unless the source is configured or has had events since
// the store was opened.
func (o *Operator) knows(source string) error {
	names := o.names()
	if slices.Contains(names, source) {
		return nil
	}
	hint := "there are none"
	if len(names) > 0 {
		hint = "there are " + strings.Join(names, ", ")
	}
	return &OperatorError{http.StatusNotFound, "unknown_source", fmt.Sprintf("There is no source %.80q; %s.", source, hint)}
}

// names returns the names of all known sources, sorted.
func (o *Operator) names() (names []string) {
	for _, s := range o.Sources {
		names = append(names, s.Name)
	}
	names = append(names, o.Targets...)
	if o.Reader != nil {
		for destination, n := range o.Reader.Counts() {
			if name, ok := operated(destination); ok && n != (store.Count{}) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// stored returns an error unless the source has, or had, a store.
func (o *Operator) stored(source string) error {
	if err := o.knows(source); err != nil {
		return err
	}
	for _, s := range o.Sources {
		if s.Name == source && s.Forward == nil {
			return conflict("Source %s has no forward: it stores nothing.", source)
		}
	}
	return nil
}

// Pause makes deliveries of a source wait: its events are still accepted and
// stored. A paused one stays as it is.
func (o *Operator) Pause(ctx context.Context, source string) error {
	return o.pause(source, func(destination string) error { return o.Engine.Pause(ctx, destination) })
}

// Resume ends a pause, if there is one.
func (o *Operator) Resume(ctx context.Context, source string) error {
	return o.pause(source, func(destination string) error { return o.Engine.Resume(ctx, destination) })
}

func (o *Operator) pause(source string, change func(destination string) error) error {
	if _, err := o.writer(); err != nil {
		return err
	}
	if err := o.stored(source); err != nil {
		return err
	}
	return change(destination(source))
}

// operatorError returns what an operator is told of an error.
func operatorError(err error) *OperatorError {
	var own *OperatorError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, store.ErrNotFound):
		return &OperatorError{http.StatusNotFound, "not_found", err.Error()}
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrJobs):
		return &OperatorError{http.StatusConflict, "conflict", err.Error()}
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return &OperatorError{http.StatusServiceUnavailable, "unavailable", err.Error()}
	default:
		return &OperatorError{http.StatusInternalServerError, "internal", err.Error()}
	}
}
