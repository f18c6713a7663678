package sender

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

// Options are a sender's settings. Zero values take the defaults.
type Options struct {
	// Store holds everything. It has been opened with [Migrations] and [Match].
	Store *store.Store
	// Engine makes the deliveries. It is given the sender as its directory.
	Engine *delivery.Engine
	// Keys seal secrets.
	Keys *Keyring
	// Cache is shared with other senders over the store. Default: one of its own.
	Cache *Cache
	// Guard says which addresses endpoints may be on.
	Guard *Guard
	// Client says how requests are made; its Guard is the one above.
	Client ClientOptions
	// Retry, Forever, Timeout and Concurrency are those of [delivery.Destination], for
	// each endpoint.
	Retry       []time.Duration
	Forever     bool
	Timeout     time.Duration
	Concurrency int
	// Retention is how long messages are kept that say nothing else. Default: 90 days.
	Retention time.Duration
	// DisableAfter is for how long messages are given up before an endpoint is disabled.
	// Default: 120 h.
	DisableAfter time.Duration
	// Now is the clock. Default: the store's.
	Now func() time.Time
	// Logger takes what an operator should know. Default: discard.
	Logger *slog.Logger
}

// Sender is the sending side over a store. It is safe for concurrent use.
type Sender struct {
	Options
	client *Client
	post   func(context.Context, Post) *Exchange
	local  atomic.Pointer[Local]

	routes   *store.Memo[string, *route]
	limits   limits
	failures failures
	work     worklist
	tasks    sync.Mutex // held while it is looked whether a task runs, and one is begun

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// New makes the sending side over an open store and its engine. Nothing is done beside
// the calls before Start.
func New(o Options) (*Sender, error) {
	switch {
	case o.Store == nil || o.Engine == nil:
		return nil, errors.New("sender: there is no store, or no engine")
	case o.Keys == nil:
		return nil, errors.New("sender: there are no keys to seal secrets with")
	case o.Guard == nil:
		return nil, errors.New("sender: nothing says which addresses endpoints may be on")
	}
	if o.Now == nil {
		o.Now = o.Store.Now
	}
	if o.Cache == nil {
		o.Cache = NewCache()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Retention = cmp.Or(max(o.Retention, 0), maxRetention)
	o.DisableAfter = cmp.Or(max(o.DisableAfter, 0), 120*time.Hour)
	s := &Sender{Options: o, routes: store.NewMemo[string, *route](o.Store, keptRoutes), stop: func() {}}
	s.Client.Guard, s.Client.local = o.Guard, s.localHandler
	s.client = NewClient(s.Client)
	s.post = s.client.Post
	s.failures.init()
	s.work.init()
	return s, nil
}

// Start begins the upkeep: it reads the limits of the endpoints, and from then on seals
// anew what is sealed with an old key, disables what fails for too long, and tells of it.
// It goes on until Close.
func (s *Sender) Start(ctx context.Context) error {
	if err := s.reload(ctx); err != nil {
		return err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.stopped.Go(func() { s.keep(ctx) })
	s.stopped.Go(func() { s.reseal(ctx) })
	s.stopped.Go(func() { s.sweep(ctx) })
	return nil
}

// Close ends the upkeep, and closes idle connections. What attempts are made goes on
// until the engine stops.
func (s *Sender) Close() error {
	s.stop()
	s.stopped.Wait()
	s.client.Close()
	return nil
}
