//go:build linux

package main

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// One of three gateways is killed every few seconds and started again, under load: no
// acknowledged event is lost, and no more are delivered twice than were in flight.
//
// (K-01, K-02, K-03, K-04, K-05, K-06, K-07, K-08, K-09)
func TestClusterKillGateways(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Own(t).DSN("postgres")
	gateways := members(t, 3, dsn, a)
	s := startSenders(t, gateways[0], a.ledger, gateways[1:]...)
	again := make(map[string]int)
	for range faults.Cycles(t, 20) {
		moment(4 * time.Second)
		g := gateways[rand.IntN(len(gateways))]
		g.kill()
		again[g.incarnation()] = inFlight
		moment(time.Second)
		g.start()
	}
	awaitAcked(t, a, a.ackedCount()+1000)
	s.end()
	a.audit(t, dsn, again)
}

// A gateway is killed and does not come back: once its lease has run out, the others
// deliver what it had claimed, which is a whole queue.
//
// (K-06)
func TestClusterTakeover(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 3, dsn, a)
	s := newSenders(t, a.ledger, gateways...)
	a.hangs.Store(true)
	s.accept(t, gateways[0], "orphan", 300)
	owned := ask[int64](t, dsn, "SELECT COUNT(*) FROM deliveries WHERE state = 1 AND owner = $1", gateways[0].number(dsn))
	if owned < 200 {
		t.Fatalf("the gateway has claimed %d of 300 events", owned)
	}
	gateways[0].kill()
	a.hangs.Store(false)
	took := until(t, leaseBound, "others take over", func() bool { return a.undelivered() == 0 })
	t.Logf("%d events that a killed gateway had claimed were delivered %.1f s after its end", owned, took.Seconds())
	a.audit(t, dsn, map[string]int{gateways[0].incarnation(): inFlight})
}

// heldQuery counts what others may not take from a gateway yet.
const heldQuery = `SELECT COUNT(*) FROM deliveries d JOIN gateways g ON g.number = d.owner WHERE d.state = 1 AND d.owner = $1 AND g.expires > clock_timestamp()`

// A gateway is told to end, under load: it gives up what it has claimed, the other goes
// on with that without waiting for a lease, and nothing is delivered twice.
//
// (K-14)
func TestClusterStop(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 2, dsn, a)
	s := startSenders(t, gateways[0], a.ledger, gateways[1])
	awaitAcked(t, a, 200)
	a.hangs.Store(true)
	awaitAcked(t, a, a.ackedCount()+500) // queues of both are filled
	number := gateways[0].number(dsn)
	gateways[0].signal(syscall.SIGTERM)
	moment(100 * time.Millisecond)
	a.hangs.Store(false)
	if code := gateways[0].exits(exitWait); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if n := ask[int64](t, dsn, heldQuery, number); n > 0 {
		t.Errorf("%d deliveries wait for the lease of a gateway that has ended to run out", n)
	}
	old := make(map[string]bool) // what was acknowledged by then
	a.with(func() {
		for id := range a.acked {
			old[id] = true
		}
	})
	took := until(t, leaseBound, "what waited is delivered", func() (all bool) {
		a.with(func() {
			all = true
			for id := range old {
				all = all && len(a.received[id]) > 0
			}
		})
		return all
	})
	s.end()
	t.Logf("what a gateway had left when it ended was delivered after %.1f s", took.Seconds())
	a.audit(t, dsn, nil)
}
