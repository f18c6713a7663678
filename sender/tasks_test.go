package sender_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// done waits for a task and returns it.
func (b *bed) done(id string) (t sender.Task) {
	b.Helper()
	b.eventually("that the task is done", func() bool {
		var err error
		t, err = b.sender.Task(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		return t.Status != sender.TaskRunning
	})
	return t
}

// TestTasks: what was given up is recovered, what was never sent is replayed as far as the
// endpoint takes it, and in bulk what is chosen; each once, by hand, and under the same
// id (E-23).
func TestTasks(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		b.options.Retry = []time.Duration{time.Millisecond}
		b.restart()
		b.describe("good", "bad")
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		since := time.Now().Add(-time.Hour)
		b.receivers.status(422)
		var failed, good []string
		for range 3 {
			failed = append(failed, b.send(app.ID, sender.MessageIn{EventType: "bad"}).ID)
		}
		b.arrived(ep.URL, 6)
		counts := func() store.Count { return b.store.Counts()[ep.ID] }
		b.eventually("that they are given up", func() bool { return counts().Dead == 3 })
		b.receivers.status(200)
		for range 2 {
			good = append(good, b.send(app.ID, sender.MessageIn{EventType: "good", Channels: []string{"c"}}).ID)
		}
		b.arrived(ep.URL, 8)
		b.eventually("that all is written", func() bool { return counts().Pending == 0 })

		task, err := b.sender.Recover(ctx, app.ID, ep.ID, since, time.Time{})
		if err != nil || task.Kind != sender.TaskRecover || task.AppID != app.ID {
			b.Fatalf("%+v, %v", task, err)
		}
		if got := b.done(task.ID); got.Status != sender.TaskFinished || got.Sent != 3 || got.Updated.IsZero() {
			b.Errorf("%+v", got)
		}
		got := b.arrived(ep.URL, 11)
		var again []string
		for _, p := range got[8:] {
			again = append(again, p.Header.Get("Svix-Id"))
		}
		slices.Sort(again)
		if !slices.Equal(again, failed) {
			b.Errorf("recovered %v; want %v", again, failed)
		}
		b.eventually("that they are delivered", func() bool { return counts() == store.Count{} })
		attempts, err := b.sender.AttemptsByMessage(ctx, app.ID, failed[0], sender.AttemptFilter{})
		if err != nil || len(attempts.Data) != 3 || !attempts.Data[0].ByHand || attempts.Data[1].ByHand {
			b.Errorf("%+v, %v", attempts, err)
		}

		late := b.endpoint(app.ID, sender.EndpointIn{EventTypes: []string{"good"}, Channels: []string{"c", "d"}})
		task, err = b.sender.ReplayMissing(ctx, app.ID, late.ID, since, time.Time{})
		if err != nil || task.Kind != sender.TaskReplay {
			b.Fatalf("%+v, %v", task, err)
		}
		if got := b.done(task.ID); got.Sent != 2 {
			b.Errorf("%+v", got)
		}
		if got := b.arrived(late.URL, 2); !slices.Contains(good, got[0].Header.Get("Svix-Id")) {
			b.Errorf("replayed %s; want one of %v", got[0].Header.Get("Svix-Id"), good)
		}

		task, err = b.sender.BulkReplay(ctx, app.ID, ep.ID, sender.ReplayFilter{Since: since, EventTypes: []string{"good"}, Channel: "c", Status: ref(sender.StatusSuccess), StatusCodeClass: ref(200)})
		if err != nil || task.Kind != sender.TaskBulkReplay {
			b.Fatalf("%+v, %v", task, err)
		}
		if got := b.done(task.ID); got.Sent != 2 {
			b.Errorf("%+v", got)
		}
		b.arrived(ep.URL, 13)
		for _, f := range []sender.ReplayFilter{{Tag: "none"}, {Status: ref(sender.StatusFail)}, {StatusCodeClass: ref(500)}, {Until: since.Add(time.Minute)}} {
			f.Since = since
			task, err := b.sender.BulkReplay(ctx, app.ID, ep.ID, f)
			if err != nil {
				b.Fatal(err)
			}
			if got := b.done(task.ID); got.Sent != 0 {
				b.Errorf("%+v: %+v", f, got)
			}
		}

		l, err := b.sender.Tasks(ctx, sender.Page{})
		if err != nil || len(l.Data) != 7 || !l.Done {
			b.Fatalf("%+v, %v", l, err)
		}
		ids := idsOf(l.Data, func(t *sender.Task) string { return t.ID })
		slices.Reverse(ids)
		walk(b, ids, func(p sender.Page) ([]string, sender.List[sender.Task]) {
			l, err := b.sender.Tasks(ctx, p)
			if err != nil {
				b.Fatal(err)
			}
			return idsOf(l.Data, func(t *sender.Task) string { return t.ID }), l
		})
	})
}

// TestTaskTwice: a task that is asked for while the same runs is that one (E-24).
func TestTaskTwice(t *testing.T) {
	onStores(t, func(b *bed) {
		ctx := b.Context()
		app := b.app("one")
		ep, other := b.endpoint(app.ID, sender.EndpointIn{}), b.endpoint(app.ID, sender.EndpointIn{})
		if err := b.engine.Stop(ctx); err != nil { // so that no task makes progress
			b.Fatal(err)
		}
		since := time.Now().Add(-time.Hour)
		begin := func(f func() (sender.Task, error)) string {
			b.Helper()
			task, err := f()
			if err != nil {
				b.Fatal(err)
			}
			return task.ID
		}
		of := func(ep string) []func() (sender.Task, error) {
			return []func() (sender.Task, error){
				func() (sender.Task, error) { return b.sender.Recover(ctx, app.ID, ep, since, time.Time{}) },
				func() (sender.Task, error) { return b.sender.ReplayMissing(ctx, app.ID, ep, since, time.Time{}) },
				func() (sender.Task, error) {
					return b.sender.BulkReplay(ctx, app.ID, ep, sender.ReplayFilter{Since: since})
				},
			}
		}
		seen := map[string]bool{}
		for _, f := range append(of(ep.ID), of(other.ID)...) {
			id := begin(f)
			if seen[id] {
				b.Errorf("%s is another task", id)
			}
			seen[id] = true
			for range 3 {
				if again := begin(f); again != id {
					b.Errorf("asked again: %s; want %s", again, id)
				}
			}
		}
	})
}

// TestTaskRules: what cannot be done is refused.
func TestTaskRules(t *testing.T) {
	b := newBed(t)
	b.start()
	ctx := t.Context()
	app := b.app("one")
	ep := b.endpoint(app.ID, sender.EndpointIn{})
	now := time.Now()
	for since, until := range map[time.Time]time.Time{{}: {}, now.AddDate(0, 0, -15): {}, now: now.Add(-time.Hour), now.AddDate(0, 0, -21): now.AddDate(0, 0, -5)} {
		_, err := b.sender.Recover(ctx, app.ID, ep.ID, since, until)
		wantInvalid(t, err, "body.since")
		_, err = b.sender.ReplayMissing(ctx, app.ID, ep.ID, since, until)
		wantInvalid(t, err, "body.since")
	}
	_, err := b.sender.BulkReplay(ctx, app.ID, ep.ID, sender.ReplayFilter{Since: now.Add(-time.Hour), Status: ref(sender.StatusSending)})
	wantInvalid(t, err, "body.status")
	_, err = b.sender.Recover(ctx, app.ID, "unknown", now.Add(-time.Hour), time.Time{})
	wantNotFound(t, err)
	for _, id := range []string{"", "qtask_1", "qtask_" + sender.NewID("", now), sender.MessageID(app.ID, 1)} {
		_, err := b.sender.Task(ctx, id)
		wantNotFound(t, err)
	}
}

// TestResendRules: a message is sent again only if there is something to send.
func TestResendRules(t *testing.T) {
	onStores(t, func(b *bed) {
		app := b.app("one")
		ep := b.endpoint(app.ID, sender.EndpointIn{})
		m := b.send(app.ID, sender.MessageIn{})
		b.arrived(ep.URL, 1)
		late := b.endpoint(app.ID, sender.EndpointIn{Channels: []string{"other"}})
		resend := func(msg, ep string) error {
			return b.store.Do(b.Context(), func(tx *store.Tx) error { return b.sender.Resend(tx, app.ID, msg, ep) })
		}
		if err := resend(m.ID, late.ID); err != nil {
			b.Fatal(err)
		}
		b.arrived(late.URL, 1)
		for _, bad := range [][2]string{{m.ID, "unknown"}, {"unknown", ep.ID}, {sender.MessageID(app.ID, 17), ep.ID}, {sender.MessageID("app_x", 17), ep.ID}} {
			wantNotFound(b.T, resend(bad[0], bad[1]))
		}
		if err := b.sender.ExpungeMessage(b.Context(), app.ID, m.ID); err != nil {
			b.Fatal(err)
		}
		wantRefused(b.T, resend(m.ID, ep.ID), sender.CodeMissingPayload)
		b.arrived(ep.URL, 1)
	})
}
