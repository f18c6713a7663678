package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// tally is what became of the copies of one event.
type tally struct {
	stored, others int
	seqs           map[int64]bool
}

// One event that several gateways receive at once, many times over, is stored once, and
// every sender is answered. Some ids have several bodies, of which each is an event; of
// some the id alone decides; some were known under an earlier name of the source.
//
// (C-01, C-02)
func TestCopiesAtSeveralGateways(t *testing.T) {
	const ids, copies = 100, 30
	c := newCluster(t, 3, store.Options{})
	kinds := []struct {
		bodies int
		key    func(id, body string) *store.Key
	}{
		{1, func(id, body string) *store.Key { return key("a", id, body) }},
		{3, func(id, body string) *store.Key { return key("a", id, body) }},
		{1, func(id, _ string) *store.Key { return &store.Key{ID: sum("id", "a", id)} }},
		{1, func(id, body string) *store.Key {
			k := key("a", id, body)
			k.Former = []store.Key{*key("former", id, body), *key("earlier", id, body)}
			return k
		}},
	}
	type arrival struct {
		*store.Arrival
		event string // which one it is a copy of
	}
	var all []arrival
	events := 0
	for i := range ids {
		kind, id := kinds[i%len(kinds)], fmt.Sprint("e", i)
		events += kind.bodies
		if i%8 == 3 { // it had come before the source was renamed
			a := event(id, "body 0")
			a.Key = key("former", id, "body 0")
			c.nodes[0].stored(a)
			events--
		}
		for j := range copies {
			body := fmt.Sprint("body ", j%kind.bodies)
			a := event(id, body)
			a.Key, a.To[0].Claim = kind.key(id, body), true
			all = append(all, arrival{a, id + body})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	const callers = 24
	var mu sync.Mutex
	became := make(map[string]*tally)
	conflicts := 0
	var run []func() error
	for i := range callers {
		run = append(run, func() error {
			for j := i; j < len(all); j += callers {
				v, err := c.nodes[i%3].Accept(t.Context(), all[j].Arrival)
				if err != nil {
					return fmt.Errorf("%s: %w", all[j].event, err)
				}
				mu.Lock()
				of := became[all[j].event]
				if of == nil {
					of = &tally{seqs: make(map[int64]bool)}
					became[all[j].event] = of
				}
				if of.seqs[v.Seq] = true; v.Result == store.Stored {
					of.stored++
				} else if v.Result == store.Duplicate {
					of.others++
				}
				if v.Conflict && v.Result == store.Stored {
					conflicts++
				}
				mu.Unlock()
			}
			return nil
		})
	}
	atOnce(t, run...)

	stored := 0
	for name, of := range became {
		if stored += of.stored; of.stored > 1 || len(of.seqs) != 1 {
			t.Errorf("%s was stored %d times, under %v", name, of.stored, of.seqs)
		}
	}
	if stored != events || len(all) != ids*copies {
		t.Errorf("%d were stored of %d", stored, events)
	}
	if want := (ids / len(kinds)) * 2; conflicts != want { // of three bodies two
		t.Errorf("%d were stored as conflicts, want %d", conflicts, want)
	}
	rows, former := c.number("SELECT COUNT(*) FROM events"), c.number("SELECT COUNT(*) FROM deliveries WHERE owner = 0")
	if places := c.number("SELECT COUNT(DISTINCT place) FROM events"); rows != int64(events)+former || places != rows || c.lost() != 0 {
		t.Errorf("%d events, %d of them known before, %d places", rows, former, places)
	}
}

// Copies that make waiting or dead events due, in any order and at several gateways, do
// not wait for each other.
//
// (C-02)
func TestCopiesOfWaitingEventsDoNotBlock(t *testing.T) {
	for _, state := range []store.State{store.Pending, store.Dead} {
		t.Run(state.String(), func(t *testing.T) {
			const events = 60
			c := newCluster(t, 2, store.Options{})
			for i := range events {
				seq := c.nodes[0].stored(event(fmt.Sprint(i), "body"))
				c.nodes[0].settle(outcome(c.nodes[0].at(seq), state))
			}
			var due [2]int
			var run []func() error
			for i, n := range c.nodes {
				var mu sync.Mutex
				run = append(run, func() error {
					// All of one gateway's are one transaction, which goes through them in the
					// other's opposite order.
					order := make([]int, events)
					for j := range order {
						order[j] = j
					}
					if i == 1 {
						slices.Reverse(order)
					}
					var arrivals sync.WaitGroup
					var failed error
					c.together(n, func() {
						for _, j := range order {
							queued := make(chan struct{})
							arrivals.Go(func() {
								close(queued)
								v, err := n.Accept(t.Context(), event(fmt.Sprint(j), "body"))
								mu.Lock()
								defer mu.Unlock()
								failed = errors.Join(failed, err)
								if v.Due {
									due[i]++
								}
							})
							<-queued
						}
					})
					arrivals.Wait()
					return failed
				})
			}
			atOnce(t, run...)
			if due[0]+due[1] != events || c.lost() != 0 {
				t.Errorf("%v were made due of %d", due, events)
			}
			if n := c.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
				t.Errorf("%d deadlocks", n)
			}
		})
	}
}

// Copies within one batch are told apart as over several.
func TestCopiesWithinABatch(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	other := event("e", "other")
	verdicts := make([]store.Verdict, 4)
	var arrivals sync.WaitGroup
	c.together(n, func() {
		for i, a := range []*store.Arrival{event("e", "body"), event("e", "body"), other, other} {
			arrivals.Go(func() { verdicts[i] = n.accept(a) })
		}
	})
	arrivals.Wait()
	stored := make(map[int64]int)
	for _, v := range verdicts {
		switch v.Result {
		case store.Stored:
			stored[v.Seq]++
		case store.Duplicate:
			stored[v.Seq]--
		}
	}
	if verdicts[0].Seq != verdicts[1].Seq || verdicts[2].Seq != verdicts[3].Seq || len(stored) != 2 {
		t.Errorf("%+v", verdicts)
	}
	for seq, balance := range stored {
		if balance != 0 {
			t.Errorf("event %d: %+v", seq, verdicts)
		}
	}
	if conflicts := c.number("SELECT COUNT(*) FROM events"); conflicts != 2 {
		t.Errorf("%d events", conflicts)
	}
}

// A destination takes as many as it may have pending, also of one batch, and no copy
// counts; another destination is not touched.
func TestBacklogWithinABatch(t *testing.T) {
	const most, sent = 10, 40
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	var mu sync.Mutex
	var stored, refused, others int
	var arrivals sync.WaitGroup
	c.together(n, func() {
		for i := range sent {
			a := event(fmt.Sprint(i), "body")
			if a.MaxBacklog = most; i%4 == 0 {
				a.To[0].Destination = "source/b"
			}
			arrivals.Go(func() {
				v, err := n.Accept(t.Context(), a)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, store.ErrBacklog) && a.To[0].Destination == destA:
					refused++
				case err != nil || v.Result != store.Stored:
					t.Errorf("%+v, %v", v, err)
				case a.To[0].Destination == destA:
					stored++
				default:
					others++
				}
			})
		}
	})
	arrivals.Wait()
	if stored != most || refused != sent*3/4-most || others != sent/4 {
		t.Errorf("%d stored, %d refused, %d others", stored, refused, others)
	}
	if got := n.Counts()[destA]; got.Pending != most {
		t.Errorf("counted %+v", got)
	}
	full := event("one more", "body")
	full.MaxBacklog = most
	if _, err := n.Accept(t.Context(), full); !errors.Is(err, store.ErrBacklog) {
		t.Errorf("one more: %v", err)
	}
	// A copy of what is pending is no further one.
	page := n.claim(1)
	for _, d := range page {
		again := event(d.ID, "body")
		again.MaxBacklog = most
		if v := n.accept(again); v.Result != store.Duplicate {
			t.Errorf("%+v", v)
		}
	}
}

// Ignored events leave a row and their key, and nothing else; one that is to be forwarded
// later is stored then, once, whoever receives it.
func TestIgnoredAtOneIsJudgedAnewAtAnother(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	ignored := event("e", "body")
	ignored.To = nil
	v := c.nodes[0].accept(ignored)
	if v.Result != store.Ignored {
		t.Fatalf("%+v", v)
	}
	if again := c.nodes[1].accept(ignored); again.Result != store.Ignored || again.Seq != v.Seq {
		t.Errorf("again: %+v", again)
	}
	if n := c.number("SELECT (SELECT COUNT(*) FROM payloads) + (SELECT COUNT(*) FROM deliveries)"); n != 0 {
		t.Errorf("%d rows of what is ignored", n)
	}
	verdicts := make([]store.Verdict, 2)
	atOnce(t,
		func() (err error) { verdicts[0], err = c.nodes[0].Accept(t.Context(), event("e", "body")); return err },
		func() (err error) { verdicts[1], err = c.nodes[1].Accept(t.Context(), event("e", "body")); return err },
	)
	if verdicts[0].Seq != verdicts[1].Seq || verdicts[0].Seq == v.Seq || verdicts[0].Result == verdicts[1].Result {
		t.Errorf("%+v", verdicts)
	}
}

// A key whose time is over is taken by one of those that receive a copy at once, and the
// other's is a duplicate of that one.
func TestAnExpiredKeyIsTakenOnce(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	for i := range 100 {
		id := fmt.Sprint(i)
		old := event(id, "body")
		old.Window = 0
		seq := c.nodes[0].stored(old)
		// The clocks of gateways are the database's as far as they know it: some
		// milliseconds off on a busy machine.
		o := outcome(c.nodes[0].at(seq), store.Delivered)
		o.At = o.At.Add(-time.Minute)
		c.nodes[0].settle(o)
		verdicts := make([]store.Verdict, 2)
		var run []func() error
		for j, n := range c.nodes {
			run = append(run, func() (err error) {
				a := event(id, "body")
				a.Window = 0
				verdicts[j], err = n.Accept(t.Context(), a)
				return err
			})
		}
		atOnce(t, run...)
		if verdicts[0].Seq != verdicts[1].Seq || verdicts[0].Seq == seq || verdicts[0].Result == verdicts[1].Result {
			t.Fatalf("%+v after %d", verdicts, seq)
		}
	}
	if n := c.number("SELECT COUNT(*) FROM events WHERE place IS NOT NULL"); n != 100 {
		t.Errorf("%d keys are held", n)
	}
}

// Text that a server cannot hold as it is, from senders and destinations, is stored with
// a mark in its stead; neither it nor what shares its batch fails, whichever way it takes.
//
// (F-23)
func TestHostileText(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	const nul, broken, marked = "x\x00y", "x\xff\xfey", "x\uFFFDy"
	for i, hostile := range []string{nul, broken, "x\xed\xa0\x80y"} {
		for _, body := range []string{"body", "other"} { // the second is a conflict: not the express way
			a := event(hostile, body)
			a.Type, a.Scheme, a.Source = hostile, hostile, hostile
			a.Key = key("a", fmt.Sprint(i), body)
			innocent := event(fmt.Sprint("innocent", i, body), "body")
			var arrivals sync.WaitGroup
			var v store.Verdict
			c.together(n, func() {
				arrivals.Go(func() { v = n.accept(a) })
				arrivals.Go(func() { n.stored(innocent) })
			})
			arrivals.Wait()
			d := n.at(v.Seq)
			if v.Result != store.Stored || d.ID != marked || d.Type != marked || d.Scheme != marked || string(d.Body) != body {
				t.Errorf("%q %s: %+v, %+v", hostile, body, v, d)
			}
			for step, owner := range []int64{0, 0} {
				o := outcome(d, store.Pending)
				o.Owner, o.Reason, o.Attempt.Error, o.Attempt.Outcome, o.Attempt.Response = owner, hostile, hostile, hostile, []byte(hostile)
				if step == 1 { // as if it had been adopted: not the express way
					o.Destination, o.Attempt.Number = "source/former", 2
				}
				n.settle(o)
			}
			made, err := n.Attempts(t.Context(), store.DeliveryID{Seq: v.Seq})
			if err != nil || len(made) != 2 {
				t.Fatalf("attempts: %+v, %v", made, err)
			}
			for _, a := range made {
				if a.Error != marked || a.Outcome != marked || string(a.Response) != hostile {
					t.Errorf("%+v", a)
				}
			}
		}
		// Nor does it fail to look for it.
		if found, err := n.Find(t.Context(), hostile, hostile); err != nil || len(found) != 2*(i+1) { // all of them are stored as one text
			t.Errorf("finding %q: %d, %v", hostile, len(found), err)
		}
		if page, _, err := n.List(t.Context(), store.Filter{Source: hostile, Type: hostile}); err != nil || len(page) == 0 {
			t.Errorf("listing %q: %d, %v", hostile, len(page), err)
		}
		if _, err := n.Job(t.Context(), hostile); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a job called %q: %v", hostile, err)
		}
	}
}

// The largest bodies are stored as they come, also several at once.
func TestLargeBodies(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	large := bytes.Repeat([]byte("0123456789abcde\x00"), 1<<20)
	var arrivals sync.WaitGroup
	seqs := make([]int64, 3)
	c.together(n, func() {
		for i := range seqs {
			a := event(fmt.Sprint(i), "")
			a.Body, a.Key.Body = large, sum(fmt.Sprint(i))
			arrivals.Go(func() { seqs[i] = n.stored(a) })
		}
		arrivals.Go(func() { n.stored(event("small", "body")) })
	})
	arrivals.Wait()
	for _, seq := range seqs {
		if d := n.at(seq); !bytes.Equal(d.Body, large) || d.Size != int64(len(large)) {
			t.Errorf("event %d: %d bytes of %d", seq, len(d.Body), d.Size)
		}
	}
}

// Numbers are one gateway's in growing order, nobody else's, and near the microseconds of
// the database's clock.
func TestNumbersOfEvents(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var run []func() error
	for i, n := range c.nodes {
		run = append(run, func() error {
			last := int64(0)
			for j := range 200 {
				a := event(fmt.Sprint(i, "/", j), "body")
				if j%3 == 0 {
					a.Key = nil
				}
				v, err := n.Accept(context.Background(), a)
				if err != nil {
					return err
				}
				mu.Lock()
				if v.Seq <= last || seen[v.Seq] {
					err = fmt.Errorf("%d after %d, there already: %v", v.Seq, last, seen[v.Seq])
				}
				seen[v.Seq] = true
				mu.Unlock()
				if last = v.Seq; err != nil {
					return err
				}
			}
			return nil
		})
	}
	atOnce(t, run...)
	now := c.number("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint")
	for seq := range seen {
		if off := time.Duration(now-seq) * time.Microsecond; off < -time.Second || off > time.Minute {
			t.Fatalf("%d is %s from the clock", seq, off)
		}
	}
}

// An older copy of the database gives no number again: who opens it, or has it open and
// comes back to it, moves them ahead first.
func TestNumbersDoNotComeBackWithAnOlderCopy(t *testing.T) {
	t.Run("opened", func(t *testing.T) {
		c := newCluster(t, 1, store.Options{})
		before := c.nodes[0].stored(event("e", "body"))
		c.must(c.nodes[0].Close())
		c.exec("SELECT setval('event_numbers', $1)", before-10_000_000)
		c.exec("DELETE FROM events")
		if after := c.join(store.Options{}).stored(event("f", "body")); after <= before {
			t.Errorf("%d after %d", after, before)
		}
	})
	t.Run("came back to", func(t *testing.T) {
		c := newCluster(t, 1, store.Options{})
		n := c.nodes[0]
		before := n.stored(event("e", "body"))
		n.db.Freeze() // between two beats
		c.exec("SELECT setval('event_numbers', $1)", before-10_000_000)
		c.exec("DELETE FROM events")
		// As the store opens it anew when it has lost the connection.
		c.must(n.db.Load(t.Context()))
		if after := n.stored(event("f", "body")); after <= before {
			t.Errorf("%d after %d", after, before)
		}
	})
}
