package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	tenant = "app_1"
	epA    = "ep_a"
	epB    = "ep_b"
)

// soon is when the next of many messages comes: all of them are there before their numbers
// are far from the clock.
const soon = 200 * time.Millisecond

// today moves the clock to the real one: messages are found by their numbers, which on
// some databases follow that.
func (b *bed) today() { b.advance(time.Since(b.clock()).Truncate(time.Millisecond)) }

// message is one of a tenant, now, for some endpoints. With an id it is accepted once.
func (b *bed) message(id, body string, to ...string) *store.Arrival {
	a := &store.Arrival{
		Source: tenant, ID: id, Type: "invoice.paid", Received: b.clock(), Keep: true, Window: window72,
		Head: []byte("head of " + body), Body: []byte(body),
	}
	for _, destination := range to {
		a.To = append(a.To, store.Target{Destination: destination})
	}
	if id != "" {
		a.Once, a.Key = true, &store.Key{ID: sum("event", tenant, id), Body: sum("body", body)}
	}
	return a
}

// tried settles a delivery to an endpoint by its n-th attempt, with a status.
func (b *bed) tried(id store.DeliveryID, to string, state store.State, n, status int) {
	b.t.Helper()
	o := b.outcome(id.Seq, state, n)
	o.ID, o.Destination, o.Listed, o.Attempt.Status = id, to, true, status
	b.settle(o)
}

// targets: an event has a delivery for each of its targets, which fare on their own.
func targets(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 40 { // more than go into one statement
		a := b.message("", strconv.Itoa(n), epA, epB, "send/x/0")
		seqs = append(seqs, b.stored(a))
	}
	seq := seqs[7]
	b.settle(b.other(seq, 1, epB, store.Delivered))
	b.settle(b.other(seq, 2, "send/x/0", store.Dead))
	b.reopen()
	for n, want := range []store.State{store.Pending, store.Delivered, store.Dead} {
		d, err := b.Delivery(ctx, store.DeliveryID{Seq: seq, N: n})
		if err != nil || d.State != want || d.Destination != []string{epA, epB, "send/x/0"}[n] || d.N != n || string(d.Body) != "7" {
			b.t.Errorf("%d: %+v %v", n, d, err)
		}
	}
	for destination, want := range map[string]store.Count{epA: {Pending: 40}, epB: {Pending: 39}, "send/x/0": {Pending: 39, Dead: 1}} {
		if got := b.counted(destination); got != want {
			b.t.Errorf("%s: %+v, want %+v", destination, got, want)
		}
	}
	due, err := b.Claim(ctx, epB, b.clock(), 100, nil)
	if err != nil || len(due) != 39 || due[0].N != 1 || due[0].Seq != seqs[0] || due[7].Seq != seqs[8] {
		b.t.Errorf("%d are due, %v", len(due), err)
	}
	of, err := b.DeliveriesOf(ctx, seq)
	if err != nil || len(of) != 3 || of[1].State != store.Delivered || of[1].Status != 200 || string(of[2].Head) != "head of 7" || of[0].Status != 0 {
		b.t.Errorf("%+v %v", of, err)
	}
	if of, err := b.DeliveriesOf(ctx, 7); err != nil || len(of) != 0 {
		b.t.Errorf("%+v %v", of, err)
	}
	// A full backlog of one refuses all.
	a := b.message("", "more", epB, epA)
	a.MaxBacklog = 40
	_, err = b.Accept(ctx, a)
	b.wants(err, store.ErrBacklog)
	b.stored(b.message("", "one", epB))
	if got := b.counted(epB); got.Pending != 40 {
		b.t.Errorf("%+v", got)
	}
	// What is erased is dead everywhere.
	b.must(b.Erase(ctx, seq))
	if d, err := b.Delivery(ctx, store.DeliveryID{Seq: seq}); err != nil || d.State != store.Dead || d.Reason != "erased" || d.Head != nil {
		b.t.Errorf("%+v %v", d, err)
	}
	b.counted(epA)
}

// other is an outcome of any delivery.
func (b *bed) other(seq int64, n int, to string, state store.State) *store.Outcome {
	o := b.outcome(seq, state, 1)
	o.ID.N, o.Destination = n, to
	return o
}

// keeping: what has no target is recorded as ignored, and its payload is there if it is
// asked for.
func keeping(b *bed) {
	ctx := b.t.Context()
	a := b.message("e", "body")
	seq := b.expect(a, store.Verdict{Result: store.Ignored}).Seq
	if d := b.at(seq); d.State != store.IgnoredState || string(d.Body) != "body" || string(d.Head) != "head of body" || d.Destination != "" {
		b.t.Errorf("%+v", d)
	}
	lost := b.message("f", "body")
	lost.Keep = false
	if d := b.at(b.accept(lost).Seq); d.State != store.IgnoredState || d.Head != nil {
		b.t.Errorf("%+v", d)
	}
	b.must(b.Erase(ctx, seq))
	if d := b.at(seq); d.Head != nil {
		b.t.Errorf("%+v", d)
	}
}

// once: a known message is left alone, whatever has become of it, and told from one with
// another body; of two at once one is stored.
func once(b *bed) {
	for name, became := range map[string]func(seq int64){
		"pending": func(int64) {},
		"waiting": func(seq int64) { b.tried(store.DeliveryID{Seq: seq}, epA, store.Pending, 1, 500) },
		"dead":    func(seq int64) { b.tried(store.DeliveryID{Seq: seq}, epA, store.Dead, 1, 500) },
		"over": func(seq int64) {
			b.tried(store.DeliveryID{Seq: seq}, epA, store.Delivered, 1, 200)
			b.advance(2 * window72) // as long as it is stored
		},
	} {
		seq := b.stored(b.message(name, "body", epA))
		became(seq)
		b.advance(2 * time.Minute)
		b.reopen()
		before := b.at(seq)
		copied := b.message(name, "body", epB)
		b.expect(copied, store.Verdict{Result: store.Duplicate, Seq: seq})
		b.expect(b.message(name, "other", epA), store.Verdict{Result: store.Duplicate, Seq: seq, Conflict: true})
		if after := b.at(seq); after.State != before.State || !after.Due.Equal(before.Due) || string(after.Body) != "body" {
			b.t.Errorf("%s: %+v became %+v", name, before, after)
		}
	}
	none := b.accept(b.message("none", "body")).Seq
	b.expect(b.message("none", "body", epA), store.Verdict{Result: store.Duplicate, Seq: none})
	b.counted(epA)
	if seq, ok, err := b.Holder(b.t.Context(), sum("event", tenant, "none")); seq != none || !ok || err != nil {
		b.t.Errorf("the holder is %d, %v, %v", seq, ok, err)
	}
	if seq, ok, err := b.Holder(b.t.Context(), sum("nothing")); seq != 0 || ok || err != nil {
		b.t.Errorf("the holder of nothing is %d, %v, %v", seq, ok, err)
	}
	// Races, in one transaction and across them.
	var mu sync.Mutex
	stored := map[string][]int64{}
	b.together(60, func(n int) {
		id := fmt.Sprint("race", n%20)
		v, err := b.Accept(b.t.Context(), b.message(id, strconv.Itoa(n%3), epA))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			b.t.Errorf("%s: %v", id, err)
		case v.Result == store.Stored:
			stored[id] = append(stored[id], v.Seq)
		case v.Result != store.Duplicate:
			b.t.Errorf("%s: %+v", id, v)
		}
	})
	for id, seqs := range stored {
		if len(seqs) != 1 {
			b.t.Errorf("%s is stored %d times", id, len(seqs))
		}
	}
	if len(stored) != 20 {
		b.t.Errorf("%d are stored", len(stored))
	}
}

// addDelivery: a stored event can be delivered to one more destination, and once to each.
func addDelivery(b *bed) {
	ctx := b.t.Context()
	deliver := func(seq int64, to string, once bool) (id store.DeliveryID, err error) {
		err = b.Do(ctx, func(tx *store.Tx) error {
			id, err = tx.Deliver(seq, to, once)
			return err
		})
		return id, err
	}
	seq := b.accept(b.message("", "body")).Seq
	for n, to := range []string{epA, epB} {
		b.advance(time.Minute)
		id, err := deliver(seq, to, n == 1)
		d, _ := b.Delivery(ctx, id)
		if err != nil || id != (store.DeliveryID{Seq: seq, N: n}) || d.State != store.Pending || d.Destination != to || d.ByHand() != (n == 1) || !d.Due.Equal(b.clock()) || !d.Armed.Equal(b.clock()) {
			b.t.Errorf("%s: %+v %+v %v", to, id, d, err)
		}
	}
	b.tried(store.DeliveryID{Seq: seq}, epA, store.Delivered, 1, 200)
	id, err := deliver(seq, epA, true) // again is no other delivery
	if d, _ := b.Delivery(ctx, id); err != nil || id.N != 0 || d.State != store.Pending || !d.ByHand() || d.Attempts != 1 {
		b.t.Errorf("%+v %+v %v", id, d, err)
	}
	if of, err := b.DeliveriesOf(ctx, seq); err != nil || len(of) != 2 {
		b.t.Errorf("%+v %v", of, err)
	}
	_, err = deliver(7, epA, false)
	b.wants(err, store.ErrNotFound)
	b.must(b.Erase(ctx, seq))
	_, err = deliver(seq, "ep_c", false)
	b.wants(err, store.ErrGone)
	b.counted(epA)
	if got := b.counted(epB); got != (store.Count{Dead: 1}) {
		b.t.Errorf("%+v", got)
	}
}

// byHand: one attempt, which is told from the others; what waits keeps its schedule.
func byHand(b *bed) {
	ctx := b.t.Context()
	for _, state := range []store.State{store.Dead, store.Delivered, store.Pending} {
		id := store.DeliveryID{Seq: b.stored(b.message("", "body", epA))}
		b.tried(id, epA, state, 1, 500)
		b.advance(time.Minute)
		if ok, err := b.Rearm(ctx, id, true); !ok || err != nil {
			b.t.Fatalf("%v: %v %v", state, ok, err)
		}
		d := b.at(id.Seq)
		if d.ByHand() != (state != store.Pending) || !d.Due.Equal(b.clock()) || d.State != store.Pending || (state == store.Pending && d.Step != 1) {
			b.t.Errorf("%v: %+v", state, d)
		}
		o := b.outcome(id.Seq, store.Dead, 2)
		o.Destination, o.Step, o.Attempt.ByHand = epA, d.Step+1, d.ByHand()
		b.settle(o)
		made, err := b.Attempts(ctx, id)
		if err != nil || len(made) != 2 || made[0].ByHand || made[1].ByHand != d.ByHand() || o.ByHand() != d.ByHand() {
			b.t.Errorf("%v: %+v %v", state, made, err)
		}
		if ok, err := b.Rearm(ctx, id, false); !ok || err != nil || b.at(id.Seq).Step >= store.LastStep {
			b.t.Errorf("%v: %v %v", state, ok, err)
		}
	}
}

// then: what is to follow a commit does, before its caller learns of it; what is undone
// has nothing to follow.
func then(b *bed) {
	ctx := b.t.Context()
	var called []string
	follow := func(what string, err error) error {
		return b.Do(ctx, func(tx *store.Tx) error {
			tx.Then(func() { called = append(called, what) })
			return err
		})
	}
	b.must(follow("one", nil))
	if !slices.Equal(called, []string{"one"}) {
		b.t.Fatalf("called: %q", called)
	}
	b.wants(follow("undone", store.ErrGone), store.ErrGone)
	b.together(20, func(n int) {
		if err := b.Do(ctx, func(tx *store.Tx) error {
			tx.Then(func() { called = append(called, strconv.Itoa(n)) }) // on one goroutine
			if n%2 == 1 {
				return store.ErrGone
			}
			return nil
		}); (err != nil) != (n%2 == 1) {
			b.t.Errorf("%d: %v", n, err)
		}
	})
	if len(called) != 11 || slices.Contains(called, "3") {
		b.t.Errorf("called: %q", called)
	}
	// The whole transaction is undone.
	if err := b.Do(ctx, func(tx *store.Tx) error {
		tx.Then(func() { called = append(called, "lost") })
		_, err := tx.Exec("ROLLBACK")
		return err
	}); err == nil {
		b.t.Error("a transaction that is gone was committed")
	}
	if slices.Contains(called, "lost") {
		b.t.Errorf("called: %q", called)
	}
}

// query: packages with tables of their own read them.
func query(b *bed) {
	b.must(b.Pause(b.t.Context(), epA))
	var got string
	err := b.Query(b.t.Context(), "SELECT destination FROM pauses WHERE since <= ?", []any{b.clock().UnixMilli()}, func(scan func(...any) error) error { return scan(&got) })
	if err != nil || got != epA {
		b.t.Errorf("%q %v", got, err)
	}
	err = b.Query(b.t.Context(), "SELECT destination FROM pauses", nil, func(func(...any) error) error { return store.ErrGone })
	b.wants(err, store.ErrGone)
}
