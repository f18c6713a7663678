package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

const day = 24 * time.Hour

// what says what is left of an event: "all", "row" (no payload) or "nothing".
func (b *bed) what(seq int64) string {
	b.t.Helper()
	d, err := b.Event(b.t.Context(), seq)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "nothing"
	case err != nil:
		b.t.Fatal(err)
	case d.Head == nil:
		return "row"
	}
	return "all"
}

func (b *bed) left(name string, seq int64, want string) {
	b.t.Helper()
	if got := b.what(seq); got != want {
		b.t.Errorf("%s: %s is left, want %s", name, got, want)
	}
}

func (b *bed) sweep() {
	b.t.Helper()
	b.must(b.Sweep(b.t.Context()))
	b.counted(destA)
}

// retentionByAge: payloads of delivered and ignored events go past the age, their rows
// once nothing is remembered by them; pending and dead ones stay.
func retentionByAge(b *bed) {
	short, long := b.event("short", "body"), b.event("long", "body")
	short.Window, long.Window = time.Hour, 20*day
	b.SetRetention(store.Retention{Age: 7 * day, Dead: 100 * day})
	seqs := map[string]int64{
		"short": b.delivered(short), "long": b.delivered(long), "pending": b.stored(b.event("pending", "body")), "dead": b.dead(b.event("dead", "body")),
		"ignored": b.accept(ignored(b.event("ignored", "body"))).Seq, "rescheduled": b.settled(b.event("rescheduled", "body"), store.Pending),
	}
	forgotten := b.event("forgotten", "body")
	forgotten.Window = 20 * day
	seqs["forgotten"] = b.delivered(forgotten)
	b.must(b.Forget(b.t.Context(), seqs["forgotten"]))
	late := b.stored(b.event("late", "body")) // comes now, and is delivered 5 days later
	check := func(when string, want map[string]string) {
		b.t.Helper()
		b.sweep()
		for name, left := range want {
			b.left(when+", "+name, seqs[name], left)
		}
	}
	all := map[string]string{"short": "all", "long": "all", "pending": "all", "dead": "all", "ignored": "row", "rescheduled": "all", "forgotten": "all"}
	check("at once", all)
	b.advance(5 * day)
	b.settle(b.outcome(late, store.Delivered, 1))
	b.advance(2*day - time.Millisecond)
	check("just before its age", all)
	b.advance(time.Millisecond)
	after := map[string]string{"short": "nothing", "long": "row", "pending": "all", "dead": "all", "ignored": "nothing", "rescheduled": "all", "forgotten": "nothing"}
	check("at its age", after)
	b.left("delivered late", late, "all")
	if made, err := b.Attempts(b.t.Context(), store.DeliveryID{Seq: seqs["long"]}); err != nil || len(made) != 1 || made[0].Response != nil {
		b.t.Errorf("the responses went not with the payload: %+v %v", made, err)
	}
	if made, err := b.Attempts(b.t.Context(), store.DeliveryID{Seq: seqs["short"]}); err != nil || len(made) != 0 {
		b.t.Errorf("the attempts went not with the event: %+v %v", made, err)
	}
	b.reopen()
	b.SetRetention(store.Retention{Age: 7 * day, Dead: 100 * day})
	b.expect(long, store.Verdict{Result: store.Duplicate, Seq: seqs["long"]}) // its key is not gone early
	b.expect(short, store.Verdict{Result: store.Stored})
	b.advance(5 * day)
	b.sweep()
	b.left("delivered late, at its age", late, "nothing")
	b.advance(8 * day)
	after["long"] = "nothing"
	check("when its window is over", after)
	b.expect(long, store.Verdict{Result: store.Stored})

	// The window that holds today counts as well, and ages may be without end.
	again := b.delivered(b.event("again", "body"))
	b.advance(30 * day)
	b.SetRetention(store.Retention{Age: 7 * day, Window: func(source string) (time.Duration, bool) { return 31 * day, source == "a" }})
	b.sweep()
	b.left("under a longer window", again, "row")
	b.left("dead letters without end", seqs["dead"], "all")
	b.SetRetention(store.Retention{})
	b.advance(1000 * day)
	b.sweep()
	b.left("without any end", again, "row")
}

// retentionOfDead: dead letters have an age of their own; their keys stay for the
// window, and a copy brings the event back meanwhile.
func retentionOfDead(b *bed) {
	b.SetRetention(store.Retention{Age: time.Hour, Dead: 30 * day})
	a, c := b.event("long window", "body"), b.event("short window", "body")
	a.Window, c.Window = 35*day, day
	long, short := b.dead(a), b.dead(c)
	b.counts(store.Count{Dead: 2})
	b.advance(30*day - time.Millisecond)
	b.sweep()
	b.left("young", long, "all")
	b.left("young", short, "all")
	b.advance(time.Millisecond)
	b.sweep()
	b.left("past dead", long, "row")
	b.left("past dead", short, "nothing")
	b.counts(store.Count{Dead: 1})
	b.expect(a, store.Verdict{Result: store.Rearmed, Seq: long, Due: true})
	b.left("resent", long, "all")
	b.settle(b.outcome(long, store.Dead, 2))
	b.advance(35 * day)
	b.sweep()
	b.left("past its window", long, "nothing")
	b.counts(store.Count{})
}

// retentionBySize: while too much is stored the oldest payloads go first, then what is
// left of events that need not be remembered; never what is pending, nor dead letters,
// nor keys.
func retentionBySize(b *bed) {
	body := string(make([]byte, 32<<10))
	var done []int64
	var arrivals []*store.Arrival
	pending := b.stored(b.event("pending", body))
	dead := b.dead(b.event("dead", body))
	for n := range 100 {
		a := b.event(strconv.Itoa(n), body)
		if n%2 == 0 {
			a.Window = time.Millisecond
		}
		arrivals, done = append(arrivals, a), append(done, b.delivered(a))
		b.advance(time.Minute)
	}
	b.sweep() // without a setting nothing goes
	used := func() int64 { return b.used() }
	full := used()
	limit := full - 1<<20
	b.SetRetention(store.Retention{Age: 1000 * day, Dead: 1000 * day, Size: limit})
	b.sweep()
	if now := used(); now > limit || now < limit-600<<10 {
		b.t.Errorf("%d bytes of %d are used, and %d may be", now, full, limit)
	}
	b.left("the oldest", done[0], "row")
	b.left("the newest", done[99], "all")
	emptied := 0
	for _, seq := range done {
		if b.what(seq) == "row" {
			emptied++
		} else if b.what(seq) == "nothing" {
			b.t.Error("a row is gone although it was enough to delete payloads")
		}
	}
	for _, seq := range done[:emptied] {
		b.left("in their order", seq, "row")
	}
	// Nothing can be small enough: all that may go goes.
	b.SetRetention(store.Retention{Age: 1000 * day, Dead: 1000 * day, Size: 1})
	b.sweep()
	for n, seq := range done {
		if n%2 == 0 {
			b.left("everything may go", seq, "nothing")
		} else {
			b.left("a key is remembered", seq, "row")
			b.expect(arrivals[n], store.Verdict{Result: store.Duplicate, Seq: seq})
		}
	}
	b.left("pending", pending, "all")
	b.left("dead", dead, "all")
	b.counts(store.Count{Pending: 1, Dead: 1})
}

// used is how many bytes are stored now.
func (b *bed) used() int64 {
	b.t.Helper()
	b.reopen() // which looks
	used := b.Space().Used
	return used
}

// retentionGoesOn: more than fits into one transaction goes, and what is sent meanwhile
// is taken; a clock that was wrong once does not end it.
func retentionGoesOn(b *bed) {
	b.SetRetention(store.Retention{Age: day})
	b.advance(365 * day) // the clock is wrong
	odd := b.delivered(b.event("odd", "body"))
	b.advance(-365 * day)
	var all []int64
	for n := range 450 {
		a := b.event(strconv.Itoa(n), "body")
		a.Window = time.Hour
		all = append(all, b.delivered(a))
	}
	b.advance(2 * day)
	fresh := b.delivered(b.event("fresh", "body"))
	swept := make(chan error, 1)
	go func() { swept <- b.Sweep(b.t.Context()) }()
	for n := range 50 {
		b.stored(b.event(fmt.Sprint("meanwhile", n), "body"))
	}
	b.must(<-swept)
	for _, seq := range all {
		b.left("old", seq, "nothing")
	}
	b.left("fresh", fresh, "all")
	b.left("from the future", odd, "all")
	b.counts(store.Count{Pending: 50})
}

// retentionOfMessages: a message goes as a whole once its own time is over, which runs from
// when its last delivery was settled, whatever holds for the events of sources.
func retentionOfMessages(b *bed) {
	kept := store.Retention{Age: 2 * day, Dead: 100 * day, Messages: day, Window: func(string) (time.Duration, bool) { return 300 * day, true }}
	b.SetRetention(kept)
	message := func(name string, keep time.Duration, to ...string) int64 {
		a := b.message(name, "body", to...)
		a.Window = keep
		return b.accept(a).Seq
	}
	short, long, ever := message("short", day, epA, epB), message("long", 10*day, epA), message("ever", 0, epA)
	none, waits := message("none", 3*day), message("waits", day, epA, epB)
	event := b.delivered(b.event("event", "body"))
	for _, seq := range []int64{long, ever, waits} {
		b.tried(store.DeliveryID{Seq: seq}, epA, store.Dead, 1, 500)
	}
	b.tried(store.DeliveryID{Seq: short}, epA, store.Delivered, 1, 200)
	b.advance(day / 2)
	b.tried(store.DeliveryID{Seq: short, N: 1}, epB, store.Dead, 1, 500)
	check := func(when string, want map[int64]string) {
		b.t.Helper()
		b.sweep()
		for seq, left := range want {
			b.left(when, seq, left)
		}
	}
	all := map[int64]string{short: "all", long: "all", ever: "all", none: "all", waits: "all", event: "all"}
	b.advance(day - time.Millisecond)
	check("just before the shortest is over", all)
	b.advance(time.Millisecond)
	all[short] = "nothing"
	check("when it is", all)
	b.advance(3*day/2 - time.Millisecond)
	all[event] = "row"
	check("just before that without a delivery is over", all)
	b.advance(time.Millisecond)
	all[none] = "nothing"
	check("when it is", all)
	b.reopen()
	b.SetRetention(kept)
	b.expect(b.message("short", "body", epA), store.Verdict{Result: store.Stored})
	b.expect(b.message("long", "body", epA), store.Verdict{Result: store.Duplicate, Seq: long})
	b.advance(7*day - time.Millisecond)
	check("just before the longest is over", all)
	b.advance(time.Millisecond)
	all[long] = "nothing"
	check("when it is", all)
	b.advance(1000 * day)
	check("at last", map[int64]string{ever: "all", waits: "all", event: "nothing"})
	if got := b.counted(epB); got.Pending != 1 || got.Dead != 0 {
		b.t.Errorf("%+v", got)
	}
}
