package storetest

import (
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// list: each filter selects what it says, the newest first, ignored events too.
func list(b *bed) {
	start := b.clock()
	type made struct {
		seq    int64
		source string
		typ    string
		state  store.State
		at     time.Time
	}
	var all []made
	types := []string{"invoice.paid", "invoice.sent", "user.created", "", "invoice", "INVOICE.x", "inv_ice%"}
	states := []store.State{store.Pending, store.Delivered, store.Dead, store.IgnoredState}
	for n := range 56 {
		a := b.eventOf([]string{"a", "b"}[n%2], strconv.Itoa(n), "body")
		a.Type = types[n%len(types)]
		m := made{source: a.Source, typ: a.Type, state: states[n/2%len(states)], at: b.clock()}
		switch m.state {
		case store.IgnoredState:
			m.seq = b.accept(ignored(a)).Seq
		case store.Pending:
			m.seq = b.stored(a)
		default:
			m.seq = b.settled(a, m.state)
		}
		all = append(all, m)
		b.advance(time.Minute)
	}
	slices.Reverse(all)
	b.reopen()
	for _, c := range []struct {
		name string
		f    store.Filter
		want func(made) bool
	}{
		{"all", store.Filter{}, func(made) bool { return true }},
		{"source", store.Filter{Source: "a"}, func(m made) bool { return m.source == "a" }},
		{"no such source", store.Filter{Source: "none"}, func(made) bool { return false }},
		{"type", store.Filter{Type: "invoice.paid"}, func(m made) bool { return m.typ == "invoice.paid" }},
		{"type, beginning", store.Filter{Type: "invoice.*"}, func(m made) bool { return m.typ == "invoice.paid" || m.typ == "invoice.sent" }},
		{"type, whatever it is", store.Filter{Type: "*"}, func(made) bool { return true }},
		{"type, nothing is a wildcard", store.Filter{Type: "inv_ice%*"}, func(m made) bool { return m.typ == "inv_ice%" }},
		{"pending", store.Filter{State: store.Pending}, func(m made) bool { return m.state == store.Pending }},
		{"delivered", store.Filter{State: store.Delivered}, func(m made) bool { return m.state == store.Delivered }},
		{"dead", store.Filter{State: store.Dead}, func(m made) bool { return m.state == store.Dead }},
		{"dead of a source", store.Filter{State: store.Dead, Source: "b"}, func(m made) bool { return m.state == store.Dead && m.source == "b" }},
		{"of a destination", store.Filter{Destination: store.SourceDestination("a")}, func(m made) bool {
			return m.source == "a" && m.state != store.IgnoredState
		}},
		{"delivered of a destination", store.Filter{State: store.Delivered, Destination: store.SourceDestination("a")}, func(m made) bool {
			return m.state == store.Delivered && m.source == "a"
		}},
		{"dead of a destination", store.Filter{State: store.Dead, Destination: store.SourceDestination("b")}, func(m made) bool {
			return m.state == store.Dead && m.source == "b"
		}},
		{"dead of a destination and type", store.Filter{State: store.Dead, Destination: store.SourceDestination("b"), Type: "invoice.*"}, func(m made) bool {
			return m.state == store.Dead && m.source == "b" && (m.typ == "invoice.paid" || m.typ == "invoice.sent")
		}},
		{"ignored", store.Filter{State: store.IgnoredState}, func(m made) bool { return m.state == store.IgnoredState }},
		{"ignored of a source and type", store.Filter{State: store.IgnoredState, Source: "a", Type: "user.*"}, func(m made) bool {
			return m.state == store.IgnoredState && m.source == "a" && m.typ == "user.created"
		}},
		{"from", store.Filter{From: start.Add(5 * time.Minute)}, func(m made) bool { return !m.at.Before(start.Add(5 * time.Minute)) }},
		{"to", store.Filter{To: start.Add(5 * time.Minute)}, func(m made) bool { return m.at.Before(start.Add(5 * time.Minute)) }},
		{"pending, from and to", store.Filter{State: store.Pending, From: start.Add(7 * time.Minute), To: start.Add(40 * time.Minute)}, func(m made) bool {
			return m.state == store.Pending && !m.at.Before(start.Add(7*time.Minute)) && m.at.Before(start.Add(40*time.Minute))
		}},
	} {
		var want []int64
		for _, m := range all {
			if c.want(m) {
				want = append(want, m.seq)
			}
		}
		for _, most := range [][2]int{{0, 0}, {1, 0}, {3, 0}, {500, 0}, {0, 1}, {3, 7}, {3, 56}, {1, 1000}} {
			limit := most[0]
			f := c.f
			f.Limit, f.Among = limit, most[1]
			var got []int64
			for {
				page, next, err := b.List(b.t.Context(), f)
				b.must(err)
				if indexed := f.State == store.Pending || f.State == store.Dead; f.Among > 0 && !indexed && len(page) > f.Among {
					b.t.Errorf("%s: %d events among %d", c.name, len(page), f.Among)
				}
				for _, d := range page {
					got = append(got, d.Seq)
					if d.Head != nil || d.Body != nil || (d.State == store.IgnoredState) != (d.Destination == "") {
						b.t.Errorf("%s: %+v", c.name, d)
					}
				}
				if next == 0 || len(got) > len(all) {
					break
				}
				f.Before = next
			}
			if !slices.Equal(got, want) {
				b.t.Errorf("%s, %d at a time among %d: %d, want %d\n%v\n%v", c.name, limit, f.Among, len(got), len(want), got, want)
			}
		}
	}
}

// pages: a page has 50 events by default and 500 at most, and the last one says that
// it is.
func pages(b *bed) {
	for n := range 510 {
		b.stored(b.event(strconv.Itoa(n), "body"))
	}
	for _, c := range []struct{ limit, want int }{{0, 50}, {-1, 50}, {7, 7}, {500, 500}, {501, 500}, {100000, 500}} {
		page, next, err := b.List(b.t.Context(), store.Filter{Limit: c.limit})
		if err != nil || len(page) != c.want || next != page[len(page)-1].Seq {
			b.t.Errorf("limit %d: %d events, next %d, %v", c.limit, len(page), next, err)
		}
	}
	page, next, err := b.List(b.t.Context(), store.Filter{Limit: 10, Before: b.lowest(10)})
	if err != nil || len(page) != 10 || next != 0 {
		b.t.Errorf("the last page: %d events, next %d, %v", len(page), next, err)
	}
	page, next, err = b.List(b.t.Context(), store.Filter{Before: 1})
	if err != nil || len(page) != 0 || next != 0 {
		b.t.Errorf("beyond the last page: %d events, next %d, %v", len(page), next, err)
	}
}

// lowest returns the number of the event that has n older ones.
func (b *bed) lowest(n int) int64 {
	b.t.Helper()
	var seqs []int64
	f := store.Filter{Limit: 500}
	for {
		page, next, err := b.List(b.t.Context(), f)
		b.must(err)
		for _, d := range page {
			seqs = append(seqs, d.Seq)
		}
		if f.Before = next; next == 0 {
			break
		}
	}
	return seqs[len(seqs)-1-n]
}

// find: an id is found in its source alone, with all its bodies.
func find(b *bed) {
	first := b.stored(b.event("e", "one"))
	second := b.accept(b.event("e", "two")).Seq
	b.stored(b.event("f", "one"))
	b.stored(b.eventOf("b", "e", "one"))
	found, err := b.Find(b.t.Context(), "a", "e")
	b.must(err)
	if len(found) != 2 || found[0].Seq != second || found[1].Seq != first || found[0].Head != nil {
		b.t.Errorf("%+v", found)
	}
	if found, err := b.Find(b.t.Context(), "a", "none"); err != nil || len(found) != 0 {
		b.t.Errorf("%+v %v", found, err)
	}
	a := b.event("many", "body")
	a.Key = nil
	for range 60 {
		b.stored(a)
	}
	if found, err := b.Find(b.t.Context(), "a", "many"); err != nil || len(found) != 50 || found[0].Seq < found[49].Seq {
		b.t.Errorf("%d %v", len(found), err)
	}
	if _, err := b.Event(b.t.Context(), 7); err == nil {
		b.t.Error("there is an event 7")
	}
	_, err = b.Event(b.t.Context(), 7)
	b.wants(err, store.ErrNotFound)
	_, err = b.Delivery(b.t.Context(), store.DeliveryID{Seq: first, N: 1})
	b.wants(err, store.ErrNotFound)
}

// attempts: they are read back as they were written, of very many the newest.
func attempts(b *bed) {
	seq := b.stored(b.event("e", "body"))
	id := store.DeliveryID{Seq: seq}
	for n := 1; n <= 210; n++ {
		o := b.outcome(seq, store.Pending, n)
		o.Attempt.Outcome, o.Attempt.Status, o.Attempt.Error, o.Attempt.Response = "failed", 500, "no answer ☃", []byte{0, 1, 255}
		b.settle(o)
		b.advance(time.Second)
	}
	made, err := b.Attempts(b.t.Context(), id)
	b.must(err)
	if len(made) != 200 || made[0].Number != 11 || made[199].Number != 210 {
		b.t.Fatalf("%d attempts", len(made))
	}
	a := made[199]
	if a.Outcome != "failed" || a.Status != 500 || a.Error != "no answer ☃" || string(a.Response) != "\x00\x01\xff" || a.Took != 25*time.Millisecond ||
		!a.Started.Equal(b.clock().Add(-time.Second)) {
		b.t.Errorf("%+v", a)
	}
	if made, err := b.Attempts(b.t.Context(), store.DeliveryID{Seq: seq, N: 1}); err != nil || len(made) != 0 {
		b.t.Errorf("%d attempts of another delivery, %v", len(made), err)
	}
}
