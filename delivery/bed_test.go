package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/store"
)

const toApp = "source/app"

// app is a destination's other end. Its zero value answers 200 at once.
type app struct {
	mu        sync.Mutex
	answer    func(ctx context.Context, d *store.Delivery) delivery.Answer
	attempts  []try
	inFlight  int
	most      int // in flight at once, since it was last reset
	delivered map[int64]int
}

// try is an attempt as the app sees it.
type try struct {
	seq    int64
	number int
	at     time.Time
	flying int // in flight with it
}

func (a *app) Attempt(ctx context.Context, d *store.Delivery) delivery.Answer {
	a.mu.Lock()
	a.inFlight++
	a.most = max(a.most, a.inFlight)
	a.attempts = append(a.attempts, try{d.Seq, d.Attempts + 1, time.Now(), a.inFlight})
	answer := a.answer
	a.mu.Unlock()
	said := delivery.Answer{Status: 200}
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inFlight--
		if said.Status == 200 {
			if a.delivered == nil {
				a.delivered = map[int64]int{}
			}
			a.delivered[d.Seq]++
		}
	}()
	if answer != nil {
		said.Status = 0 // of a panic
		said = answer(ctx, d)
	}
	return said
}

// says makes it answer so from now on.
func (a *app) says(f func(ctx context.Context, d *store.Delivery) delivery.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// tries returns the attempts so far.
func (a *app) tries() []try {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]try(nil), a.attempts...)
}

// reset forgets the attempts so far.
func (a *app) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts, a.most = nil, a.inFlight
}

// got returns how often an event was delivered.
func (a *app) got(seq int64) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.delivered[seq]
}

func (a *app) peak() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most
}

type answers func(ctx context.Context, d *store.Delivery) delivery.Answer

func status(code int) answers {
	return func(context.Context, *store.Delivery) delivery.Answer { return delivery.Answer{Status: code} }
}

var errRefused = errors.New("connection refused")

func refuse(context.Context, *store.Delivery) delivery.Answer {
	return delivery.Answer{Err: errRefused}
}

// hang answers nothing until it is too late.
func hang(ctx context.Context, _ *store.Delivery) delivery.Answer {
	<-ctx.Done()
	return delivery.Answer{Err: ctx.Err()}
}

// after answers by f after a while.
func after(pause time.Duration, f answers) answers {
	return func(ctx context.Context, d *store.Delivery) delivery.Answer {
		select {
		case <-time.After(pause):
			return f(ctx, d)
		case <-ctx.Done():
			return delivery.Answer{Err: ctx.Err()}
		}
	}
}

// counter counts attempts by outcome.
type counter struct {
	mu sync.Mutex
	by map[string]int
}

func (c *counter) Attempted(_ string, _ int, outcome string, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]int{}
	}
	c.by[outcome]++
}

func (c *counter) of(outcome string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[outcome]
}

// logs is a log that can be read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(what))
}

// bed is an engine with a store, and an app at source/app.
type bed struct {
	*testing.T
	store   *memory
	engine  *delivery.Engine
	app     *app
	counter *counter
	logs    *logs
	random  float64
	ahead   time.Duration // of the clock
	mu      sync.Mutex
}

// inBubble runs a test in fake time, and stops the engine at its end: the bubble
// fails if a goroutine is left.
func inBubble(t *testing.T, test func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t, store: newMemory(), app: &app{}, counter: &counter{}, logs: &logs{}, random: 0.5}
		b.restart()
		defer b.store.close()
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			b.engine.Stop(ctx)
		}()
		test(b)
	})
}

// restart makes a new engine, as after a crash.
func (b *bed) restart() {
	b.engine = delivery.New(b.store, delivery.Options{
		Now: func() time.Time {
			b.mu.Lock()
			defer b.mu.Unlock()
			return time.Now().Add(b.ahead)
		},
		Rand:     func() float64 { return b.random },
		Logger:   slog.New(slog.NewTextHandler(b.logs, nil)),
		Observer: b.counter,
	})
}

// step sets the clock.
func (b *bed) step(by time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead += by
}

// begin makes the engine deliver to the app, with some settings.
func (b *bed) begin(d delivery.Destination) *delivery.Generation {
	b.Helper()
	if d.Name == "" {
		d.Name = toApp
	}
	if d.Transport == nil {
		d.Transport = b.app
	}
	g := b.engine.Add([]delivery.Destination{d}, nil)
	g.Begin()
	synctest.Wait()
	return g
}

// accept stores an event for a destination and returns its number.
func (b *bed) accept(destination string, body ...byte) int64 {
	b.Helper()
	v, err := b.engine.Accept(context.Background(), arrival(destination, body))
	if err != nil || v.Result != store.Stored {
		b.Fatalf("accepting: %v, %v", v, err)
	}
	return v.Seq
}

func arrival(destination string, body []byte) *store.Arrival {
	return &store.Arrival{Source: "app", To: []store.Target{{Destination: destination}}, ID: "msg_1", Received: time.Now(), Head: []byte("POST / HTTP/1.1"), Body: body}
}

// fill stores events for a destination, many at once, and returns the last number.
func (b *bed) fill(destination string, n int) int64 {
	b.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() { b.accept(destination) })
	}
	all.Wait()
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	return b.store.seq
}

// wantStates checks how many deliveries to the app are in each state.
func (b *bed) wantStates(want map[store.State]int) {
	b.Helper()
	got := b.store.states(toApp)
	for s := store.Pending; s <= store.Dead; s++ {
		if got[s] != want[s] {
			b.Errorf("%d are %s; want %d", got[s], s, want[s])
		}
	}
}

// status returns that of the app.
func (b *bed) status() delivery.Status {
	b.Helper()
	for _, s := range b.engine.Status() {
		if s.Name == toApp {
			return s
		}
	}
	b.Fatal("the engine does not know the app")
	return delivery.Status{}
}

// sleep lets time pass until everything has settled.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
