package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
)

// TestUnavailable: what cannot be remembered or held is refused for now, and the
// sender is told to come again. (B-11, R-02)
func TestUnavailable(t *testing.T) {
	t.Run("bodies hold all memory", func(t *testing.T) {
		b := newBed(t)
		b.process.Bodies.SetLimit(10)
		b.refused(t, "a body of 20 bytes", b.svix(t, "msg_1"), "unavailable")
	})
	t.Run("full of young events", func(t *testing.T) {
		b := newBed(t, func(cfg *gateway.Config) { cfg.Dedupe.Entries = 2 })
		b.forwarded(t, "first", b.svix(t, "msg_1"))
		b.forwarded(t, "second", b.svix(t, "msg_2"))
		b.refused(t, "third", b.svix(t, "msg_3"), "unavailable")
		b.duplicate(t, "first again", b.svix(t, "msg_1"))
		b.clock.step(10 * time.Minute) // nothing signed until now is fresh any more
		b.forwarded(t, "third", b.svix(t, "msg_3"))
	})
	t.Run("nothing answers behind", func(t *testing.T) {
		b := newBed(t)
		w := httptest.NewRecorder()
		if err := b.Receive(w, b.svix(t, "msg_1"), func(http.ResponseWriter, *http.Request) error { return nil }); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, "no answer", "unavailable", w.Code, w.Header(), w.Body.String())
		if o := b.outcome(t); o.Result != "unavailable" || o.ID != "msg_1" {
			t.Errorf("outcome %+v", o)
		}
		b.forwarded(t, "the retry", b.svix(t, "msg_1"))
	})
	t.Run("the sender leaves while waiting", func(t *testing.T) {
		b := newBed(t, func(cfg *gateway.Config) { cfg.Wait = time.Hour })
		entered, leave := b.holdApp()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.post(t, b.svix(t, "msg_1"))
		}()
		<-entered
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := b.post(t, b.svix(t, "msg_1").WithContext(ctx))
		wantRefusal(t, "gone", "unavailable", w.Code, w.Header(), w.Body.String())
		if _, counted := b.watcher.take(); len(counted) != 1 || !errors.Is(counted[0].Err, context.Canceled) {
			t.Errorf("outcomes %+v", counted)
		}
		close(leave)
		<-done
	})
}

// holdApp makes the app announce each request and answer once leave is closed.
func (b *bed) holdApp() (entered chan *http.Request, leave chan struct{}) {
	entered, leave = make(chan *http.Request, 1000), make(chan struct{})
	b.app.answers(func(w http.ResponseWriter, r *http.Request) error {
		entered <- r
		<-leave
		w.WriteHeader(http.StatusOK)
		return nil
	})
	return entered, leave
}
