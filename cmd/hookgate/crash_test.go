//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// moment waits for a random part of a span: when a crash comes is chance.
func moment(atMost time.Duration) { time.Sleep(rand.N(atMost)) }

// Sixteen senders, SIGKILL at a random moment, again and again on the same store:
// every acknowledged event arrives, with its bytes; nothing else does; and no more
// arrive twice than were in flight.
//
// (K-01, K-02, K-03, K-04, K-05, K-06, K-07, K-08, K-09)
func TestKillTheGateway(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := newGateway(t, t.TempDir(), a)
	g.start()
	s := startSenders(t, g, a.ledger)
	kills := faults.Cycles(t, 150)
	for range kills {
		moment(200 * time.Millisecond)
		g.kill()
		a.nextLife(t)
		g.start()
	}
	moment(100 * time.Millisecond)
	s.end()
	a.settled(t, kills)
}

// The same with the power cut: what was acknowledged was on the disk, not only handed
// to the kernel.
//
// (K-04, K-05, K-06, K-08, K-09)
func TestPowerCutTheGateway(t *testing.T) {
	if os.Getuid() != 0 {
		faults.Missing(t, "root, for a disk of its own")
	}
	d, err := faults.NewDisk(t.TempDir(), 256<<20)
	if err != nil {
		faults.Missing(t, "a disk of its own: "+err.Error())
	}
	t.Cleanup(func() { d.Close() })
	a := newApp(t)
	g := newGateway(t, d.Path("store"), a)
	g.start()
	s := startSenders(t, g, a.ledger)
	cuts := faults.Cycles(t, 20)
	for range cuts {
		moment(200 * time.Millisecond)
		a.with(func() { a.dark = true })
		err := d.Cut()
		g.kill()
		a.with(func() { a.dark = false })
		a.nextLife(t)
		if err == nil {
			err = d.Restore()
		}
		if err != nil {
			t.Fatal(err)
		}
		g.start()
	}
	s.end()
	a.settled(t, cuts)
	g.kill() // before its disk goes
}

// The gateway is killed while the app is down and a backlog waits: events go on being
// acknowledged, and all arrive once the app is back.
//
// (K-06, K-10)
func TestKillWithTheAppDown(t *testing.T) {
	a := newApp(t)
	a.down.Store(true)
	g := newGateway(t, t.TempDir(), a)
	g.start()
	s := startSenders(t, g, a.ledger)
	kills := faults.Cycles(t, 20)
	for range kills {
		moment(200 * time.Millisecond)
		g.kill()
		a.nextLife(t)
		g.start()
	}
	before := a.ackedCount()
	for started := time.Now(); a.ackedCount() == before; time.Sleep(time.Millisecond) {
		if time.Since(started) > 30*time.Second {
			t.Fatal("nothing is acknowledged while the app is down")
		}
	}
	s.end()
	if n := a.undelivered(); n != a.ackedCount() {
		t.Errorf("%d of %d are undelivered although the app is down", n, a.ackedCount())
	}
	a.down.Store(false)
	a.settled(t, kills)
	if most := a.most.Load(); most > concurrency {
		t.Errorf("%d attempts were in flight at once, the limit is %d", most, concurrency)
	}
}
