package sqlite_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// BenchmarkAccept is the way of an event through the store: accepted with its key,
// and settled, by 64 callers at once. B/op and allocs/op are per event.
func BenchmarkAccept(b *testing.B) {
	ctx := context.Background()
	s, err := store.Open(ctx, sqlite.New(filepath.Join(b.TempDir(), "events.db"), 0), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	head, body := make([]byte, 400), make([]byte, 1024)
	rand.Read(head)
	rand.Read(body)
	b.ReportAllocs()
	events := make(chan struct{})
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for range events {
				var key store.Key
				rand.Read(key.ID[:])
				rand.Read(key.Aside[:])
				v, err := s.Accept(ctx, &store.Arrival{
					Source: "bench", To: []store.Target{{Destination: "source/bench"}}, ID: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", Type: "invoice.paid", Scheme: "svix",
					Received: time.Now(), Timestamp: time.Now(), Key: &key, Window: 72 * time.Hour, Head: head, Body: body,
				})
				if err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				s.Settle(ctx, &store.Outcome{
					ID: store.DeliveryID{Seq: v.Seq}, Destination: "source/bench", State: store.Delivered, Step: 1, At: now,
					Attempt: &store.Attempt{Number: 1, Started: now, Took: time.Millisecond, Outcome: "delivered", Status: 200},
				}, func(err error) {
					if err != nil {
						b.Error(err)
					}
				})
			}
		})
	}
	b.ResetTimer()
	for range b.N {
		events <- struct{}{}
	}
	close(events)
	callers.Wait()
}
