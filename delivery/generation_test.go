package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// TestNewestGenerationDelivers, from Begin on; the one before it until then (L-02).
func TestNewestGenerationDelivers(t *testing.T) {
	inBubble(t, func(b *bed) {
		apps := map[string]*app{"first": {}, "second": {}, "third": {}}
		add := func(name string) *delivery.Generation {
			return b.engine.Add([]delivery.Destination{{Name: toApp, Transport: apps[name]}}, nil)
		}
		delivers := func(want string) {
			b.Helper()
			seq := b.accept(toApp)
			sleep(10 * time.Millisecond)
			for name, a := range apps {
				if n := a.got(seq); n != 0 && name != want || n != 1 && name == want {
					b.Errorf("%s has got the event %d times; %s is to deliver", name, n, want)
				}
			}
		}
		first := add("first")
		delivers("nobody")
		first.Begin()
		synctest.Wait()
		if n := apps["first"].got(1); n != 1 {
			t.Errorf("what came before Begin was delivered %d times", n)
		}
		delivers("first")
		second := add("second")
		delivers("first")
		add("third").Remove()
		delivers("first")
		second.Begin()
		delivers("second")
		first.Begin()
		delivers("second")
		third := add("third")
		third.Remove()
		third.Begin()
		delivers("second")
		second.Remove()
		delivers("first")
		second.Begin()
		second.Remove()
		delivers("first")
		third = add("third")
		third.Begin()
		first.Remove()
		delivers("third")
	})
}

// TestDestinationWithoutGenerationIsParked: its events wait, also if an older
// generation has it, and go on when it comes back (L-05).
func TestDestinationWithoutGenerationIsParked(t *testing.T) {
	inBubble(t, func(b *bed) {
		if v, err := b.engine.Accept(context.Background(), arrival(toApp, nil)); err != nil || v.Result != store.Stored {
			t.Fatal(v, err)
		}
		if !b.status().Parked {
			t.Error("an event waits for what nobody has ever had")
		}
		old := b.begin(delivery.Destination{})
		if b.status().Parked || b.app.got(1) != 1 {
			t.Error("it is not delivered")
		}
		other := b.engine.Add([]delivery.Destination{{Name: "source/other", Transport: b.app}}, nil)
		if b.status().Parked {
			t.Error("parked before the new configuration has begun")
		}
		other.Begin()
		sleep(20 * time.Second)
		if b.status().Parked {
			t.Error("parked, but nothing waits")
		}
		seq := b.accept(toApp)
		sleep(time.Hour)
		if s := b.status(); !s.Parked || s.Oldest.IsZero() {
			t.Errorf("%+v", s)
		}
		if b.app.got(seq) != 0 {
			t.Error("delivered by an old generation")
		}
		old.Remove()
		next := b.engine.Add([]delivery.Destination{{Name: toApp, Transport: b.app}}, nil)
		if b.status().Parked {
			t.Error("parked, although a generation that is about to begin has it")
		}
		next.Begin()
		sleep(10 * time.Millisecond)
		if b.app.got(seq) != 1 {
			t.Error("not delivered by the new one")
		}
	})
}

// TestRemovalAbortsNothing: attempts in flight end as they would have, and their
// outcomes are written (L-02).
func TestRemovalAbortsNothing(t *testing.T) {
	inBubble(t, func(b *bed) {
		g := b.begin(delivery.Destination{})
		b.app.says(func(ctx context.Context, _ *store.Delivery) delivery.Answer {
			select {
			case <-time.After(10 * time.Second):
				return delivery.Answer{Status: 200}
			case <-ctx.Done():
				return delivery.Answer{Err: ctx.Err()}
			}
		})
		last := b.fill(toApp, 40)
		sleep(5 * time.Second)
		g.Remove()
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 16, store.Pending: int(last) - 16})
		other := &app{}
		b.begin(delivery.Destination{Transport: other})
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: int(last)})
		for seq := range last {
			if n := b.app.got(seq+1) + other.got(seq+1); n != 1 {
				t.Errorf("event %d was delivered %d times", seq+1, n)
			}
		}
	})
}

// TestReloadKeepsHealth: a new configuration finds a destination down that was, and
// a reload adds no attempts to those that may be in flight (L-02).
func TestReloadKeepsHealth(t *testing.T) {
	inBubble(t, func(b *bed) {
		g := b.begin(delivery.Destination{})
		b.app.says(refuse)
		b.fill(toApp, 20)
		sleep(time.Minute)
		down := b.status().Down
		b.app.reset()
		for range 100 {
			next := b.begin(delivery.Destination{})
			g.Remove()
			g = next
		}
		if got := b.status().Down; !got.Equal(down) || down.IsZero() || len(b.app.tries()) > 0 {
			t.Errorf("down since %v, not %v; %d attempts", got, down, len(b.app.tries()))
		}
		b.app.says(after(5*time.Second, status(200)))
		sleep(2 * time.Minute)
		b.app.reset()
		for range 100 {
			next := b.begin(delivery.Destination{Concurrency: 3})
			g.Remove()
			g = next
		}
		b.fill(toApp, 100)
		sleep(20 * time.Second)
		b.app.reset()
		sleep(10 * time.Minute)
		if b.app.peak() != 3 {
			t.Errorf("%d in flight; want 3, which is the new limit", b.app.peak())
		}
	})
}

// TestPause: what waits, waits on, over a restart, too; the rest goes on.
func TestPause(t *testing.T) {
	inBubble(t, func(b *bed) {
		ctx := context.Background()
		b.begin(delivery.Destination{})
		b.app.says(after(time.Second, status(200)))
		b.fill(toApp, 40)
		sleep(500 * time.Millisecond)
		paused := time.Now()
		if err := b.engine.Pause(ctx, toApp); err != nil {
			t.Fatal(err)
		}
		if err := b.engine.Pause(ctx, "source/other"); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		b.wantStates(map[store.State]int{store.Delivered: 16, store.Pending: 24})
		b.accept(toApp)
		sleep(time.Hour)
		b.wantStates(map[store.State]int{store.Delivered: 16, store.Pending: 25})
		if s := b.status(); s.Paused.Sub(paused) > time.Second || s.Paused.Before(paused) || s.Parked {
			t.Errorf("%+v; paused at %v", s, paused)
		}

		b.engine.Stop(ctx)
		b.restart()
		b.begin(delivery.Destination{})
		sleep(time.Hour)
		b.wantStates(map[store.State]int{store.Delivered: 16, store.Pending: 25})

		if err := b.engine.Resume(ctx, toApp); err != nil {
			t.Fatal(err)
		}
		sleep(30 * time.Second)
		b.wantStates(map[store.State]int{store.Delivered: 41})
		if !b.status().Paused.IsZero() {
			t.Error("it is still paused")
		}
		b.store.failing(func(string) error { return errStore })
		if err := b.engine.Pause(ctx, toApp); !errors.Is(err, errStore) {
			t.Errorf("a pause that is not stored: %v", err)
		}
		b.store.failing(nil)
		b.accept(toApp)
		sleep(10 * time.Second)
		b.wantStates(map[store.State]int{store.Delivered: 42})
	})
}

// TestNothingIsAttemptedBeforePausesAreKnown.
func TestNothingIsAttemptedBeforePausesAreKnown(t *testing.T) {
	inBubble(t, func(b *bed) {
		b.store.pauses[toApp] = time.Now()
		b.store.failing(func(operation string) error {
			if operation == "Pauses" {
				return errStore
			}
			return nil
		})
		b.begin(delivery.Destination{})
		b.accept(toApp)
		sleep(10 * time.Minute)
		b.wantStates(map[store.State]int{store.Pending: 1})
		if n := b.logs.count("level=ERROR"); n != 1 {
			t.Errorf("%d errors are logged; want 1 for all tries", n)
		}
		b.store.failing(nil)
		sleep(10 * time.Minute)
		b.wantStates(map[store.State]int{store.Pending: 1})
		if err := b.store.Resume(context.Background(), toApp); err != nil { // by another gateway
			t.Fatal(err)
		}
		sleep(61 * time.Second)
		b.wantStates(map[store.State]int{store.Delivered: 1})
	})
}
