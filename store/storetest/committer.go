package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/store"
)

// backlog: a destination that has as many pending as it may have takes no more, until
// one is settled; others are not concerned, nor are copies and ignored events.
func backlog(b *bed) {
	limited := func(id string) *store.Arrival {
		a := b.event(id, "body")
		a.MaxBacklog = 3
		return a
	}
	var errs [10]error
	b.together(len(errs), func(n int) { _, errs[n] = b.Accept(b.t.Context(), limited(strconv.Itoa(n))) })
	refused := 0
	for _, err := range errs {
		if err != nil {
			b.wants(err, store.ErrBacklog)
			refused++
		}
	}
	if refused != 7 {
		b.t.Errorf("%d are refused", refused)
	}
	b.counts(store.Count{Pending: 3})
	b.reopen()
	_, err := b.Accept(b.t.Context(), limited("more"))
	b.wants(err, store.ErrBacklog)
	b.stored(b.eventOf("b", "more", "body"))
	b.expect(ignored(limited("more")), store.Verdict{Result: store.Ignored})
	page, _, err := b.List(b.t.Context(), store.Filter{Source: "a", State: store.Pending})
	b.must(err)
	b.expect(limited(page[0].ID), store.Verdict{Result: store.Duplicate, Seq: page[0].Seq})
	b.settle(b.outcome(page[0].Seq, store.Delivered, 1))
	b.stored(limited("more"))
}

// numbers: they grow, also across restarts and when the clock goes back.
func numbers(b *bed) {
	last := int64(0)
	for n := range 20 {
		if n == 10 {
			b.advance(-48 * time.Hour)
			b.reopen()
		}
		seq := b.stored(b.event(strconv.Itoa(n), "body"))
		if seq <= last {
			b.t.Fatalf("%d comes after %d", seq, last)
		}
		last = seq
	}
}

// roundTrip: everything is read back as it was stored.
func roundTrip(b *bed) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	moment := time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC)
	for n, a := range []store.Arrival{
		{ID: "empty"},
		{ID: "empty, not nil", Head: []byte{}, Body: []byte{}},
		{ID: "large", Head: bytes.Repeat([]byte("h"), 64<<10), Body: bytes.Repeat(every, 4<<10)},
		{ID: "every byte", Head: every, Body: every},
		{ID: strings.Repeat("i", 256), Type: strings.Repeat("t", 256), Timestamp: time.Date(2038, 1, 20, 1, 2, 3, 4e6, time.UTC)},
		{ID: "ünïcode ☃ \U0001F600 ' \" ; -- %_*?", Type: "a.b", Timestamp: time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)},
		{ID: "before 1970", Timestamp: moment},
		{ID: "another zone", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 5*3600))},
	} {
		a.Source, a.To, a.Scheme, a.Received, a.Window = "a", []store.Target{{Destination: destA}}, "svix", b.clock().Add(time.Duration(n)*time.Millisecond), window72
		a.Key = key("a", a.ID, string(a.Body))
		seq := b.stored(&a)
		if n%2 == 0 {
			b.reopen()
		}
		d := b.at(seq)
		if d.Source != a.Source || d.Destination != destA || d.ID != a.ID || d.Type != a.Type || d.Scheme != a.Scheme || d.Size != int64(len(a.Body)) ||
			!d.Timestamp.Equal(a.Timestamp) || !d.Received.Equal(a.Received) || !d.Armed.Equal(b.clock()) || !d.Due.Equal(b.clock()) || !d.Settled.IsZero() ||
			d.State != store.Pending || d.Attempts != 0 || d.Step != 0 || d.Replay || d.Reason != "" {
			b.t.Errorf("%.20s: %+v", a.ID, d.Event)
		}
		if d.Head == nil || d.Body == nil || !bytes.Equal(d.Head, a.Head) || !bytes.Equal(d.Body, a.Body) {
			b.t.Errorf("%.20s: the head has %d bytes of %d, the body %d of %d, or they differ", a.ID, len(d.Head), len(a.Head), len(d.Body), len(a.Body))
		}
	}
}

// failingOperation: an operation that fails leaves nothing behind, in the tables, in the
// counts or in the keys, and those that share its transaction are made.
func failingOperation(b *bed) {
	wrong := errors.New("wrong")
	seq := b.dead(b.event("dead", "body"))
	b.together(30, func(n int) {
		switch n % 3 {
		case 0:
			b.stored(b.event(strconv.Itoa(n), "body"))
		case 1:
			err := b.Do(b.t.Context(), func(tx *store.Tx) error {
				if ok, err := tx.Rearm(store.DeliveryID{Seq: seq}, false); !ok || err != nil {
					return fmt.Errorf("re-arming: %v %w", ok, err)
				}
				if _, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?)", fmt.Sprint("undone", n), 1); err != nil {
					return err
				}
				return wrong
			})
			b.wants(err, wrong)
		case 2:
			err := b.Do(b.t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?)", fmt.Sprint("done", n), 1); err != nil {
					return err
				}
				if _, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?)", fmt.Sprint("done", n), 1); err == nil {
					b.t.Error("the same row twice is no error")
				}
				return nil
			})
			if b.tolerant() {
				b.must(err)
			}
		}
	})
	if d := b.at(seq); d.State != store.Dead {
		b.t.Errorf("the undone operation has left %+v", d)
	}
	b.counts(store.Count{Pending: 10, Dead: 1})
	paused, err := b.Pauses(b.t.Context())
	b.must(err)
	for name := range paused {
		if strings.HasPrefix(name, "undone") {
			b.t.Errorf("%s is there", name)
		}
	}
	if b.tolerant() && len(paused) != 10 {
		b.t.Errorf("%d pauses", len(paused))
	}
}

// tolerant reports whether a transaction goes on after a statement has failed, which
// PostgreSQL's do not.
func (b *bed) tolerant() bool {
	tolerant := false
	err := b.Do(b.t.Context(), func(tx *store.Tx) error {
		_, _ = tx.Exec("INSERT INTO nowhere VALUES (1)")
		_, err := tx.Exec("DELETE FROM pauses WHERE since = -1")
		tolerant = err == nil
		return err
	})
	return err == nil && tolerant
}

// brokenTransaction: if one operation cannot be undone by itself, nobody is told that
// anything is stored, and nothing is; the next transaction works.
func brokenTransaction(b *bed) {
	wrong := errors.New("wrong")
	before := b.dead(b.event("before", "body"))
	var failed, made atomic.Int64
	var mu sync.Mutex
	acked := map[string]bool{}
	b.together(20, func(n int) {
		var err error
		id := strconv.Itoa(n)
		if n%2 == 0 {
			_, err = b.Accept(b.t.Context(), b.event(id, "body"))
			mu.Lock()
			acked[id] = err == nil
			mu.Unlock()
		} else {
			err = b.Do(b.t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?)", id, 1); err != nil {
					return err
				}
				if _, err := tx.Exec("RELEASE SAVEPOINT operation"); err != nil {
					return err
				}
				return wrong // and there is nothing to go back to
			})
		}
		if err != nil {
			failed.Add(1)
		} else {
			made.Add(1)
		}
	})
	if failed.Load() < 10 {
		b.t.Errorf("%d have failed, %d were made", failed.Load(), made.Load())
	}
	if paused, err := b.Pauses(b.t.Context()); err != nil || len(paused) > 0 {
		b.t.Errorf("what could not be undone is there: %v %v", paused, err)
	}
	for id, ok := range acked {
		found, err := b.Find(b.t.Context(), "a", id)
		b.must(err)
		if (len(found) == 1) != ok {
			b.t.Errorf("%s: acknowledged %v, found %d", id, ok, len(found))
		}
		if !ok { // its key was not taken either
			b.stored(b.event(id, "body"))
		}
	}
	b.expect(b.event("before", "body"), store.Verdict{Result: store.Rearmed, Seq: before, Due: true})
	b.counts(store.Count{Pending: 11})
}

// shared: what waits shares a transaction, and no transaction is too large.
func shared(b *bed) {
	var mu sync.Mutex
	var sizes []int
	b.must(b.Close())
	b.options.Committed = func(n int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if took < 0 {
			b.t.Errorf("a commit took %v", took)
		}
		sizes = append(sizes, n)
	}
	b.open()
	b.together(1000, func(n int) { b.stored(b.event(strconv.Itoa(n), "body")) })
	total, most := 0, 0
	mu.Lock()
	for _, n := range sizes {
		total, most = total+n, max(most, n)
	}
	mu.Unlock()
	if total != 1001 || most > 512 || most < 100 {
		b.t.Errorf("%d operations in %d transactions, the largest of %d", total, len(sizes), most)
	}
	b.counts(store.Count{Pending: 1000})
}

// closing: everything that waits when the store is closed is answered: it is stored, or
// refused.
func closing(b *bed) {
	var all sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]bool{}
	for n := range 200 {
		all.Go(func() {
			id := strconv.Itoa(n)
			_, err := b.Accept(b.t.Context(), b.event(id, "body"))
			if err != nil && !errors.Is(err, store.ErrClosed) {
				b.t.Errorf("%s: %v", id, err)
			}
			mu.Lock()
			defer mu.Unlock()
			acked[id] = err == nil
		})
	}
	s := b.Store
	all.Go(func() {
		if err := s.Close(); err != nil {
			b.t.Errorf("closing: %v", err)
		}
	})
	all.Wait()
	b.open()
	for id, ok := range acked {
		found, err := b.Find(b.t.Context(), "a", id)
		b.must(err)
		if (len(found) == 1) != ok {
			b.t.Errorf("%s: acknowledged %v, found %d", id, ok, len(found))
		}
	}
}

// afterClose: whatever is asked of a closed store is refused, and closing it again is
// no error.
func afterClose(b *bed) {
	ctx := b.t.Context()
	seq := b.stored(b.event("e", "body"))
	id := store.DeliveryID{Seq: seq}
	b.must(b.Close())
	b.must(b.Close())
	b.wants(b.Trouble(), store.ErrClosed)
	for name, call := range map[string]func() error{
		"Accept": func() error { _, err := b.Accept(ctx, b.event("f", "body")); return err },
		"Do":     func() error { return b.Do(ctx, func(*store.Tx) error { return nil }) },
		"Settle": func() error {
			done := make(chan error, 1)
			b.Settle(ctx, b.outcome(seq, store.Delivered, 1), func(err error) { done <- err })
			return <-done
		},
		"Due":      func() error { _, err := b.Claim(ctx, destA, b.clock(), 1, nil); return err },
		"NextDue":  func() error { _, err := b.NextDue(ctx, destA, b.clock()); return err },
		"Oldest":   func() error { _, err := b.Oldest(ctx, destA); return err },
		"Release":  func() error { _, err := b.Release(ctx, destA, b.clock(), 1); return err },
		"Expire":   func() error { _, err := b.Expire(ctx, destA, b.clock(), "", 1); return err },
		"Delivery": func() error { _, err := b.Delivery(ctx, id); return err },
		"Event":    func() error { _, err := b.Event(ctx, seq); return err },
		"List":     func() error { _, _, err := b.List(ctx, store.Filter{}); return err },
		"Find":     func() error { _, err := b.Find(ctx, "a", "e"); return err },
		"Attempts": func() error { _, err := b.Attempts(ctx, id); return err },
		"Rearm":    func() error { _, err := b.Rearm(ctx, id, false); return err },
		"Forget":   func() error { return b.Forget(ctx, seq) },
		"Erase":    func() error { return b.Erase(ctx, seq) },
		"Pauses":   func() error { _, err := b.Pauses(ctx); return err },
		"Pause":    func() error { return b.Pause(ctx, destA) },
		"Resume":   func() error { return b.Resume(ctx, destA) },
		"Adopt":    func() error { _, err := b.Adopt(ctx, "a", "b", 1); return err },
		"CreateJob": func() error {
			_, err := b.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: destA})
			return err
		},
		"CountJob": func() error {
			_, err := b.CountJob(ctx, store.Job{Kind: store.Recover, Destination: destA})
			return err
		},
		"AdvanceJob": func() error { _, err := b.AdvanceJob(ctx, "job_1", 1); return err },
		"CancelJob":  func() error { _, err := b.CancelJob(ctx, "job_1"); return err },
		"Jobs":       func() error { _, err := b.Jobs(ctx); return err },
		"Job":        func() error { _, err := b.Job(ctx, "job_1"); return err },
		"Backup":     func() error { return b.Backup(ctx, "/nowhere/at/all") },
	} {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			b.t.Errorf("%s: %v", name, err)
		}
	}
}

// endedCaller: who does not wait any more is told so at once. What still waited for
// its turn is not made, and its event is not kept in memory; what was begun is made.
func endedCaller(b *bed) {
	ctx, cancel := context.WithCancel(b.t.Context())
	begun, busy := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- b.Do(ctx, func(tx *store.Tx) error {
			close(begun)
			<-busy
			_, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?)", destA, 1)
			return err
		})
	}()
	<-begun
	cancel()
	for _, err := range []error{<-held, func() error { _, err := b.Accept(ctx, b.event("e", "body")); return err }()} {
		b.wants(err, store.ErrUnavailable)
		b.wants(err, context.Canceled)
	}
	close(busy)
	b.must(b.Do(b.t.Context(), func(*store.Tx) error { return nil })) // behind them in the queue
	if v := b.accept(b.event("e", "body")); v.Result != store.Stored {
		b.t.Errorf("what waited was made: %+v", v)
	}
	if pauses, err := b.Pauses(b.t.Context()); err != nil || pauses[destA].IsZero() {
		b.t.Errorf("what was begun was not made: %v, %v", pauses, err)
	}
}
