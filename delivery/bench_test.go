package delivery_test

import (
	"context"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// noStore commits everything at once and has nothing: what is measured is the
// engine alone.
type noStore struct {
	delivery.Store
	seq atomic.Int64
}

func (s *noStore) Accept(context.Context, *store.Arrival) (store.Verdict, error) {
	return store.Verdict{Result: store.Stored, Seq: s.seq.Add(1)}, nil
}

func (s *noStore) Settle(_ context.Context, _ *store.Outcome, done func(error)) { done(nil) }

func (s *noStore) Due(context.Context, string, time.Time, int, map[store.DeliveryID]bool) ([]store.Delivery, error) {
	return nil, nil
}

func (s *noStore) NextDue(context.Context, string, time.Time) (time.Time, error) {
	return time.Time{}, nil
}

func (s *noStore) Oldest(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (s *noStore) Pauses(context.Context) (map[string]time.Time, error) {
	return maps.Clone(map[string]time.Time{}), nil
}

func (s *noStore) Jobs(context.Context) ([]store.Job, error) { return nil, nil }

// BenchmarkFresh is the way of a fresh event through the engine, from one sender:
// accepted, handed over, attempted, settled.
func BenchmarkFresh(b *testing.B) {
	done := make(chan struct{}, 1)
	e := delivery.New(&noStore{}, delivery.Options{})
	defer stop(b, e)
	e.Add([]delivery.Destination{{Name: toApp, Transport: transportFunc(func(context.Context, *store.Delivery) delivery.Answer {
		done <- struct{}{}
		return delivery.Answer{Status: 200}
	})}}, nil).Begin()
	for e.Status()[0].LastPass.IsZero() {
		time.Sleep(time.Millisecond) // until the pauses are known
	}
	a, ctx := arrival(toApp, make([]byte, 1024)), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Accept(ctx, a); err != nil {
			b.Fatal(err)
		}
		<-done
	}
}

// BenchmarkBacklog is the way of an event from the store to its settling, on SQLite.
func BenchmarkBacklog(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "events.db"))
	defer s.Close()
	body := make([]byte, 1024)
	events := make(chan struct{})
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for range events {
				if _, err := s.Accept(context.Background(), keyed(toApp, body)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		events <- struct{}{}
	}
	close(events)
	senders.Wait()
	var delivered atomic.Int64
	all := make(chan struct{})
	e := delivery.New(s, delivery.Options{})
	b.ReportAllocs()
	b.ResetTimer()
	e.Add([]delivery.Destination{{Name: toApp, Transport: transportFunc(func(context.Context, *store.Delivery) delivery.Answer {
		if delivered.Add(1) == int64(b.N) {
			close(all)
		}
		return delivery.Answer{Status: 200}
	})}}, nil).Begin()
	<-all
	stop(b, e)
}
