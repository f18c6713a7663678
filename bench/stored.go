package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// The ways of the comparison of stored sources, beside plain.
const (
	respond = "respond" // Caddy's respond 200, without an app
	acks    = "acks"    // a gateway that stores, while its app is stopped
	live    = "live"    // the same while its app takes every event
	steady  = "steady"  // live, at a constant rate
)

// steadyRate is how many events a second a busy sender sends, and more.
const steadyRate = 500

// compareStored measures plain Caddy and gateways with forward by turns, then
// lets the stopped app take all it has missed, and then looks at a large backlog. It
// returns the goals.
func compareStored(ctx context.Context, out io.Writer, l load, rounds, size, backlog int, profile string) ([]goal, error) {
	s, err := newStage(ctx, size)
	defer s.close()
	if err != nil {
		return nil, err
	}
	stopped, err := freeAddress() // nobody listens there until drain
	if err != nil {
		return nil, err
	}
	t := &turns{stage: s, load: l, ways: []*way{
		{name: respond, status: 200, goes: nowhere},
		{name: plain, status: 200, goes: unmarked},
		{name: acks, status: 200, goes: nowhere},
		{name: live, status: 200, goes: later},
	}}
	for i, what := range []site{
		{},
		{app: s.app.address},
		{app: stopped, webhook: true, stored: true},
		{app: s.app.address, webhook: true, stored: true},
	} {
		what.connections = l.connections
		if t.ways[i].server, err = s.serve(ctx, t.ways[i].name, what); err != nil {
			return nil, err
		}
	}
	if profile != "" {
		return nil, t.profile(ctx, profile)
	}
	stored, lively := t.ways[2], t.ways[3]
	constant := &way{name: steady, server: lively.server, status: 200, goes: later, rate: steadyRate}
	t.ways = append(t.ways, constant)

	sync, err := syncTime(s.dir)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d rounds of %d requests each, in %d slices, and of %d s at %d/s; %d connections, bodies of %d bytes; an fsync takes %v\n\n",
		rounds, l.requests, l.slices, l.seconds, steadyRate, l.connections, size, sync)
	r, err := t.run(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	r.table(out, []string{respond, plain, acks, live, steady}, rate, arrival, p50, p99, cpu, written, batch)
	for _, w := range []*way{lively, constant} {
		fmt.Fprintf(out, "\n%s: %d events acknowledged, all at the app; %d requests too many %s", w.name, w.sent, w.again, w.repeat)
	}
	if err := s.drain(ctx, out, stored); err != nil {
		return nil, err
	}
	goals, err := s.backlog(ctx, out, l, rounds, backlog)
	if err != nil {
		return nil, err
	}
	goals = append(r.storedGoals(), goals...)
	writeGoals(out, goals)
	return goals, nil
}

// storedGoals are those of gateways that store beside plain Caddy.
func (r results) storedGoals() []goal {
	return []goal{
		{name: "acks/respond req/s", values: r.ratio(acks, respond, rate), bound: atLeast, limit: 0.45},
		{name: "acks/plain req/s", values: r.ratio(acks, plain, rate), bound: atLeast, limit: 1.80},
		{name: "live/plain req/s", values: r.ratio(live, plain, rate), bound: atLeast, limit: 0.90},
		{name: "live/plain at the app/s", values: r.ratio(live, plain, arrival), bound: atLeast, limit: 0.75},
		{name: "acks req/fsync", values: r.values(acks, batch), bound: atLeast, limit: 8},
		{name: fmt.Sprintf("p99 ms at %d/s", steadyRate), values: r.values(steady, p99), bound: atMost, limit: 10},
		{name: "acks/respond CPU", values: r.ratio(acks, respond, cpu)},
		{name: "acks/plain CPU", values: r.ratio(acks, plain, cpu)},
		{name: "live/plain CPU", values: r.ratio(live, plain, cpu)},
	}
}

// drain restarts a gateway whose app was stopped, now that there is one, and
// checks that the app gets each event that was acknowledged, once.
func (s *stage) drain(ctx context.Context, out io.Writer, w *way) error {
	w.server.close()
	revived, err := newApp(w.server.app)
	if err != nil {
		return err
	}
	defer revived.close()
	all, began := revived.expect(w.sent), time.Now()
	if w.server, err = s.serve(ctx, w.name, w.server.site); err != nil {
		return err
	}
	err = arrive(ctx, all, patience)
	took := time.Since(began)
	if err == nil {
		err = w.server.rest(ctx)
	}
	if saw := revived.saw(); err != nil || saw != (tally{requests: w.sent, events: w.sent, verified: w.sent}) {
		return fmt.Errorf("%s: after %v the app saw %+v; it should have been %d events, each once: %w", w.name, took, saw, w.sent, err)
	}
	fmt.Fprintf(out, "\n%s: %d events acknowledged while the app was stopped, all at the app %.1f s after a restart, none twice\n",
		w.name, w.sent, took.Seconds())
	return nil
}
