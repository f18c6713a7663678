package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// way is one way in which a server is measured.
type way struct {
	name   string
	server *server
	others []*server                             // that share its database, and take an equal share of the events
	change func([]vegeta.Target) []vegeta.Target // what is done to the events; nil: nothing
	status int                                   // of every answer
	goes   where
	rate   int    // requests a second; 0: as many as are answered
	sent   int    // events so far
	again  int    // requests by which the app saw an event again
	repeat string // an example of these
}

// where is what happens to events before they are answered, and after.
type where int

const (
	nowhere  where = iota // the app never sees them
	unmarked              // the app answers, and nobody has verified them
	marking               // the app answers, and they are verified
	later                 // they are verified, and reach the app when they have been answered
)

// turns measures several ways in turn.
type turns struct {
	*stage
	load
	prefix   string // of the events' ids
	ways     []*way
	patience time.Duration // for events to come to the app; default: 2 minutes
}

// run warms up and measures rounds; it writes a line for each way of each round.
func (t *turns) run(ctx context.Context, out io.Writer, rounds int) (results, error) {
	if err := t.warm(ctx); err != nil {
		return nil, err
	}
	samples := results{}
	for round := range rounds {
		if err := t.round(ctx, out, round, samples); err != nil {
			return nil, err
		}
	}
	return samples, nil
}

// warm opens the connections, and shows each server what is to come.
func (t *turns) warm(ctx context.Context) error {
	events, err := t.sign(t.prefix+"warm", t.warmup)
	if err != nil {
		return err
	}
	for _, w := range t.ways {
		if w.rate > 0 {
			continue // its server is another way's, too
		}
		if err := t.measure(ctx, w, events, new(measured)); err != nil {
			return err
		}
	}
	return nil
}

// round measures all once: slice by slice in turns, so that what else the
// machine does is spread over them, and every other slice backwards, so that a
// machine that grows slower or faster favors no one. All are sent the same events,
// which are signed now, under ids never seen before. The ways that have a rate come
// last, one by one.
func (t *turns) round(ctx context.Context, out io.Writer, round int, samples results) error {
	events, err := t.sign(fmt.Sprintf("%s%03d", t.prefix, round), t.requests)
	if err != nil {
		return err
	}
	sums := map[string]*measured{}
	var order, steady []*way
	for _, w := range t.ways {
		sums[w.name] = new(measured)
		if w.rate > 0 {
			steady = append(steady, w)
		} else {
			order = append(order, w)
		}
	}
	for slice := range t.slices {
		of := events[slice*t.requests/t.slices : (slice+1)*t.requests/t.slices]
		for i := range order {
			w := order[i]
			if (round*t.slices+slice)%2 == 1 {
				w = order[len(order)-1-i]
			}
			if err := t.measure(ctx, w, of, sums[w.name]); err != nil {
				return err
			}
		}
	}
	for _, w := range steady {
		events, err := t.sign(fmt.Sprintf("%s%s%03d", t.prefix, w.name, round), w.rate*t.seconds)
		if err != nil {
			return err
		}
		if err := t.measure(ctx, w, events, sums[w.name]); err != nil {
			return err
		}
	}
	for _, w := range t.ways {
		s := sums[w.name].sample()
		samples[w.name] = append(samples[w.name], s)
		fmt.Fprintf(out, "round %d  %-8s %6.0f req/s   p50 %6.2f ms   p99 %6.2f ms   CPU %5.1f µs/req\n",
			round+1, w.name, s.rate, s.p50, s.p99, s.cpu)
	}
	return nil
}

// measure sends events in one way, adds to m, and checks with the app that what
// was measured is what was meant.
func (t *turns) measure(ctx context.Context, w *way, events []vegeta.Target, m *measured) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	events = w.spread(events)
	if w.change != nil {
		events = w.change(events)
	}
	want := 0
	if w.goes != nowhere {
		want = len(events)
	}
	all := t.app.expect(want)
	since, err := w.used(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := t.send(w.server, events, w.rate, w.status, m); err != nil {
		return err
	}
	if w.goes == later {
		if err := arrive(ctx, all, cmp.Or(t.patience, patience)); err != nil {
			return fmt.Errorf("%s: %w: %+v of %d events", w.name, err, t.app.saw(), want)
		}
	}
	m.arrived += time.Since(began)
	if w.server.stored {
		for _, s := range w.servers() {
			if err := s.rest(ctx); err != nil {
				return err
			}
		}
	}
	until, err := w.used(ctx)
	if err != nil {
		return err
	}
	m.used.add(since, until)
	w.sent += len(events)
	return w.check(t.app.saw(), want)
}

// check compares what the app saw with what it should have seen. Only what is
// forwarded later may come more than once; then it is counted.
func (w *way) check(saw tally, want int) error {
	verified := saw.requests
	if w.goes == unmarked {
		verified = 0
	}
	if saw.events != want || saw.verified != verified || (saw.requests != want && w.goes != later) {
		return fmt.Errorf("%s: the app saw %+v; it should have been %d events, and %d marked as verified", w.name, saw, want, verified)
	}
	if saw.requests > saw.events {
		w.again, w.repeat = w.again+saw.requests-saw.events, saw.repeat
	}
	return nil
}

// patience is how long events may take to come to the app before they are taken
// for lost.
const patience = 2 * time.Minute

var errMissing = errors.New("events that were acknowledged are not at the app")

// arrive waits until all events are at the app.
func arrive(ctx context.Context, all <-chan struct{}, wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errMissing)
	defer cancel()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
