package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

func proxied(t *testing.T, o store.Options) (*proxy, *faultBed) {
	t.Helper()
	dsn := pgserver.Database(t)
	p, through := newProxy(t, dsn)
	b := openFaultBed(t, through, dsn, o)
	t.Cleanup(func() { // before the store is closed, which may wait for an answer
		p.set(func() { p.open, p.refuse = true, true })
		p.cut()
	})
	return p, b
}

// Connections that are cut at any moment, in the middle of a commit, too, cost nothing
// that was acknowledged.
//
// (K-04, K-05)
func TestConnectionsAreCutUnderLoad(t *testing.T) {
	t.Parallel()
	p, b := proxied(t, store.Options{})
	stop := b.load(64)
	defer stop()
	var worst time.Duration
	for range max(4, faults.Cycles(t, 20)) {
		b.goesOn(rand.IntN(300))
		p.cut()
		worst = max(worst, b.goesOn(0))
	}
	t.Logf("the longest pause was %s", worst.Round(10*time.Millisecond))
	if worst > generous {
		t.Errorf("it took %s until the store worked again", worst)
	}
	stop()
	b.complete()
}

// A network that swallows everything lets nobody wait beyond what he is ready to, and
// the store works again when it lets through.
func TestSilentNetwork(t *testing.T) {
	t.Parallel() // it waits most of the time
	p, b := proxied(t, store.Options{})
	first := b.mustSend()
	p.silence(true)
	within := func(what string, most time.Duration, call func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		err := call(ctx)
		if err == nil {
			t.Errorf("%s: no error", what)
		} else {
			passing(t, err)
		}
		if took := time.Since(started); took > most {
			t.Errorf("%s: it took %s, and a second was asked for", what, took)
		}
	}
	within("accepting", 5*time.Second, func(ctx context.Context) error {
		_, err := b.send(ctx)
		return err
	})
	within("reading", 5*time.Second, func(ctx context.Context) error {
		_, err := b.Delivery(ctx, store.DeliveryID{Seq: first.Seq})
		return err
	})
	within("claiming", 5*time.Second, func(ctx context.Context) error {
		_, err := b.Claim(ctx, "source/a", time.Now().Add(time.Hour), 10, nil)
		if err == nil && !b.Standing().Held {
			err = store.ErrUnavailable // nothing is claimed without a lease
		}
		return err
	})
	passing(t, b.troubled()) // a commit that is not answered ends by itself
	p.silence(false)
	b.recovers()
	b.complete()
}

// Connections of which nothing comes back any more, as after a router has forgotten
// them, are given up, also those that read, and replaced by new ones.
func TestForgottenConnections(t *testing.T) {
	t.Parallel() // it waits for half a minute
	p, b := proxied(t, store.Options{})
	first := b.mustSend()
	p.strand()
	var readers sync.WaitGroup
	for range 4 { // they hold all connections of the pool
		readers.Go(func() {
			if _, err := b.Event(t.Context(), first.Seq); err != nil {
				passing(t, err)
			}
		})
	}
	if _, err := b.send(t.Context()); err == nil {
		t.Error("a commit that was not answered succeeded")
	}
	b.recovers()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := b.Event(ctx, first.Seq); err != nil {
		t.Errorf("reading: %v", err)
	}
	readers.Wait()
	b.complete()
}

// A network that falls silent at any point of opening the store anew holds that up for a
// moment, not for good.
func TestSilenceWhileOpening(t *testing.T) {
	for _, after := range []int{0, 1, 2, 3, 5, 8, 12} {
		t.Run(fmt.Sprintf("after %d answers", after), func(t *testing.T) {
			t.Parallel()
			p, b := proxied(t, store.Options{})
			b.mustSend()
			p.set(func() { p.after = after }) // of the connections to come
			p.cut()
			passing(t, b.troubled())
			dead := func() (dead bool) {
				p.set(func() {
					for l := range p.links {
						dead = dead || l.stranded || l.limit == 0
					}
				})
				return dead
			}
			await(t, generous, "nobody connects", dead)
			p.set(func() { p.after = -1 })
			b.recovers()
			b.complete()
		})
	}
}

// On a slow network, too, a batch costs one round trip: the arrivals and the outcomes of
// all who wait.
func TestABatchIsOneRoundTrip(t *testing.T) {
	var mu sync.Mutex
	var p *proxy
	type commit struct{ operations, trips int }
	var commits []commit
	before := 0
	note := func(operations int, _ time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if p != nil {
			trips := p.count("writer")
			commits = append(commits, commit{operations, trips - before})
			before = trips
		}
	}
	dsn := pgserver.Database(t)
	slow, through := newProxy(t, dsn)
	b := openFaultBed(t, through, dsn, store.Options{Committed: note})
	const each = 100
	verdicts := make([]store.Verdict, each)
	for i := range verdicts {
		verdicts[i] = b.mustSend()
	}
	if err := b.deliver(verdicts[0]); err != nil { // both statements are prepared now
		t.Fatal(err)
	}
	verdicts[0] = b.mustSend()
	slow.set(func() { slow.delay = 5 * time.Millisecond })

	// While the committer is held up, all line up.
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := b.Do(context.WithoutCancel(t.Context()), func(*store.Tx) error {
			close(held)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	all.Add(each)
	for _, v := range verdicts {
		b.Settle(t.Context(), faultOutcome(v, store.Delivered), func(err error) {
			if err != nil {
				t.Error(err)
			}
			all.Done()
		})
	}
	queued := make(chan struct{}, 4*each)
	for range each {
		all.Go(func() {
			if _, err := b.send(tellingContext{t.Context(), queued}); err != nil {
				t.Error(err)
			}
		})
	}
	for range each {
		<-queued
	}
	mu.Lock()
	p, before = slow, slow.count("writer")
	mu.Unlock()
	close(release)
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(commits) < 2 || commits[0].operations != 1 || commits[1] != (commit{2 * each, 1}) {
		t.Errorf("after the one that held them up %d arrivals and %d outcomes were committed as %+v, want {%d 1}", each, each, commits, 2*each)
	}
	b.complete()
}

// tellingContext tells when somebody waits for its end: what he has handed over is in the
// queue then.
type tellingContext struct {
	context.Context
	waits chan<- struct{}
}

func (c tellingContext) Done() <-chan struct{} {
	select {
	case c.waits <- struct{}{}:
	default: // it was told often enough
	}
	return c.Context.Done()
}

// A store that is closed while nothing answers ends in time.
func TestCloseOnASilentNetwork(t *testing.T) {
	p, b := proxied(t, store.Options{})
	b.mustSend()
	p.silence(true)
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	select {
	case err := <-closed:
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Logf("closing: %v", err)
		}
	case <-time.After(generous):
		t.Error("it is still being closed")
		p.silence(false)
		<-closed
	}
}
