//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// recoverBound is how long a gateway may take to accept again once its database
// answers; the rest is for a busy machine.
const recoverBound = 10*time.Second + 30*time.Second

// The database goes away under load, in several ways, and comes back. Meanwhile each
// event is acknowledged or refused with a 503 that says when to come again, other sites
// answer, and also a gateway that starts just then does so. Nothing acknowledged is
// lost, and all gateways accept again by themselves.
//
// (K-04, K-05, K-06, K-09)
func TestClusterDatabaseGoes(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name  string
		lasts time.Duration
		begin func(*pgserver.Server, *wire) error
		end   func(*pgserver.Server, *wire) error
	}{
		{
			"killed", 2 * time.Second,
			func(p *pgserver.Server, _ *wire) error { return p.Kill() },
			func(p *pgserver.Server, _ *wire) error { return p.Restart() },
		},
		{
			"killed for longer than the lease", 12 * time.Second,
			func(p *pgserver.Server, _ *wire) error { return p.Kill() },
			func(p *pgserver.Server, _ *wire) error { return p.Restart() },
		},
		{
			"cut off", time.Second,
			func(_ *pgserver.Server, w *wire) error { w.cut(); return nil },
			func(_ *pgserver.Server, w *wire) error { w.mend(); return nil },
		},
		{
			"parted", 9 * time.Second,
			func(_ *pgserver.Server, w *wire) error { w.stall(); return nil },
			func(_ *pgserver.Server, w *wire) error { w.flows(); return nil },
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			server := pgserver.Own(t)
			w := newWire(t, fmt.Sprintf("127.0.0.1:%d", server.Port()))
			dsn := w.dsn(t, server.DSN("postgres"))
			gateways := members(t, 3, dsn, a)
			late := newMember(t, "late", dsn, a)
			s := startSenders(t, gateways[0], a.ledger, gateways[1:]...)
			sites := visit(t, gateways...)
			again := make(map[string]int)
			for round := range min(faults.Cycles(t, 3), 3) {
				awaitAcked(t, a, a.ackedCount()+500)
				if err := fault.begin(server, w); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if round == 0 {
					late.start()
					s.refused(t, late)
				}
				time.Sleep(fault.lasts - time.Since(began)) // the fault
				if err := fault.end(server, w); err != nil {
					t.Fatal(err)
				}
				for _, g := range append(gateways, late) {
					again[g.incarnation()] += inFlight // an outcome of these may not have been written
				}
				for i, took := range s.accepted(t, append(gateways, late)...) {
					t.Logf("gateway %d accepts again after %.1f s", i, took.Seconds())
				}
			}
			s.end()
			if n := s.broken.Load(); n > 0 {
				t.Errorf("%d requests had no answer", n)
			}
			if n := sites(); n == 0 {
				t.Error("nobody has visited the other sites")
			}
			a.audit(t, server.DSN("postgres"), again)
		})
	}
}

// refused makes sure that a gateway refuses events, and how, and answers for its other
// site.
func (s *senders) refused(t *testing.T, g *gateway) {
	t.Helper()
	id := "msg_refused_" + g.name
	answer, err := s.ask(g.address, id, s.write(id))
	if err != nil || answer.status != http.StatusServiceUnavailable || answer.header.Get("Retry-After") == "" {
		t.Errorf("without a database an event is answered %d %v %s %v", answer.status, answer.header, answer.text, err)
	}
	response, err := http.Get("http://" + g.other)
	if err != nil {
		t.Error(err)
		return
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("without a database the other site answers %d", response.StatusCode)
	}
}

// accepted returns after how long each gateway acknowledges an event again.
func (s *senders) accepted(t *testing.T, gateways ...*gateway) []time.Duration {
	t.Helper()
	started := time.Now()
	took := make([]time.Duration, len(gateways))
	var asking sync.WaitGroup
	for i, g := range gateways {
		asking.Go(func() {
			for k := 0; time.Since(started) < recoverBound; k++ {
				id := fmt.Sprintf("msg_again_%s_%d_%d", g.name, started.UnixNano(), k)
				acked, err := s.post(g.address, id, s.write(id))
				if err != nil {
					t.Error(err)
				}
				if acked {
					took[i] = time.Since(started)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("%s does not accept %v after its database is back", g.name, recoverBound)
		})
	}
	asking.Wait()
	return took
}

// visit asks the other sites of gateways, again and again until the test ends or it is
// told to stop, and returns how often it did. They have to answer.
func visit(t *testing.T, gateways ...*gateway) (stop func() int64) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	var visits atomic.Int64
	end := make(chan struct{})
	var visiting sync.WaitGroup
	for _, g := range gateways {
		visiting.Go(func() {
			for {
				select {
				case <-end:
					return
				case <-time.After(20 * time.Millisecond):
				}
				response, err := client.Get("http://" + g.other)
				if err != nil {
					t.Errorf("the other site of %s: %v", g.name, err)
					return
				}
				text, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || string(text) != "another site" {
					t.Errorf("the other site of %s answers %d %q %v", g.name, response.StatusCode, text, err)
				}
				visits.Add(1)
			}
		})
	}
	stop = sync.OnceValue(func() int64 {
		close(end)
		visiting.Wait()
		client.CloseIdleConnections()
		return visits.Load()
	})
	t.Cleanup(func() { stop() })
	return stop
}
