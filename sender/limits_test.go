package sender_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// TestRates: an endpoint gets no more attempts a second than it says, or else than its
// application says, also right after that was changed.
func TestRates(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := must(b, func(tx *store.Tx) (sender.Application, error) {
			return b.sender.CreateApplication(tx, sender.ApplicationIn{Name: "one", RateLimit: 5})
		})
		own, of := b.endpoint(app.ID, sender.EndpointIn{RateLimit: 2}), b.endpoint(app.ID, sender.EndpointIn{})
		other := b.endpoint(b.app("other").ID, sender.EndpointIn{})
		rate := func(ep sender.Endpoint) float64 {
			d, ok := b.sender.Destination(ep.ID)
			if !ok {
				b.Fatal("it is no destination")
			}
			return d.Rate
		}
		sleep(time.Second)
		if rate(own) != 2 || rate(of) != 5 || rate(other) != 0 {
			b.Errorf("rates %v, %v and %v; want 2, 5 and 0", rate(own), rate(of), rate(other))
		}
		for range 100 {
			b.send(app.ID, sender.MessageIn{})
		}
		sleep(10 * time.Second)
		within := func(ep sender.Endpoint, least, most int) {
			b.Helper()
			if n := len(b.receivers.at(ep.URL)); n < least || n > most {
				b.Errorf("%d attempts; want %d to %d", n, least, most)
			}
		}
		within(own, 18, 23)
		within(of, 45, 56)
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, own.ID, sender.EndpointPatch{RateLimit: &sender.Optional[int]{Value: 20, Set: true}})
		})
		must(b, func(tx *store.Tx) (sender.Application, error) {
			return b.sender.PatchApplication(tx, app.ID, sender.ApplicationPatch{RateLimit: &sender.Optional[int]{}})
		})
		sleep(5 * time.Second)
		within(own, 100, 100)
		within(of, 100, 100)
		b.restart()
		if rate(own) != 20 || rate(of) != 0 {
			b.Errorf("rates %v and %v after a restart; want 20 and 0", rate(own), rate(of))
		}
		for _, name := range []string{"source/app", "send/orders/0", "ep_", "ep_x", ""} {
			if _, ok := b.sender.Destination(name); ok {
				b.Errorf("%q is an endpoint", name)
			}
		}
	})
}

// TestShared: what one gateway changes, another that shares the store heeds soon: it sends
// to the new URL, with the new secret and headers, and not what is disabled.
func TestShared(t *testing.T) {
	onPostgres(t, func(a *bed) {
		z := *a
		z.receivers, z.logs = a.receivers, &logs{}
		z.open()
		defer z.stop()
		// The first accepts and both deliver, so that some attempts are the second's.
		app := a.app("one")
		ep := a.endpoint(app.ID, sender.EndpointIn{})
		burst := func() {
			for range 30 {
				z.send(app.ID, sender.MessageIn{})
			}
		}
		burst()
		a.eventually("that they come", func() bool { return len(a.receivers.at(ep.URL)) == 30 })
		must(a, func(tx *store.Tx) (sender.Endpoint, error) {
			return a.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{URL: ref("https://new.example.com/"), RateLimit: &sender.Optional[int]{Value: 1000, Set: true}})
		})
		a.rotate(app.ID, ep.ID, "", 0)
		a.eventually("that the other one knows", func() bool { d, _ := z.sender.Destination(ep.ID); return d.Rate == 1000 })
		burst()
		a.eventually("that they come to the new URL", func() bool { return len(a.receivers.at("https://new.example.com/")) == 30 })
		secret := a.secret(app.ID, ep.ID)
		for _, p := range a.receivers.at("https://new.example.com/") {
			if !svixVerifies(a.T, secret, &p) {
				a.Error("it is not signed with the new secret")
			}
		}
		must(a, func(tx *store.Tx) (sender.Endpoint, error) {
			return a.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{Disabled: ref(true)})
		})
		burst() // the store is asked for each
		if n := len(a.receivers.at("https://new.example.com/")); n != 30 {
			a.Errorf("%d attempts; want none after it was disabled", n-30)
		}
	})
}

// TestDeadEndpoints: a thousand endpoints that never answer, or refuse, do not hold up
// those that do (E-14).
func TestDeadEndpoints(t *testing.T) {
	inBubble(t, func(b *bed) {
		const dead, messages = 1000, 2
		app := b.app("one")
		b.change(func(tx *store.Tx) error {
			for i := range dead {
				if _, err := b.sender.CreateEndpoint(tx, app.ID, sender.EndpointIn{URL: fmt.Sprintf("https://dead.example.com/%d", i)}); err != nil {
					return err
				}
			}
			return nil
		})
		good := b.endpoint(app.ID, sender.EndpointIn{URL: "https://good.example.com/"})
		var hanging, most atomic.Int64
		b.receivers.says(func(ctx context.Context, p sender.Post) *sender.Exchange {
			if p.URL == good.URL {
				return &sender.Exchange{URL: p.URL, Status: 200}
			}
			if strings.HasSuffix(p.URL, "0") {
				return &sender.Exchange{URL: p.URL, Reason: "refused", Err: context.Canceled}
			}
			most.Store(max(most.Load(), hanging.Add(1)))
			<-ctx.Done()
			hanging.Add(-1)
			return &sender.Exchange{URL: p.URL, Reason: "timeout", Err: ctx.Err()}
		})
		var worst time.Duration
		for i := range messages {
			sent := time.Now()
			b.send(app.ID, sender.MessageIn{})
			sleep(time.Millisecond)
			got := b.receivers.at(good.URL)
			if len(got) != i+1 {
				b.Fatalf("message %d has not come", i+1)
			}
			worst = max(worst, got[i].at.Sub(sent))
			sleep(20 * time.Second)
		}
		if worst > 10*time.Millisecond {
			b.Errorf("a good endpoint waited for %s", worst)
		}
		if n := most.Load(); n < 900 || n > 900*16 {
			b.Errorf("%d attempts hung at once", n)
		}
		if n := hanging.Load(); n > 900 { // a probe each
			b.Errorf("%d attempts hang after their timeout", n)
		}
	})
}
