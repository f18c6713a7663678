package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// run advances a job until it has ended.
func (b *bed) run(id string, n int) (j store.Job) {
	b.t.Helper()
	for steps := 1; ; steps++ {
		var err error
		j, err = b.AdvanceJob(b.t.Context(), id, n)
		b.must(err)
		if j.State != store.JobRunning {
			return j
		}
		if j.Done > j.Total || steps > 100 {
			b.t.Fatalf("%+v after %d steps", j, steps)
		}
	}
}

func (b *bed) pending() (seqs []int64) {
	b.t.Helper()
	page, _, err := b.List(b.t.Context(), store.Filter{State: store.Pending, Limit: 500})
	b.must(err)
	for _, d := range page {
		seqs = append(seqs, d.Seq)
	}
	slices.Sort(seqs)
	return seqs
}

// recoverJob: dead letters since a time are re-armed, those of the source alone, a part
// at a time, going on after a restart.
func recoverJob(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 10 {
		seqs = append(seqs, b.dead(b.event(strconv.Itoa(n), "body")))
		b.dead(b.eventOf("b", strconv.Itoa(n), "body"))
		b.delivered(b.event(fmt.Sprint("delivered", n), "body"))
		if n%2 == 1 {
			b.advance(time.Hour) // two at a time have the same age
		}
	}
	since := b.at(seqs[2]).Settled
	plan := store.Job{Kind: store.Recover, Destination: destA, Since: since}
	if n, err := b.CountJob(ctx, plan); n != 8 || err != nil {
		b.t.Fatalf("%d would be recovered, %v", n, err)
	}
	if len(b.pending()) != 0 {
		b.t.Fatal("counting has changed something")
	}
	j, err := b.CreateJob(ctx, plan)
	b.must(err)
	if j.Total != 8 || j.Done != 0 || j.State != store.JobRunning || !j.Created.Equal(b.clock()) || !j.Since.Equal(since) || j.Kind != store.Recover || j.Destination != destA || j.Source != "" {
		b.t.Fatalf("created: %+v", j)
	}
	j, err = b.AdvanceJob(ctx, j.ID, 3)
	if err != nil || j.Done != 3 || j.State != store.JobRunning || !slices.Equal(b.pending(), seqs[2:5]) {
		b.t.Fatalf("after the first step: %+v %v, pending %v", j, err, b.pending())
	}
	b.reopen()
	b.advance(time.Second)
	b.dead(b.event("later", "body"))            // is not part of it,
	b.settle(b.outcome(seqs[2], store.Dead, 2)) // nor is what has failed again since
	j = b.run(j.ID, 3)
	if j.State != store.JobDone || j.Done != 8 || j.Skipped != 0 || !j.Updated.Equal(b.clock()) {
		b.t.Errorf("done: %+v", j)
	}
	got := b.pending()
	if !slices.Equal(got, seqs[3:]) {
		b.t.Errorf("pending %v, want %v", got, seqs[3:])
	}
	for _, seq := range got {
		if d := b.at(seq); d.Source != "a" || d.Replay || d.Step != 0 {
			b.t.Errorf("%+v", d)
		}
	}
	b.counted(destA)
	kept, err := b.Job(ctx, j.ID)
	if err != nil || !reflect.DeepEqual(kept, j) {
		b.t.Errorf("%+v %v, want %+v", kept, err, j)
	}
	if again, err := b.AdvanceJob(ctx, j.ID, 3); err != nil || !reflect.DeepEqual(again, j) {
		b.t.Errorf("a job that is done: %+v %v", again, err)
	}
}

// replayJob: what was delivered and came within a time goes again, and says so.
func replayJob(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	start := b.clock()
	for n := range 10 {
		seqs = append(seqs, b.delivered(b.event(strconv.Itoa(n), "body")))
		b.dead(b.event(fmt.Sprint("dead", n), "body"))
		b.accept(ignored(b.event(fmt.Sprint("ignored", n), "body")))
		b.delivered(b.eventOf("b", strconv.Itoa(n), "body"))
		b.advance(time.Hour)
	}
	plan := store.Job{Kind: store.Replay, Destination: destA, Since: start.Add(2 * time.Hour), Until: start.Add(7 * time.Hour)}
	j, err := b.CreateJob(ctx, plan)
	b.must(err)
	if j.Total != 5 || !j.Until.Equal(plan.Until) {
		b.t.Fatalf("%+v", j)
	}
	j, err = b.AdvanceJob(ctx, j.ID, 2)
	b.must(err)
	b.settle(b.outcome(seqs[2], store.Delivered, 2)) // is not replayed again
	j = b.run(j.ID, 2)
	if j.Done != 5 || j.State != store.JobDone || !slices.Equal(b.pending(), seqs[3:7]) {
		b.t.Errorf("%+v, pending %v, want %v", j, b.pending(), seqs[3:7])
	}
	for _, seq := range b.pending() {
		if !b.at(seq).Replay {
			b.t.Errorf("event %d does not say that it is a replay", seq)
		}
	}
	// Once it is dead and recovered it is no replay any more.
	b.settle(b.outcome(seqs[3], store.Dead, 2))
	if _, err := b.Rearm(ctx, store.DeliveryID{Seq: seqs[3]}, false); err != nil || b.at(seqs[3]).Replay {
		b.t.Errorf("%+v %v", b.at(seqs[3]), err)
	}
	// Without an end it ends now.
	j, err = b.CreateJob(ctx, store.Job{Kind: store.Replay, Destination: destA, Until: start.Add(1000 * time.Hour)})
	if err != nil || j.Until.After(b.clock().Add(time.Second)) {
		b.t.Errorf("%+v %v", j, err)
	}
}

// jobMeetsChanges: what has changed since a job was created is left, and what has no
// payload is counted as skipped.
func jobMeetsChanges(b *bed) {
	ctx := b.t.Context()
	var seqs []int64
	for n := range 6 {
		seqs = append(seqs, b.dead(b.event(strconv.Itoa(n), "body")))
		b.advance(time.Minute)
	}
	j, err := b.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: destA})
	b.must(err)
	b.must(b.Erase(ctx, seqs[1]))
	if _, err := b.Rearm(ctx, store.DeliveryID{Seq: seqs[2]}, false); err != nil {
		b.t.Fatal(err)
	}
	b.settle(b.outcome(seqs[2], store.Delivered, 2))
	j = b.run(j.ID, 2)
	if j.State != store.JobDone || j.Total != 6 || j.Done != 6 || j.Skipped != 1 {
		b.t.Errorf("%+v", j)
	}
	if got, want := b.pending(), []int64{seqs[0], seqs[3], seqs[4], seqs[5]}; !slices.Equal(got, want) {
		b.t.Errorf("pending %v, want %v", got, want)
	}
	b.counts(store.Count{Pending: 4, Dead: 1})
	for _, plan := range []store.Job{{Kind: "other", Destination: destA}, {Kind: store.Recover}} {
		if _, err := b.CreateJob(ctx, plan); err == nil {
			b.t.Errorf("%+v is created", plan)
		}
		if _, err := b.CountJob(ctx, plan); err == nil {
			b.t.Errorf("%+v is counted", plan)
		}
	}
}

// keptJobs: a canceled job goes no further; 100 jobs are kept, running ones always.
func keptJobs(b *bed) {
	ctx := b.t.Context()
	for n := range 5 {
		b.dead(b.event(strconv.Itoa(n), "body"))
	}
	first, err := b.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: destA})
	b.must(err)
	_, err = b.AdvanceJob(ctx, first.ID, 2)
	b.must(err)
	canceled, err := b.CancelJob(ctx, first.ID)
	if err != nil || canceled.State != store.JobCanceled || canceled.Done != 2 {
		b.t.Fatalf("%+v %v", canceled, err)
	}
	if j, err := b.AdvanceJob(ctx, first.ID, 2); err != nil || !reflect.DeepEqual(j, canceled) || len(b.pending()) != 2 {
		b.t.Errorf("%+v %v", j, err)
	}
	if j, err := b.CancelJob(ctx, first.ID); err != nil || !reflect.DeepEqual(j, canceled) {
		b.t.Errorf("%+v %v", j, err)
	}
	for _, call := range []func() error{
		func() error { _, err := b.CancelJob(ctx, "job_none"); return err },
		func() error { _, err := b.AdvanceJob(ctx, "job_none", 1); return err },
		func() error { _, err := b.Job(ctx, "job_none"); return err },
	} {
		b.wants(call(), store.ErrNotFound)
	}
	var ids []string
	for range 100 {
		b.advance(time.Millisecond)
		j, err := b.CreateJob(ctx, store.Job{Kind: store.Replay, Destination: destA})
		b.must(err)
		if len(ids) > 0 && j.ID <= ids[len(ids)-1] {
			b.t.Fatalf("%s comes after %s", j.ID, ids[len(ids)-1])
		}
		ids = append(ids, j.ID)
	}
	_, err = b.Job(ctx, first.ID)
	b.wants(err, store.ErrNotFound)
	_, err = b.CreateJob(ctx, store.Job{Kind: store.Replay, Destination: destA})
	b.wants(err, store.ErrJobs)
	b.run(ids[50], 10)
	last, err := b.CreateJob(ctx, store.Job{Kind: store.Replay, Destination: destA})
	b.must(err)
	jobs, err := b.Jobs(ctx)
	if err != nil || len(jobs) != 100 || jobs[0].ID != last.ID || jobs[99].ID != ids[0] {
		b.t.Errorf("%d jobs, %v", len(jobs), err)
	}
	for _, j := range jobs {
		if j.ID == ids[50] {
			b.t.Error("the job that had ended is still there")
		}
	}
}
