package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// matching makes the store match by a filter: it is the end of the head, and with - before
// it none of a delivery whose last status was not 500.
func (b *bed) matching() {
	b.t.Helper()
	b.options.Match = func(filter []byte, d *store.Delivery) bool {
		end, failed := filter, false
		if len(filter) > 0 && filter[0] == '-' {
			end, failed = filter[1:], true
		}
		head := d.Head
		return len(head) > 0 && string(head[len(head)-len(end):]) == string(end) && (!failed || d.Status == 500)
	}
	b.reopen()
}

// due returns which events are pending for a destination, and makes sure that they are due.
func (b *bed) dueFor(destination string) (seqs []int64) {
	b.t.Helper()
	due, err := b.Claim(b.t.Context(), destination, b.clock(), 1000, nil)
	b.must(err)
	if got := b.counted(destination).Pending; got != int64(len(due)) {
		b.t.Errorf("%d are pending for %s, and %d due", got, destination, len(due))
	}
	for _, d := range due {
		seqs = append(seqs, d.Seq)
	}
	slices.Sort(seqs)
	return seqs
}

// missingJob: messages of a time without a delivery to an endpoint get one, those which the
// filter takes and of which there is something left, some at a time, going on after a
// restart.
func missingJob(b *bed) {
	b.today()
	b.matching()
	ctx := b.t.Context()
	var all, want []int64
	var times []time.Time
	for n := range 60 {
		to := []string{epB}
		if n%3 == 0 {
			to = append(to, epA)
		}
		if n == 31 {
			to = nil
		}
		seq := b.accept(b.message("", strconv.Itoa(n), to...)).Seq
		other := b.message("", "of another 1", epB)
		other.Source = "app_2"
		b.stored(other)
		b.stored(b.eventOf(tenant, fmt.Sprint("verified", n), "1"))
		if all, times = append(all, seq), append(times, b.clock()); n%3 > 0 && n%10 == 1 && n >= 10 && n < 55 && n != 41 {
			want = append(want, seq)
		}
		if n%3 == 0 {
			b.tried(store.DeliveryID{Seq: seq, N: 1}, epA, store.Delivered, 1, 200)
		}
		b.advance(soon)
	}
	b.must(b.Erase(ctx, all[41]))
	plan := store.Job{Kind: store.Missing, Destination: epA, Source: tenant, Since: times[10], Until: times[55], Filter: []byte("1"), Once: true}
	if n, err := b.CountJob(ctx, plan); n != 45 || err != nil {
		b.t.Errorf("%d would be looked at, %v", n, err)
	}
	j, err := b.CreateJob(ctx, plan)
	b.must(err)
	if j.Total != 45 || j.Kind != store.Missing || j.Source != tenant || j.Destination != epA || !j.Once || string(j.Filter) != "1" {
		b.t.Fatalf("%+v", j)
	}
	j, err = b.AdvanceJob(ctx, j.ID, 1)
	if err != nil || j.State != store.JobRunning || j.Done > 5 || j.Done < 1 {
		b.t.Fatalf("%+v %v", j, err)
	}
	b.reopen()
	kept, err := b.Job(ctx, j.ID)
	if err != nil || !reflect.DeepEqual(kept, j) {
		b.t.Errorf("%+v %v, want %+v", kept, err, j)
	}
	b.advance(time.Second)
	late := b.accept(b.message("", "late 1", epB)).Seq // is not part of it
	b.run(j.ID, 2)
	j, err = b.Job(ctx, j.ID)
	if err != nil || j.Done != 45 || j.Skipped != 45-int64(len(want)) || j.State != store.JobDone {
		b.t.Errorf("%+v %v", j, err)
	}
	if got := b.dueFor(epA); !slices.Equal(got, want) {
		b.t.Errorf("%v, want %v, late is %d", got, want, late)
	}
	of, err := b.DeliveriesOf(ctx, all[31])
	if err != nil || len(of) != 1 || of[0].N != 0 || !of[0].ByHand() || of[0].Destination != epA {
		b.t.Errorf("%+v %v", of, err)
	}
	if of, err = b.DeliveriesOf(ctx, all[11]); err != nil || len(of) != 2 || of[1].Destination != epA || of[1].N != 1 {
		b.t.Errorf("%+v %v", of, err)
	}
	// Once more there is nothing to be done.
	if j, err = b.CreateJob(ctx, plan); err == nil {
		j = b.run(j.ID, 100)
	}
	if err != nil || j.Skipped != 45 || !slices.Equal(b.dueFor(epA), want) {
		b.t.Errorf("again: %+v %v", j, err)
	}
	_, err = b.CreateJob(ctx, store.Job{Kind: store.Missing, Destination: epA})
	if err == nil {
		b.t.Error("a job without a source is created")
	}
}

// selectJob: what is settled for an endpoint and the filter takes goes again.
func selectJob(b *bed) {
	b.today()
	b.matching()
	ctx := b.t.Context()
	var want []int64
	var times []time.Time
	for n := range 60 {
		seq := b.accept(b.message("", strconv.Itoa(n), epA, epB)).Seq
		state := []store.State{store.Dead, store.Delivered, store.Pending}[n%3]
		status := 500
		if n%4 == 0 {
			status = 404
		}
		b.tried(store.DeliveryID{Seq: seq}, epA, store.Pending, 1, 500)
		b.tried(store.DeliveryID{Seq: seq}, epA, state, 2, status)
		if n%10 == 5 && state != store.Pending && status == 500 && n >= 10 && n < 50 {
			want = append(want, seq)
		}
		times = append(times, b.clock())
		b.advance(soon)
	}
	j, err := b.CreateJob(ctx, store.Job{Kind: store.Select, Destination: epA, Since: times[10], Until: times[50], Filter: []byte("-5")})
	b.must(err)
	if j.Total != 40 || j.Once {
		b.t.Errorf("%+v", j)
	}
	_, err = b.AdvanceJob(ctx, j.ID, 1)
	b.must(err)
	b.reopen()
	j = b.run(j.ID, 1)
	if j.Done != 40 || j.Skipped != 40-int64(len(want)) || len(want) == 0 {
		b.t.Errorf("%+v, want %d", j, len(want))
	}
	if got := b.dueOf(epA); !slices.Equal(got, want) {
		b.t.Errorf("%v, want %v", got, want)
	}
	if got := b.counted(epB); got != (store.Count{Pending: 60}) {
		b.t.Errorf("%+v", got)
	}
	// Without a function that knows filters, all.
	b.options.Match = nil
	b.reopen()
	b.advance(time.Millisecond)
	j, err = b.CreateJob(ctx, store.Job{Kind: store.Select, Destination: epA, Filter: []byte("-5")})
	b.must(err)
	if j = b.run(j.ID, 100); j.Total != 60 || j.Skipped != 20+int64(len(want)) {
		b.t.Errorf("%+v", j)
	}
}

// dueOf returns which events are due for a destination now.
func (b *bed) dueOf(destination string) (seqs []int64) {
	b.t.Helper()
	due, err := b.Claim(b.t.Context(), destination, b.clock(), 1000, nil)
	b.must(err)
	for _, d := range due {
		if !d.Settled.IsZero() || d.Step == 0 {
			seqs = append(seqs, d.Seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}

// onceJob: dead letters of an endpoint are recovered by one attempt each.
func onceJob(b *bed) {
	ctx := b.t.Context()
	var want []int64
	for range 5 {
		seq := b.accept(b.message("", "body", epB, epA)).Seq
		b.tried(store.DeliveryID{Seq: seq, N: 1}, epA, store.Dead, 1, 500)
		want = append(want, seq)
	}
	j, err := b.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: epA, Once: true})
	b.must(err)
	if j = b.run(j.ID, 2); j.Done != 5 || j.Skipped != 0 || j.Source != "" {
		b.t.Errorf("%+v", j)
	}
	if got := b.dueFor(epA); !slices.Equal(got, want) {
		b.t.Errorf("%v, want %v", got, want)
	}
	if d, err := b.Delivery(ctx, store.DeliveryID{Seq: want[0], N: 1}); err != nil || !d.ByHand() || d.Replay {
		b.t.Errorf("%+v %v", d, err)
	}
}

// earlierJobs: a job that a release has noted which knew of sources only is that of the
// source's destination; and such a release finds the source in one of this one.
func earlierJobs(b *bed) {
	ctx := b.t.Context()
	seq := b.dead(b.event("e", "body"))
	j, err := b.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: destA})
	b.must(err)
	var source string
	b.must(b.Query(ctx, "SELECT source FROM jobs", nil, func(scan func(...any) error) error { return scan(&source) }))
	if source != "a" {
		b.t.Errorf("the source is %q", source)
	}
	b.must(b.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE jobs SET destination = ''")
		return err
	}))
	if j = b.run(j.ID, 10); j.Destination != destA || j.Source != "" || j.Done != 1 || b.at(seq).State != store.Pending {
		b.t.Errorf("%+v, %+v", j, b.at(seq))
	}
}
