package sender_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// BenchmarkCreateMessage: messages that many callers send at once, for some endpoints,
// which take them at once.
func BenchmarkCreateMessage(b *testing.B) {
	for _, endpoints := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) {
			s, err := store.Open(context.Background(), sqlite.New(filepath.Join(b.TempDir(), "events.db"), time.Second), store.Options{Migrations: sender.Migrations(), Match: sender.Match})
			if err != nil {
				b.Fatal(err)
			}
			engine := delivery.New(s, delivery.Options{})
			keys, err := sender.NewKeyring(testKey)
			if err != nil {
				b.Fatal(err)
			}
			guard, err := sender.NewGuard(nil)
			if err != nil {
				b.Fatal(err)
			}
			sends, err := sender.New(sender.Options{Store: s, Engine: engine, Keys: keys, Guard: guard})
			if err != nil {
				b.Fatal(err)
			}
			var came atomic.Int64
			sender.SetPost(sends, func(_ context.Context, p sender.Post) *sender.Exchange {
				came.Add(1)
				return &sender.Exchange{URL: p.URL, Status: 200}
			})
			var app sender.Application
			err = s.Do(b.Context(), func(tx *store.Tx) (err error) {
				if app, err = sends.CreateApplication(tx, sender.ApplicationIn{Name: "x"}); err != nil {
					return err
				}
				for i := range endpoints {
					if _, err := sends.CreateEndpoint(tx, app.ID, sender.EndpointIn{URL: fmt.Sprintf("https://example.com/%d", i)}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			engine.Add(nil, sends).Begin()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _, err := sends.CreateMessage(context.Background(), app.ID, sender.MessageIn{EventType: "a", Payload: json.RawMessage(`{"id":"in_1","amount":4900}`)})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			for came.Load() < int64(b.N*endpoints) {
				time.Sleep(time.Millisecond) // between two looks
			}
			b.ReportMetric(float64(b.N*endpoints)/b.Elapsed().Seconds(), "deliveries/s")
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := engine.Stop(ctx); err != nil {
				b.Error(err)
			}
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
