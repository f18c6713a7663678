package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

// duplicates is the table of what a copy is answered, one row a state of the event
// that holds the key.
func duplicates(b *bed) {
	rows := []struct {
		name string
		make func(a *store.Arrival) int64 // brings the known event there
		want store.Verdict
		then store.State
	}{
		{"delivered", b.delivered, store.Verdict{Result: store.Duplicate}, store.Delivered},
		{"due, or in an attempt", b.stored, store.Verdict{Result: store.Duplicate}, store.Pending},
		{"waiting", func(a *store.Arrival) int64 { return b.settled(a, store.Pending) }, store.Verdict{Result: store.Duplicate, Due: true}, store.Pending},
		{"dead", b.dead, store.Verdict{Result: store.Rearmed, Due: true}, store.Pending},
		{"erased", func(a *store.Arrival) int64 {
			seq := b.stored(a)
			b.must(b.Erase(b.t.Context(), seq))
			return seq
		}, store.Verdict{Result: store.Rearmed, Due: true}, store.Pending},
		{"ignored", func(a *store.Arrival) int64 { return b.accept(ignored(a)).Seq }, store.Verdict{Result: store.Stored}, store.Pending},
		{"forgotten", func(a *store.Arrival) int64 {
			seq := b.delivered(a)
			b.must(b.Forget(b.t.Context(), seq))
			return seq
		}, store.Verdict{Result: store.Stored}, store.Pending},
		{"never seen", func(*store.Arrival) int64 { return 0 }, store.Verdict{Result: store.Stored}, store.Pending},
	}
	for _, restart := range []bool{false, true} {
		for _, row := range rows {
			a := b.event(fmt.Sprint(row.name, restart), "body")
			known := row.make(a)
			if restart {
				b.reopen()
			}
			b.advance(10 * time.Minute)
			v := b.accept(a)
			want := row.want
			want.Seq = known
			if want.Result == store.Stored {
				want.Seq = v.Seq
			}
			if v != want || (want.Result == store.Stored) == (v.Seq == known) {
				b.t.Errorf("%s, restart %v: %+v, want %+v", row.name, restart, v, want)
			}
			if d := b.at(v.Seq); d.State != row.then || (d.State == store.Pending && (d.Due.After(b.clock()) || d.Head == nil)) {
				b.t.Errorf("%s, restart %v: then it is %+v", row.name, restart, d)
			}
			b.counted(destA)
		}
	}
}

// deadIsRearmed: a dead event that is resent starts its schedule anew, at any age.
func deadIsRearmed(b *bed) {
	a := b.event("e", "body")
	seq := b.dead(a)
	b.counts(store.Count{Dead: 1})
	b.advance(400 * 24 * time.Hour)
	b.reopen()
	b.expect(a, store.Verdict{Result: store.Rearmed, Seq: seq, Due: true})
	d := b.at(seq)
	if d.State != store.Pending || d.Step != 0 || d.Attempts != 1 || !d.Armed.Equal(b.clock()) || !d.Due.Equal(b.clock()) || d.Reason != "" || !d.Settled.IsZero() {
		b.t.Errorf("re-armed: %+v", d)
	}
	b.counts(store.Count{Pending: 1})
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq})
}

// erasedIsRearmed: an event whose payload is gone gets it back from its copy.
func erasedIsRearmed(b *bed) {
	a := b.event("e", "body")
	a.Key.Aside, a.Key.Body = store.Digest{}, store.Digest{} // the id alone decides
	seq := b.dead(a)
	b.must(b.Erase(b.t.Context(), seq))
	a.Body = []byte("another body")
	b.expect(a, store.Verdict{Result: store.Rearmed, Seq: seq, Due: true})
	if d := b.at(seq); string(d.Body) != "another body" || d.Size != int64(len("another body")) {
		b.t.Errorf("%+v", d)
	}
	// A dead one that has its payload keeps it.
	b.settle(b.outcome(seq, store.Dead, 2))
	a.Body = []byte("a third")
	b.expect(a, store.Verdict{Result: store.Rearmed, Seq: seq, Due: true})
	if d := b.at(seq); string(d.Body) != "another body" {
		b.t.Errorf("%+v", d)
	}
}

// ignoredIsJudgedAnew: what only left out is stored if it passes now; what it leaves
// out now stays as it is.
func ignoredIsJudgedAnew(b *bed) {
	a := b.event("e", "body")
	first := b.expect(ignored(a), store.Verdict{Result: store.Ignored}).Seq
	b.expect(ignored(a), store.Verdict{Result: store.Ignored, Seq: first})
	if d := b.at(first); d.State != store.IgnoredState || d.Destination != "" || d.Head != nil || d.Body != nil {
		b.t.Errorf("ignored: %+v", d)
	}
	b.counts(store.Count{})
	seq := b.stored(a)
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq})
	b.expect(ignored(a), store.Verdict{Result: store.Duplicate, Seq: seq})
	b.settle(b.outcome(seq, store.Dead, 1))
	b.expect(ignored(a), store.Verdict{Result: store.Ignored, Seq: seq})
	if d := b.at(seq); d.State != store.Dead {
		b.t.Errorf("a dead event that is not forwarded any more: %+v", d)
	}
	b.reopen()
	b.expect(a, store.Verdict{Result: store.Rearmed, Seq: seq, Due: true})
}

// hurry: copies of a waiting event make it due, but no more often than once a minute.
func hurry(b *bed) {
	a := b.event("e", "body")
	seq := b.stored(a)
	waits := func() {
		o := b.outcome(seq, store.Pending, 1)
		b.settle(o)
	}
	waits()
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq, Due: true})
	waits()
	b.advance(time.Minute - time.Millisecond)
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq})
	if d := b.at(seq); !d.Due.After(b.clock()) {
		b.t.Errorf("due at %v", d.Due)
	}
	b.advance(time.Millisecond)
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq, Due: true})
	if d := b.at(seq); !d.Due.Equal(b.clock()) || d.Step != 1 {
		b.t.Errorf("%+v", d)
	}
}

// conflict: an id that comes with another body is another event, and both are
// remembered.
func conflict(b *bed) {
	one, two := b.event("e", "one"), b.event("e", "two")
	first := b.delivered(one)
	second := b.expect(two, store.Verdict{Result: store.Stored, Conflict: true}).Seq
	b.reopen()
	b.expect(one, store.Verdict{Result: store.Duplicate, Seq: first})
	b.expect(two, store.Verdict{Result: store.Duplicate, Seq: second, Conflict: true})
	// Once the first is forgotten, the second is still known.
	b.must(b.Forget(b.t.Context(), first))
	b.expect(two, store.Verdict{Result: store.Duplicate, Seq: second})
	b.expect(one, store.Verdict{Result: store.Stored})
}

// idAlone: where the body varies by attempt it does not count.
func idAlone(b *bed) {
	a := b.event("e", "one")
	a.Key = &store.Key{ID: sum("e")}
	seq := b.stored(a)
	a = b.event("e", "two")
	a.Key = &store.Key{ID: sum("e")}
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq})
}

// preclaim: an old body under a foreseen id does not keep the genuine event out.
func preclaim(b *bed) {
	old := b.delivered(b.event("msg_1", "old body"))
	b.expect(b.event("msg_2", "old body"), store.Verdict{Result: store.Stored})
	genuine := b.expect(b.event("msg_2", "genuine body"), store.Verdict{Result: store.Stored, Conflict: true}).Seq
	if genuine == old || string(b.at(genuine).Body) != "genuine body" {
		b.t.Error("the genuine event is not stored")
	}
}

// withinATransaction: copies in one transaction are told as well.
func withinATransaction(b *bed) {
	const copies = 64
	verdicts := make([]store.Verdict, copies)
	b.together(copies, func(n int) {
		a := b.event("e", "body")
		switch n % 8 {
		case 1:
			a = ignored(a)
		case 2:
			a = b.event("e", "other body")
		}
		verdicts[n] = b.accept(a)
	})
	seqs := map[int64]bool{}
	for n, v := range verdicts {
		if v.Result == store.Stored {
			seqs[v.Seq] = true
			if d := b.at(v.Seq); (string(d.Body) == "other body") != (n%8 == 2) {
				b.t.Errorf("event %d has the body %q", n, d.Body)
			}
		}
	}
	if len(seqs) != 2 {
		b.t.Errorf("%d events are stored, want 2", len(seqs))
	}
	b.counts(store.Count{Pending: 2})
}

// together calls a function n times at once, while the committer is kept busy: what is
// called shares transactions.
func (b *bed) together(n int, call func(n int)) {
	b.t.Helper()
	busy, begun := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- b.Do(b.t.Context(), func(*store.Tx) error {
			close(begun)
			<-busy
			return nil
		})
	}()
	<-begun
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { call(i) })
	}
	time.AfterFunc(20*time.Millisecond, func() { close(busy) }) // they queue up meanwhile
	all.Wait()
	b.must(<-held)
}

// copiesAtOnce: many copies of many ids, from many senders, across restarts: each is
// stored once.
func copiesAtOnce(b *bed) {
	const ids, copies, restarts = 50, 100, 4
	var mu sync.Mutex
	stored := map[string]int64{}
	for round := range restarts {
		var all sync.WaitGroup
		for range copies / restarts {
			all.Go(func() {
				for n := range ids {
					id := fmt.Sprint("msg", (n*7+round)%ids)
					v, err := b.Accept(b.t.Context(), b.event(id, "body of "+id))
					if err != nil {
						b.t.Errorf("%s: %v", id, err)
						return
					}
					mu.Lock()
					if v.Result == store.Stored {
						if _, twice := stored[id]; twice {
							b.t.Errorf("%s is stored twice", id)
						}
						stored[id] = v.Seq
					} else if v.Result != store.Duplicate {
						b.t.Errorf("%s: %+v", id, v)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		b.reopen()
	}
	if len(stored) != ids {
		b.t.Errorf("%d are stored, want %d", len(stored), ids)
	}
	b.counts(store.Count{Pending: ids})
}

// window: a key is kept for the longer of what held when the event came and what holds
// today, from when the event was settled; of a pending or dead one for ever.
func window(b *bed) {
	for _, c := range []struct {
		then, today time.Duration
		make        func(*store.Arrival) int64
		after       time.Duration
		known       bool
	}{
		{window72, window72, b.delivered, window72 - time.Millisecond, true},
		{window72, window72, b.delivered, window72, false},
		{window72, time.Hour, b.delivered, window72 - time.Millisecond, true},
		{time.Hour, window72, b.delivered, window72 - time.Millisecond, true},
		{time.Hour, time.Hour, b.delivered, time.Hour, false},
		{time.Hour, time.Hour, b.stored, 1000 * time.Hour, true},
		{time.Hour, time.Hour, b.dead, 1000 * time.Hour, true},
	} {
		a := b.event(fmt.Sprint(b.clock()), "body")
		a.Window = c.then
		seq := c.make(a)
		b.advance(c.after)
		again := b.eventOf("a", a.ID, "body")
		again.Window = c.today
		if v := b.accept(again); (v.Seq == seq) != c.known {
			b.t.Errorf("%v then, %v today, after %v: %+v", c.then, c.today, c.after, v)
		}
		b.advance(time.Hour)
	}
	// It runs from when the event was settled, not from when it came.
	a := b.event("late", "body")
	seq := b.stored(a)
	b.advance(100 * time.Hour)
	b.settle(b.outcome(seq, store.Delivered, 1))
	b.advance(window72 - time.Millisecond)
	b.expect(a, store.Verdict{Result: store.Duplicate, Seq: seq})
	// An ignored event is settled when it comes.
	i := b.event("ignored", "body")
	first := b.accept(ignored(i)).Seq
	b.advance(window72)
	if again := b.expect(ignored(i), store.Verdict{Result: store.Ignored}).Seq; again == first {
		b.t.Error("an ignored event is known after its window")
	}
}

// formerNames: what is known under an earlier name of its source is a copy.
func formerNames(b *bed) {
	old := b.delivered(b.eventOf("old", "e", "body"))
	renamed := func(id, body string) *store.Arrival {
		a := b.eventOf("new", id, body)
		a.Key.Former = []store.Key{*key("older", id, body), *key("old", id, body)}
		return a
	}
	b.expect(renamed("e", "body"), store.Verdict{Result: store.Duplicate, Seq: old})
	seq := b.expect(renamed("e", "other body"), store.Verdict{Result: store.Stored, Conflict: true}).Seq
	b.expect(renamed("e", "other body"), store.Verdict{Result: store.Duplicate, Seq: seq, Conflict: true})
	b.expect(renamed("f", "body"), store.Verdict{Result: store.Stored})
	i := b.accept(ignored(b.eventOf("old", "g", "body"))).Seq
	g := b.expect(renamed("g", "body"), store.Verdict{Result: store.Stored}).Seq
	if g == i {
		b.t.Error("an ignored event was not judged anew")
	}
	b.expect(ignored(renamed("g", "body")), store.Verdict{Result: store.Duplicate, Seq: g})
	b.advance(2 * window72)
	b.expect(renamed("e", "body"), store.Verdict{Result: store.Stored, Conflict: true}) // the other one is pending
}

// withoutKey: what has no key is always new.
func withoutKey(b *bed) {
	a := b.event("e", "body")
	a.Key = nil
	if first, second := b.stored(a), b.stored(a); first == second {
		b.t.Error("both are the same event")
	}
}
