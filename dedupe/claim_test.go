package dedupe_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

var roomy = dedupe.Config{Window: 72 * time.Hour, Protect: 10 * time.Minute, Entries: 1000}

// outcome is how a call of Claim ended.
type outcome struct {
	claim *dedupe.Claim
	err   error
	after time.Duration
}

// wait claims in the background, and returns when the call waits or has returned.
// It is for a synctest bubble.
func wait(ctx context.Context, m *dedupe.Memory, k dedupe.Key, d time.Duration) <-chan outcome {
	result := make(chan outcome, 1)
	go func() {
		start := time.Now()
		c, err := m.Claim(ctx, k, d)
		result <- outcome{c, err, time.Since(start)}
	}()
	synctest.Wait()
	return result
}

// pending fails unless the call still waits.
func pending(t *testing.T, result <-chan outcome) {
	t.Helper()
	synctest.Wait()
	select {
	case o := <-result:
		t.Fatalf("Claim: %v, %v; want it to wait", o.claim, o.err)
	default:
	}
}

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

func TestReleaseHandsOverInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		holder := claim(t, m, event(1))
		var waiting []<-chan outcome
		for range 5 {
			waiting = append(waiting, wait(t.Context(), m, event(1), time.Minute))
		}
		for i := range waiting {
			for _, later := range waiting[i:] {
				pending(t, later)
			}
			holder.Release()
			if holder = (<-waiting[i]).claim; holder == nil {
				t.Fatalf("copy %d did not take over", i)
			}
		}
		holder.Release()
		wantStats(t, m, dedupe.Stats{})
	})
}

func TestCommitTellsAllWhoWaitAlsoAfterAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		holder := claim(t, m, event(1))
		next := wait(t.Context(), m, event(1), time.Minute)
		others := []<-chan outcome{wait(t.Context(), m, event(1), time.Minute), wait(t.Context(), m, event(1), time.Minute)}
		holder.Release()
		(<-next).claim.Commit()
		for _, other := range others {
			if o := <-other; o.claim != nil || o.err != dedupe.ErrDuplicate {
				t.Errorf("Claim: %v, %v; want ErrDuplicate", o.claim, o.err)
			}
		}
	})
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		holder := claim(t, m, event(1))
		for _, bound := range []time.Duration{-1, 0, 1, 2 * time.Second} {
			o := <-wait(t.Context(), m, event(1), bound)
			if o.claim != nil || o.err != dedupe.ErrInProgress || o.after != max(0, bound) {
				t.Errorf("Claim: %v, %v after %s; want ErrInProgress after %s", o.claim, o.err, o.after, bound)
			}
		}
		holder.Release() // to nobody: all have given up
		claim(t, m, event(1))
	})
}

func TestHandOverDoesNotExtendTheWaitOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		holder := claim(t, m, event(1))
		next := wait(t.Context(), m, event(1), 3*time.Second)
		other := wait(t.Context(), m, event(1), 2*time.Second)
		time.Sleep(time.Second)
		holder.Release()
		if o := <-other; o.err != dedupe.ErrInProgress || o.after != 2*time.Second {
			t.Errorf("Claim: %v after %s; want ErrInProgress after 2s", o.err, o.after)
		}
		(<-next).claim.Commit()
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, roomy, time.Now)
				holder := claim(t, m, event(1))
				ctx, cancel := test.end(t.Context())
				defer cancel()
				gone := wait(ctx, m, event(1), time.Minute)
				next := wait(t.Context(), m, event(1), time.Minute)
				if o := <-gone; o.claim != nil || !errors.Is(o.err, test.want) || o.after != time.Second {
					t.Errorf("Claim: %v, %v after %s; want %v after 1s", o.claim, o.err, o.after, test.want)
				}
				holder.Release()
				(<-next).claim.Commit()
			})
		})
	}
}

func TestContextDoesNotMatterWithoutAWait(t *testing.T) {
	m := newMemory(t, roomy, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := m.Claim(ctx, event(1), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	c.Commit()
	if _, err := m.Claim(ctx, event(1), time.Minute); err != dedupe.ErrDuplicate {
		t.Errorf("%v; want ErrDuplicate", err)
	}
}

func TestWaitersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		holder := claim(t, m, event(1))
		ctx, cancel := context.WithCancel(t.Context())
		first := wait(ctx, m, event(1), time.Minute)
		for range 255 {
			wait(t.Context(), m, event(1), time.Minute)
		}
		if o := <-wait(t.Context(), m, event(1), time.Minute); o.err != dedupe.ErrInProgress || o.after != 0 {
			t.Errorf("copy 257: %v after %s; want ErrInProgress at once", o.err, o.after)
		}
		cancel()
		<-first
		pending(t, wait(t.Context(), m, event(1), time.Minute)) // one has gone, one may come
		holder.Commit()
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
		(<-next).claim.Commit()
		if o := <-last; o.err != dedupe.ErrDuplicate {
			t.Errorf("%v; want ErrDuplicate", o.err)
		}
	})
}

// The claim may be handed to a copy at the very moment it gives up. It must not be
// lost: nobody could claim the event any more.
func TestHandOverRacesWithGivingUp(t *testing.T) {
	for name, test := range map[string]struct {
		wait time.Duration
		race func(holder *dedupe.Claim, cancel context.CancelFunc)
	}{
		"cancel first": {time.Minute, func(holder *dedupe.Claim, cancel context.CancelFunc) {
			cancel()
			holder.Release()
		}},
		"release first": {time.Minute, func(holder *dedupe.Claim, cancel context.CancelFunc) {
			holder.Release()
			cancel()
		}},
		"timeout": {time.Second, func(holder *dedupe.Claim, _ context.CancelFunc) {
			time.Sleep(time.Second)
			holder.Release()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, roomy, time.Now)
				for n := range 1000 {
					ctx, cancel := context.WithCancel(t.Context())
					holder := claim(t, m, event(n))
					gone := wait(ctx, m, event(n), test.wait)
					next := wait(t.Context(), m, event(n), time.Hour)
					test.race(holder, cancel)
					if o := <-gone; o.err == nil {
						o.claim.Release()
					}
					o := <-next
					if o.err != nil {
						t.Fatalf("round %d: the claim was lost: %v", n, o.err)
					}
					o.claim.Release()
					cancel()
				}
				wantStats(t, m, dedupe.Stats{})
			})
		})
	}
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
					time.Sleep(rand.N(20 * time.Microsecond))
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
