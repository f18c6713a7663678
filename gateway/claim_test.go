package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/gateway"
)

// TestCopiesAtOnce: of a hundred copies that arrive together one is passed on, and
// all senders hear 200, but none before the app has said so. (T-09, G-4)
func TestCopiesAtOnce(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.Wait = time.Minute })
	entered, leave := b.holdApp()
	address := b.serve(t)
	const copies = 100
	type answer struct {
		status int
		result string
	}
	answers := make(chan answer, copies)
	conns := make([]*conn, copies)
	for i := range conns {
		conns[i] = dial(t, address)
	}
	text := head(b.svix(t, "msg_1").Header, "Content-Length: 26") + wireBody
	var senders sync.WaitGroup
	for _, c := range conns {
		senders.Go(func() {
			if _, err := c.Write([]byte(text)); err != nil {
				t.Error(err)
				return
			}
			response, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Error(err)
				return
			}
			answers <- answer{response.StatusCode, response.Header.Get("Hookgate-Result")}
		})
	}
	<-entered
	select {
	case a := <-answers:
		t.Errorf("a copy was answered before the app: %+v", a)
	default:
	}
	close(leave)
	senders.Wait()
	close(answers)
	count := map[answer]int{}
	for a := range answers {
		count[a]++
	}
	if count[answer{200, ""}] != 1 || count[answer{200, "duplicate"}] != copies-1 {
		t.Errorf("answers: %v", count)
	}
	if n := len(b.app.take()); n != 1 {
		t.Errorf("the app was called %d times", n)
	}
	if r := b.watcher.results(); r["accepted"] != 1 || r["duplicate"] != copies-1 {
		t.Errorf("results: %v", r)
	}
}

// sent is what became of a copy sent in the background of a synctest bubble.
type sent struct {
	*httptest.ResponseRecorder
	after time.Duration
}

// send posts in the background and returns when the copy waits or has an answer.
func (b *bed) send(t testing.TB, r *http.Request) <-chan sent {
	t.Helper()
	answer := make(chan sent, 1)
	go func() {
		start := time.Now()
		answer <- sent{b.post(t, r), time.Since(start)}
	}()
	synctest.Wait()
	return answer
}

// TestCopyTakesOver: when the app fails the copy it has, the one that has waited
// longest is passed on, and the others learn of its outcome. (T-09, T-10)
func TestCopyTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		statuses := make(chan int)
		b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(<-statuses)
			return nil
		})
		first := b.send(t, b.svix(t, "msg_1"))
		second := b.send(t, b.svix(t, "msg_1"))
		third := b.send(t, b.svix(t, "msg_1"))
		if n := len(b.app.take()); n != 1 {
			t.Fatalf("the app has %d copies at once", n)
		}
		statuses <- http.StatusInternalServerError
		if w := <-first; w.Code != http.StatusInternalServerError || w.Header().Get("Hookgate-Result") != "" {
			t.Errorf("the first: %d", w.Code)
		}
		synctest.Wait()
		if all := b.app.take(); len(all) != 1 || all[0].Header.Get("Hookgate-Id") != "msg_1" {
			t.Fatalf("the app has %d copies after the first failed", len(all))
		}
		statuses <- http.StatusAccepted
		if w := <-second; w.Code != http.StatusAccepted || w.Header().Get("Hookgate-Result") != "" {
			t.Errorf("the second: %d", w.Code)
		}
		if w := <-third; w.Code != http.StatusOK || w.Header().Get("Hookgate-Result") != "duplicate" {
			t.Errorf("the third: %d", w.Code)
		}
		if r := b.watcher.results(); r["failed"] != 1 || r["accepted"] != 1 || r["duplicate"] != 1 {
			t.Errorf("results: %v", r)
		}
		if b.inFlight(t) != 0 {
			t.Error("the event is still in flight")
		}
	})
}

// TestWaitIsBounded: a copy that has waited for wait, to the nanosecond, is refused
// for now, and leaves the one in flight alone.
func TestWaitIsBounded(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Millisecond, 30 * time.Second} {
		want := wait
		if wait == 0 {
			want = gateway.DefaultWait
		}
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, func(cfg *gateway.Config) { cfg.Wait, cfg.Timeout = wait, time.Hour })
			_, leave := b.holdApp()
			first := b.send(t, b.svix(t, "msg_1"))
			second := <-b.send(t, b.svix(t, "msg_1"))
			wantRefusal(t, "a copy", "in_progress", second.Code, second.Header(), second.Body.String())
			if second.after != want {
				t.Errorf("it waited for %s; want %s", second.after, want)
			}
			close(leave)
			if w := <-first; w.Code != http.StatusOK {
				t.Errorf("the first: %d", w.Code)
			}
			b.app.take()
			b.duplicate(t, "the retry", b.svix(t, "msg_1"))
		})
	}
}

// TestSenderHangsUp: the app goes on without him, and his retry is a duplicate.
// (B-15)
func TestSenderHangsUp(t *testing.T) {
	b := newBed(t)
	entered, leave := b.holdApp()
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(gone) })
		if err := b.Receive(w, r, b.app.next); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	c := dial(t, server.Listener.Addr().String())
	c.write(t, head(b.svix(t, "msg_1").Header, "Content-Length: 26")+wireBody)
	r := <-entered
	if err := c.SetLinger(0); err != nil { // a reset, as a killed sender's
		t.Fatal(err)
	}
	c.Close()
	<-gone
	if err := r.Context().Err(); err != nil {
		t.Errorf("the app's context ended with the connection: %v", err)
	}
	close(leave)
	eventually(t, "the event is accepted", func() bool { return b.watcher.results()["accepted"] == 1 })
	b.app.take()
	b.duplicate(t, "the retry", b.svix(t, "msg_1"))
}

// TestSenderHangsUpWhileWaiting: a copy whose sender has gone is never handed the
// event; the next one is.
func TestSenderHangsUpWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		statuses := make(chan int)
		b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(<-statuses)
			return nil
		})
		first := b.send(t, b.svix(t, "msg_1"))
		ctx, cancel := context.WithCancel(t.Context())
		second := b.send(t, b.svix(t, "msg_1").WithContext(ctx))
		third := b.send(t, b.svix(t, "msg_1"))
		cancel()
		if w := <-second; w.Code != http.StatusServiceUnavailable {
			t.Errorf("the second: %d", w.Code)
		}
		statuses <- http.StatusBadGateway
		statuses <- http.StatusOK
		if w := <-first; w.Code != http.StatusBadGateway {
			t.Errorf("the first: %d", w.Code)
		}
		if w := <-third; w.Code != http.StatusOK || w.Header().Get("Hookgate-Result") != "" {
			t.Errorf("the third: %d %v", w.Code, w.Header())
		}
	})
}
