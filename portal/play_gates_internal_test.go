package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Slow answers take longer than an attempt may, no longer than somebody waits for them, and
// there are only so many at a time (P-17).
func TestPlaySlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGates()
		ctx, cancel := context.WithCancel(t.Context())
		patient := httptest.NewRequest(http.MethodPost, "/", nil)
		given := patient.WithContext(ctx)
		begun := time.Now()
		var waited, refused, early atomic.Int64
		wait := func(own *gate, r *http.Request) {
			switch {
			case !g.wait(own, r):
				refused.Add(1)
			case time.Since(begun) < slowAnswer:
				early.Add(1)
			default:
				waited.Add(1)
			}
		}
		is := func(wantWaited, wantEarly, wantRefused int64) {
			t.Helper()
			synctest.Wait()
			if waited.Load() != wantWaited || early.Load() != wantEarly || refused.Load() != wantRefused {
				t.Errorf("%d have waited, %d a while, %d not at all", waited.Load(), early.Load(), refused.Load())
			}
		}
		for range maxInboxWaiting/2 + 5 {
			go wait(g.of("a"), patient)
		}
		for range maxInboxWaiting / 2 {
			go wait(g.of("a"), given)
		}
		is(0, 0, 5)
		cancel()
		synctest.Wait()
		if early.Load() == 0 {
			t.Error("who has given up is waited for")
		}
		ended := early.Load()
		for name := range 20 {
			for range maxInboxWaiting {
				go wait(g.of(string(rune('b'+name))), patient)
			}
		}
		synctest.Wait()
		if waiting := g.waiting.Load(); waiting != maxWaiting {
			t.Errorf("%d wait, not %d", waiting, maxWaiting)
		}
		time.Sleep(slowAnswer)
		synctest.Wait()
		if waited.Load() != maxWaiting || early.Load() != ended || g.waiting.Load() != 0 || g.of("a").waiting.Load() != 0 {
			t.Errorf("%d have waited, %d wait still", waited.Load(), g.waiting.Load())
		}
	})
}
