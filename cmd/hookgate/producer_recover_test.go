//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/portal"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// deaf are endpoints that take nothing, as an engine of the tests' own sees them: it leaves
// in the store what it would leave there of endpoints that answer so.
type deaf struct{}

// heldType is the type of events that are to be tried again in an hour; others are dead.
const heldType = "order.held"

func (d deaf) Destination(name string) (delivery.Destination, bool) {
	return delivery.Destination{Name: name, Transport: d, Endpoint: true, Retry: []time.Duration{time.Hour}}, true
}

func (deaf) Attempt(_ context.Context, d *store.Delivery) delivery.Answer {
	if d.Type == heldType {
		return delivery.Answer{Status: http.StatusUnprocessableEntity}
	}
	return delivery.Answer{Status: http.StatusGone}
}

// fail fills a file with messages for the endpoint of a mailbox that have been given up,
// and with some that are still being retried.
func fail(t *testing.T, path string, p *producer, dead, held int) {
	t.Helper()
	ctx := t.Context()
	s, err := store.Open(ctx, sqlite.New(path, time.Second), store.Options{Migrations: slices.Concat(sender.Migrations(), api.Migrations(), portal.Migrations()), Match: sender.Match})
	if err != nil {
		t.Fatal(err)
	}
	engine := delivery.New(s, delivery.Options{})
	keys, err := sender.NewKeyring(p.keys[firstKey])
	if err != nil {
		t.Fatal(err)
	}
	guard, err := sender.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	sends, err := sender.New(sender.Options{Store: s, Engine: engine, Keys: keys, Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	name := p.to.endpoints[0]
	err = s.Do(ctx, func(tx *store.Tx) error {
		if _, err := sends.CreateApplication(tx, sender.ApplicationIn{Name: "Acme", UID: tenant}); err != nil {
			return err
		}
		_, err := sends.CreateEndpoint(tx, tenant, sender.EndpointIn{URL: p.to.url(name), UID: name, Secret: p.to.ends[name].secrets[0]})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.Add(nil, deaf{}).Begin()
	var writing sync.WaitGroup
	const at = 256 // many in each commit
	for n := range at {
		writing.Go(func() {
			for k := n; k < dead+held; k += at {
				m := p.to.compose(fmt.Sprint("failed-", k), true)
				in := sender.MessageIn{EventType: "order.paid", Payload: m.body}
				if k >= dead {
					in.EventType = heldType
				}
				got, _, err := sends.CreateMessage(ctx, tenant, in)
				if err != nil {
					t.Error(err)
					return
				}
				if k < dead {
					p.to.acknowledge(m, got.ID)
				}
			}
		})
	}
	writing.Wait()
	until(t, 5*time.Minute, "all have failed once", func() (all bool) {
		err := s.Query(ctx, "SELECT COUNT(*) FROM attempts", nil, func(scan func(...any) error) error {
			var made int
			err := scan(&made)
			all = made == dead+held
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	})
	stop, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := errors.Join(engine.Stop(stop), sends.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// task is what the API says of one.
type task struct {
	ID, Status string
	Data       struct{ MessagesSent int }
}

// TestRecoverMany recovers 50,000 messages that an endpoint has failed: there is no limit,
// one sees how far it is, asked twice it is done once, and a gateway that is killed
// half-way goes on where it was. Each message is sent, and what is still being retried is
// not. Where something may be left out they are fewer. It was seen red with a second task
// beside the first.
//
// (E-24)
func TestRecoverMany(t *testing.T) {
	t.Parallel()
	const held = 200
	dead := max(50*faults.Cycles(t, 1000), 4000)
	b := newMailbox(t, "svix")
	path := filepath.Join(t.TempDir(), "events.db")
	p := newProducer(t, "producer", "sqlite "+path, b)
	started := time.Now()
	fail(t, path, p, dead, held)
	t.Logf("%d messages failed, and %d were being retried, after %.1f s", dead, held, time.Since(started).Seconds())
	p.start()

	endpoint := "/app/" + tenant + "/endpoint/" + b.endpoints[0]
	since := map[string]any{"since": time.Now().Add(-time.Hour)}
	started = time.Now()
	var begun, again, now task
	p.api("POST", endpoint+"/recover", since, &begun)
	p.api("POST", endpoint+"/recover", since, &again)
	if begun.Status != "running" || again.ID != begun.ID {
		t.Errorf("asked for once it is %+v, asked for twice %+v", begun, again)
	}
	var steps []int
	look := func() {
		p.api("GET", "/background-task/"+begun.ID, nil, &now)
		sent := now.Data.MessagesSent
		if n := len(steps); n > 0 && sent < steps[n-1] {
			t.Errorf("%d messages are sent, after %d", sent, steps[n-1])
		} else if n == 0 || sent > steps[n-1] {
			steps = append(steps, sent)
		}
	}
	until(t, 5*time.Minute, "half is sent again", func() bool {
		look()
		return now.Data.MessagesSent >= dead/2
	})
	p.kill()
	if now.Status != "running" || now.Data.MessagesSent > dead*9/10 {
		t.Errorf("it was killed when %d of %d were sent again: that is not half-way", now.Data.MessagesSent, dead)
	}
	before := len(steps)
	b.nextLife(t)
	p.start()
	until(t, 5*time.Minute, "all is sent again", func() bool {
		look()
		return now.Status == "finished"
	})
	rearmed := time.Since(started)
	if now.Data.MessagesSent != dead {
		t.Errorf("%d messages are sent again; want %d", now.Data.MessagesSent, dead)
	}
	if before < 5 || len(steps) < before+3 {
		t.Errorf("of its progress was seen %v", steps)
	}
	n := b.settled(t)
	t.Logf("killed at %d; %d steps were seen; after %.1f s all was due again, after %.1f s all had arrived; %d came again", steps[before-1], len(steps), rearmed.Seconds(), time.Since(started).Seconds(), n.again)
	if n.most > inFlight || n.within > 0 {
		t.Errorf("%d messages came again because of the crash, and %d without", n.most, n.within)
	}

	// What has arrived is no longer being retried once its outcome is on the disk, and
	// nothing else has changed.
	until(t, time.Minute, "as many are being retried as before", func() bool {
		return len(p.list(endpoint+"/msg", url.Values{"status": {"3"}})) == held
	})
	if came := b.cameCount(); came != dead+n.again {
		t.Errorf("%d messages came; want %d", came, dead+n.again)
	}
	// What was delivered is not to be recovered.
	p.api("POST", endpoint+"/recover", since, &begun)
	if begun.ID == again.ID {
		t.Errorf("the task that has ended is returned: %+v", begun)
	}
	until(t, 5*time.Minute, "it is done", func() bool {
		p.api("GET", "/background-task/"+begun.ID, nil, &now)
		return now.Status == "finished"
	})
	if now.Data.MessagesSent != 0 {
		t.Errorf("%d messages are sent a second time", now.Data.MessagesSent)
	}
}
