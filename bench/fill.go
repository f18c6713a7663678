package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// destination is where the events of the gateways here go.
const destination = "source/bench"

// fill puts n copies of an event that waits in one store into another, which may
// be the same, each under an id of its own. It goes the way of every event, without
// HTTP and without an engine.
func fill(ctx context.Context, from, to string, n int) (err error) {
	event, err := template(ctx, from)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, sqlite.New(to, 0), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range 512 { // share a commit
		group.Go(func() error {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := put(ctx, s, event, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// template returns the first event that waits in a store.
func template(ctx context.Context, file string) (event store.Delivery, err error) {
	s, err := store.Open(ctx, sqlite.New(file, 0), store.Options{})
	if err != nil {
		return event, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	events, err := s.Claim(ctx, destination, time.Now().Add(24*time.Hour), 1, nil)
	if err != nil {
		return event, err
	}
	if len(events) != 1 {
		return event, fmt.Errorf("no event waits in %s", file)
	}
	return events[0], nil
}

func put(ctx context.Context, s *store.Store, event store.Delivery, i int64) error {
	var key store.Key
	_, _ = rand.Read(key.ID[:]) // never fails since Go 1.24
	_, _ = rand.Read(key.Aside[:])
	key.Body = key.Aside
	v, err := s.Accept(ctx, &store.Arrival{
		Source: event.Source, To: []store.Target{{Destination: event.Destination}}, ID: fmt.Sprintf("msg_fill_%08d", i), Type: event.Type, Scheme: event.Scheme,
		Timestamp: event.Timestamp, Received: time.Now(), Key: &key, Window: 72 * time.Hour, Head: event.Head, Body: event.Body,
	})
	if err == nil && (v.Result != store.Stored || v.Conflict) {
		err = fmt.Errorf("filling a store: %+v, although the event is new", v)
	}
	return err
}
