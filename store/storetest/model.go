package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookgate/hookgate/store"
)

// known is an event as the model sees it.
type known struct {
	seq      int64
	id, body string
	state    store.State
	settled  time.Time
	due      time.Time
	armed    time.Time
	last     time.Time
	hurried  time.Time
	attempts int
	payload  bool
	place    string // "" if it is not remembered
}

// world is what the store should be.
type world struct {
	*bed
	random *rand.Rand
	events map[int64]*known
	places map[string]*known
}

const (
	modelWindow = 48 * time.Hour
	modelAge    = 24 * time.Hour
	modelDead   = 72 * time.Hour
)

// model makes random operations, and holds the store against a model of what it should
// be after each part of them, also over restarts. A failure names the seed.
func model(b *bed) {
	const seed, steps = 20260301, 2000
	w := &world{bed: b, random: rand.New(rand.NewPCG(seed, seed)), events: map[int64]*known{}, places: map[string]*known{}} //nolint:gosec // to be repeated by its seed
	b.advance(time.Millisecond)
	for n := range steps {
		w.step()
		if n%500 == 499 {
			b.reopen()
		}
		if n%50 == 49 {
			w.compare(fmt.Sprintf("seed %d, step %d", seed, n))
		}
	}
}

func (w *world) step() {
	b := w.bed
	b.advance(time.Duration(w.random.Int64N(int64(20 * time.Minute))).Truncate(time.Millisecond))
	ctx := b.t.Context()
	switch choice := w.random.IntN(100); {
	case choice < 45:
		w.arrive()
	case choice < 75:
		w.outcome()
	case choice < 80:
		if k := w.pick(0); k != nil {
			w.rearm(k)
		}
	case choice < 84:
		if k := w.pick(0); k != nil {
			b.must(b.Forget(ctx, k.seq))
			w.forget(k)
		}
	case choice < 87:
		if k := w.pick(0); k != nil {
			b.must(b.Erase(ctx, k.seq))
			k.payload = false
			if k.state == store.Pending {
				k.state, k.settled = store.Dead, b.clock()
			}
		}
	case choice < 91:
		w.release()
	case choice < 94:
		w.expire()
	case choice < 97:
		w.recover()
	default:
		b.SetRetention(store.Retention{Age: modelAge, Dead: modelDead, Window: func(string) (time.Duration, bool) { return modelWindow, true }})
		b.must(b.Sweep(ctx))
		w.sweep()
		// The store sweeps by itself as well: not when the model does not expect it.
		b.SetRetention(store.Retention{})
		b.must(b.Sweep(ctx))
	}
}

// pick chooses an event in a state; 0 is any.
func (w *world) pick(state store.State) *known {
	var fit []*known
	for _, k := range w.sorted() {
		if state == 0 || k.state == state {
			fit = append(fit, k)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[w.random.IntN(len(fit))]
}

func (w *world) sorted() []*known {
	all := make([]*known, 0, len(w.events))
	for _, k := range w.events {
		all = append(all, k)
	}
	slices.SortFunc(all, func(x, y *known) int { return int(x.seq - y.seq) })
	return all
}

func (w *world) forget(k *known) {
	if k.place != "" {
		delete(w.places, k.place)
		k.place = ""
	}
}

// holder is the model of who holds a place now.
func (w *world) holder(place string) *known {
	k := w.places[place]
	if k != nil && (k.state == store.Delivered || k.state == store.IgnoredState) && !w.clock().Before(k.settled.Add(modelWindow)) {
		w.forget(k)
		return nil
	}
	return k
}

// arrive is the model of the table of duplicates.
func (w *world) arrive() {
	now := w.clock()
	id, body := fmt.Sprint("id", w.random.IntN(60)), fmt.Sprint("body", w.random.IntN(2))
	a := w.event(id, body)
	a.Window = modelWindow
	passes := w.random.IntN(5) > 0
	if !passes {
		a = ignored(a)
	}
	got := w.accept(a)
	own, aside := "id/"+id, "aside/"+id+body
	k, place, conflict := w.holder(own), own, false
	if k == nil || k.body != body {
		conflict = k != nil
		if k = w.holder(aside); k != nil || conflict {
			place = aside
		}
	}
	if k != nil && k.state == store.IgnoredState && passes {
		w.forget(k)
		k, place, conflict = nil, own, false
		if other := w.holder(own); other != nil { // it was aside
			place, conflict = aside, true
		}
	}
	want := store.Verdict{Conflict: conflict, Seq: got.Seq}
	switch {
	case k == nil:
		k = &known{seq: got.Seq, id: id, body: body, state: store.Pending, due: now, armed: now, place: place, payload: passes}
		want.Result = store.Stored
		if !passes {
			k.state, k.settled, want.Result = store.IgnoredState, now, store.Ignored
		}
		if w.events[got.Seq] != nil {
			w.t.Fatalf("event %d is there already", got.Seq)
		}
		w.events[k.seq], w.places[place] = k, k
	case (k.state == store.IgnoredState || k.state == store.Dead) && !passes:
		want.Result, want.Seq = store.Ignored, k.seq
	case k.state == store.Dead:
		want.Result, want.Seq, want.Due = store.Rearmed, k.seq, true
		k.payload = true
		w.start(k)
	default:
		want.Result, want.Seq = store.Duplicate, k.seq
		if k.state == store.Pending && k.due.After(now) && !k.hurried.Add(time.Minute).After(now) {
			k.due, k.hurried, want.Due = now, now, true
		}
	}
	if got != want {
		w.t.Fatalf("%s %s: %+v, want %+v", id, body, got, want)
	}
}

// start is the model of a schedule that begins anew.
func (w *world) start(k *known) {
	now := w.clock()
	k.state, k.armed, k.due, k.hurried, k.settled = store.Pending, now, now, now, time.Time{}
}

func (w *world) outcome() {
	k := w.pick(store.Pending)
	if k == nil {
		return
	}
	k.attempts++
	state := []store.State{store.Delivered, store.Delivered, store.Dead, store.Pending}[w.random.IntN(4)]
	o := w.bed.outcome(k.seq, state, k.attempts)
	w.settle(o)
	k.state, k.last = state, w.clock()
	if state == store.Pending {
		k.due = o.Due
	} else {
		k.settled = w.clock()
	}
}

func (w *world) rearm(k *known) {
	ok, err := w.Rearm(w.t.Context(), store.DeliveryID{Seq: k.seq}, false)
	switch {
	case k.state == store.IgnoredState:
		if ok || err != nil {
			w.t.Fatalf("re-arming an ignored event: %v %v", ok, err)
		}
	case !k.payload:
		w.wants(err, store.ErrGone)
	case k.state == store.Pending:
		if k.due.After(w.clock()) {
			k.due, k.hurried = w.clock(), w.clock()
		}
	default:
		w.start(k)
	}
}

func (w *world) release() {
	by := w.clock().Add(-time.Duration(w.random.Int64N(int64(2 * time.Hour)))).Truncate(time.Millisecond)
	n, err := w.Release(w.t.Context(), destA, by, 1000)
	w.must(err)
	for _, k := range w.events {
		if k.state == store.Pending && k.due.After(by) && !k.last.After(by) && !k.armed.After(by) {
			k.due = k.armed
			n--
		}
	}
	if n != 0 {
		w.t.Fatalf("%d too many were released", n)
	}
}

func (w *world) expire() {
	before := w.clock().Add(-20 * time.Hour)
	n, err := w.Expire(w.t.Context(), destA, before, "expired", 1000)
	w.must(err)
	for _, k := range w.events {
		if k.state == store.Pending && k.armed.Before(before) {
			k.state, k.settled = store.Dead, w.clock()
			n--
		}
	}
	if n != 0 {
		w.t.Fatalf("%d too many have expired", n)
	}
}

func (w *world) recover() {
	since := w.clock().Add(-6 * time.Hour)
	j, err := w.CreateJob(w.t.Context(), store.Job{Kind: store.Recover, Destination: destA, Since: since})
	w.must(err)
	total, skipped := int64(0), int64(0)
	for _, k := range w.events {
		if k.state != store.Dead || k.settled.Before(since) {
			continue
		}
		total++
		if !k.payload {
			skipped++
			continue
		}
		w.start(k)
	}
	j = w.run(j.ID, 7)
	if j.Total != total || j.Done != total || j.Skipped != skipped {
		w.t.Fatalf("%+v, want %d and %d skipped", j, total, skipped)
	}
}

func (w *world) sweep() {
	now := w.clock()
	for seq, k := range w.events {
		age := modelAge
		if k.state == store.Dead {
			age = modelDead
		}
		if k.state == store.Pending || now.Before(k.settled.Add(age)) {
			continue
		}
		k.payload = false
		if k.place == "" || !now.Before(k.settled.Add(modelWindow)) {
			w.forget(k)
			delete(w.events, seq)
		}
	}
}

// compare holds the whole store against the model.
func (w *world) compare(when string) {
	w.t.Helper()
	var count store.Count
	f, seen := store.Filter{Limit: 37}, 0
	for {
		page, next, err := w.List(w.t.Context(), f)
		w.must(err)
		for _, d := range page {
			seen++
			k := w.events[d.Seq]
			if k == nil {
				w.t.Fatalf("%s: there should be no %+v", when, d)
			}
			if d.ID != k.id || d.State != k.state || d.Attempts != k.attempts || (k.state == store.Pending && (!d.Due.Equal(k.due) || !d.Armed.Equal(k.armed))) ||
				!d.Settled.Equal(k.settled) && k.state != store.Pending {
				w.t.Fatalf("%s: %+v, want %+v", when, d, *k)
			}
			if full := w.at(d.Seq); (full.Head != nil) != k.payload || (k.payload && string(full.Body) != k.body) {
				w.t.Fatalf("%s: the payload of %+v is %q", when, *k, full.Body)
			}
			switch k.state {
			case store.Pending:
				count.Pending++
			case store.Dead:
				count.Dead++
			}
		}
		if f.Before = next; next == 0 {
			break
		}
	}
	if seen != len(w.events) {
		w.t.Fatalf("%s: %d events, want %d", when, seen, len(w.events))
	}
	w.counts(count)
	if n := w.Keys(); n >= 0 && n != len(w.places) {
		w.t.Fatalf("%s: %d keys are remembered, want %d", when, n, len(w.places))
	}
}
