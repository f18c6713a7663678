package delivery

import (
	"log/slog"
	"sync"
	"time"

	"github.com/hookgate/hookgate/store"
)

// dispatcher brings deliveries to one destination, and remembers how it fares over
// all generations. Its loop, run, alone reads the store; each attempt has one of the
// engine's workers, which takes the next delivery when it is done with one.
//
// What mu guards holds whenever it is free:
//
//   - A delivery is in held from when it is queued until the outcome of its attempt is
//     committed, or it is let go without one. What is held is not taken from the
//     store, so no delivery is attempted twice at once.
//   - No more attempts are in flight, or without a committed outcome, than the settings
//     allowed when the last began: so many deliveries may be repeated after a crash.
//   - The queues are empty unless the destination is open. What is not in memory
//     stays in the store, and unread is true if any of it may be due.
//   - While it is down, only probes begin, one at a time.
//   - What is left for others is not claimed anew before it is disowned.
//   - One that has retired has, and gets, nothing: whoever meets it asks for another.
type dispatcher struct {
	engine *Engine
	name   string
	wake   chan struct{} // has room for one

	mu        sync.Mutex
	settings  *Destination // nil: no generation delivers
	lazy      bool         // they are of a directory
	retired   bool
	used      time.Time // of a lazy one: when something last happened
	waiting   bool      // of a lazy one: the store has something pending for it
	looping   bool      // run was started
	stopping  bool
	ready     bool      // it is known whether it is paused
	paused    time.Time // since when; zero if it is not
	heldUntil time.Time
	health    health
	lanes     lanes
	queues    [probe]queue // fresh and backlog
	running   [lanesN]int  // attempts in flight
	held      map[store.DeliveryID]bool
	unwritten int     // outcomes that are not committed
	stalled   bool    // attempts wait until there are fewer
	failed    []*task // those of them whose commit has failed
	writes    backoff
	arrivals  arrivals
	reader    reader
	oldest    oldest
	left      []store.DeliveryID // claimed, and for others to have: see disown
	poll      poll
	pace      pace
	rests     time.Time // until when the loop does, unless it is woken
}

// task is a delivery that memory knows.
type task struct {
	store.Delivery
	lane    lane
	size    int64 // of the budget
	to      *Destination
	epoch   int
	outcome store.Outcome
}

func newDispatcher(e *Engine, name string) *dispatcher {
	return &dispatcher{
		engine: e, name: name, wake: make(chan struct{}, 1), held: make(map[store.DeliveryID]bool),
		lanes: lanes{width: 1}, arrivals: arrivals{over: make(chan struct{}, 1)}, reader: reader{unread: true, batch: firstBatch},
		used: e.now(), waiting: true,
	}
}

// nudge makes the loop look what is to be done.
func (d *dispatcher) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// missed notes that the store may have something that is due and not held.
func (d *dispatcher) missed() {
	if !d.reader.unread {
		d.reader.unread = true
		d.nudge()
	}
}

// look is missed for those who do not hold the lock. It returns false if the dispatcher
// has retired.
func (d *dispatcher) look() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.retired {
		d.use()
		d.missed()
	}
	return !d.retired
}

// configure gives it the settings of the generation that delivers from now on, nil
// if that lacks the destination; lazy says that they are of its directory. The engine's
// lock is held.
func (d *dispatcher) configure(settings *Destination, lazy bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.settings
	d.settings = settings
	if settings != nil { // what a directory does not know any more, it has known
		d.lazy = lazy
	}
	switch {
	case settings == nil:
		d.flush()
	case before == nil:
		d.reopen()
	default:
		d.start()
	}
	if settings != nil && !d.looping {
		d.looping = true
		d.engine.goroutines.Go(d.run)
	}
}

// pause tells it whether it is paused; until known, it behaves as if it were.
func (d *dispatcher) pause(known bool, since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.barred()
	d.ready, d.paused = known, since
	switch {
	case d.barred():
		d.flush()
	case before:
		d.reopen()
	}
}

// stop ends new attempts for good.
func (d *dispatcher) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	d.flush()
}

// barred reports whether people want no attempts at the destination.
func (d *dispatcher) barred() bool {
	return d.settings == nil || d.stopping || !d.ready || !d.paused.IsZero()
}

// open reports whether attempts other than probes may begin.
func (d *dispatcher) open(now time.Time) bool {
	return !d.barred() && !d.health.down() && !now.Before(d.heldUntil)
}

// reopen begins with what waits in the store, carefully.
func (d *dispatcher) reopen() {
	d.lanes.narrow()
	d.reader.unread = true
	d.nudge()
}

// flush leaves what is queued to the store.
func (d *dispatcher) flush() {
	for i := range d.queues {
		for t := d.queues[i].pop(); t != nil; t = d.queues[i].pop() {
			d.drop(t)
		}
	}
	d.reader.unread = true
	d.nudge()
}

// drop leaves a delivery that was queued to the store.
func (d *dispatcher) drop(t *task) {
	d.engine.memory.give(t.size)
	delete(d.held, t.DeliveryID())
	d.leave(t.DeliveryID())
}

// push queues a delivery that is not held.
func (d *dispatcher) push(t *task) {
	d.held[t.DeliveryID()] = true
	d.queues[t.lane].push(t)
}

// full reports whether all slots are taken. An attempt keeps its slot until its
// outcome is committed: what has one is what may be repeated after a crash.
func (d *dispatcher) full() bool {
	n := d.unwritten
	for _, running := range d.running {
		n += running
	}
	return n >= d.settings.Concurrency
}

// start begins attempts as long as there are slots and deliveries for them.
func (d *dispatcher) start() {
	for t := d.take(); t != nil; t = d.take() {
		d.engine.work(job{d, t})
	}
}

// take begins the attempt whose turn it is; nil if there is none.
func (d *dispatcher) take() *task {
	freshWaits, backlogWaits := d.queues[fresh].len() > 0, d.queues[backlog].len() > 0
	if !freshWaits && !backlogWaits || !d.open(d.engine.now()) {
		return nil
	}
	if d.full() {
		d.stalled = true
		return nil
	}
	if !d.inTime() {
		return nil
	}
	which, ok := d.lanes.pick(d.settings.Concurrency, &d.running, freshWaits, backlogWaits)
	if !ok {
		return nil
	}
	t := d.queues[which].pop()
	if !d.engine.owns(t.Term) { // it has been frozen, say: others may have it by now
		d.drop(t)
		d.flush()
		return nil
	}
	d.engine.memory.give(t.size)
	d.begin(t)
	if which == backlog && d.reader.unread && d.room() {
		d.nudge()
	}
	return t
}

// inTime reports whether another attempt is not too many per second. If it is the loop goes
// on when it is not.
func (d *dispatcher) inTime() bool {
	if d.settings.Rate <= 0 {
		return true
	}
	now := d.engine.now()
	if d.pace.ready(d.settings.Rate, now) {
		return true
	}
	if d.rests.After(d.pace.next(d.settings.Rate, now).Add(time.Millisecond)) { // it does not know yet
		d.nudge()
	}
	return false
}

// begin counts an attempt in.
func (d *dispatcher) begin(t *task) {
	t.to, t.epoch = d.settings, d.health.epoch
	d.use()
	if t.to.Rate > 0 {
		d.pace.spend(t.to.Rate, d.engine.now())
	}
	d.running[t.lane]++
	d.engine.open.Add(1)
}

// letGo forgets a delivery that was begun: the store alone knows how it is.
func (d *dispatcher) letGo(t *task) {
	id := t.DeliveryID()
	delete(d.held, id)
	d.use()
	if d.reader.recent != nil {
		d.reader.recent[id] = true
	}
	d.engine.finished()
}

// change is what an attempt has changed at its destination.
type change int

const (
	unchanged change = iota
	wentDown
	cameUp
	isHeld
)

// report tells the operator.
func (d *dispatcher) report(c change, r *result, outcome string, heldUntil time.Time) {
	name := slog.String("destination", d.name)
	switch c {
	case wentDown:
		d.engine.logger.LogAttrs(d.engine.ctx, slog.LevelWarn, "the destination is down: its events wait, and it is probed",
			name, slog.String("outcome", outcome), slog.Int("status", r.Status), slog.String("error", line(r.Err)))
	case cameUp:
		d.engine.logger.LogAttrs(d.engine.ctx, slog.LevelInfo, "the destination is up again: what has waited is delivered", name)
	case isHeld:
		d.engine.logger.LogAttrs(d.engine.ctx, slog.LevelInfo, "the destination asks to be left alone",
			name, slog.Int("status", r.Status), slog.Time("until", heldUntil))
	}
}
