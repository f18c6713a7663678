package postgres_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// known is an event as the model sees it.
type known struct {
	seq                                int64
	id, body                           string
	state                              store.State
	settled, due, armed, last, hurried time.Time
	attempts                           int
	payload                            bool
	place                              string // "" if it is not remembered
	owner                              int64
}

// world is what one database should hold that several stores work on.
type world struct {
	*cluster
	random *rand.Rand
	events map[int64]*known
	places map[string]*known

	mu  sync.Mutex
	now time.Time
}

const (
	modelWindow = 48 * time.Hour
	modelAge    = 24 * time.Hour
	modelDead   = 72 * time.Hour
)

// Random operations of several gateways, one after the other, are held against a model of
// one store with owners; now and then one of them is restarted, or dies. A failure names
// the seed.
//
// (C-06, F-21)
func TestModel(t *testing.T) {
	const seed, steps = 20261124, 700
	w := &world{
		random: rand.New(rand.NewPCG(seed, seed)), events: map[int64]*known{}, places: map[string]*known{},
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	w.cluster = newCluster(t, 3, store.Options{Now: w.clock})
	for n := range steps {
		w.step()
		if n%100 == 99 {
			w.compare(fmt.Sprintf("seed %d, step %d", seed, n))
		}
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(20 * time.Minute))).Truncate(time.Millisecond))
}

// any chooses a gateway.
func (w *world) any() *node { return w.nodes[w.random.IntN(len(w.nodes))] }

// live reports whether a gateway of a number is there.
func (w *world) live(owner int64) bool {
	return slices.ContainsFunc(w.nodes, func(n *node) bool { return n.Standing().Owner == owner })
}

func (w *world) step() {
	w.advance()
	n, ctx := w.any(), w.Context()
	switch choice := w.random.IntN(200); {
	case choice < 80:
		w.arrive(n)
	case choice < 110:
		w.claims(n)
	case choice < 150:
		w.outcome(n)
	case choice < 158:
		if k := w.pick(0); k != nil {
			w.rearm(n, k)
		}
	case choice < 163:
		if k := w.pick(0); k != nil {
			w.must(n.Forget(ctx, k.seq))
			w.forget(k)
		}
	case choice < 168:
		if k := w.pick(0); k != nil {
			w.must(n.Erase(ctx, k.seq))
			if k.payload = false; k.state == store.Pending {
				w.bury(k)
			}
		}
	case choice < 174:
		w.disown(n)
	case choice < 180:
		w.release(n)
	case choice < 185:
		w.expires(n)
	case choice < 190:
		w.recover()
	case choice < 194:
		w.replace(w.random.IntN(len(w.nodes)))
	default:
		w.sweep(n)
	}
}

// pick chooses an event in a state; 0 is any.
func (w *world) pick(state store.State) *known {
	fit := w.matching(func(k *known) bool { return state == 0 || k.state == state })
	if len(fit) == 0 {
		return nil
	}
	return fit[w.random.IntN(len(fit))]
}

// matching returns events, the oldest first.
func (w *world) matching(fit func(*known) bool) []*known {
	var all []*known
	for _, k := range w.events {
		if fit(k) {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(x, y *known) int { return cmp.Compare(x.seq, y.seq) })
	return all
}

func (w *world) forget(k *known) {
	if k.place != "" {
		delete(w.places, k.place)
		k.place = ""
	}
}

func (w *world) bury(k *known) { k.state, k.settled, k.owner = store.Dead, w.clock(), 0 }

// start is the model of a schedule that begins anew.
func (w *world) start(k *known) {
	now := w.clock()
	k.state, k.armed, k.due, k.hurried, k.settled = store.Pending, now, now, now, time.Time{}
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
func (w *world) arrive(n *node) {
	now := w.clock()
	id, body := fmt.Sprint("id", w.random.IntN(60)), fmt.Sprint("body", w.random.IntN(2))
	a := event(id, body)
	a.Received, a.Timestamp, a.Window, a.To[0].Claim = now, now, modelWindow, w.random.IntN(2) == 0
	passes := w.random.IntN(5) > 0
	if !passes {
		a.To = nil
	}
	got := n.accept(a)
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
		} else if a.To[0].Claim {
			want.Owner, want.Term = n.Standing().Owner, n.Standing().Term
			k.owner = want.Owner
		}
		if w.events[got.Seq] != nil {
			w.Fatalf("event %d is there already", got.Seq)
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
		w.Fatalf("%s %s: %+v, want %+v", id, body, got, want)
	}
}

// claims is the model of a claim: of what is due, and is nobody's who lives but its own.
// Which of it comes first depends on what was claimed in the last second.
func (w *world) claims(n *node) {
	now, me := w.clock(), n.Standing().Owner
	held := make(map[store.DeliveryID]bool)
	due := make(map[int64]*known)
	for _, k := range w.matching(func(k *known) bool {
		return k.state == store.Pending && !k.due.After(now) && (k.owner == me || !w.live(k.owner))
	}) {
		if k.owner == me && w.random.IntN(2) == 0 {
			held[store.DeliveryID{Seq: k.seq}] = true
		} else {
			due[k.seq] = k
		}
	}
	most := 1 + w.random.IntN(8)
	page, err := n.Claim(w.Context(), destA, now, most, held)
	w.must(err)
	if want := min(most, len(due)); len(page) != want {
		w.Fatalf("%d were claimed, want %d", len(page), want)
	}
	for _, d := range page {
		k := due[d.Seq]
		if k == nil || d.Owner != me || string(d.Body) != k.body || d.Attempts != k.attempts || !d.Due.Equal(k.due) {
			w.Fatalf("claimed %+v, want %+v", d, k)
		}
		k.owner = me
		delete(due, d.Seq)
	}
}

// outcome is the model of fencing: only its owner's counts, but that it was delivered
// although it was given up.
func (w *world) outcome(n *node) {
	k := w.pick([]store.State{store.Pending, store.Pending, store.Pending, store.Dead, store.Delivered}[w.random.IntN(5)])
	if k == nil {
		return
	}
	state := []store.State{store.Delivered, store.Delivered, store.Dead, store.Pending}[w.random.IntN(4)]
	d := store.Delivery{Event: store.Event{Seq: k.seq}, Destination: destA, Attempts: k.attempts, Owner: k.owner}
	if w.random.IntN(4) == 0 {
		d.Owner = n.Standing().Owner
	}
	o := outcome(d, state)
	o.At, o.Attempt.Started = w.clock(), w.clock()
	if state == store.Pending {
		o.Due = w.clock().Add(time.Hour)
	}
	n.settle(o)
	late := k.state == store.Dead && k.payload && state == store.Delivered
	if !late && (k.state != store.Pending || d.Owner != k.owner) {
		return
	}
	k.state, k.last, k.owner = state, w.clock(), 0
	if k.attempts++; state == store.Pending {
		k.due = o.Due
	} else {
		k.settled = w.clock()
	}
}

func (w *world) rearm(n *node, k *known) {
	ok, err := n.Rearm(w.Context(), store.DeliveryID{Seq: k.seq}, false)
	switch {
	case k.state == store.IgnoredState:
		if ok || err != nil {
			w.Fatalf("re-arming an ignored event: %v %v", ok, err)
		}
	case !k.payload:
		if !errors.Is(err, store.ErrGone) {
			w.Fatalf("re-arming an erased event: %v %v", ok, err)
		}
	case !ok || err != nil:
		w.Fatalf("re-arming %+v: %v %v", *k, ok, err)
	case k.state != store.Pending:
		w.start(k)
	case k.due.After(w.clock()):
		k.due, k.hurried = w.clock(), w.clock()
	}
}

func (w *world) disown(n *node) {
	var ids []store.DeliveryID
	for _, k := range w.matching(func(k *known) bool { return k.state == store.Pending && w.random.IntN(3) == 0 }) {
		if ids = append(ids, store.DeliveryID{Seq: k.seq}); k.owner == n.Standing().Owner {
			k.owner = 0
		}
	}
	w.must(n.Disown(w.Context(), destA, ids))
}

func (w *world) release(n *node) {
	by := w.clock().Add(-time.Duration(w.random.Int64N(int64(2 * time.Hour)))).Truncate(time.Millisecond)
	released, err := n.Release(w.Context(), destA, by, 1000)
	w.must(err)
	for _, k := range w.events {
		if k.state == store.Pending && k.due.After(by) && !k.last.After(by) && !k.armed.After(by) {
			k.due = k.armed
			released--
		}
	}
	if released != 0 {
		w.Fatalf("%d too many were released", released)
	}
}

func (w *world) expires(n *node) {
	before := w.clock().Add(-20 * time.Hour)
	expired, err := n.Expire(w.Context(), destA, before, "expired", 1000)
	w.must(err)
	for _, k := range w.events {
		if k.state == store.Pending && k.armed.Before(before) {
			w.bury(k)
			expired--
		}
	}
	if expired != 0 {
		w.Fatalf("%d too many have expired", expired)
	}
}

// recover is a job of which each gateway takes a step.
func (w *world) recover() {
	since := w.clock().Add(-6 * time.Hour)
	j, err := w.any().CreateJob(w.Context(), store.Job{Kind: store.Recover, Destination: "source/a", Since: since})
	w.must(err)
	for j.State == store.JobRunning {
		j, err = w.any().AdvanceJob(w.Context(), j.ID, 7)
		w.must(err)
	}
	total, skipped := int64(0), int64(0)
	for _, k := range w.events {
		if k.state != store.Dead || k.settled.Before(since) {
			continue
		}
		if total++; !k.payload {
			skipped++
			continue
		}
		w.start(k)
	}
	if j.Total != total || j.Done != total || j.Skipped != skipped {
		w.Fatalf("%+v, want %d and %d skipped", j, total, skipped)
	}
}

// replace closes a gateway, or lets it die, and opens another in its stead.
func (w *world) replace(i int) {
	n := w.nodes[i]
	if w.random.IntN(2) == 0 {
		n.db.Freeze()
		w.expire(n)
	}
	w.must(n.Close())
	w.nodes[i] = w.join(store.Options{Now: w.clock})
	w.nodes = w.nodes[:len(w.nodes)-1]
}

func (w *world) sweep(n *node) {
	n.SetRetention(store.Retention{Age: modelAge, Dead: modelDead, Window: func(string) (time.Duration, bool) { return modelWindow, true }})
	w.must(n.Sweep(w.Context()))
	// It sweeps by itself as well: not when the model does not expect it.
	n.SetRetention(store.Retention{})
	w.must(n.Sweep(w.Context()))
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

// compare holds the whole database against the model.
func (w *world) compare(when string) {
	w.Helper()
	n, seen := w.any(), 0
	owners := make(map[int64]int64)
	var pairs []int64
	w.column("SELECT unnest(ARRAY[event, owner]) FROM deliveries", &pairs)
	for pair := range slices.Chunk(pairs, 2) {
		owners[pair[0]] = pair[1]
	}
	for f := (store.Filter{Limit: 500}); ; {
		page, next, err := n.List(w.Context(), f)
		w.must(err)
		for _, d := range page {
			k := w.events[d.Seq]
			if seen++; k == nil {
				w.Fatalf("%s: there should be no %+v", when, d)
			}
			pending := k.state == store.Pending
			if d.ID != k.id || d.State != k.state || d.Attempts != k.attempts || pending && (!d.Due.Equal(k.due) || !d.Armed.Equal(k.armed)) || !pending && !d.Settled.Equal(k.settled) {
				w.Fatalf("%s: %+v, want %+v", when, d, *k)
			}
			if owner, ok := owners[d.Seq]; ok != (k.state != store.IgnoredState) || owner != k.owner {
				w.Fatalf("%s: event %d is %d's, want %+v", when, d.Seq, owner, *k)
			}
		}
		if f.Before = next; next == 0 {
			break
		}
	}
	payloads := len(w.matching(func(k *known) bool { return k.payload }))
	if rows := w.number("SELECT COUNT(*) FROM payloads"); seen != len(w.events) || rows != int64(payloads) || w.lost() != 0 {
		w.Fatalf("%s: %d events and %d payloads, want %d and %d", when, seen, rows, len(w.events), payloads)
	}
	if held := w.number("SELECT COUNT(*) FROM events WHERE place IS NOT NULL"); held != int64(len(w.places)) {
		w.Fatalf("%s: %d keys are remembered, want %d", when, held, len(w.places))
	}
}
