package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// directory has destinations that come and go.
type directory struct {
	mu    sync.Mutex
	known map[string]delivery.Destination
}

func (d *directory) Destination(name string) (delivery.Destination, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.known[name]
	return known, ok
}

// set makes it know one, or with nil not any more.
func (d *directory) set(name string, to *delivery.Destination) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]delivery.Destination{}
	}
	if delete(d.known, name); to != nil {
		d.known[name] = *to
	}
}

// endpoint is the n-th that a directory may know.
func endpoint(n int) string { return fmt.Sprint("ep_", n) }

// endpoints begins with a directory of so many, all of which reach the app.
func (b *bed) endpoints(n int) *directory {
	b.Helper()
	d := &directory{}
	for i := range n {
		d.set(endpoint(i), &delivery.Destination{Transport: b.app})
	}
	b.engine.Add(nil, d).Begin()
	synctest.Wait()
	return d
}

// knows reports whether the engine has something in memory for a destination.
func knows(e *delivery.Engine, name string) bool {
	for _, s := range e.Status() {
		if s.Name == name {
			return true
		}
	}
	return false
}

// TestTargets: each target of an event is attempted on its own.
func TestTargets(t *testing.T) {
	inBubble(t, func(b *bed) {
		other := &app{}
		other.says(status(500))
		b.engine.Add([]delivery.Destination{{Name: toApp, Transport: b.app}, {Name: "send/x/1", Transport: other, Retry: []time.Duration{time.Minute}}}, nil).Begin()
		synctest.Wait()
		a := arrival(toApp, nil)
		a.To = append(a.To, store.Target{Destination: "source/nobody"}, store.Target{Destination: "send/x/1"})
		v, err := b.engine.Accept(context.Background(), a)
		if err != nil || v.Result != store.Stored {
			t.Fatalf("%+v, %v", v, err)
		}
		sleep(time.Second)
		if n, m := len(b.app.tries()), len(other.tries()); n != 1 || m != 1 {
			t.Errorf("%d attempts at the app and %d at the other; want one each", n, m)
		}
		sleep(2 * time.Minute)
		if n, m := len(b.app.tries()), len(other.tries()); n != 1 || m != 2 {
			t.Errorf("%d attempts at the app and %d at the other; want 1 and 2", n, m)
		}
		for destination, want := range map[string]store.State{toApp: store.Delivered, "source/nobody": store.Pending, "send/x/1": store.Dead} {
			if got := b.store.states(destination); got[want] != 1 || len(got) != 1 {
				t.Errorf("%s: %v; want it %s", destination, got, want)
			}
		}
	})
}

// TestDirectory: destinations of a directory are delivered to as soon as it knows them,
// with the settings that it has then, and are parked as soon as it does not any more.
func TestDirectory(t *testing.T) {
	inBubble(t, func(b *bed) {
		d := b.endpoints(1)
		b.accept(endpoint(0))
		b.accept(endpoint(1))
		sleep(time.Second)
		if n := len(b.app.tries()); n != 1 {
			t.Fatalf("%d attempts; want one at the destination that is known", n)
		}
		d.set(endpoint(1), &delivery.Destination{Transport: b.app})
		sleep(time.Second)
		b.engine.Refresh(endpoint(1))
		sleep(time.Second)
		if n := len(b.app.tries()); n != 2 {
			t.Errorf("%d attempts; want two, once the other is known", n)
		}
		other := &app{}
		d.set(endpoint(0), &delivery.Destination{Transport: other})
		b.engine.Refresh(endpoint(0))
		b.accept(endpoint(0))
		sleep(time.Second)
		if n := len(other.tries()); n != 1 {
			t.Errorf("%d attempts with the new settings; want one", n)
		}
		d.set(endpoint(0), nil)
		b.engine.Refresh(endpoint(0))
		b.accept(endpoint(0))
		sleep(time.Hour)
		if n := len(other.tries()); n != 1 {
			t.Errorf("%d attempts at a destination that is gone; want none more", n)
		}
		d.set(endpoint(0), &delivery.Destination{Transport: other})
		b.engine.Refresh(endpoint(0))
		sleep(time.Second)
		if n := len(other.tries()); n != 2 {
			t.Errorf("%d attempts; want that which has waited", n)
		}
		b.engine.Refresh("ep_never") // is nothing
		if knows(b.engine, "ep_never") {
			t.Error("there is a dispatcher for a destination that nobody knows")
		}
		// A destination of the configuration itself goes first.
		g := b.engine.Add([]delivery.Destination{{Name: endpoint(0), Transport: b.app}}, d)
		b.app.reset()
		g.Begin()
		b.accept(endpoint(0))
		sleep(time.Second)
		if n := len(b.app.tries()); n != 1 {
			t.Errorf("%d attempts; want one by the configuration", n)
		}
	})
}

// TestDirectoryAfterARestart: what waits for destinations of a directory is found when a
// generation begins, without a word of it.
func TestDirectoryAfterARestart(t *testing.T) {
	inBubble(t, func(b *bed) {
		for i := range 50 {
			b.accept(endpoint(i))
		}
		b.restart()
		b.endpoints(40)
		sleep(time.Second)
		if n := len(b.app.tries()); n != 40 {
			t.Errorf("%d attempts; want one for each that is known", n)
		}
		for i := range 50 {
			if knows(b.engine, endpoint(i)) != (i < 40) {
				t.Errorf("%s is known to the engine, or it is not", endpoint(i))
			}
		}
	})
}

// TestIdleRetires: a destination of a directory for which there is nothing costs nothing
// after a while: neither a goroutine, nor a query. The next event for it is delivered as if
// nothing had been; and what is down, held, paused or to be attempted later is not forgotten.
func TestIdleRetires(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.endpoints(20)
		b.begin(delivery.Destination{}).Remove()
		for i := range 20 {
			b.accept(endpoint(i))
		}
		sleep(9 * time.Minute)
		for i := range 20 {
			if !knows(b.engine, endpoint(i)) {
				t.Fatalf("%s has retired", endpoint(i))
			}
		}
		sleep(3 * time.Minute)
		for i := range 20 {
			if knows(b.engine, endpoint(i)) {
				t.Errorf("%s has not retired", endpoint(i))
			}
		}
		if !knows(b.engine, toApp) {
			t.Error("a destination of a configuration has retired")
		}
		before := b.store.called("Due", "NextDue", "Oldest", "Release", "Expire")
		sleep(time.Hour)
		if n := b.store.called("Due", "NextDue", "Oldest", "Release", "Expire") - before; n > 3*60 { // of the app
			t.Errorf("%d queries in an hour although all is idle", n)
		}
		b.app.reset()
		b.accept(endpoint(3))
		b.engine.Wake(endpoint(4))
		sleep(time.Second)
		if n := len(b.app.tries()); n != 1 || !knows(b.engine, endpoint(4)) {
			t.Errorf("%d attempts; want one, as before", n)
		}
		// To be attempted later; held; down; paused.
		b.app.says(func(ctx context.Context, d *store.Delivery) delivery.Answer {
			switch d.Destination {
			case endpoint(5):
				return delivery.Answer{Status: 500}
			case endpoint(6):
				return delivery.Answer{Status: 429, RetryAfter: "3000"}
			}
			return delivery.Answer{Err: errRefused}
		})
		b.accept(endpoint(5))
		b.accept(endpoint(6))
		b.fill(endpoint(7), 30)
		if err := b.engine.Pause(context.Background(), endpoint(8)); err != nil {
			t.Fatal(err)
		}
		sleep(25 * time.Minute)
		for i := range 20 {
			if is, want := knows(b.engine, endpoint(i)), i >= 5 && i <= 8; is != want {
				t.Errorf("%s is remembered: %v; want %v", endpoint(i), is, want)
			}
		}
		b.app.says(nil)
		sleep(2 * time.Hour)
		for _, i := range []int{5, 6, 7} {
			if got := b.store.states(endpoint(i)); got[store.Pending] > 0 || got[store.Dead] > 0 {
				t.Errorf("%s: %v", endpoint(i), got)
			}
		}
	})
}

// TestRetiringMeetsArrivals: whatever arrives just when a destination retires is attempted,
// and once.
func TestRetiringMeetsArrivals(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.store.ack = 300 * time.Millisecond
		const n = 200
		start := time.Now()
		b.endpoints(n)
		random := rand.New(rand.NewPCG(7, 7))
		for round := range 5 {
			// They retire as a minute is full, the next after they were idle for ten.
			sleep(time.Until(start.Add(time.Duration(11*round+11)*time.Minute - 2*time.Second)))
			var all sync.WaitGroup
			for i := range n {
				pause := time.Duration(random.Int64N(int64(4 * time.Second)))
				all.Go(func() {
					time.Sleep(pause)
					b.accept(endpoint(i))
					b.engine.Wake(endpoint(i))
				})
			}
			all.Wait()
			sleep(time.Minute)
			seen := map[int64]int{}
			for _, try := range b.app.tries() {
				seen[try.seq]++
			}
			for seq, times := range seen {
				if times != 1 {
					t.Errorf("event %d was attempted %d times", seq, times)
				}
			}
			if len(seen) != (round+1)*n {
				t.Fatalf("%d events were attempted; want %d", len(seen), (round+1)*n)
			}
		}
	})
}

// TestATarpitAmongAThousand: one destination that answers nothing takes nothing from all
// the others.
func TestATarpitAmongAThousand(t *testing.T) {
	inBubble(t, func(b *bed) {
		const n = 1000
		d := b.endpoints(n)
		tarpit := &app{}
		tarpit.says(hang)
		d.set(endpoint(77), &delivery.Destination{Transport: tarpit, Concurrency: 4, Timeout: 20 * time.Second})
		for range 30 {
			a := arrival(endpoint(0), nil)
			a.To = nil
			for i := range n {
				a.To = append(a.To, store.Target{Destination: endpoint(i)})
			}
			if _, err := b.engine.Accept(context.Background(), a); err != nil {
				t.Fatal(err)
			}
		}
		sleep(2 * time.Second)
		if got := len(b.app.tries()); got != 30*(n-1) {
			t.Errorf("%d attempts at the others within two seconds; want %d", got, 30*(n-1))
		}
		if most := tarpit.peak(); most != 4 {
			t.Errorf("%d attempts at once at the tarpit; want 4", most)
		}
		tarpit.says(nil)
		sleep(5 * time.Minute)
		if got := b.store.states(endpoint(77)); got[store.Delivered] != 30 {
			t.Errorf("%v", got)
		}
	})
}

// TestJobsWakeTheirDestination: what a job has re-armed for a destination of a directory
// that has retired is attempted at once.
func TestJobsWakeTheirDestination(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.endpoints(2)
		b.accept(endpoint(1))
		sleep(time.Hour)
		b.store.createJob("job_1", endpoint(1))
		b.engine.StartJobs()
		sleep(time.Second)
		if n := len(b.app.tries()); n != 2 {
			t.Errorf("%d attempts; want two", n)
		}
	})
}

// TestOthersMakePending: what one gateway makes pending for a destination of a directory
// another finds within seconds, and looks for nothing in between, however many there are.
func TestOthersMakePending(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		const n = 300
		d := &directory{}
		for _, g := range c.gateways {
			for i := range n {
				d.set(endpoint(i), &delivery.Destination{Transport: g})
			}
		}
		first := c.gateways[0]
		first.engine.Add(nil, d).Begin()
		synctest.Wait()
		for i := range n {
			if _, err := first.engine.Accept(context.Background(), arrival(endpoint(i), nil)); err != nil {
				t.Fatal(err)
			}
		}
		sleep(5 * time.Minute)
		before := first.called("Claim", "NextDue")
		sleep(30 * time.Second)
		if asked := first.called("Claim", "NextDue") - before; asked > 2*n { // once a minute
			t.Errorf("%d queries in half a minute for what is idle", asked)
		}
		late := func(seq int64) {
			c.store.memory.mu.Lock()
			defer c.store.memory.mu.Unlock()
			c.store.add(store.Delivery{Event: store.Event{Seq: seq}, Destination: endpoint(5), Armed: time.Now(), Due: time.Now(), Head: []byte("head")})
		}
		late(5001) // it has a dispatcher that waits
		sleep(3 * time.Second)
		if attempts, delivered := c.ledger.of(5001); attempts != 1 || delivered != 1 {
			t.Errorf("%d attempts, delivered %d times; want once within seconds", attempts, delivered)
		}
		sleep(time.Hour)
		before = first.called("Claim", "NextDue", "Oldest", "Expire", "Release")
		sleep(time.Hour)
		if asked := first.called("Claim", "NextDue", "Oldest", "Expire", "Release") - before; asked > 0 {
			t.Errorf("%d queries in an hour for destinations that are idle", asked)
		}
		late(5002) // it has none
		sleep(3 * time.Second)
		if attempts, delivered := c.ledger.of(5002); attempts != 1 || delivered != 1 {
			t.Errorf("%d attempts, delivered %d times; want once within seconds", attempts, delivered)
		}
		c.wantNoOverlap()
	})
}
