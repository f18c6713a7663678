package delivery_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// open opens the store in a file, which the test closes.
func open(tb testing.TB, path string) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), sqlite.New(path, time.Second), store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func stop(tb testing.TB, e *delivery.Engine) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		tb.Error(err)
	}
}

// keyed is an arrival that no other is a copy of.
func keyed(destination string, body []byte) *store.Arrival {
	a := arrival(destination, body)
	a.Key, a.Window = &store.Key{}, time.Hour
	rand.Read(a.Key.ID[:])
	return a
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come true", what)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

// TestOnSQLite: events are accepted by many at once while an app fails now and then
// and processes come and go; each is delivered once, as it was accepted (K-06, F-21).
func TestOnSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	const senders, each = 8, 150
	var bodies, got sync.Map
	var delivered, failed atomic.Int64
	transport := transportFunc(func(_ context.Context, d *store.Delivery) delivery.Answer {
		if d.Attempts == 0 && d.Seq%7 == 0 {
			failed.Add(1)
			return delivery.Answer{Status: 500, Response: []byte("no")}
		}
		if _, twice := got.LoadOrStore(d.Seq, string(d.Body)); twice {
			t.Errorf("event %d came twice", d.Seq)
		}
		delivered.Add(1)
		return delivery.Answer{Status: 200}
	})
	for process := range 3 {
		s := open(t, path)
		e := delivery.New(s, delivery.Options{})
		g := e.Add([]delivery.Destination{{Name: toApp, Transport: transport, Concurrency: 4, Retry: []time.Duration{20 * time.Millisecond}, Forever: true}}, nil)
		if process > 0 {
			g.Begin()
		}
		var all sync.WaitGroup
		for sender := range senders {
			all.Go(func() {
				for n := range each {
					body := fmt.Sprintf("%d/%d/%d", process, sender, n)
					v, err := e.Accept(context.Background(), keyed(toApp, []byte(body)))
					if err != nil || v.Result != store.Stored {
						t.Errorf("accepting: %v, %v", v, err)
						return
					}
					bodies.Store(v.Seq, body)
				}
			})
		}
		all.Wait()
		if process == 2 {
			eventually(t, "that all is delivered", func() bool { return delivered.Load() == 3*senders*each })
		}
		stop(t, e)
		count := s.Counts()[toApp]
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if pending := (process+1)*senders*each - int(delivered.Load()); int(count.Pending) != pending || count.Dead != 0 {
			t.Errorf("process %d leaves %+v; want %d pending", process, count, pending)
		}
	}
	if failed.Load() == 0 {
		t.Error("no attempt failed")
	}
	bodies.Range(func(seq, body any) bool {
		if had, _ := got.Load(seq); had != body {
			t.Errorf("event %d has the body %q; want %q", seq, had, body)
		}
		return true
	})
}

// TestOutageOnSQLite: what waits while the app is down is delivered once it is up;
// what was dead is when a copy comes; a pause outlives the process.
func TestOutageOnSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	ctx := context.Background()
	var code, delivered atomic.Int64
	code.Store(500)
	transport := transportFunc(func(context.Context, *store.Delivery) delivery.Answer {
		status := int(code.Load())
		if status == 200 {
			delivered.Add(1)
		}
		return delivery.Answer{Status: status}
	})
	begin := func(s *store.Store) *delivery.Engine {
		e := delivery.New(s, delivery.Options{})
		e.Add([]delivery.Destination{{Name: toApp, Transport: transport}}, nil).Begin()
		return e
	}
	s := open(t, path)
	e := begin(s)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := e.Accept(ctx, keyed(toApp, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	eventually(t, "that it is down", func() bool { return !e.Status()[0].Down.IsZero() })
	if err := e.Pause(ctx, toApp); err != nil {
		t.Fatal(err)
	}
	stop(t, e)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	defer s.Close()
	e = begin(s)
	defer func() { stop(t, e) }()
	eventually(t, "that it is paused", func() bool { return !e.Status()[0].Paused.IsZero() })
	code.Store(410)
	if err := e.Resume(ctx, toApp); err != nil {
		t.Fatal(err)
	}
	// Those attempted before the outage wait for their step; all others are gone.
	eventually(t, "that most are dead", func() bool { return s.Counts()[toApp].Dead >= 50 })
	code.Store(200)
	eventually(t, "that nothing is due", func() bool {
		due, err := s.Claim(ctx, toApp, time.Now(), 1, nil)
		return err == nil && len(due) == 0
	})
	copied := keyed(toApp, []byte("x"))
	if _, err := e.Accept(ctx, copied); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that a fresh one is delivered", func() bool { return delivered.Load() > 0 })
	if v, err := e.Accept(ctx, copied); err != nil || v.Result != store.Duplicate {
		t.Errorf("its copy: %+v, %v", v, err)
	}
	if err := e.Retry(ctx, store.DeliveryID{Seq: 1}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	job, err := s.CreateJob(ctx, store.Job{Kind: store.Recover, Destination: toApp})
	if err != nil {
		t.Fatal(err)
	}
	e.StartJobs()
	eventually(t, "that the dead are delivered", func() bool { return delivered.Load() >= job.Total+1 && s.Counts()[toApp].Dead == 0 })
	if job, err = s.Job(ctx, job.ID); err != nil || job.State != "done" || job.Done != job.Total || job.Total < 50 {
		t.Errorf("%+v, %v; want it done", job, err)
	}
}

type transportFunc func(context.Context, *store.Delivery) delivery.Answer

func (f transportFunc) Attempt(ctx context.Context, d *store.Delivery) delivery.Answer {
	return f(ctx, d)
}
