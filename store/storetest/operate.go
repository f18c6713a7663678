package storetest

import (
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// rearm: by hand, from each state.
func rearm(b *bed) {
	ctx := b.t.Context()
	for _, state := range []store.State{store.Dead, store.Delivered, store.Pending} {
		seq := b.settled(b.event(state.String(), "body"), state)
		b.advance(time.Minute)
		ok, err := b.Rearm(ctx, store.DeliveryID{Seq: seq}, false)
		if !ok || err != nil {
			b.t.Fatalf("%v: %v %v", state, ok, err)
		}
		d := b.at(seq)
		if d.State != store.Pending || !d.Due.Equal(b.clock()) || d.Attempts != 1 || (d.Step == 0) != (state != store.Pending) || d.Armed.Equal(b.clock()) != (state != store.Pending) {
			b.t.Errorf("%v: %+v", state, d)
		}
	}
	b.counts(store.Count{Pending: 3})
	if ok, err := b.Rearm(ctx, store.DeliveryID{Seq: 7}, false); ok || err != nil {
		b.t.Errorf("no such delivery: %v %v", ok, err)
	}
	erased := b.delivered(b.event("erased", "body"))
	b.must(b.Erase(ctx, erased))
	ok, err := b.Rearm(ctx, store.DeliveryID{Seq: erased}, false)
	b.wants(err, store.ErrGone)
	if ok || b.at(erased).State != store.Delivered {
		b.t.Error("re-armed without a payload")
	}
}

// forget: a copy of a forgotten event is new, whatever its state, also after a restart.
func forget(b *bed) {
	ctx := b.t.Context()
	for n, state := range []store.State{store.Pending, store.Delivered, store.Dead} {
		a := b.event(state.String(), "body")
		seq := b.settled(a, state)
		b.must(b.Forget(ctx, seq))
		b.must(b.Forget(ctx, seq)) // again is no error
		if n == 1 {
			b.reopen()
		}
		again := b.stored(a)
		b.must(b.Forget(ctx, seq)) // nor does it concern the copy
		b.expect(a, store.Verdict{Result: store.Duplicate, Seq: again})
		if d := b.at(seq); d.State != state || d.Head == nil {
			b.t.Errorf("the forgotten event is %+v", d)
		}
	}
	b.wants(b.Forget(ctx, 7), store.ErrNotFound)
}

// erase: nothing is left of what was sent and answered, but the key; what was pending
// is dead.
func erase(b *bed) {
	ctx := b.t.Context()
	for _, state := range []store.State{store.Pending, store.Delivered, store.Dead} {
		a := b.event(state.String(), "body")
		seq := b.settled(a, state)
		b.advance(time.Minute)
		b.must(b.Erase(ctx, seq))
		b.must(b.Erase(ctx, seq))
		d := b.at(seq)
		if d.Head != nil || d.Body != nil || d.State == store.Pending || (state == store.Pending) != (d.Reason == "erased") {
			b.t.Errorf("%v: %+v", state, d)
		}
		made, err := b.Attempts(ctx, store.DeliveryID{Seq: seq})
		if err != nil || len(made) != 1 || made[0].Response != nil || made[0].Status != 200 {
			b.t.Errorf("%v: attempts %+v %v", state, made, err)
		}
		// An attempt that was in flight leaves no answer either.
		b.settle(b.outcome(seq, store.Delivered, 2))
		made, err = b.Attempts(ctx, store.DeliveryID{Seq: seq})
		if err != nil || len(made) != 2 || made[1].Response != nil {
			b.t.Errorf("%v: attempts %+v %v", state, made, err)
		}
		if v := b.accept(a); v.Seq != seq {
			b.t.Errorf("%v: a copy is %+v", state, v)
		}
	}
	i := b.accept(ignored(b.event("ignored", "body"))).Seq
	b.must(b.Erase(ctx, i))
	b.wants(b.Erase(ctx, 7), store.ErrNotFound)
	b.counted(destA)
}

// pauses: they outlive restarts, and begin when they were first asked for.
func pauses(b *bed) {
	ctx := b.t.Context()
	since := b.clock()
	b.must(b.Pause(ctx, destA))
	b.advance(time.Hour)
	b.must(b.Pause(ctx, destA))
	b.must(b.Pause(ctx, "source/b"))
	b.reopen()
	paused, err := b.Pauses(ctx)
	if err != nil || len(paused) != 2 || !paused[destA].Equal(since) || !paused["source/b"].Equal(b.clock()) {
		b.t.Errorf("%v %v", paused, err)
	}
	b.must(b.Resume(ctx, destA))
	b.must(b.Resume(ctx, destA))
	if paused, err := b.Pauses(ctx); err != nil || len(paused) != 1 {
		b.t.Errorf("%v %v", paused, err)
	}
}

// adopt: after a rename all events and deliveries are the new source's, a part at a
// time, and the counts with them.
func adopt(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 12 {
		a := b.eventOf("old", strconv.Itoa(n), "body")
		switch n % 4 {
		case 0:
			seqs = append(seqs, b.stored(a))
		case 1:
			seqs = append(seqs, b.delivered(a))
		case 2:
			seqs = append(seqs, b.dead(a))
		case 3:
			seqs = append(seqs, b.accept(ignored(a)).Seq)
		}
		b.stored(b.eventOf("other", strconv.Itoa(n), "body"))
	}
	for _, want := range []int64{5, 5, 2, 0, 0} {
		if n, err := b.Adopt(ctx, "old", "a", 5); n != want || err != nil {
			b.t.Fatalf("%d adopted, %v, want %d", n, err, want)
		}
		b.counted(destA)
	}
	b.counts(store.Count{Pending: 3, Dead: 3})
	if c := b.counted("source/old"); c != (store.Count{}) {
		b.t.Errorf("old: %+v", c)
	}
	for n, seq := range seqs {
		if d := b.at(seq); d.Source != "a" || d.Origin != "old" || (d.Destination != destA && n%4 != 3) {
			b.t.Errorf("%+v", d)
		}
	}
	// What still comes under the old name is adopted when it is asked for again.
	b.stored(b.eventOf("old", "late", "body"))
	if n, err := b.Adopt(ctx, "old", "a", 5); n != 1 || err != nil {
		b.t.Errorf("%d adopted, %v", n, err)
	}
	b.reopen()
	b.counts(store.Count{Pending: 4, Dead: 3})
	// A rename that is taken back, and made again, finds everything each time.
	for _, names := range [][2]string{{"a", "old"}, {"old", "a"}, {"a", "old"}, {"old", "a"}} {
		total := int64(0)
		for n := int64(1); n > 0; total += n {
			var err error
			n, err = b.Adopt(ctx, names[0], names[1], 5)
			b.must(err)
		}
		if total != 13 {
			b.t.Errorf("%d adopted from %s by %s", total, names[0], names[1])
		}
	}
	b.counts(store.Count{Pending: 4, Dead: 3})
}

// adoptInFlight: an attempt that began under the old name settles the delivery, and
// counts for the new one.
func adoptInFlight(b *bed) {
	seq := b.stored(b.eventOf("old", "e", "body"))
	o := b.outcome(seq, store.Dead, 1)
	o.Destination = "source/old"
	if n, err := b.Adopt(b.t.Context(), "old", "a", 5); n != 1 || err != nil {
		b.t.Fatalf("%d adopted, %v", n, err)
	}
	b.settle(o)
	b.counts(store.Count{Dead: 1})
	if d := b.at(seq); d.State != store.Dead || d.Destination != destA {
		b.t.Errorf("%+v", d)
	}
}
