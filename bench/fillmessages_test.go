package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// A store that is filled with messages lists them, and the attempts at each endpoint: few
// have failed at the first one, and all at the second.
func TestFillMessages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")
	s, err := store.Open(t.Context(), sqlite.New(file, 0), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoints := make([]store.Target, 10)
	for i := range endpoints {
		endpoints[i].Destination = fmt.Sprintf("ep_%d", i)
	}
	began := time.Now()
	for _, kind := range []string{"order.paid", oddType} {
		v, err := s.Accept(t.Context(), &store.Arrival{Source: "app_1", To: endpoints, Keep: true, Type: kind, Received: began, Window: time.Hour, Head: []byte("{}"), Body: []byte(kind)})
		if err != nil {
			t.Fatal(err)
		}
		for n := range endpoints {
			done := make(chan error, 1)
			s.Settle(t.Context(), &store.Outcome{
				ID: store.DeliveryID{Seq: v.Seq, N: n}, Destination: endpoints[n].Destination, State: store.Delivered, At: time.Now(), Listed: true,
				Attempt: &store.Attempt{Number: 1, Started: time.Now(), Outcome: "delivered", Status: 200},
			}, func(err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := copies{n: 1800, until: began}
	if c.common, c.odd, err = templates(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if err := c.fill(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	with(t, file, func(s *store.Store) {
		from := began.Add(-filledOver - time.Minute)
		if n, err := s.CountMessages(t.Context(), "app_1", from, time.Now(), 10_000); err != nil || n != 1802 {
			t.Errorf("%d messages, %v", n, err)
		}
		if n, err := s.CountMessages(t.Context(), "app_1", began.Add(-filledOver/2), began.Add(-filledOver/4), 10_000); err != nil || n != 450 {
			t.Errorf("%d messages in a quarter of the time, %v", n, err)
		}
		odd, _, err := s.Messages(t.Context(), store.MessageFilter{Source: "app_1", Body: true, Limit: 500, Match: func(d *store.Delivery) bool { return d.Type == oddType }})
		if err != nil || len(odd) == 0 || string(odd[len(odd)-1].Body) != oddType {
			t.Errorf("%d odd messages, %v", len(odd), err)
		}
		for endpoint, want := range map[string]store.Tally{"ep_0": {Succeeded: 1782, Failed: 20}, "ep_1": {Succeeded: 2, Failed: 200}, "ep_2": {Succeeded: 202}} {
			if got, err := s.TallyTo(t.Context(), endpoint, from, time.Now().Add(time.Minute)); err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", endpoint, got, err, want)
			}
			if dead, err := s.CountDead(t.Context(), endpoint, from, time.Now(), 10_000); err != nil || dead != want.Failed {
				t.Errorf("%s: %d given up, %v", endpoint, dead, err)
			}
			page, _, err := s.AttemptsTo(t.Context(), endpoint, store.AttemptFilter{Limit: 1, Match: func(t *store.Tried) bool { return t.Attempt.Status == 500 }})
			if err != nil || (len(page) > 0) != (want.Failed > 0) || len(page) > 0 && page[0].State != store.Dead {
				t.Errorf("%s: %+v, %v", endpoint, page, err)
			}
		}
	})
}
