//go:build linux

package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// Three gateways that start together on an empty database; each event is sent to two
// or three of them at once, over 64 connections: one stores it and one delivers it, and
// all say that it is safe.
func TestClusterDuplicates(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Own(t).DSN("postgres")
	gateways := members(t, 3, dsn, a)
	s := newSenders(t, a.ledger, gateways...)
	events := 1000 * faults.Cycles(t, 50)
	const writers = 26 // at 2.5 copies each, about 64 connections
	var next, accepted, duplicates atomic.Int64
	started := time.Now()
	for range writers {
		s.working.Go(func() {
			for k := int(next.Add(1)); k <= events; k = int(next.Add(1)) {
				copies := s.copies(fmt.Sprintf("msg_%d", k), k, 2+k%2)
				if copies["accepted"] != 1 || copies["accepted"]+copies["duplicate"] != int64(2+k%2) {
					s.with(func() { s.wrong = append(s.wrong, fmt.Sprintf("msg_%d was answered %v", k, copies)) })
				}
				accepted.Add(copies["accepted"])
				duplicates.Add(copies["duplicate"])
			}
		})
	}
	s.working.Wait()
	took := time.Since(started)
	a.audit(t, dsn, nil)
	t.Logf("%d events were accepted and %d duplicates recognized, %.0f requests/s", accepted.Load(), duplicates.Load(), float64(accepted.Load()+duplicates.Load())/took.Seconds())
	if len(a.received) != events || int(accepted.Load()) != events || a.ackedCount() != events {
		t.Errorf("%d events were sent, %d accepted and %d received", events, accepted.Load(), len(a.received))
	}
	if once := ask[int64](t, dsn, "SELECT COUNT(*) FROM deliveries WHERE attempts = 1"); int(once) != events {
		t.Errorf("%d of %d events were attempted once", once, events)
	}
	if most := a.most.Load(); most > int64(len(gateways)*concurrency) {
		t.Errorf("%d attempts were in flight at once, the limit is %d for each gateway", most, concurrency)
	}
}

// copies posts an event so often at once, to one gateway after another, and counts the
// answers by the result that they tell.
func (s *senders) copies(id string, first, n int) map[string]int64 {
	body := s.write(id)
	answers := make([]string, n)
	var posted sync.WaitGroup
	for i := range n {
		posted.Go(func() {
			// Of three copies of some events two come to the same gateway.
			to := s.addresses[(first+i-i*(first%7)/6)%len(s.addresses)]
			answer, err := s.ask(to, id, body)
			switch {
			case err != nil:
				answers[i] = err.Error()
			case answer.status != http.StatusOK:
				answers[i] = fmt.Sprintf("%d %s", answer.status, answer.text)
			default:
				answers[i] = answer.header.Get("Hookgate-Result")
				s.with(func() { s.acked[id] = true })
			}
		})
	}
	posted.Wait()
	counts := make(map[string]int64)
	for _, result := range answers {
		counts[result]++
	}
	return counts
}
