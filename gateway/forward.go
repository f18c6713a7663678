package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

const (
	// DefaultMaxBacklog is how many events of a stored source may wait.
	DefaultMaxBacklog = 1_000_000
	// DefaultUnboundedWindow is how long a stored source remembers the events of a
	// provider whose retries have no end.
	DefaultUnboundedWindow = 35 * 24 * time.Hour
)

// Forward makes a source a stored one: an event is answered once it is kept, and
// forwarded later, by attempts that [Source.Request] prepares.
type Forward struct {
	// Queue is where events are kept. Required.
	Queue Queue
	// Only lists patterns of event types in which * stands for any text, even none.
	// Events that match none are recorded as ignored and never forwarded; an event
	// without an authenticated type matches * alone. Empty: all are forwarded.
	Only []string
	// Keep names headers that are stored and forwarded although they are withheld by
	// default: Authorization, Cookie, Proxy-*, Forwarded, X-Forwarded-* and the
	// header in which a scheme has its token; query:<name> if that is in the query.
	Keep []string
	// Resign signs each forwarded copy anew. nil: the signature stays as it came.
	Resign *Resign
	// MaxBacklog is how many events may wait; then new ones are refused.
	MaxBacklog int64
	// Was lists former names of the source: an event that came under one of them is
	// known.
	Was []string
}

// Resign says how forwarded copies are signed.
type Resign struct {
	Scheme verifier.Scheme
	Secret string
}

// Queue keeps events. It is called from many goroutines at once.
type Queue interface {
	// Accept keeps an event unless it is known, and returns once that is safe. ctx
	// bounds the wait alone: the event may be kept all the same. The event must not
	// be changed any more.
	Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error)
}

// Destination is the name under which the events of a stored source are delivered.
func (s *Source) Destination() string { return store.SourceDestination(s.Name) }

// outlet is a [Forward] made ready.
type outlet struct {
	only     []pattern
	withhold withholding
	resigner *resigner // nil if the signature stays
}

// completeForward checks what makes a source a stored one.
func (s *Source) completeForward(verifiers []*verifier.Verifier) (err error) {
	f := *s.Forward // the caller's stays as it is
	s.Forward, s.outlet = &f, new(outlet)
	if f.Queue == nil {
		return errors.New("forward: there is no store to keep events in")
	}
	if f.MaxBacklog < 0 {
		return errors.New("max_backlog cannot be negative")
	}
	f.MaxBacklog = orDefault(f.MaxBacklog, DefaultMaxBacklog)
	for i, name := range f.Was {
		if !ValidName(name) || name == s.Name || slices.Contains(f.Was[:i], name) {
			return fmt.Errorf("was %s: it has to be a name that the source had before, other than %s, and each once", name, s.Name)
		}
	}
	if s.outlet.only, err = compileOnly(f.Only, verifiers); err != nil {
		return err
	}
	if s.outlet.withhold, err = newWithholding(f.Keep, verifiers); err != nil {
		return err
	}
	if f.Resign != nil {
		s.outlet.resigner, err = newResigner(f.Resign, verifiers, s.process.Now())
	}
	return err
}

// pattern is an event type with *, cut at each.
type pattern []string

// compileOnly refuses patterns that nothing can match.
func compileOnly(only []string, verifiers []*verifier.Verifier) (patterns []pattern, err error) {
	for _, text := range only {
		if text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, fmt.Errorf("only %q: a pattern is visible ASCII, as event types are, with * for any text", text)
		}
		patterns = append(patterns, strings.Split(text, "*"))
	}
	for _, v := range verifiers {
		if v.Scheme().Type == "" && !wanted(patterns, "") {
			return nil, fmt.Errorf("only: scheme %s signs no event type, so that every event would be ignored; remove it, and choose by the body in the app", v.Name())
		}
	}
	return patterns, nil
}

// wanted reports whether events of a type are forwarded.
func wanted(only []pattern, eventType string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(p pattern) bool { return p.matches(eventType) })
}

func (p pattern) matches(text string) bool {
	first, rest := p[0], p[1:]
	if len(rest) == 0 {
		return text == first
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	last := rest[len(rest)-1]
	for _, part := range rest[:len(rest)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, last)
}
