package sender

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// failingAttempt is after how many attempts a message is said to be failing.
const failingAttempt = 4

// failures remembers which endpoints are failing, so that neither a success nor a
// failure need look.
type failures struct {
	mu    sync.Mutex
	known map[string]firstFailure
}

// firstFailure is since when an endpoint fails. It is assumed until it is written.
type firstFailure struct {
	since   time.Time
	assumed bool
}

func (f *failures) init() { f.known = make(map[string]firstFailure) }

// replace makes known what was read, besides what is not written yet.
func (f *failures) replace(read map[string]time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.known, func(_ string, known firstFailure) bool { return !known.assumed })
	for id, since := range read {
		f.known[id] = firstFailure{since: since}
	}
}

// failed notes a failure of an endpoint, and reports whether it has to be written: it is
// the first one, or long after the first one.
func (f *failures) failed(endpoint string, at time.Time, long time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.known[endpoint]
	if !ok {
		f.known[endpoint] = firstFailure{since: at, assumed: true}
	}
	return !ok || at.Sub(known.since) > long
}

// written notes that a failure of an endpoint is written, or cannot be.
func (f *failures) written(endpoint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, ok := f.known[endpoint]; ok {
		f.known[endpoint] = firstFailure{since: known.since}
	}
}

// clear forgets an endpoint, and reports whether it was known.
func (f *failures) clear(endpoint string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, was := f.known[endpoint]
	delete(f.known, endpoint)
	return was
}

// settled is told what became of an attempt that was made, once that is committed, and
// notes what follows. It is called by the committer, and does not block.
func (s *Sender) settled(o *store.Outcome) {
	said := outcome{endpoint: o.Destination, id: o.ID, number: o.Attempt.Number, started: o.Attempt.Started, status: o.Attempt.Status}
	switch {
	case o.State == store.Delivered:
		if s.failures.clear(said.endpoint) {
			s.later(func(ctx context.Context) { s.recovered(ctx, said.endpoint) })
		}
		if said.number > failingAttempt && !o.ByHand() {
			s.tell(AttemptRecovered, said)
		}
	case o.Reason == delivery.ReasonGone:
		s.disableSoon(said.endpoint, DisabledGone)
	case o.ByHand():
	case o.State == store.Dead && (o.Reason == delivery.ReasonExhausted || o.Reason == delivery.ReasonExpired):
		s.failed(said.endpoint, o.At)
		s.tell(AttemptExhausted, said)
	case o.State == store.Pending && said.number == failingAttempt:
		s.tell(AttemptFailing, said)
	}
}

// overdue reports whether a message would have been given up by the schedule. While an
// endpoint is down no steps are counted, so that none is.
func (s *Sender) overdue(d *store.Delivery, at time.Time) bool {
	var length time.Duration
	for _, delay := range s.schedule() {
		length += delay
	}
	return !s.Forever && !d.ByHand() && at.Sub(d.Armed) > length
}

// schedule is that of the endpoints.
func (s *Sender) schedule() []time.Duration {
	if len(s.Retry) == 0 {
		return delivery.DefaultRetry()
	}
	return s.Retry
}

// failed notes that a message for an endpoint was given up, or would have been. It does
// not block.
func (s *Sender) failed(endpoint string, at time.Time) {
	if s.failures.failed(endpoint, at, s.DisableAfter) {
		s.later(func(ctx context.Context) {
			s.exhausted(ctx, endpoint, at)
			s.failures.written(endpoint)
		})
	}
}

// outcome is what is remembered of an attempt until what follows is done.
type outcome struct {
	endpoint string
	id       store.DeliveryID
	number   int
	started  time.Time
	status   int
}

// recovered notes that an endpoint fails no more.
func (s *Sender) recovered(ctx context.Context, endpoint string) {
	s.try(ctx, endpoint, func(tx *store.Tx) error {
		n, err := tx.Exec("UPDATE sender_endpoints SET failing = 0 WHERE id = ? AND failing > 0 AND disabled = 0", endpoint)
		if err == nil && n > 0 {
			err = s.changed(tx, endpoint)
		}
		return err
	})
}

// exhausted notes that a message for an endpoint was given up: the first time since a
// success counts. If that is long ago the endpoint is disabled; if it is twice as long
// ago it is forgotten, as there has hardly been anything to send.
func (s *Sender) exhausted(ctx context.Context, endpoint string, at time.Time) {
	s.try(ctx, endpoint, func(tx *store.Tx) error {
		ep, err := liveEndpoint(tx, endpoint)
		if err != nil || ep == nil || ep.Disabled {
			return err
		}
		since := at.Sub(ep.FirstFailure)
		switch {
		case ep.FirstFailure.IsZero() || since > 2*s.DisableAfter:
			if _, err := tx.Exec("UPDATE sender_endpoints SET failing = ? WHERE id = ?", millis(at), ep.ID); err != nil {
				return err
			}
			return s.changed(tx, ep.ID)
		case since > s.DisableAfter:
			return s.disable(tx, ep, DisabledFailing)
		}
		return nil
	})
}

// disableSoon disables an endpoint. It does not block.
func (s *Sender) disableSoon(endpoint, reason string) {
	s.later(func(ctx context.Context) {
		s.try(ctx, endpoint, func(tx *store.Tx) error {
			ep, err := liveEndpoint(tx, endpoint)
			if err != nil || ep == nil || ep.Disabled {
				return err
			}
			return s.disable(tx, ep, reason)
		})
	})
}

// disable disables an endpoint for a reason, and tells of it.
func (s *Sender) disable(tx *store.Tx, ep *Endpoint, reason string) error {
	app, found, err := findApplication(tx.Query, ep.AppID)
	if err != nil || !found {
		return err
	}
	ep.Disabled, ep.DisabledReason, ep.Updated = true, reason, now(tx)
	if _, err := tx.Exec("UPDATE sender_endpoints SET disabled = 1, reason = ?, updated = ? WHERE id = ?", reason, millis(ep.Updated), ep.ID); err != nil {
		return err
	}
	if err := s.changed(tx, ep.ID); err != nil {
		return err
	}
	tx.Then(func() {
		s.Logger.Warn("an endpoint is disabled: nothing is sent to it until it is enabled",
			slog.String("application", app.ID), slog.String("endpoint", ep.ID), slog.String("reason", reason))
	})
	s.announce(tx, operation{Type: EndpointDisabled, App: app, Endpoint: *ep, FailSince: ep.FirstFailure})
	return nil
}

// liveEndpoint returns an endpoint by its id alone; nil if there is none, or it is deleted.
func liveEndpoint(tx *store.Tx, id string) (*Endpoint, error) {
	endpoints, err := readEndpoints(tx.Query, "id = ? AND deleted = 0", []any{id})
	if err != nil || len(endpoints) == 0 {
		return nil, err
	}
	return &endpoints[0], nil
}

// try changes an endpoint in a transaction of its own. What cannot be written is logged:
// it is done when it happens again.
func (s *Sender) try(ctx context.Context, endpoint string, change func(*store.Tx) error) {
	if err := s.Store.Do(ctx, change); err != nil && ctx.Err() == nil {
		s.Logger.Warn("what became of an attempt is not noted with its endpoint", slog.String("endpoint", endpoint), slog.Any("error", fmt.Errorf("noting: %w", err)))
	}
}
