//go:build linux

package main

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// SIGKILL at a random moment, again and again on the same store, while messages are
// created by the API and sent by webhook_send: each that was answered with 202 arrives at
// each of its endpoints, verified, with its bytes and the same id everywhere; nothing is
// invented; no more arrive twice at an endpoint than were in flight there; and a request
// that is repeated, because its answer was lost, gets the id of the first. Without the key
// in the store the last is not so, and this was seen to say it.
//
// (R-5, E-18, E-19)
func TestKillTheProducer(t *testing.T) {
	t.Parallel()
	b := newMailbox(t, "svix", "standard", "travelbase")
	p := newFileProducer(t, b)
	p.start()
	p.settle()
	w := startWriters(t, b, p)
	kills := faults.Cycles(t, 100)
	for range kills {
		moment(300 * time.Millisecond)
		p.kill()
		b.nextLife(t)
		p.start()
	}
	b.awaitAcked(t, b.ackedCount()+10*clients)
	w.end()
	n := b.settled(t)
	t.Logf("%d kills; %d requests broke, %d were refused with 503; %d messages were acknowledged after a repetition, of which %d had been delivered before under the same id",
		kills, w.broken.Load(), w.count.refused, w.count.repeated, w.count.recovered)
	if n.most > inFlight {
		t.Errorf("%d messages came to an endpoint again because of one crash, and only %d attempts can have been in flight", n.most, inFlight)
	}
	if n.within > 0 {
		t.Errorf("%d messages came twice without a crash in between", n.within)
	}
	if kills >= 50 && w.count.recovered == 0 {
		t.Error("no answer was lost of what was stored: that is not tested")
	}
}

// The same with two gateways that share PostgreSQL, one of which is killed each time, and
// requests that are repeated go to either.
//
// (R-5, E-18, E-19)
func TestClusterKillProducers(t *testing.T) {
	t.Parallel()
	b := newMailbox(t, "svix", "travelbase")
	all := clusterProducers(t, b)
	w := startWriters(t, b, all...)
	kills := faults.Cycles(t, 20)
	for n := range kills {
		moment(time.Second)
		all[n%2].kill()
		moment(300 * time.Millisecond)
		all[n%2].start()
	}
	b.awaitAcked(t, b.ackedCount()+10*clients)
	w.end()
	n := b.settled(t)
	t.Logf("%d kills; %d requests broke, %d were refused with 503; %d messages were acknowledged after a repetition, of which %d had been delivered before under the same id",
		kills, w.broken.Load(), w.count.refused, w.count.repeated, w.count.recovered)
	if most := kills * inFlight * len(b.ends); n.within > most {
		t.Errorf("%d messages came again, and only %d attempts can have been in flight", n.within, most)
	}
}

// Killed while messages are being created, and delivered, for 300 endpoints: a message has
// a delivery for each of them, or there is no message.
//
// (E-20)
func TestKillWithinFanOut(t *testing.T) {
	t.Parallel()
	schemes := make([]string, 300)
	for n := range schemes {
		schemes[n] = "svix"
	}
	b := newMailbox(t, schemes...)
	p := newFileProducer(t, b)
	p.start()
	p.settle()
	kills := faults.Cycles(t, 20)
	for n := range kills {
		w := newWriters(t, b, p)
		var tried sync.WaitGroup
		for k := range clients {
			m := b.compose(fmt.Sprintf("fan-%d-%d", n, k), true)
			tried.Go(func() { // once: whether it is stored nobody asks again
				if id, err := w.post(m); err != nil {
					b.wrongly("%v", err)
				} else if id != "" {
					b.acknowledge(m, id)
				}
			})
		}
		if n%2 == 0 { // while it is stored, or soon after
			moment(100 * time.Millisecond)
		} else { // while it is delivered
			before := b.cameCount()
			until(t, time.Minute, "something is delivered", func() bool { return b.cameCount() > before })
			moment(50 * time.Millisecond)
		}
		p.kill()
		tried.Wait()
		b.nextLife(t)
		p.start()
	}
	w := newWriters(t, b, p)
	w.write("fan-last", true)
	if n := b.settled(t); n.most > inFlight || n.within > 0 {
		t.Errorf("%d came to an endpoint again because of one crash, and %d without any", n.most, n.within)
	}
	stored := 0
	b.with(func() {
		for _, m := range b.messages {
			if len(m.got) > 0 {
				stored++
			}
		}
	})
	acked := b.ackedCount()
	t.Logf("%d kills: of %d messages %d were acknowledged, %d more stored, and %d not", kills, len(b.messages), acked, stored-acked, len(b.messages)-stored)
	if n := len(p.list("/app/"+tenant+"/msg", url.Values{})); n != stored {
		t.Errorf("the API lists %d messages, and %d were delivered", n, stored)
	}
}
