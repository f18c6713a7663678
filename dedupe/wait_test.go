package dedupe_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

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

// takenOver returns the claim of a call that waited and took over.
func takenOver(t *testing.T, result <-chan outcome) *dedupe.Claim {
	t.Helper()
	o := <-result
	if o.err != nil {
		t.Fatalf("Claim: %v; want it to take over", o.err)
	}
	return o.claim
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
			holder = takenOver(t, waiting[i])
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
		takenOver(t, next).Commit()
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
		takenOver(t, next).Commit()
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
				takenOver(t, next).Commit()
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
					takenOver(t, next).Release()
					cancel()
				}
				wantStats(t, m, dedupe.Stats{})
			})
		})
	}
}
