package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// sent is a message as the model sees it.
type sent struct {
	seq        int64
	id, body   string
	received   time.Time
	keep       time.Duration
	payload    bool
	deliveries []*going
}

// going is one of its deliveries.
type going struct {
	to             string
	state          store.State
	step, attempts int
	status         int
	due, armed     time.Time
	settled        time.Time
}

// post is what the store should have of the messages of a tenant.
type post struct {
	*bed
	random   *rand.Rand
	messages map[int64]*sent
	attempts map[string][]string // by endpoint, in the order in which they started
}

// modelOfMessages makes random operations with messages, and holds the store against a model
// of what it should be after each part of them, also over restarts. A failure names the
// seed.
func modelOfMessages(b *bed) {
	const seed, steps = 20261128, 600
	b.today()
	b.matching()
	p := &post{bed: b, random: rand.New(rand.NewPCG(seed, seed)), messages: map[int64]*sent{}, attempts: map[string][]string{}} //nolint:gosec // to be repeated by its seed
	for n := range steps {
		b.advance(time.Duration(1+p.random.IntN(30)) * time.Millisecond)
		p.step()
		if n%150 == 149 {
			b.reopen()
			b.advance(time.Millisecond)
		}
		if n%60 == 59 {
			p.compare(fmt.Sprintf("seed %d, step %d", seed, n))
		}
	}
}

func (p *post) endpoint() string { return fmt.Sprint("ep_", p.random.IntN(4)) }

func (p *post) step() {
	ctx := p.t.Context()
	switch choice := p.random.IntN(100); {
	case choice < 40:
		p.send()
	case choice < 70:
		p.outcome()
	case choice < 76:
		if m := p.pick(); m != nil && len(m.deliveries) > 0 {
			p.rearm(m, p.random.IntN(len(m.deliveries)), p.random.IntN(2) == 0)
		}
	case choice < 84:
		if m := p.pick(); m != nil {
			p.deliver(m, p.endpoint(), p.random.IntN(2) == 0)
		}
	case choice < 87:
		if m := p.pick(); m != nil {
			p.must(p.Erase(ctx, m.seq))
			m.payload = false
			for _, d := range m.deliveries {
				if d.state == store.Pending {
					d.state, d.settled = store.Dead, p.clock()
				}
			}
		}
	case choice < 93:
		p.job()
	default:
		p.SetRetention(store.Retention{Age: time.Millisecond, Dead: time.Millisecond, Messages: time.Millisecond})
		p.must(p.Sweep(ctx))
		for seq, m := range p.messages {
			if m.over(p.clock()) {
				delete(p.messages, seq)
			}
		}
		p.SetRetention(store.Retention{}) // the store sweeps by itself as well
		p.must(p.Sweep(ctx))
	}
}

// over reports whether the time of a message is.
func (m *sent) over(now time.Time) bool {
	last := m.received
	for i, d := range m.deliveries {
		if d.state == store.Pending {
			return false
		}
		if i == 0 || d.settled.After(last) {
			last = d.settled
		}
	}
	return m.keep > 0 && !now.Before(last.Add(m.keep))
}

// sorted are the messages, the newest first.
func (p *post) sorted() []*sent {
	all := make([]*sent, 0, len(p.messages))
	for _, m := range p.messages {
		all = append(all, m)
	}
	slices.SortFunc(all, func(x, y *sent) int { return int(y.seq - x.seq) })
	return all
}

func (p *post) pick() *sent {
	all := p.sorted()
	if len(all) == 0 {
		return nil
	}
	return all[p.random.IntN(len(all))]
}

func (p *post) send() {
	id, body := "", strconv.Itoa(p.random.IntN(1000))
	if p.random.IntN(2) == 0 {
		id, body = fmt.Sprint("id", p.random.IntN(40)), strconv.Itoa(p.random.IntN(2))
	}
	var to []string
	for n := range p.random.IntN(4) {
		to = append(to, fmt.Sprint("ep_", (n+p.random.IntN(2)*2)%4))
	}
	slices.Sort(to)
	to = slices.Compact(to)
	a := p.message(id, body, to...)
	a.Window = time.Duration(p.random.IntN(10)) * time.Second
	got := p.accept(a)
	want := store.Verdict{Result: store.Stored, Seq: got.Seq}
	if len(to) == 0 {
		want.Result = store.Ignored
	}
	for _, m := range p.messages {
		if id != "" && m.id == id {
			want = store.Verdict{Result: store.Duplicate, Seq: m.seq, Conflict: m.body != body}
		}
	}
	if got != want {
		p.t.Fatalf("%q %q: %+v, want %+v", id, body, got, want)
	}
	if got.Result == store.Duplicate {
		return
	}
	m := &sent{seq: got.Seq, id: id, body: body, received: p.clock(), keep: a.Window, payload: true}
	for _, destination := range to {
		m.deliveries = append(m.deliveries, &going{to: destination, state: store.Pending, due: p.clock(), armed: p.clock()})
	}
	p.messages[m.seq] = m
}

func (p *post) outcome() {
	m := p.pick()
	if m == nil {
		return
	}
	for n, d := range m.deliveries {
		if d.state != store.Pending {
			continue
		}
		d.attempts++
		d.step++
		d.status = []int{200, 500, 404}[p.random.IntN(3)]
		d.state = []store.State{store.Delivered, store.Dead, store.Pending}[p.random.IntN(3)]
		o := p.bed.outcome(m.seq, d.state, d.attempts)
		o.ID.N, o.Destination, o.Step, o.Listed, o.Attempt.Status = n, d.to, d.step, true, d.status
		p.settle(o)
		p.attempts[d.to] = append(p.attempts[d.to], fmt.Sprint(m.seq, "/", n, "/", d.attempts, "/", d.status))
		d.due, d.settled = o.Due, p.clock()
		if d.state == store.Pending {
			d.settled = time.Time{}
		}
		return
	}
}

// again is the model of a schedule that begins anew.
func (p *post) again(d *going, once bool) {
	if d.state == store.Pending {
		if d.due.After(p.clock()) {
			d.due = p.clock()
		}
		return
	}
	d.state, d.due, d.armed, d.settled, d.step = store.Pending, p.clock(), p.clock(), time.Time{}, 0
	if once {
		d.step = store.LastStep
	}
}

func (p *post) rearm(m *sent, n int, once bool) {
	ok, err := p.Rearm(p.t.Context(), store.DeliveryID{Seq: m.seq, N: n}, once)
	if !m.payload {
		p.wants(err, store.ErrGone)
		return
	}
	if !ok || err != nil {
		p.t.Fatalf("re-arming: %v %v", ok, err)
	}
	p.again(m.deliveries[n], once)
}

func (p *post) deliver(m *sent, to string, once bool) {
	var id store.DeliveryID
	err := p.Do(p.t.Context(), func(tx *store.Tx) (err error) {
		id, err = tx.Deliver(m.seq, to, once)
		return err
	})
	if !m.payload {
		p.wants(err, store.ErrGone)
		return
	}
	p.must(err)
	n := slices.IndexFunc(m.deliveries, func(d *going) bool { return d.to == to })
	if n < 0 {
		n = len(m.deliveries)
		m.deliveries = append(m.deliveries, &going{to: to, state: store.Dead})
	}
	p.again(m.deliveries[n], once)
	if id != (store.DeliveryID{Seq: m.seq, N: n}) {
		p.t.Fatalf("delivered as %+v, want %d", id, n)
	}
}

// job runs one of any kind, and is the model of it.
func (p *post) job() {
	to, end, once := p.endpoint(), strconv.Itoa(p.random.IntN(10)), p.random.IntN(2) == 0
	plan := store.Job{Kind: []string{store.Missing, store.Select, store.Recover}[p.random.IntN(3)], Destination: to, Source: tenant, Once: once, Filter: []byte(end)}
	plan.Since = p.clock().Add(-time.Duration(p.random.IntN(20)) * time.Second)
	j, err := p.CreateJob(p.t.Context(), plan)
	p.must(err)
	j = p.run(j.ID, 3)
	total, armed := int64(0), int64(0)
	for _, m := range p.messages {
		takes := m.payload && m.body[len(m.body)-1:] == end && !m.received.Before(plan.Since)
		n := slices.IndexFunc(m.deliveries, func(d *going) bool { return d.to == to })
		switch plan.Kind {
		case store.Missing:
			if m.received.Before(plan.Since) {
				continue
			}
			if total++; n < 0 && takes {
				m.deliveries = append(m.deliveries, &going{to: to, state: store.Dead})
				p.again(m.deliveries[len(m.deliveries)-1], once)
				armed++
			}
		case store.Select:
			if n < 0 || m.received.Before(plan.Since) {
				continue
			}
			if total++; takes && m.deliveries[n].state != store.Pending {
				p.again(m.deliveries[n], once)
				armed++
			}
		case store.Recover:
			if n < 0 || m.deliveries[n].state != store.Dead || m.deliveries[n].settled.Before(plan.Since) {
				continue
			}
			if total++; m.payload {
				p.again(m.deliveries[n], once)
				armed++
			}
		}
	}
	if j.Total != total || j.Done != total || j.Skipped != total-armed {
		p.t.Fatalf("%+v, want %d, of which %d are re-armed", j, total, armed)
	}
}

// compare holds all lists against the model.
func (p *post) compare(when string) {
	p.t.Helper()
	ctx := p.t.Context()
	all := p.sorted()
	counts := map[string]store.Count{}
	to := map[string][]int64{}
	for _, m := range all {
		got, err := p.DeliveriesOf(ctx, m.seq)
		p.must(err)
		if len(got) != len(m.deliveries) {
			p.t.Fatalf("%s: event %d has %d deliveries, want %d", when, m.seq, len(got), len(m.deliveries))
		}
		for n, want := range m.deliveries {
			d := got[n]
			if d.N != n || d.Destination != want.to || d.State != want.state || d.Step != want.step || d.Attempts != want.attempts || d.Status != want.status ||
				!d.Armed.Equal(want.armed) || (d.Head != nil) != m.payload || (want.state == store.Pending && !d.Due.Equal(want.due)) || !d.Settled.Equal(want.settled) {
				p.t.Fatalf("%s: %+v, want %+v", when, d, *want)
			}
			c := counts[want.to]
			switch want.state {
			case store.Pending:
				c.Pending++
			case store.Dead:
				c.Dead++
			}
			counts[want.to] = c
			to[want.to] = append(to[want.to], m.seq)
		}
	}
	for n := range 4 {
		destination := fmt.Sprint("ep_", n)
		if got := p.counted(destination); got != counts[destination] {
			p.t.Fatalf("%s: %s has %+v, want %+v", when, destination, got, counts[destination])
		}
		for _, up := range []bool{false, true} {
			got := listed(p.bed, up, 1, func(before, after int64) ([]int64, int64, error) {
				page, next, err := p.DeliveriesTo(ctx, destination, store.DeliveryFilter{Before: before, After: after, Limit: 23})
				return numbersOf(page), next, err
			})
			if !slices.Equal(got, to[destination]) {
				p.t.Fatalf("%s: to %s go %v, want %v", when, destination, got, to[destination])
			}
		}
		p.compareAttempts(when, destination)
	}
	var want []int64
	for _, m := range all {
		want = append(want, m.seq)
	}
	got := listed(p.bed, p.random.IntN(2) == 0, 1, func(before, after int64) ([]int64, int64, error) {
		page, next, err := p.Messages(ctx, store.MessageFilter{Source: tenant, Before: before, After: after, Limit: 29})
		return numbersOf(page), next, err
	})
	if !slices.Equal(got, want) {
		p.t.Fatalf("%s: the messages are %v, want %v", when, got, want)
	}
}

// compareAttempts holds those at an endpoint against the model, which forgets them with
// their message.
func (p *post) compareAttempts(when, destination string) {
	p.t.Helper()
	var tally store.Tally
	kept := slices.DeleteFunc(p.attempts[destination], func(a string) bool {
		var seq, n, number, status int64
		_, _ = fmt.Sscanf(a, "%d/%d/%d/%d", &seq, &n, &number, &status) // as it was written
		if p.messages[seq] == nil {
			return true
		}
		if status == 200 {
			tally.Succeeded++
		} else {
			tally.Failed++
		}
		return false
	})
	p.attempts[destination] = kept
	if got, err := p.TallyTo(p.t.Context(), destination, time.Unix(0, 0), p.clock().Add(time.Hour)); err != nil || got != tally {
		p.t.Fatalf("%s: of %s there are %+v, want %+v, %v", when, destination, got, tally, err)
	}
	var all []string
	for at := (store.AttemptPosition{}); ; {
		page, next, err := p.AttemptsTo(p.t.Context(), destination, store.AttemptFilter{Limit: 31, Before: at})
		p.must(err)
		for i := range page {
			all = append(all, fmt.Sprint(page[i].Seq, "/", page[i].N, "/", page[i].Attempt.Number, "/", page[i].Attempt.Status))
		}
		if at = next; next == (store.AttemptPosition{}) {
			break
		}
	}
	slices.Reverse(all)
	if !slices.Equal(all, kept) {
		p.t.Fatalf("%s: at %s were made %q, want %q", when, destination, all, kept)
	}
}
