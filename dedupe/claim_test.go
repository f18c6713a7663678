package dedupe_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

var roomy = dedupe.Config{Window: 72 * time.Hour, Protect: 10 * time.Minute, Entries: 1000}

func TestOneOfManyCopiesIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		var claims, duplicates atomic.Int32
		var copies sync.WaitGroup
		for range 100 {
			copies.Go(func() {
				c, err := m.Claim(t.Context(), event(1), 2*time.Second)
				switch {
				case err == nil:
					claims.Add(1)
					time.Sleep(time.Second)
					c.Commit()
				case errors.Is(err, dedupe.ErrDuplicate):
					duplicates.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		copies.Wait()
		if claims.Load() != 1 || duplicates.Load() != 99 {
			t.Errorf("%d claims and %d duplicates; want 1 and 99", claims.Load(), duplicates.Load())
		}
		refused(t, m, event(1), dedupe.ErrDuplicate)
	})
}

func TestFirstOfCommitAndReleaseWins(t *testing.T) {
	commit, release := (*dedupe.Claim).Commit, (*dedupe.Claim).Release
	for name, test := range map[string]struct {
		calls []func(*dedupe.Claim)
		want  error // of the next copy
	}{
		"commit, release":          {[]func(*dedupe.Claim){commit, release}, dedupe.ErrDuplicate},
		"commit, commit, release":  {[]func(*dedupe.Claim){commit, commit, release}, dedupe.ErrDuplicate},
		"release, commit":          {[]func(*dedupe.Claim){release, commit}, nil},
		"release, release, commit": {[]func(*dedupe.Claim){release, release, commit}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t, roomy, time.Now)
			c := claim(t, m, event(1))
			for _, call := range test.calls {
				call(c)
			}
			if _, err := m.Claim(t.Context(), event(1), 0); err != test.want {
				t.Errorf("the next copy: %v; want %v", err, test.want)
			}
		})
	}
}

func TestSettledClaimCannotTouchItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		old := claim(t, m, event(1))
		next := wait(t.Context(), m, event(1), time.Minute)
		last := wait(t.Context(), m, event(1), time.Minute)
		old.Release()
		old.Release()
		old.Commit()
		pending(t, last)
		takenOver(t, next).Commit()
		if o := <-last; o.err != dedupe.ErrDuplicate {
			t.Errorf("%v; want ErrDuplicate", o.err)
		}
	})
}

func TestOneHolderAtATimeUnderStress(t *testing.T) {
	const events, copies = 200, 32
	m := newMemory(t, roomy, time.Now)
	for n := range events {
		var holders, committed atomic.Int32
		var all sync.WaitGroup
		for range copies {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if rand.IntN(2) == 0 {
					time.AfterFunc(rand.N(200*time.Microsecond), cancel)
				}
				c, err := m.Claim(ctx, event(n), rand.N(400*time.Microsecond))
				switch {
				case err == nil:
					if holders.Add(1) != 1 || committed.Load() != 0 {
						t.Error("claimed while in flight, or after the commit")
					}
					for range rand.IntN(20) {
						runtime.Gosched()
					}
					done := rand.IntN(copies) == 0
					if done {
						committed.Add(1)
					}
					holders.Add(-1)
					if done {
						c.Commit()
					}
					c.Release()
				case errors.Is(err, dedupe.ErrDuplicate):
					if committed.Load() == 0 {
						t.Error("a duplicate of what was never committed")
					}
				case !errors.Is(err, dedupe.ErrInProgress) && !errors.Is(err, context.Canceled):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := m.Stats().InFlight; got != 0 {
			t.Fatalf("event %d is stuck in flight", n)
		}
	}
}

func TestCopiesCostNoAllocation(t *testing.T) {
	m := newMemory(t, roomy, time.Now)
	claim(t, m, body('A')).Commit()
	claim(t, m, body('B')).Commit()
	claim(t, m, event(1))
	for name, k := range map[string]dedupe.Key{
		"duplicate":               body('A'),
		"duplicate of a conflict": body('B'),
		"in flight":               event(1),
	} {
		if n := testing.AllocsPerRun(100, func() { m.Claim(t.Context(), k, 0) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	sum := [32]byte{1}
	if n := testing.AllocsPerRun(100, func() {
		dedupe.IDBodyKey("source", "evt_1", sum)
		dedupe.BodyKey("source", sum)
	}); n != 0 {
		t.Errorf("key: %v allocations", n)
	}
}
