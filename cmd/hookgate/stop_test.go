//go:build linux

package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// SIGTERM with requests and attempts in flight: the gateway ends in time, and what
// it had acknowledged arrives after the next start.
//
// (K-14)
func TestTerminate(t *testing.T) {
	for _, c := range []struct {
		name    string
		hangs   bool // the app answers nothing
		signals []syscall.Signal
		within  time.Duration
	}{
		{"the app answers", false, []syscall.Signal{syscall.SIGTERM}, exitWait},
		{"the app hangs", true, []syscall.Signal{syscall.SIGTERM}, exitWait},
		{"twice", true, []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, exitWait},
		{"interrupted twice", true, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			g := newGateway(t, t.TempDir(), a)
			g.start()
			s := startSenders(t, g, a.ledger)
			awaitAcked(t, a, 200)
			a.hangs.Store(c.hangs)
			awaitAcked(t, a, a.ackedCount()+50)
			for _, signal := range c.signals {
				g.signal(signal)
				time.Sleep(50 * time.Millisecond) // two signals at once are one
			}
			code := g.exits(c.within)
			if forced := len(c.signals) == 2 && c.signals[1] == syscall.SIGINT; code != 0 && !forced {
				t.Errorf("the exit code is %d", code)
			}
			a.hangs.Store(false)
			a.nextLife(t)
			g.start()
			s.end()
			a.settled(t, 1)
		})
	}
}

// awaitAcked waits until so many events are acknowledged.
func awaitAcked(t *testing.T, a *app, n int) {
	t.Helper()
	for started := time.Now(); a.ackedCount() < n; time.Sleep(time.Millisecond) {
		if time.Since(started) > time.Minute {
			t.Fatalf("%d events are acknowledged, want %d", a.ackedCount(), n)
		}
	}
}

// A process that stands still for a while, as in a suspended machine, goes on where it
// was: nothing is lost and nothing is attempted twice.
//
// (K-15, C-05)
func TestStandstill(t *testing.T) {
	a := newApp(t)
	g := newGateway(t, t.TempDir(), a)
	g.start()
	s := startSenders(t, g, a.ledger)
	for range faults.Cycles(t, 5) {
		awaitAcked(t, a, a.ackedCount()+100)
		g.signal(syscall.SIGSTOP)
		time.Sleep(time.Second) // the standstill
		g.signal(syscall.SIGCONT)
	}
	awaitAcked(t, a, a.ackedCount()+100)
	s.end()
	a.settled(t, 0)
}

// The app goes down and comes back: events are acknowledged all the while, and arrive
// when it is back.
//
//
func TestAppDownAndUp(t *testing.T) {
	a := newApp(t)
	g := newGateway(t, t.TempDir(), a)
	g.start()
	s := startSenders(t, g, a.ledger)
	awaitAcked(t, a, 100)
	a.down.Store(true)
	time.Sleep(20 * time.Millisecond) // answers under way
	awaitAcked(t, a, a.ackedCount()+1000)
	if a.undelivered() < 900 {
		t.Errorf("only %d events wait although the app is down", a.undelivered())
	}
	a.down.Store(false)
	s.end()
	a.settled(t, 0)
	if most := a.most.Load(); most > concurrency {
		t.Errorf("%d attempts were in flight at once, the limit is %d", most, concurrency)
	}
}
