package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// listed reads a list page by page in one direction, and returns the numbers in the order
// of the list.
func listed[P comparable](b *bed, up bool, start P, page func(before, after P) ([]int64, P, error)) (all []int64) {
	b.t.Helper()
	var none P
	before, after := none, none
	if up {
		after = start
	}
	for range 1000 {
		seqs, next, err := page(before, after)
		b.must(err)
		if !up {
			all, before = append(all, seqs...), next
		} else {
			all, after = append(slices.Clone(seqs), all...), next
		}
		if next == none {
			return all
		}
	}
	b.t.Fatal("there is no end to the list")
	return nil
}

func numbersOf(page []store.Delivery) (seqs []int64) {
	for _, d := range page {
		seqs = append(seqs, d.Seq)
	}
	return seqs
}

// messages: those of a source, the newest first, by time and by what they are, in both
// directions.
func messages(b *bed) {
	b.today()
	ctx := b.t.Context()
	type made struct {
		seq int64
		at  time.Time
		n   int
	}
	var all []made
	for n := range 30 {
		all = append(all, made{b.accept(b.message("", strconv.Itoa(n), epA)).Seq, b.clock(), n})
		other := b.message("", "other", epA)
		other.Source = "app_2"
		b.stored(other)
		of := b.eventOf(tenant, strconv.Itoa(n), "body") // a verified event is no message
		b.stored(of)
		b.advance(soon)
	}
	slices.Reverse(all)
	third := func(d *store.Delivery) bool { return len(d.Head) > 0 && d.Head[len(d.Head)-1]%3 == 0 }
	for name, c := range map[string]struct {
		f    store.MessageFilter
		want func(made) bool
	}{
		"all":   {store.MessageFilter{}, func(made) bool { return true }},
		"from":  {store.MessageFilter{From: all[20].at}, func(m made) bool { return !m.at.Before(all[20].at) }},
		"to":    {store.MessageFilter{To: all[20].at}, func(m made) bool { return m.at.Before(all[20].at) }},
		"both":  {store.MessageFilter{From: all[25].at, To: all[5].at}, func(m made) bool { return !m.at.Before(all[25].at) && m.at.Before(all[5].at) }},
		"match": {store.MessageFilter{Match: third, Heads: true}, func(m made) bool { return ('0'+m.n%10)%3 == 0 }},
		"types": {store.MessageFilter{Match: func(d *store.Delivery) bool { return d.Type == "invoice.paid" && d.Head == nil }}, func(made) bool { return true }},
		"none":  {store.MessageFilter{Match: func(*store.Delivery) bool { return false }}, func(made) bool { return false }},
	} {
		var want []int64
		for _, m := range all {
			if c.want(m) {
				want = append(want, m.seq)
			}
		}
		for _, limit := range []int{1, 7, 0} {
			for _, up := range []bool{false, true} {
				got := listed(b, up, 1, func(before, after int64) ([]int64, int64, error) {
					f := c.f
					f.Source, f.Limit, f.Before, f.After = tenant, limit, before, after
					page, next, err := b.Messages(ctx, f)
					return numbersOf(page), next, err
				})
				if !slices.Equal(got, want) {
					b.t.Errorf("%s, %d at a time, up %v: %v, want %v", name, limit, up, got, want)
				}
			}
		}
	}
	page, next, err := b.Messages(ctx, store.MessageFilter{Source: tenant, Limit: 2, After: all[10].seq})
	if err != nil || !slices.Equal(numbersOf(page), []int64{all[8].seq, all[9].seq}) || next != all[8].seq || string(page[0].Head) != "head of 21" || page[0].Body != nil {
		b.t.Errorf("after the eleventh: %+v, next %d, %v", page, next, err)
	}
	if page, next, err = b.Messages(ctx, store.MessageFilter{Source: tenant, After: all[0].seq}); err != nil || len(page) != 0 || next != 0 {
		b.t.Errorf("after the newest: %+v, next %d, %v", page, next, err)
	}
	// A shared database numbers by its own clock.
	numbered := func(i int) time.Time { return time.UnixMicro(all[i].seq) }
	end := numbered(0).Add(time.Microsecond)
	for _, c := range []struct {
		from, to   time.Time
		most, want int64
	}{
		{numbered(29), end, 100, 30},
		{numbered(20), numbered(5), 100, 15},
		{numbered(29), end, 7, 7},
		{end, end.Add(time.Hour), 100, 0},
	} {
		if got, err := b.CountMessages(ctx, tenant, c.from, c.to, c.most); err != nil || got != c.want {
			b.t.Errorf("counted from %v to %v up to %d: %d, want %d, %v", c.from, c.to, c.most, got, c.want, err)
		}
	}
	for _, most := range []int64{1, 7, 30, 100} {
		counted, from, steps := int64(0), numbered(29), 0
		for ; from.Before(end); steps++ {
			n, until, err := b.CountStep(ctx, tenant, from, end, most)
			if err != nil || !until.After(from) || until.After(end) || n > most {
				b.t.Fatalf("steps of %d from %v: %d until %v, %v", most, from, n, until, err)
			}
			counted, from = counted+n, until
		}
		if counted != 30 || int64(steps) > 30/most+1 {
			b.t.Errorf("%d counted in %d steps of %d", counted, steps, most)
		}
	}
	b.must(b.Erase(ctx, all[1].seq))
	page, _, err = b.Messages(ctx, store.MessageFilter{Source: tenant, Limit: 2, Body: true})
	if err != nil || string(page[0].Body) != "29" || page[1].Body != nil || page[1].Head != nil || page[0].Type != "invoice.paid" || page[0].Scheme != "" {
		b.t.Errorf("with bodies: %+v, %v", page, err)
	}
}

// farBetween: a page ends after so much was looked at, or for so long, and says where it goes on.
func farBetween(b *bed) {
	b.today()
	const all = 10_300
	rare := b.accept(b.message("", "rare", epA)).Seq
	b.together(64, func(n int) {
		for range (all + n) / 64 {
			if _, err := b.Accept(b.t.Context(), b.message("", "frequent", epA)); err != nil {
				b.t.Error(err)
				return
			}
		}
	})
	looked := 0
	match := func(d *store.Delivery) bool {
		looked++
		return string(d.Head) == "head of rare"
	}
	page, next, err := b.DeliveriesTo(b.t.Context(), epA, store.DeliveryFilter{Match: match})
	if err != nil || len(page) != 0 || next == 0 || looked == 0 || looked > 10_000 {
		b.t.Fatalf("%d found, next %d, after %d, %v", len(page), next, looked, err)
	}
	for next != 0 && err == nil && len(page) == 0 { // a slow machine looks at less in its time
		page, next, err = b.DeliveriesTo(b.t.Context(), epA, store.DeliveryFilter{Match: match, Before: next})
	}
	if err != nil || len(page) != 1 || page[0].Seq != rare || next != 0 || looked != all+1 {
		b.t.Errorf("%d found, next %d, after %d, %v", len(page), next, looked, err)
	}
}

// deliveriesTo: those to an endpoint, by their events, with the status of their last
// attempt.
func deliveriesTo(b *bed) {
	b.today()
	ctx := b.t.Context()
	var all []int64
	states := []store.State{store.Pending, store.Delivered, store.Dead}
	for n := range 30 {
		seq := b.accept(b.message("", strconv.Itoa(n), epB, epA)).Seq
		if n%3 > 0 {
			b.tried(store.DeliveryID{Seq: seq, N: 1}, epA, store.Pending, 1, 500)
			b.tried(store.DeliveryID{Seq: seq, N: 1}, epA, states[n%3], 2, 200+n)
		}
		all = append(all, seq)
		b.advance(soon)
	}
	b.stored(b.eventOf("a", "e", "body"))
	slices.Reverse(all)
	for _, up := range []bool{false, true} {
		for _, state := range append(states, 0) {
			var want []int64
			for i, seq := range all {
				if n := 29 - i; state == 0 || states[n%3] == state {
					want = append(want, seq)
				}
			}
			got := listed(b, up, 1, func(before, after int64) ([]int64, int64, error) {
				f := store.DeliveryFilter{Before: before, After: after, Limit: 4}
				if state != 0 {
					f.Match = func(d *store.Delivery) bool { return d.State == state && d.Head != nil }
				}
				page, next, err := b.DeliveriesTo(ctx, epA, f)
				return numbersOf(page), next, err
			})
			if !slices.Equal(got, want) {
				b.t.Errorf("%v, up %v: %v, want %v", state, up, got, want)
			}
		}
	}
	page, _, err := b.DeliveriesTo(ctx, epA, store.DeliveryFilter{Limit: 3, Body: true})
	if err != nil || page[0].N != 1 || page[0].Destination != epA || page[0].Status != 229 || page[2].Status != 0 || string(page[0].Body) != "29" || page[0].Attempts != 2 {
		b.t.Errorf("%+v %v", page, err)
	}
	since := b.clock().Add(-5 * soon)
	if page, _, err = b.DeliveriesTo(ctx, epA, store.DeliveryFilter{From: since, To: since.Add(2 * soon)}); err != nil || !slices.Equal(numbersOf(page), all[3:5]) {
		b.t.Errorf("%v %v", numbersOf(page), err)
	}
}

// attemptsOfEndpoints: by destination and by event, the newest first, in both directions, also
// if many have started at once; those of sources are in no list of a destination.
func attemptsOfEndpoints(b *bed) {
	b.today()
	ctx := b.t.Context()
	var to, of []string
	name := func(d store.DeliveryID, number int) string { return fmt.Sprint(d.Seq, "/", d.N, "/", number) }
	first := b.accept(b.message("", "first", epA, epB)).Seq
	second := b.accept(b.message("", "second", epB, epA)).Seq
	source := b.stored(b.event("e", "body"))
	start := b.clock()
	for number := 1; number <= 12; number++ {
		for _, id := range []store.DeliveryID{{Seq: first}, {Seq: first, N: 1}, {Seq: second}, {Seq: second, N: 1}} {
			where := []string{epA, epB}[(id.N+int(map[int64]int64{first: 0, second: 1}[id.Seq]))%2]
			b.tried(id, where, store.Pending, number, []int{200, 500, 299, 300}[number%4])
			if where == epA {
				to = append(to, name(id, number))
			}
			if id.Seq == first {
				of = append(of, name(id, number))
			}
		}
		b.settle(b.outcome(source, store.Pending, number))
		if number%3 == 0 { // three at a time
			b.advance(time.Minute)
		}
	}
	// The order of what has started at once is that of the position.
	order := func(list []string, number func(string) [4]int64) []string {
		slices.SortFunc(list, func(x, y string) int { return slices.Compare(sliced(number(y)), sliced(number(x))) })
		return list
	}
	position := func(s string) (p [4]int64) {
		_, _ = fmt.Sscanf(s, "%d/%d/%d", &p[1], &p[2], &p[3]) // as it was written
		p[0] = (p[3] - 1) / 3
		return p
	}
	to, of = order(to, position), order(of, position)
	for what, c := range map[string]struct {
		want []string
		list func(f store.AttemptFilter) ([]store.Tried, store.AttemptPosition, error)
	}{
		"to": {to, func(f store.AttemptFilter) ([]store.Tried, store.AttemptPosition, error) {
			return b.AttemptsTo(ctx, epA, f)
		}},
		"of": {of, func(f store.AttemptFilter) ([]store.Tried, store.AttemptPosition, error) {
			return b.AttemptsOf(ctx, first, f)
		}},
	} {
		for _, limit := range []int{1, 5, 100} {
			down, from := []string(nil), store.AttemptPosition{}
			for {
				page, next, err := c.list(store.AttemptFilter{Limit: limit, Before: from})
				b.must(err)
				for i := range page {
					down = append(down, name(page[i].DeliveryID(), page[i].Attempt.Number))
				}
				if from = next; next == (store.AttemptPosition{}) {
					break
				}
			}
			up, from := []string(nil), store.AttemptPosition{Started: start.Add(-time.Hour)}
			for {
				page, next, err := c.list(store.AttemptFilter{Limit: limit, After: from})
				b.must(err)
				var names []string
				for i := range page {
					names = append(names, name(page[i].DeliveryID(), page[i].Attempt.Number))
				}
				up = append(names, up...)
				if from = next; next == (store.AttemptPosition{}) {
					break
				}
			}
			if !slices.Equal(down, c.want) || !slices.Equal(up, c.want) {
				b.t.Errorf("%s, %d at a time: %q down and %q up, want %q", what, limit, down, up, c.want)
			}
		}
	}
	page, _, err := b.AttemptsTo(ctx, epA, store.AttemptFilter{From: start, To: start.Add(time.Minute), Body: true, Heads: true, Match: func(t *store.Tried) bool {
		return t.Attempt.Status == 500 && string(t.Head) == "head of second"
	}})
	if err != nil || len(page) != 1 || page[0].Attempt.Number != 1 || string(page[0].Body) != "second" || page[0].Status != 500 || string(page[0].Attempt.Response) != "answer" || page[0].Destination != epA {
		b.t.Errorf("%+v %v", page, err)
	}
	one, err := b.Attempt(ctx, store.DeliveryID{Seq: second, N: 1}, 3)
	if err != nil || one.Attempt.Number != 3 || one.Seq != second || one.N != 1 || one.Attempt.Status != 300 || string(one.Head) != "head of second" {
		b.t.Errorf("%+v %v", one, err)
	}
	for wrong, found := range map[time.Duration]bool{time.Millisecond: false, 0: true} {
		b.must(b.Do(ctx, func(tx *store.Tx) error {
			ok, err := tx.SetResponse(one.DeliveryID(), 3, one.Attempt.Started.Add(wrong), []byte("another"))
			if ok != found {
				b.t.Errorf("replaced the response of an attempt that started %v later: %v", wrong, ok)
			}
			return err
		}))
	}
	if one, err = b.Attempt(ctx, one.DeliveryID(), 3); err != nil || string(one.Attempt.Response) != "another" {
		b.t.Errorf("%+v %v", one, err)
	}
	_, err = b.Attempt(ctx, store.DeliveryID{Seq: second, N: 1}, 13)
	b.wants(err, store.ErrNotFound)
	for span, want := range map[time.Duration]store.Tally{time.Minute: {Succeeded: 2, Failed: 4}, time.Hour: {Succeeded: 12, Failed: 12}, 0: {}} {
		if got, err := b.TallyTo(ctx, epA, start, start.Add(span)); err != nil || got != want {
			b.t.Errorf("within %v: %+v, want %+v, %v", span, got, want, err)
		}
	}
	for _, most := range []int{1, 5, 24, 100} {
		var got store.Tally
		from := start
		for to := start.Add(time.Hour); from.Before(to); {
			some, until, err := b.TallyStep(ctx, epA, from, to, most)
			if err != nil || !until.After(from) || until.After(to) {
				b.t.Fatalf("steps of %d from %v: until %v, %v", most, from, until, err)
			}
			got.Succeeded, got.Failed, from = got.Succeeded+some.Succeeded, got.Failed+some.Failed, until
		}
		if got != (store.Tally{Succeeded: 12, Failed: 12}) {
			b.t.Errorf("in steps of %d: %+v", most, got)
		}
	}
	if got, err := b.TallyTo(ctx, destA, start, start.Add(time.Hour)); err != nil || got != (store.Tally{}) {
		b.t.Errorf("of a source: %+v %v", got, err)
	}
	// What is removed is in no list.
	b.must(b.Erase(ctx, first))
	if page, _, err := b.AttemptsOf(ctx, first, store.AttemptFilter{Limit: 1}); err != nil || page[0].Attempt.Response != nil || page[0].Head != nil {
		b.t.Errorf("%+v %v", page, err)
	}
}

func sliced(p [4]int64) []int64 { return p[:] }
