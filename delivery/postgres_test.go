package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// member is an engine with a store of its own on a database that others use, too.
type member struct {
	store  *store.Store
	engine *delivery.Engine
}

// joinPostgres makes a member of those who share a database, and delivers to the app.
func joinPostgres(t *testing.T, dsn string, d delivery.Destination) *member {
	t.Helper()
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &member{s, delivery.New(s, delivery.Options{Now: s.Now})}
	d.Name = toApp
	m.engine.Add([]delivery.Destination{d}, nil).Begin()
	return m
}

// leave ends a member as a gateway ends.
func (m *member) leave(t *testing.T) {
	t.Helper()
	stop(t, m.engine)
	if err := m.store.Close(); err != nil {
		t.Error(err)
	}
}

// accept stores n events, each at any of the members, by many at once.
func accept(t *testing.T, members []*member, senders, n int) {
	t.Helper()
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := sender; i < n; i += senders {
				m := members[rand.IntN(len(members))]
				v, err := m.engine.Accept(context.Background(), keyed(toApp, fmt.Appendf(nil, "body %d", i)))
				if err != nil || v.Result != store.Stored {
					t.Errorf("accepting: %v, %v", v, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// arrived counts how often each event came to the app.
type arrived struct {
	mu    sync.Mutex
	times map[string]int
	total atomic.Int64
}

// count notes that an event came, and returns how often it did.
func (a *arrived) count(d *store.Delivery) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.times == nil {
		a.times = map[string]int{}
	}
	a.times[string(d.Body)]++
	if a.times[string(d.Body)] == 1 {
		a.total.Add(1)
	}
	return a.times[string(d.Body)]
}

// repeated returns how many deliveries were more than the first of their event.
func (a *arrived) repeated() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, times := range a.times {
		n += times - 1
	}
	return n
}

// TestOnPostgres: three gateways share a database. What any of them accepts is delivered
// once, also what fails at first, and what one of them claims and leaves.
func TestOnPostgres(t *testing.T) {
	const events = 3000
	dsn := pgserver.Database(t)
	var got arrived
	var failed atomic.Int64
	d := delivery.Destination{
		Concurrency: 8, Retry: []time.Duration{50 * time.Millisecond}, Forever: true,
		Transport: transportFunc(func(_ context.Context, d *store.Delivery) delivery.Answer {
			if d.Attempts == 0 && d.Seq%7 == 0 {
				failed.Add(1)
				return delivery.Answer{Status: 422}
			}
			got.count(d)
			return delivery.Answer{Status: 200}
		}),
	}
	var members []*member
	for range 3 {
		members = append(members, joinPostgres(t, dsn, d))
	}
	accept(t, members, 24, events)
	members[0].leave(t)
	members = members[1:]
	defer func() {
		for _, m := range members {
			m.leave(t)
		}
	}()
	eventually(t, "that all is delivered", func() bool { return got.total.Load() == events })
	eventually(t, "that it is written", func() bool {
		next, err := members[0].store.NextDue(t.Context(), toApp, time.Time{})
		return err == nil && next.IsZero()
	})
	if n := got.repeated(); n > 0 {
		t.Errorf("%d events were delivered again", n)
	}
	if failed.Load() == 0 {
		t.Error("no attempt failed")
	}
}

// TestGatewayOnPostgresVanishes: the store of one of three gateways is gone in the middle,
// without a word from its engine. The others deliver what it had, and no more is repeated
// than was in flight there (K-07, K-08).
func TestGatewayOnPostgresVanishes(t *testing.T) {
	const events, concurrency = 1500, 8
	dsn := pgserver.Database(t)
	var got arrived
	release := make(chan struct{})
	answer := func(wait <-chan struct{}) delivery.Transport {
		return transportFunc(func(ctx context.Context, d *store.Delivery) delivery.Answer {
			if wait != nil {
				select {
				case <-wait:
				case <-ctx.Done():
					return delivery.Answer{Err: ctx.Err()}
				}
			}
			got.count(d)
			return delivery.Answer{Status: 200}
		})
	}
	d := delivery.Destination{Concurrency: concurrency, Timeout: time.Minute}
	d.Transport = answer(release)
	doomed := joinPostgres(t, dsn, d)
	d.Transport = answer(nil)
	others := []*member{joinPostgres(t, dsn, d), joinPostgres(t, dsn, d)}
	accept(t, append(others, doomed), 24, events)
	if got.total.Load() == events {
		t.Fatal("the one that vanishes has nothing to leave")
	}
	if err := doomed.store.Close(); err != nil {
		t.Error(err)
	}
	close(release) // its attempts end well, which it cannot write
	defer func() {
		for _, m := range others {
			m.leave(t)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = doomed.engine.Stop(ctx) // its outcomes cannot be written
	}()
	eventually(t, "that all is delivered", func() bool { return got.total.Load() == events })
	eventually(t, "that it is written", func() bool {
		next, err := others[0].store.NextDue(t.Context(), toApp, time.Time{})
		return err == nil && next.IsZero()
	})
	if n := got.repeated(); n > concurrency {
		t.Errorf("%d deliveries were repeated; want no more than %d", n, concurrency)
	}
}

// TestOperatingOnPostgres: pauses and jobs of one gateway are those of the others.
func TestOperatingOnPostgres(t *testing.T) {
	dsn := pgserver.Database(t)
	ctx := t.Context()
	var got arrived
	d := delivery.Destination{Transport: transportFunc(func(_ context.Context, d *store.Delivery) delivery.Answer {
		got.count(d)
		return delivery.Answer{Status: 200}
	})}
	a, b := joinPostgres(t, dsn, d), joinPostgres(t, dsn, d)
	defer a.leave(t)
	defer b.leave(t)
	accept(t, []*member{a, b}, 8, 200)
	eventually(t, "that all is delivered", func() bool { return got.total.Load() == 200 })
	written := func() bool {
		next, err := a.store.NextDue(ctx, toApp, time.Time{})
		return err == nil && next.IsZero()
	}
	eventually(t, "that it is written", written)

	if err := b.engine.Pause(ctx, toApp); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that the other one pauses", func() bool { return !a.engine.Status()[0].Paused.IsZero() })
	if _, err := a.engine.Accept(ctx, keyed(toApp, []byte("paused"))); err != nil {
		t.Fatal(err)
	}
	job, err := b.store.CreateJob(ctx, store.Job{Kind: store.Replay, Destination: toApp})
	if err != nil {
		t.Fatal(err)
	}
	b.engine.StartJobs() // the other one leads
	eventually(t, "that the job is done", func() bool {
		job, err = b.store.Job(ctx, job.ID)
		return err == nil && job.State == store.JobDone
	})
	if job.Done != 200 || job.Skipped != 0 {
		t.Errorf("%+v; want 200 done", job)
	}
	if n := got.repeated(); n > 0 {
		t.Errorf("%d deliveries during the pause", n)
	}
	if err := a.engine.Resume(ctx, toApp); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that all is delivered again", func() bool { return got.total.Load() == 201 && got.repeated() == 200 })
	eventually(t, "that it is written", written)
}
