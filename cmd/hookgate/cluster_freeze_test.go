//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
)

const (
	// claimedQuery counts what a gateway has claimed.
	claimedQuery = `SELECT COUNT(*) FROM deliveries WHERE state = 1 AND owner = $1`
	// takenQuery counts those of some events that others have.
	takenQuery = `SELECT COUNT(*) FROM deliveries d JOIN events e ON e.seq = d.event WHERE state = 1 AND owner NOT IN (0, $1) AND id LIKE '%_fenced_%'`
)

// A gateway stands still with attempts in flight, for longer than its lease runs. The
// others take over; when it goes on, it changes nothing of what they have done, and
// works again.
//
// (K-15, C-05)
func TestClusterFreeze(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 3, dsn, a)
	frozen := gateways[0]
	rest := startSenders(t, gateways[1], a.ledger, gateways[2])
	s := startSenders(t, frozen, a.ledger)
	rounds := min(faults.Cycles(t, 2), 2)
	for range rounds {
		awaitAcked(t, a, a.ackedCount()+200)
		a.hangs.Store(true)
		awaitAcked(t, a, a.ackedCount()+300) // attempts of all are in flight, and queues are filled
		number := frozen.number(dsn)
		frozen.signal(syscall.SIGSTOP)
		a.hangs.Store(false) // and the app answers those of the frozen one, which does not hear it
		before := ask[int64](t, dsn, claimedQuery, number)
		if before < concurrency {
			t.Errorf("the frozen gateway has claimed %d events, and %d attempts of them may be in flight", before, concurrency)
		}
		took := until(t, leaseBound, "others take over", func() bool { return ask[int64](t, dsn, claimedQuery, number) == 0 })
		frozen.signal(syscall.SIGCONT)
		back := until(t, leaseBound, "the gateway accepts again", func() bool { return s.accepts(frozen) })
		t.Logf("%d events that a frozen gateway had claimed were taken over after %.1f s; %.1f s after it went on it accepted again", before, took.Seconds(), back.Seconds())
	}
	awaitAcked(t, a, a.ackedCount()+200)
	s.end()
	rest.end()
	a.audit(t, dsn, map[string]int{frozen.incarnation(): inFlight * rounds})
}

// The attempts of a gateway fail while it stands still. When it goes on, those who have
// taken over are in their attempts: what it writes down then does not make anybody
// attempt them again, and is not taken for the outcome of those.
//
// (K-15)
func TestClusterFreezeFenced(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 3, dsn, a)
	frozen, others := gateways[0], gateways[1:]
	s := newSenders(t, a.ledger, frozen)
	s.accept(t, frozen, "first", 1)
	until(t, leaseBound, "the gateway delivers", func() bool { return a.undelivered() == 0 })
	const events = concurrency / 2
	a.hangs.Store(true)
	s.accept(t, frozen, "fenced", events)
	until(t, leaseBound, "all are in flight", func() bool { return a.calls.Load() == events })
	number := frozen.number(dsn)
	frozen.signal(syscall.SIGSTOP)
	a.fails.Store(frozen.name, true)
	for _, g := range others {
		a.holds.Store(g.name, true)
	}
	a.hangs.Store(false) // the frozen one has its answers, but does not hear them
	until(t, leaseBound, "no answer is open", func() bool { return a.calls.Load() == 0 })
	until(t, leaseBound, "others attempt them", func() bool {
		return a.calls.Load() > 0 && ask[int64](t, dsn, takenQuery, number) == events
	})
	frozen.signal(syscall.SIGCONT)
	until(t, leaseBound, "the gateway accepts again", func() bool { return s.accepts(frozen) })
	time.Sleep(time.Second) // in which it would attempt again what has failed
	if n := ask[int64](t, dsn, takenQuery, number); n != events {
		t.Errorf("%d of %d events are still claimed by those who have taken over", n, events)
	}
	a.fails.Delete(frozen.name)
	for _, g := range others {
		a.holds.Delete(g.name)
	}
	a.audit(t, dsn, nil)
}

// accepts reports whether a gateway acknowledges an event.
func (s *senders) accepts(g *gateway) bool {
	id := fmt.Sprintf("msg_%s_%d", g.name, rand.Uint64())
	acked, err := s.post(g.address, id, s.write(id))
	return err == nil && acked
}
