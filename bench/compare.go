package main

import (
	"context"
	"fmt"
	"io"
)

// The ways of the comparison with plain Caddy.
const (
	plain   = "plain"   // Caddy's reverse_proxy
	marked  = "marked"  // the same, with requests that bring the headers a gateway adds
	gateway = "gateway" // the same behind a webhook directive
	forged  = "forged"  // the gateway, with forged events
)

// compare measures plain Caddy and the gateway by turns, and writes a line for
// each round and then the table. It returns the goals.
func compare(ctx context.Context, out io.Writer, l load, rounds, size int, profile string) ([]goal, error) {
	s, err := newStage(ctx, size)
	defer s.close()
	if err != nil {
		return nil, err
	}
	proxy, err := s.serve(ctx, plain, site{connections: l.connections, app: s.app.address})
	if err != nil {
		return nil, err
	}
	gate, err := s.serve(ctx, gateway, site{connections: l.connections, app: s.app.address, webhook: true})
	if err != nil {
		return nil, err
	}
	t := &turns{stage: s, load: l, ways: []*way{
		{name: plain, server: proxy, status: 200, goes: unmarked},
		{name: marked, server: proxy, status: 200, goes: marking, change: mark},
		{name: gateway, server: gate, status: 200, goes: marking},
		{name: forged, server: gate, status: 401, goes: nowhere, change: forge},
	}}
	if profile != "" {
		return nil, t.profile(ctx, profile)
	}
	fmt.Fprintf(out, "%d rounds of %d requests each, in %d slices; %d connections, bodies of %d bytes\n\n",
		rounds, l.requests, l.slices, l.connections, size)
	r, err := t.run(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	r.table(out, []string{plain, marked, gateway, forged}, rate, p50, p95, p99, cpu)
	goals := r.goals()
	writeGoals(out, goals)
	return goals, nil
}

// goals are those of the gateway beside plain Caddy.
func (r results) goals() []goal {
	return []goal{
		{name: "gateway/plain req/s", values: r.ratio(gateway, plain, rate), bound: atLeast, limit: 0.90},
		{name: "gateway/plain p99", values: r.ratio(gateway, plain, p99), bound: atMost, limit: 1.20},
		{name: "forged/gateway req/s", values: r.ratio(forged, gateway, rate), bound: atLeast, limit: 1.50},
		{name: "gateway/plain CPU", values: r.ratio(gateway, plain, cpu)},
		{name: "gateway/marked req/s", values: r.ratio(gateway, marked, rate)},
		{name: "gateway/marked CPU", values: r.ratio(gateway, marked, cpu)},
		{name: "forged/gateway CPU", values: r.ratio(forged, gateway, cpu)},
	}
}
