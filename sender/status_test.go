package sender_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// TestStatus: a message is being sent as long as an attempt is to come, and then it was
// delivered, given up, or canceled; it can be listed by that, and one that was delivered
// stays so whatever comes of sending it again.
func TestStatus(t *testing.T) {
	inBubble(t, func(b *bed) {
		ctx := b.Context()
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		by := func(status *sender.Status) (types []string) {
			b.Helper()
			l, err := b.sender.AttemptedMessages(ctx, app.ID, ep.ID, sender.AttemptFilter{Status: status})
			if err != nil {
				b.Fatal(err)
			}
			for _, m := range l.Data {
				types = append(types, m.EventType)
				if m.NextAttempt.IsZero() == (m.Status == sender.StatusSending) {
					b.Errorf("%s is %s, and next attempted at %s", m.EventType, m.Status, m.NextAttempt)
				}
			}
			slices.Sort(types)
			return types
		}
		want := func(status sender.Status, types ...string) {
			b.Helper()
			if got := by(&status); !slices.Equal(got, types) {
				b.Errorf("%s: %v; want %v", status, got, types)
			}
		}
		delivered := b.send(app.ID, sender.MessageIn{EventType: "delivered"})
		sleep(time.Second)
		b.receivers.status(422)
		b.send(app.ID, sender.MessageIn{EventType: "failed"})
		sleep(40 * time.Hour)
		b.send(app.ID, sender.MessageIn{EventType: "waiting"})
		sleep(time.Minute)
		want(sender.StatusSuccess, "delivered")
		want(sender.StatusFail, "failed")
		want(sender.StatusSending, "waiting")
		want(sender.StatusPending)
		want(sender.StatusCanceled)
		if all := by(nil); len(all) != 3 {
			b.Errorf("all are %v", all)
		}
		class := func(class int) int {
			b.Helper()
			l, err := b.sender.AttemptsByEndpoint(ctx, app.ID, ep.ID, sender.AttemptFilter{StatusCodeClass: &class})
			if err != nil {
				b.Fatal(err)
			}
			return len(l.Data)
		}
		if class(200) != 1 || class(400) != 10 || class(500) != 0 || class(0) != 0 {
			b.Errorf("%d, %d, %d and %d attempts by class", class(200), class(400), class(500), class(0))
		}
		stats, err := b.sender.EndpointStats(ctx, app.ID, ep.ID, time.Time{}, time.Time{})
		if want := (sender.Stats{Success: 1, Fail: 10, Sending: 1}); err != nil || stats != want {
			b.Errorf("%+v, %v; want %+v", stats, err, want)
		}

		b.change(func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, delivered.ID, ep.ID) })
		sleep(time.Minute)
		want(sender.StatusSuccess, "delivered")
		l, err := b.sender.AttemptedDestinations(ctx, app.ID, delivered.ID, sender.Page{})
		if err != nil || l.Data[0].Status != sender.StatusFail {
			b.Errorf("the last attempt: %+v, %v", l, err)
		}

		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, ep.ID, sender.EndpointPatch{Disabled: ref(true)})
		})
		sleep(24 * time.Hour)
		want(sender.StatusCanceled, "waiting")
		want(sender.StatusSending)
	})
}

// TestStats: attempts are counted of a time that there are some of.
func TestStats(t *testing.T) {
	b := newBed(t)
	b.start()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{})
	now := time.Now()
	stats := func(since, until time.Time) (sender.Stats, error) {
		return b.sender.EndpointStats(t.Context(), app.ID, ep.ID, since, until)
	}
	if got, err := stats(time.Time{}, time.Time{}); err != nil || got != (sender.Stats{}) {
		t.Errorf("of a new endpoint: %+v, %v", got, err)
	}
	for _, c := range [][2]time.Time{{now.AddDate(0, 0, -29), {}}, {{}, now.Add(time.Hour)}, {now, now.Add(-time.Hour)}} {
		_, err := stats(c[0], c[1])
		wantRefused(t, err, sender.CodeInvalidRange)
	}
}

// TestAttempts: attempts are listed newest first, forth and back, with what was answered.
func TestAttempts(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		app := b.app("one")
		ep, other := b.endpoint(app.ID, sender.EndpointIn{UID: "main"}), b.endpoint(app.ID, sender.EndpointIn{})
		b.receivers.says(func(_ context.Context, p sender.Post) *sender.Exchange {
			switch p.URL {
			case other.URL:
				return &sender.Exchange{URL: p.URL, Reason: "connection refused", Err: fmt.Errorf("dial 10.0.0.1: refused")}
			default:
				return &sender.Exchange{URL: p.URL, Status: 200, Body: []byte("thanks \xff"), Took: 7 * time.Millisecond}
			}
		})
		var ids []string
		for i := range 12 {
			ids = append(ids, b.send(app.ID, sender.MessageIn{EventType: fmt.Sprintf("t%d", i%3), Channels: []string{fmt.Sprintf("c%d", i%2)}}).ID)
		}
		list := func(f sender.AttemptFilter) ([]string, sender.List[sender.Attempt]) {
			b.Helper()
			l, err := b.sender.AttemptsByEndpoint(ctx, app.ID, "main", f)
			if err != nil {
				b.Fatal(err)
			}
			return idsOf(l.Data, func(a *sender.Attempt) string { return a.ID }), l
		}
		b.eventually("that all is written", func() bool { all, _ := list(sender.AttemptFilter{}); return len(all) == len(ids) })
		all, l := list(sender.AttemptFilter{WithContent: true, WithMessage: true})
		for _, limit := range []int{1, 5, 12, 13} {
			walkOne(b, all, sender.Page{Limit: limit}, func(p sender.Page) ([]string, sender.List[sender.Attempt]) {
				return list(sender.AttemptFilter{Page: p})
			})
		}
		first := l.Data[0]
		if first.StatusCode != http.StatusOK || first.Status != sender.StatusSuccess || first.URL != ep.URL || first.EndpointID != ep.ID || first.ByHand ||
			first.Response != "dGhhbmtzIP8=" || first.Message == nil || first.Message.ID != first.MsgID || string(first.Message.Payload) != `{"id": "in_1"}` || first.Exchange == nil {
			b.Errorf("%+v", first)
		}
		if _, l := list(sender.AttemptFilter{}); l.Data[0].Response != "" || l.Data[0].Message != nil || l.Data[0].Exchange != nil {
			b.Errorf("without content: %+v", l.Data[0])
		}
		for want, f := range map[int]sender.AttemptFilter{
			4: {EventTypes: []string{"t1"}}, 8: {EventTypes: []string{"t1", "t2"}}, 6: {Channel: "c1"}, 2: {Channel: "c0", EventTypes: []string{"t2"}}, 0: {Status: ref(sender.StatusFail)},
		} {
			if got, _ := list(f); len(got) != want {
				b.Errorf("%+v: %d; want %d", f, len(got), want)
			}
		}

		m := ids[0]
		b.eventually("that the other is written", func() bool {
			l, err := b.sender.AttemptsByMessage(ctx, app.ID, m, sender.AttemptFilter{EndpointID: other.ID})
			return err == nil && len(l.Data) > 0
		})
		l, err := b.sender.AttemptsByMessage(ctx, app.ID, m, sender.AttemptFilter{EndpointID: other.ID, WithContent: true})
		if err != nil || l.Data[0].StatusCode != 0 || l.Data[0].Response != "connection refused" || l.Data[0].Status != sender.StatusFail {
			b.Errorf("without a response: %+v, %v", l, err)
		}
		if l, err := b.sender.AttemptsByMessage(ctx, app.ID, m, sender.AttemptFilter{EndpointID: "main"}); err != nil || len(l.Data) != 1 || l.Data[0].EndpointID != ep.ID {
			b.Errorf("by the uid of the endpoint: %+v, %v", l, err)
		}

		one, err := b.sender.Attempt(ctx, app.ID, first.MsgID, first.ID)
		if err != nil || one.ID != first.ID || one.Response != first.Response {
			b.Errorf("%+v, %v; want %+v", one, err, first)
		}
		_, err = b.sender.Attempt(ctx, app.ID, ids[0], first.ID)
		if first.MsgID != ids[0] {
			wantNotFound(b.T, err)
		}
		b.change(func(tx *store.Tx) error { return b.sender.ExpungeAttempt(tx, app.ID, first.MsgID, first.ID) })
		if one, err := b.sender.Attempt(ctx, app.ID, first.MsgID, first.ID); err != nil || one.Response != "EXPUNGED" {
			b.Errorf("expunged: %+v, %v", one, err)
		}
		for _, bad := range [][2]string{{first.MsgID, "atmpt_x"}, {"unknown", first.ID}, {ids[11], first.ID[:len(first.ID)-1] + "0"}} {
			_, err := changing(b, func(tx *store.Tx) (struct{}, error) {
				return struct{}{}, b.sender.ExpungeAttempt(tx, app.ID, bad[0], bad[1])
			})
			wantNotFound(b.T, err)
		}
	})
}

// TestAttemptedDestinations: the endpoints of a message are listed in the order of their
// ids, a deleted one too, until nothing of it is stored.
func TestAttemptedDestinations(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		var ids []string
		for range 6 {
			ids = append(ids, b.endpoint(app.ID, sender.EndpointIn{}).ID)
		}
		slices.Sort(ids)
		m := b.send(app.ID, sender.MessageIn{})
		unused := b.endpoint(app.ID, sender.EndpointIn{})
		for _, id := range []string{ids[2], unused.ID} {
			b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, id) })
		}
		if err := b.sender.SweepOnce(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, limit := range []int{1, 4, 6, 7} {
			walkOne(b, ids, sender.Page{Limit: limit}, func(p sender.Page) ([]string, sender.List[sender.MessageEndpoint]) {
				l, err := b.sender.AttemptedDestinations(b.Context(), app.ID, m.ID, p)
				if err != nil {
					b.Fatal(err)
				}
				return idsOf(l.Data, func(ep *sender.MessageEndpoint) string { return ep.ID }), l
			})
		}
		l, err := b.sender.AttemptedDestinations(b.Context(), app.ID, m.ID, sender.Page{})
		if err != nil || !l.Data[2].Deleted || l.Data[1].Deleted {
			b.Errorf("%+v, %v", l, err)
		}
		left := 0
		if err := b.store.Query(b.Context(), "SELECT COUNT(*) FROM sender_endpoints", nil, func(scan func(...any) error) error { return scan(&left) }); err != nil || left != 6 {
			b.Errorf("%d endpoints are kept, %v; want 6", left, err)
		}
	})
}

// TestWithdrawn: what is pending for an endpoint that is deleted, disabled, or whose
// application is deleted, is not sent; that of another URL goes there, as it is the same
// endpoint's (E-17).
func TestWithdrawn(t *testing.T) {
	inBubble(t, func(b *bed) {
		app := b.app("one")
		deleted, disabled, moved := b.endpoint(app.ID, sender.EndpointIn{}), b.endpoint(app.ID, sender.EndpointIn{}), b.endpoint(app.ID, sender.EndpointIn{})
		gone := b.app("gone")
		of := b.endpoint(gone.ID, sender.EndpointIn{})
		b.receivers.status(500)
		m := b.send(app.ID, sender.MessageIn{})
		b.send(gone.ID, sender.MessageIn{})
		sleep(time.Second)
		b.change(func(tx *store.Tx) error { return b.sender.DeleteEndpoint(tx, app.ID, deleted.ID) })
		b.change(func(tx *store.Tx) error { return b.sender.DeleteApplication(tx, gone.ID) })
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, disabled.ID, sender.EndpointPatch{Disabled: ref(true)})
		})
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, moved.ID, sender.EndpointPatch{URL: ref("https://new.example.com/")})
		})
		sleep(40 * time.Hour)
		for _, ep := range []sender.Endpoint{deleted, disabled, moved, of} {
			if got := b.receivers.at(ep.URL); len(got) != 1 {
				b.Errorf("%d attempts at %s; want the first only", len(got), ep.URL)
			}
		}
		if got := b.receivers.at("https://new.example.com/"); len(got) != 7 {
			b.Errorf("%d attempts at the new URL; want 7", len(got))
		}
		l, err := b.sender.AttemptedDestinations(b.Context(), app.ID, m.ID, sender.Page{})
		if err != nil {
			b.Fatal(err)
		}
		for _, ep := range l.Data {
			want := sender.StatusCanceled
			if ep.ID == moved.ID {
				want = sender.StatusFail
			}
			if ep.Status != want || !ep.NextAttempt.IsZero() {
				b.Errorf("%s is %s, next %s; want %s", ep.URL, ep.Status, ep.NextAttempt, want)
			}
		}
		// What is another application's is not sent, however it got there.
		stranger := b.endpoint(b.app("stranger").ID, sender.EndpointIn{})
		b.change(func(tx *store.Tx) error {
			_, err := tx.Deliver(mustSeq(b, app.ID, m.ID), stranger.ID, true)
			return err
		})
		b.engine.Wake(stranger.ID)
		sleep(time.Minute)
		if got := b.receivers.at(stranger.URL); len(got) != 0 {
			b.Error("a message is sent to another application's endpoint")
		}
		// Enabling does not bring it back; recovering does.
		b.receivers.status(200)
		must(b, func(tx *store.Tx) (sender.Endpoint, error) {
			return b.sender.PatchEndpoint(tx, app.ID, disabled.ID, sender.EndpointPatch{Disabled: ref(false)})
		})
		sleep(time.Hour)
		if got := b.receivers.at(disabled.URL); len(got) != 1 {
			b.Errorf("%d attempts after it was enabled", len(got))
		}
		if _, err := b.sender.Recover(b.Context(), app.ID, disabled.ID, time.Now().Add(-48*time.Hour), time.Time{}); err != nil {
			b.Fatal(err)
		}
		sleep(time.Minute)
		if got := b.receivers.at(disabled.URL); len(got) != 2 {
			b.Errorf("%d attempts after it was recovered", len(got))
		}
		if text := b.logs.String(); strings.Contains(text, "level=ERROR") {
			b.Errorf("logged: %s", text)
		}
	})
}
