package storetest

import (
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// settling: each state is written as the outcome says; what is not pending stays.
func settling(b *bed) {
	ctx := b.t.Context()
	seq := b.stored(b.event("e", "body"))
	b.advance(time.Second)
	b.settle(b.outcome(seq, store.Pending, 1))
	d := b.at(seq)
	if d.State != store.Pending || d.Step != 1 || d.Attempts != 1 || !d.Due.Equal(b.clock().Add(time.Hour)) || !d.Settled.IsZero() || !d.Armed.Equal(d.Received) {
		b.t.Errorf("rescheduled: %+v", d)
	}
	b.counts(store.Count{Pending: 1})
	b.advance(time.Hour)
	b.settle(b.outcome(seq, store.Dead, 2))
	if d := b.at(seq); d.State != store.Dead || d.Step != 2 || d.Attempts != 2 || !d.Settled.Equal(b.clock()) || d.Reason != "exhausted" {
		b.t.Errorf("dead: %+v", d)
	}
	b.counts(store.Count{Dead: 1})
	b.advance(time.Hour)
	b.settle(b.outcome(seq, store.Delivered, 3)) // it was in flight when the event was given up
	if d := b.at(seq); d.State != store.Delivered || !d.Settled.Equal(b.clock()) || d.Reason != "" {
		b.t.Errorf("delivered after all: %+v", d)
	}
	b.counts(store.Count{})
	delivered := b.clock()
	b.advance(time.Hour)
	b.settle(b.outcome(seq, store.Dead, 4)) // nor does anything undo that
	if d := b.at(seq); d.State != store.Delivered || !d.Settled.Equal(delivered) {
		b.t.Errorf("settled although it was settled: %+v", d)
	}
	b.counts(store.Count{})
	if made, err := b.Attempts(ctx, store.DeliveryID{Seq: seq}); err != nil || len(made) != 4 || made[3].Response != nil || made[1].Response == nil {
		b.t.Errorf("attempts: %+v %v", made, err)
	}
	// Without an attempt: given up by the engine.
	other := b.stored(b.event("f", "body"))
	o := b.outcome(other, store.Dead, 0)
	o.Attempt = nil
	b.settle(o)
	if d := b.at(other); d.State != store.Dead || d.Attempts != 0 {
		b.t.Errorf("given up: %+v", d)
	}
	// Of an event that is not there nothing is left but the attempt.
	b.settle(b.outcome(12345, store.Delivered, 1))
	b.counts(store.Count{Dead: 1})
}

// settleTwice: an outcome may be written again if it was open whether it is.
func settleTwice(b *bed) {
	seq := b.stored(b.event("e", "body"))
	for range 2 {
		b.settle(b.outcome(seq, store.Pending, 1))
	}
	if d := b.at(seq); d.Attempts != 1 || d.Step != 1 {
		b.t.Errorf("%+v", d)
	}
	for range 2 {
		b.settle(b.outcome(seq, store.Delivered, 2))
	}
	made, err := b.Attempts(b.t.Context(), store.DeliveryID{Seq: seq})
	if err != nil || len(made) != 2 || b.at(seq).Attempts != 2 {
		b.t.Errorf("%d attempts: %v", len(made), err)
	}
	b.counts(store.Count{})
	// An earlier one that is written late takes nothing back.
	other := b.stored(b.event("f", "body"))
	b.settle(b.outcome(other, store.Pending, 2))
	b.settle(b.outcome(other, store.Pending, 1))
	if d := b.at(other); d.Attempts != 2 {
		b.t.Errorf("%+v", d)
	}
}

// due: what is due comes first that is due longest; what is held is left out, however
// much of it there is.
func due(b *bed) {
	ctx := b.t.Context()
	start := b.clock()
	var seqs []int64
	for n := range 10 {
		seqs = append(seqs, b.stored(b.event(strconv.Itoa(n), "body")))
		b.stored(b.eventOf("b", strconv.Itoa(n), "body"))
		b.advance(time.Second)
	}
	// The third waits for 5 s from now, the fourth is settled.
	o := b.outcome(seqs[2], store.Pending, 1)
	o.Due = b.clock().Add(5 * time.Second)
	b.settle(o)
	b.settle(b.outcome(seqs[3], store.Delivered, 1))
	check := func(by time.Time, n int, held []int64, want ...int64) {
		b.t.Helper()
		hold := map[store.DeliveryID]bool{}
		for _, seq := range held {
			hold[store.DeliveryID{Seq: seq}] = true
		}
		page, err := b.Claim(ctx, destA, by, n, hold)
		b.must(err)
		var got []int64
		for _, d := range page {
			got = append(got, d.Seq)
			if string(d.Body) != "body" || d.Destination != destA {
				b.t.Errorf("%+v", d)
			}
		}
		if !slices.Equal(got, want) {
			b.t.Errorf("by %v, %d, without %v: %v, want %v", by, n, held, got, want)
		}
	}
	now := b.clock()
	check(now, 100, nil, seqs[0], seqs[1], seqs[4], seqs[5], seqs[6], seqs[7], seqs[8], seqs[9])
	check(now, 2, nil, seqs[0], seqs[1])
	check(now, 2, seqs[:6], seqs[6], seqs[7])
	check(now, 3, seqs, []int64{}...)
	check(start, 100, nil, seqs[0])
	check(start.Add(-1), 100, nil)
	check(now.Add(5*time.Second), 100, seqs[4:], seqs[0], seqs[1], seqs[2])
	if next, err := b.NextDue(ctx, destA, now); err != nil || !next.Equal(o.Due) {
		b.t.Errorf("next due at %v, %v", next, err)
	}
	if next, err := b.NextDue(ctx, destA, o.Due); err != nil || !next.IsZero() {
		b.t.Errorf("next due at %v, %v", next, err)
	}
	if oldest, err := b.Oldest(ctx, destA); err != nil || !oldest.Equal(start) {
		b.t.Errorf("the oldest was armed at %v, %v", oldest, err)
	}
	if oldest, err := b.Oldest(ctx, "source/none"); err != nil || !oldest.IsZero() {
		b.t.Errorf("the oldest of none was armed at %v, %v", oldest, err)
	}
	// What was erased in between is dead, and not due.
	b.must(b.Erase(ctx, seqs[0]))
	check(now, 1, nil, seqs[1])
}

// release: what waits is due at once, the oldest first; not what was attempted since,
// and not more than was asked for.
func release(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 6 {
		a := b.event(strconv.Itoa(n), "body")
		seq := b.stored(a)
		o := b.outcome(seq, store.Pending, 1)
		o.Due = b.clock().Add(time.Duration(10-n) * time.Hour) // the newest would be due first
		b.settle(o)
		seqs = append(seqs, seq)
		b.advance(time.Minute)
	}
	up := b.clock()
	b.advance(time.Minute)
	late := b.outcome(seqs[5], store.Pending, 2)
	b.settle(late)
	if n, err := b.Release(ctx, destA, up, 2); n != 2 || err != nil {
		b.t.Fatalf("%d released, %v", n, err)
	}
	if n, err := b.Release(ctx, destA, up, 100); n != 3 || err != nil {
		b.t.Fatalf("%d released, %v", n, err)
	}
	if n, err := b.Release(ctx, destA, up, 100); n != 0 || err != nil {
		b.t.Fatalf("%d released, %v", n, err)
	}
	page, err := b.Claim(ctx, destA, b.clock(), 10, nil)
	b.must(err)
	for i, d := range page {
		if d.Seq != seqs[i] || d.Step != 1 {
			b.t.Errorf("%d is %+v", i, d)
		}
	}
	if len(page) != 5 || !b.at(seqs[5]).Due.Equal(late.Due) {
		b.t.Errorf("%d are due", len(page))
	}
	b.counts(store.Count{Pending: 6})
}

// expire: what was armed before a time is given up, a part at a time.
func expire(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 5 {
		seqs = append(seqs, b.stored(b.event(strconv.Itoa(n), "body")))
		b.stored(b.eventOf("b", strconv.Itoa(n), "body"))
		b.advance(time.Hour)
	}
	before := b.at(seqs[3]).Armed
	total := int64(0)
	for _, want := range []int64{2, 1, 0} {
		n, err := b.Expire(ctx, destA, before, "expired", 2)
		if n != want || err != nil {
			b.t.Fatalf("%d have expired, %v, want %d", n, err, want)
		}
		total += n
	}
	for i, seq := range seqs {
		d := b.at(seq)
		if (d.State == store.Dead) != (i < 3) || (i < 3 && (d.Reason != "expired" || !d.Settled.Equal(b.clock()))) {
			b.t.Errorf("%d is %+v", i, d)
		}
	}
	b.counts(store.Count{Pending: 2, Dead: total})
	if c := b.counted("source/b"); c != (store.Count{Pending: 5}) {
		b.t.Errorf("b: %+v", c)
	}
}
