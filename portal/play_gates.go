package portal

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// What inboxes take in this process.
const (
	// requestRate is how many requests a second an inbox takes, and as many at once.
	requestRate = 20
	// strangerRate is how many a second are looked up that name an inbox which is not known
	// yet: no more guesses are answered.
	strangerRate = 100
	// byteRate and byteBurst are how much is stored a second for all inboxes together, of
	// which each request costs so much at least: 200 a second, so that a flood leaves the
	// store to others.
	byteRate  = 4 << 20
	byteBurst = 8 << 20
	byteLeast = 20 << 10
	// maxReading is how many requests are read and stored at a time, and readTime how long
	// one has for its body.
	maxReading = 16
	readTime   = 10 * time.Second
	// maxWaiting is how many slow answers are waited with at a time, and maxInboxWaiting how
	// many of one inbox: as many as an endpoint gets at once.
	maxWaiting      = 128
	maxInboxWaiting = 16
	// explainRate is how many failures a second are looked into.
	explainRate  = 2
	explainBurst = 4
)

// gates keep a flood of requests for inboxes from everything else.
type gates struct {
	mu        sync.Mutex
	known     *lru.Cache[string, *gate] // by token
	strangers *rate.Limiter
	bytes     *rate.Limiter
	explained *rate.Limiter
	reading   chan struct{} // has room for maxReading
	waiting   atomic.Int64
}

// gate is that of an inbox which there is, or was.
type gate struct {
	requests *rate.Limiter
	waiting  atomic.Int64
}

func newGates() *gates {
	known, _ := lru.New[string, *gate](maxInboxes) // it errs about the size only
	return &gates{
		known: known, strangers: rate.NewLimiter(strangerRate, strangerRate), bytes: rate.NewLimiter(byteRate, byteBurst),
		explained: rate.NewLimiter(explainRate, explainBurst), reading: make(chan struct{}, maxReading),
	}
}

// admits reports whether it is worth looking for an inbox. Whoever guesses tokens learns
// nothing from it.
func (g *gates) admits(token string, now time.Time) bool {
	if known, ok := g.known.Get(token); ok {
		return known.requests.AllowN(now, 1)
	}
	return g.strangers.AllowN(now, 1)
}

// of returns the gate of an inbox that there is.
func (g *gates) of(token string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	found, ok := g.known.Get(token)
	if !ok {
		found = &gate{requests: rate.NewLimiter(requestRate, requestRate)}
		g.known.Add(token, found)
	}
	return found
}

// read reports whether there is room for one more body, until done is called. It waits a
// little for some.
func (g *gates) read(ctx context.Context) (done func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case g.reading <- struct{}{}:
		return func() { <-g.reading }, true
	case <-ctx.Done():
		return nil, false
	}
}

// wait waits for a slow answer, unless too many do already, or until the request is given
// up. It reports whether it has waited.
func (g *gates) wait(own *gate, r *http.Request) bool {
	defer g.waiting.Add(-1)
	defer own.waiting.Add(-1)
	if all, some := g.waiting.Add(1), own.waiting.Add(1); all > maxWaiting || some > maxInboxWaiting {
		return false
	}
	timer := time.NewTimer(slowAnswer)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	return true
}

// slowAnswer is how long a slow answer takes: longer than an attempt may.
const slowAnswer = 20 * time.Second
