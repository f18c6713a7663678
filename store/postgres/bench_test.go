package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

// engines are the databases that are compared. The server waits for the disk, as one in
// use does, and as SQLite does.
var engines = []struct {
	name string
	open func(*testing.B) (store.Database, error)
}{
	{"sqlite", func(b *testing.B) (store.Database, error) {
		return sqlite.New(filepath.Join(b.TempDir(), "events.db"), 0), nil
	}},
	{"postgres", func(b *testing.B) (store.Database, error) {
		dsn, err := durable(b).Database(b.Context())
		if err != nil {
			return nil, err
		}
		return postgres.New(dsn, nil)
	}},
}

var theDurable *pgserver.Server

// durable is a server for all benchmarks. It ends with the process.
func durable(b *testing.B) *pgserver.Server {
	b.Helper()
	if theDurable == nil {
		pgserver.Database(b) // skips without binaries
		s, err := pgserver.Start("shared_buffers=256MB")
		if err != nil {
			b.Fatal(err)
		}
		theDurable = s
	}
	return theDurable
}

// compare runs a benchmark on each engine. B/op and allocs/op are per event, of the
// gateway alone.
func compare(b *testing.B, run func(*testing.B, *store.Store)) {
	for _, engine := range engines {
		b.Run(engine.name, func(b *testing.B) {
			db, err := engine.open(b)
			if err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(b.Context(), db, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			}()
			b.ReportAllocs()
			run(b, s)
		})
	}
}

const benchDestination = "source/bench"

// put accepts n new events through 64 callers at once, and returns their deliveries.
func put(b *testing.B, s *store.Store, n int, claim bool) []*store.Outcome {
	b.Helper()
	head, body := make([]byte, 400), make([]byte, 1024)
	_, _ = rand.Read(head) // never fails
	_, _ = rand.Read(body)
	outcomes := make([]*store.Outcome, n)
	each(n, func(i int) {
		var key store.Key
		_, _ = rand.Read(key.ID[:])
		_, _ = rand.Read(key.Aside[:])
		now := time.Now()
		v, err := s.Accept(context.Background(), &store.Arrival{
			Source: "bench", To: []store.Target{{Destination: benchDestination, Claim: claim}}, ID: fmt.Sprintf("msg_%022d", i), Type: "invoice.paid", Scheme: "svix",
			Received: now, Timestamp: now, Key: &key, Window: 72 * time.Hour, Head: head, Body: body,
		})
		if err != nil || v.Result != store.Stored {
			b.Errorf("%+v, %v", v, err)
		}
		outcomes[i] = &store.Outcome{
			ID: store.DeliveryID{Seq: v.Seq}, Destination: benchDestination, Owner: v.Owner, State: store.Delivered, Step: 1, At: now,
			Attempt: &store.Attempt{Number: 1, Started: now, Took: time.Millisecond, Outcome: "delivered", Status: 200},
		}
	})
	return outcomes
}

// each calls f for 0 to n-1, by 64 callers at once.
func each(n int, f func(int)) {
	next := make(chan int)
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	callers.Wait()
}

// BenchmarkAccept accepts events, each with its key.
func BenchmarkAccept(b *testing.B) {
	compare(b, func(b *testing.B, s *store.Store) { put(b, s, b.N, true) })
}

// BenchmarkSettle writes the outcomes of first attempts, as fast as they are taken.
func BenchmarkSettle(b *testing.B) {
	compare(b, func(b *testing.B, s *store.Store) {
		outcomes := put(b, s, b.N, true)
		b.ResetTimer()
		settle(b, s, outcomes)
	})
}

func settle(b *testing.B, s *store.Store, outcomes []*store.Outcome) {
	b.Helper()
	var settled sync.WaitGroup
	settled.Add(len(outcomes))
	each(len(outcomes), func(i int) {
		s.Settle(context.Background(), outcomes[i], func(err error) {
			if err != nil {
				b.Error(err)
			}
			settled.Done()
		})
	})
	settled.Wait()
}

// BenchmarkClaim drains a backlog: what is due is claimed 64 at a time, and settled.
func BenchmarkClaim(b *testing.B) {
	compare(b, func(b *testing.B, s *store.Store) {
		put(b, s, b.N, false)
		b.ResetTimer()
		for left := b.N; left > 0; {
			due, err := s.Claim(b.Context(), benchDestination, time.Now().Add(time.Minute), 64, nil)
			if err != nil || len(due) == 0 {
				b.Fatalf("%d of %d are left, and %d are due: %v", left, b.N, len(due), err)
			}
			now := time.Now()
			outcomes := make([]*store.Outcome, len(due))
			for i := range due {
				outcomes[i] = &store.Outcome{
					ID: store.DeliveryID{Seq: due[i].Seq, N: due[i].N}, Destination: benchDestination, Owner: due[i].Owner, State: store.Delivered, Step: 1, At: now,
					Attempt: &store.Attempt{Number: 1, Started: now, Took: time.Millisecond, Outcome: "delivered", Status: 200},
				}
			}
			settle(b, s, outcomes)
			left -= len(due)
		}
	})
}
