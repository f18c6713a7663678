package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/store"
)

// commitTimeout is how long a sender waits for its event to be kept. It is longer
// than a disk takes that is only slow, and shorter than most senders wait.
const commitTimeout = 10 * time.Second

// store is the way of an event of a stored source: it is kept, and answered once
// that is safe. The sender's connection has no say in it: what it has sent whole is
// kept, and a retry finds that out.
func (s *Source) store(w http.ResponseWriter, r *http.Request, a *arrived, o *Outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	verdict, err := s.Forward.Queue.Accept(ctx, s.arrival(r, a, o))
	if err != nil {
		return s.refuse(w, r, o, refuse(unavailable, err))
	}
	o.Sequence = verdict.Seq
	switch verdict.Result {
	case store.Stored:
		o.Conflict = verdict.Conflict
		return s.answer(w, r, o, ResultAccepted)
	case store.Rearmed:
		return s.answer(w, r, o, ResultAccepted)
	case store.Duplicate:
		return s.answer(w, r, o, ResultDuplicate)
	case store.Ignored:
		return s.answer(w, r, o, ResultIgnored)
	default: // never 200 for what nobody says is kept
		return s.refuse(w, r, o, refuse(unavailable, fmt.Errorf("the store's verdict is %d", verdict.Result)))
	}
}

// arrival is the event as the store takes it.
func (s *Source) arrival(r *http.Request, a *arrived, o *Outcome) *store.Arrival {
	arrival := &store.Arrival{
		Source: s.Name, ID: o.ID, Type: o.Type, Scheme: o.Scheme, Timestamp: o.Timestamp, Received: a.received,
		Key: s.storeKey(a), Window: s.Dedupe.Window, Body: a.body, MaxBacklog: s.Forward.MaxBacklog,
	}
	if wanted(s.outlet.only, o.Type) {
		arrival.To = []store.Target{{Destination: s.Destination()}}
		h := headOf(r, a.hops)
		arrival.Head = h.append(make([]byte, 0, typicalHead), &s.outlet.withhold)
	}
	return arrival
}

// storeKey is what the event is known by, under former names, too; nil if nothing is
// to be remembered.
func (s *Source) storeKey(a *arrived) *store.Key {
	key, ok := s.keyUnder(s.Name, a)
	if !ok {
		return nil
	}
	for _, name := range s.Forward.Was {
		former, _ := s.keyUnder(name, a)
		key.Former = append(key.Former, former)
	}
	return &key
}

func (s *Source) keyUnder(name string, a *arrived) (store.Key, bool) {
	key, ok := s.key(name, a)
	return store.Key{ID: store.Digest(key.ID), Aside: store.Digest(key.Aside()), Body: store.Digest(key.Body)}, ok
}
