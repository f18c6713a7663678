package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Store is what the engine needs of a store; [store.Store] has it.
type Store interface {
	Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error)
	Settle(ctx context.Context, o *store.Outcome, done func(error))
	Standing() store.Standing
	Claim(ctx context.Context, destination string, by time.Time, n int, held map[store.DeliveryID]bool) ([]store.Delivery, error)
	Disown(ctx context.Context, destination string, ids []store.DeliveryID) error
	NextDue(ctx context.Context, destination string, after time.Time) (time.Time, error)
	Oldest(ctx context.Context, destination string) (time.Time, error)
	Release(ctx context.Context, destination string, by time.Time, n int) (int64, error)
	Expire(ctx context.Context, destination string, armedBefore time.Time, reason string, n int) (int64, error)
	Delivery(ctx context.Context, id store.DeliveryID) (store.Delivery, error)
	Rearm(ctx context.Context, id store.DeliveryID, once bool) (bool, error)
	Counts() map[string]store.Count
	Pauses(ctx context.Context) (map[string]time.Time, error)
	Pause(ctx context.Context, destination string) error
	Resume(ctx context.Context, destination string) error
	Jobs(ctx context.Context) ([]store.Job, error)
	AdvanceJob(ctx context.Context, id string, n int) (store.Job, error)
}

var _ Store = (*store.Store)(nil)

// Observer sees every attempt once it has ended, from many goroutines at once. It
// must not block.
type Observer interface {
	// Attempted tells the number of the attempt, as in [store.Attempt], its outcome,
	// as in [Outcomes], and how long it took.
	Attempted(destination string, number int, outcome string, took time.Duration)
}

// Options are an engine's settings. Zero values take the defaults.
type Options struct {
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Rand returns random numbers from [0, 1), for jitter. Default: math/rand/v2.
	Rand func() float64
	// Logger takes what an operator should know. Default: discard.
	Logger *slog.Logger
	// Observer sees the attempts. Default: nobody.
	Observer Observer
}

// Engine brings the events of one store to their destinations. It is safe for
// concurrent use.
type Engine struct {
	store  Store
	clock  *clock
	random func() float64
	logger *slog.Logger
	watch  Observer
	memory budget

	// ctx is that of all attempts and of what the engine asks the store. Canceling
	// it ends all goroutines, of which there are: the dispatchers' and the keeper's,
	// the workers, and one for jobs while there are some.
	ctx        context.Context
	cancel     context.CancelFunc
	goroutines sync.WaitGroup
	// open counts what has been begun: attempts, and outcomes until they are
	// committed. While the engine stops, none signals that there is nothing left.
	open    atomic.Int64
	none    chan struct{}
	workers workers

	// pausing is held while pauses are read or changed, and goes before mu.
	pausing sync.Mutex

	// mu goes before the dispatchers' locks.
	mu          sync.RWMutex
	dispatchers map[string]*dispatcher
	generations []*Generation // registered, oldest first
	current     *Generation   // that delivers; nil: none
	pauses      map[string]time.Time
	pausesKnown bool
	begun       bool
	stopping    bool
	jobs        jobs
}

// New returns an engine for a store. It attempts nothing before a generation has
// begun.
func New(s Store, o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	e := &Engine{
		store: s, clock: newClock(o.Now, s.Standing().Shared), random: o.Rand, logger: o.Logger, watch: o.Observer,
		none: make(chan struct{}, 1), workers: newWorkers(), dispatchers: make(map[string]*dispatcher),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

type nobody struct{}

func (nobody) Attempted(string, int, string, time.Duration) {}

// Accept stores an arrival, as [store.Store.Accept] does, and sees to its deliveries: it
// decides which of its targets it claims. Head and Body of an arrival that was stored must
// not be changed any more. It works as long as the store does, also once the engine has
// been stopped.
func (e *Engine) Accept(ctx context.Context, a *store.Arrival) (store.Verdict, error) {
	var few [4]coming
	arriving := few[:0]
	for n := range a.To {
		arriving = append(arriving, e.arrive(&a.To[n]))
	}
	v, err := e.store.Accept(ctx, a)
	for n := range arriving {
		arriving[n].at.arrived(arriving[n].turn, a, n, v, err)
	}
	return v, err
}

// Wake says that deliveries to a destination may be due which the engine does not
// know of.
func (e *Engine) Wake(destination string) {
	for !e.dispatcher(destination).look() {
	}
}

// dispatcher returns that of a destination, which is made if there is none. By the time it
// is used it may have retired.
func (e *Engine) dispatcher(destination string) *dispatcher {
	e.mu.RLock()
	d := e.dispatchers[destination]
	e.mu.RUnlock()
	if d != nil {
		return d
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dispatcherLocked(destination)
}

func (e *Engine) dispatcherLocked(destination string) *dispatcher {
	d := e.dispatchers[destination]
	if d == nil {
		d = newDispatcher(e, destination)
		d.pause(e.pausesKnown, e.pauses[destination])
		e.dispatchers[destination] = d
		if !e.stopping {
			d.configure(e.settings(destination))
		}
	}
	return d
}

// now is the engine's clock.
func (e *Engine) now() time.Time { return e.clock.now() }

// finished says that an attempt, with its outcome if it has one, is over.
func (e *Engine) finished() {
	if e.open.Add(-1) == 0 {
		select {
		case e.none <- struct{}{}:
		default:
		}
	}
}

// Stop ends attempts: no new one is made, and those in flight have until ctx is
// done, with the commits of their outcomes; then they are canceled, which leaves
// their deliveries as they were. Events are accepted and stored as before. Stop
// returns once no goroutine of the engine is left; its error is that of ctx, if
// attempts or outcomes were cut off.
func (e *Engine) Stop(ctx context.Context) (err error) {
	e.mu.Lock()
	e.stopping = true
	for _, d := range e.dispatchers {
		d.stop()
	}
	e.mu.Unlock()
	for err == nil && e.open.Load() > 0 {
		select {
		case <-e.none:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	e.cancel()
	e.goroutines.Wait()
	return err
}
