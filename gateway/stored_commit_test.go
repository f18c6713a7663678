package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// TestNoAnswerBeforeTheCommit: as long as the queue has not said so, nothing is said
// to the sender, and the body counts against body_memory. (T-09, T-11)
func TestNoAnswerBeforeTheCommit(t *testing.T) {
	b := newShelf(t)
	w := &sink{header: http.Header{}}
	b.shelf.answers(func(_ context.Context, a *store.Arrival) (store.Verdict, error) {
		if w.status != 0 || len(w.header) != 0 {
			t.Errorf("answered before: %d %v", w.status, w.header)
		}
		if held := b.process.Bodies.Used(); held < int64(len(a.Body)) {
			t.Errorf("%d bytes are held for %d", held, len(a.Body))
		}
		return store.Verdict{Result: store.Stored, Seq: 7}, nil
	})
	if err := b.Receive(w, b.svix(t, "msg_1"), b.app.next); err != nil || w.status != http.StatusOK {
		t.Errorf("%d, %v", w.status, err)
	}
	if held := b.process.Bodies.Used(); held != 0 {
		t.Errorf("%d bytes are held after it", held)
	}
	if o := b.outcome(t); o.Sequence != 7 {
		t.Errorf("outcome %+v", o)
	}
}

// TestCommitOutlivesTheSender: a sender who hangs up while its event is kept stops
// nothing. It is kept once, and the retry is a duplicate.
func TestCommitOutlivesTheSender(t *testing.T) {
	b := newStored(t)
	requests := make(chan context.Context, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Context()
		if err := b.Receive(w, r, b.app.next); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	entered, leave := make(chan context.Context), make(chan struct{})
	b.shelf.answers(func(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
		entered <- ctx
		<-leave
		if err := ctx.Err(); err != nil {
			return store.Verdict{}, err
		}
		return b.shelf.Store.Accept(ctx, a)
	})
	c := dial(t, server.Listener.Addr().String())
	c.write(t, head(b.svix(t, "msg_1").Header, fmt.Sprintf("Content-Length: %d", len(wireBody)))+wireBody)
	request, commit := <-requests, <-entered
	c.Close()
	<-request.Done()
	if _, bounded := commit.Deadline(); commit.Err() != nil || !bounded {
		t.Errorf("the commit ends with the sender: %v; bounded: %v", commit.Err(), bounded)
	}
	close(leave)
	eventually(t, "the request ends", func() bool { return b.watcher.results()["accepted"] == 1 })
	b.shelf.answers(nil)
	b.answered(t, "the retry", b.svix(t, "msg_1"), "duplicate")
	if n := b.shelf.Counts()[b.Destination()].Pending; n != 1 {
		t.Errorf("%d events are kept", n)
	}
}

// TestWhatIsNotKeptIsRefused: whatever the queue fails with, the sender is told to
// come again and nothing of the cause, which is in the log. (U-19)
func TestWhatIsNotKeptIsRefused(t *testing.T) {
	for _, cause := range []error{
		store.ErrFull, store.ErrBacklog, store.ErrKeys, store.ErrFailed, store.ErrUnavailable, store.ErrClosed,
		context.DeadlineExceeded, context.Canceled, verifier.ErrInvalidSignature, errors.New("anything else"), nil,
	} {
		b := newShelf(t)
		b.shelf.answers(func(context.Context, *store.Arrival) (store.Verdict, error) {
			if cause == nil {
				return store.Verdict{Seq: 1}, nil // says nothing
			}
			return store.Verdict{Result: store.Stored, Seq: 1}, fmt.Errorf("told to nobody: %w", cause)
		})
		b.refused(t, fmt.Sprint(cause), b.svix(t, "msg_1"), "unavailable")
		if lines := b.lines(t); cause != nil && (len(lines) != 1 || !strings.Contains(lines[0].Cause, "told to nobody: "+cause.Error())) {
			t.Errorf("%v: logged %+v", cause, lines)
		}
		b.shelf.answers(keeps)
		b.answered(t, "the retry", b.svix(t, "msg_1"), "accepted")
	}
}

// TestBacklogAndClosedStore: what the store itself refuses; copies of what it has are
// answered all the same, and none while it is closed. (U-19, T-11, T-14)
func TestBacklogAndClosedStore(t *testing.T) {
	b := newStored(t, func(cfg *gateway.Config) { cfg.Forward.MaxBacklog = 2 })
	b.answered(t, "first", b.svix(t, "msg_1"), "accepted")
	second := b.answered(t, "second", b.svix(t, "msg_2"), "accepted")
	b.refused(t, "third", b.svix(t, "msg_3"), "unavailable")
	b.answered(t, "first again", b.svix(t, "msg_1"), "duplicate")
	b.settle(t, second, store.Delivered, time.Time{})
	b.answered(t, "third", b.svix(t, "msg_3"), "accepted")
	b.close(t)
	b.refused(t, "copy while the store is closed", b.svix(t, "msg_1"), "unavailable")
	b.open(t)
	b.answered(t, "after a restart", b.svix(t, "msg_1"), "duplicate")
}

// TestHangingDiskHoldsMemory: bodies whose commit does not return count against
// body_memory, so that more are refused rather than piled up; and the wait ends.
// (F-08)
func TestHangingDiskHoldsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newShelf(t)
		b.process.Bodies.SetLimit(100 << 10)
		b.shelf.answers(func(ctx context.Context, _ *store.Arrival) (store.Verdict, error) {
			<-ctx.Done()
			return store.Verdict{}, ctx.Err()
		})
		started := time.Now()
		event := func(n int) *http.Request {
			return b.signed(t, "svix", verifier.Message{ID: fmt.Sprintf("msg_%d", n), Body: bytes.Repeat([]byte("x"), 40<<10)})
		}
		var all sync.WaitGroup
		answers := make([]*httptest.ResponseRecorder, 10)
		for n := range answers {
			all.Go(func() { answers[n] = b.post(t, event(n)) })
			synctest.Wait()
		}
		if n := len(b.shelf.take()); n == 0 || n > 2 {
			t.Errorf("%d bodies of 40 KiB wait for the disk in 100 KiB", n)
		}
		all.Wait()
		if took := time.Since(started); took != 10*time.Second {
			t.Errorf("the wait took %s", took)
		}
		for _, w := range answers {
			wantRefusal(t, "a disk that hangs", "unavailable", w.Code, w.Header(), w.Body.String())
		}
		if held := b.process.Bodies.Used(); held != 0 {
			t.Errorf("%d bytes are still held", held)
		}
	})
}

// TestConcurrentCopiesAreStoredOnce, each answered once it is safe, and across a
// restart. (T-09, T-14)
func TestConcurrentCopiesAreStoredOnce(t *testing.T) {
	const copies, ids = 40, 10
	b := newStored(t)
	for _, want := range []map[string]int{{"accepted": ids, "duplicate": ids * (copies - 1)}, {"duplicate": ids * copies}} {
		b.watcher.take()
		var all sync.WaitGroup
		for n := range copies * ids {
			r := b.svix(t, fmt.Sprintf("msg_%d", n%ids))
			all.Go(func() { b.post(t, r) })
		}
		all.Wait()
		if got := b.watcher.results(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("results %v; want %v", got, want)
		}
		if n := b.shelf.Counts()[b.Destination()].Pending; n != ids {
			t.Errorf("%d events are kept", n)
		}
		b.close(t)
		b.open(t)
	}
}

// TestPanickingQueue: whoever recovers, nothing stays held and no answer is written.
func TestPanickingQueue(t *testing.T) {
	b := newShelf(t)
	b.shelf.answers(func(context.Context, *store.Arrival) (store.Verdict, error) { panic("a bug") })
	w := &sink{header: http.Header{}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_ = b.Receive(w, b.svix(t, "msg_1"), b.app.next)
	}()
	if held := b.process.Bodies.Used(); w.status != 0 || held != 0 {
		t.Errorf("answered %d, %d bytes are held", w.status, held)
	}
}

// TestStoredHandshakePasses to the next handler, and is never stored. (pitfall 49)
func TestStoredHandshakePasses(t *testing.T) {
	b := newShelf(t, custom(handshaking(t), gateway.Dedupe{}))
	r := httptest.NewRequest(http.MethodGet, "/hooks/travtus?hub.challenge=1158201444", nil)
	r.Header.Set("Hookgate-Source", "travtus")
	w := b.post(t, r)
	seen := b.app.take()
	if w.Code != http.StatusOK || len(seen) != 1 || seen[0].Header["Hookgate-Source"] != nil || len(b.shelf.take()) != 0 {
		t.Errorf("%d, the app saw %+v", w.Code, seen)
	}
	if o := b.outcome(t); o.Result != gateway.ResultHandshake {
		t.Errorf("outcome %+v", o)
	}
}
