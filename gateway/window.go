package gateway

import (
	"fmt"
	"time"

	"github.com/hookgate/hookgate/dedupe"
	"github.com/hookgate/hookgate/verifier"
)

// limitAge keeps the age of events that carry their own time within what memory
// remembers, unless the operator named a tolerance.
func (v *Verify) limitAge() {
	t := v.Scheme.Timestamp
	if t != nil && t.OfEvent && v.Options.Past == 0 && time.Duration(t.Past) > DefaultWindow {
		v.Options.Past = DefaultWindow
	}
}

// completeDedupe derives the window and checks that no replay fits between the
// age at which an event is refused and the age at which it is forgotten.
func (s *Source) completeDedupe(verifiers []*verifier.Verifier) error {
	span := freshnessSpan(verifiers)
	if s.Dedupe.Off {
		for _, v := range verifiers {
			if t := v.Scheme().Timestamp; t == nil || t.OfEvent {
				return fmt.Errorf("dedupe off: scheme %s signs no time of the attempt, so that nothing would stop a replay; remove it", v.Name())
			}
		}
		return nil
	}
	s.repeatsCount = s.Dedupe.Window > 0
	if !s.repeatsCount {
		s.Dedupe.Window = max(DefaultWindow, span)
		for _, v := range verifiers {
			horizon := v.Scheme().RetryHorizon
			s.Dedupe.Window = max(s.Dedupe.Window, time.Duration(horizon+horizon/4))
			if horizon == verifier.Unbounded && s.Forward != nil {
				s.Dedupe.Window = max(s.Dedupe.Window, DefaultUnboundedWindow)
			}
		}
	}
	if s.Dedupe.Window < span {
		return fmt.Errorf("dedupe %v: an event may be accepted for %v (tolerance past and future), so that it could be replayed once it is forgotten; make the window at least that", s.Dedupe.Window, span)
	}
	if s.Forward != nil {
		return nil // the store alone decides
	}
	s.Dedupe.Entries = orDefault(s.Dedupe.Entries, DefaultEntries)
	var err error
	s.memory, err = s.state.remember(s.memoryConfig(verifiers), s.process.Now)
	return err
}

func (s *Source) memoryConfig(verifiers []*verifier.Verifier) dedupe.Config {
	return dedupe.Config{
		Window:  s.Dedupe.Window,
		Protect: min(freshnessSpan(verifiers), s.Dedupe.Window),
		Entries: s.Dedupe.Entries,
	}
}

// freshnessSpan is how long one signed request may be accepted at most.
func freshnessSpan(verifiers []*verifier.Verifier) (span time.Duration) {
	for _, v := range verifiers {
		if past, future, ok := v.Tolerance(); ok {
			span = max(span, past+future)
		}
	}
	return span
}
