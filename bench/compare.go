package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The ways a server is measured.
const (
	plain   = "plain"   // Caddy's reverse_proxy
	marked  = "marked"  // the same, with requests that bring the headers a gateway adds
	gateway = "gateway" // the same behind a webhook directive
	forged  = "forged"  // the gateway, with forged events
)

// order is that of the first slice; every other slice runs it backwards, so that a
// machine that grows slower or faster favors no one.
var order = []string{plain, marked, gateway, forged}

// bench is the two servers and the app behind them.
type bench struct {
	load
	body           []byte
	app            *app
	plain, gateway *server
}

// compare measures plain Caddy and the gateway in alternating runs, and writes a
// line for each run and then the table. It returns the goals.
func compare(ctx context.Context, out io.Writer, l load, rounds, size int, profile string) (goals []goal, err error) {
	dir, err := os.MkdirTemp("", "hookgate-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{load: l}
	if b.body, err = payload(size); err != nil {
		return nil, err
	}
	binary, err := build(ctx, dir)
	if err != nil {
		return nil, err
	}
	if b.app, err = newApp(); err != nil {
		return nil, err
	}
	defer b.app.close()
	running, stop := context.WithCancel(ctx)
	for _, s := range []struct {
		name string
		to   **server
		site site
	}{
		{plain, &b.plain, site{}},
		{gateway, &b.gateway, site{webhook: true}},
	} {
		s.site.app, s.site.connections = b.app.address, l.connections
		if *s.to, err = serve(running, binary, dir, s.name, s.site); err != nil {
			stop()
			return nil, err
		}
		exited := (*s.to).exited
		defer func() { <-exited }()
	}
	defer stop() // runs before the waits above

	if profile != "" {
		return nil, b.profile(ctx, profile)
	}
	fmt.Fprintf(out, "%d rounds of %d requests each, in %d slices; %d connections, bodies of %d bytes\n\n",
		rounds, l.requests, l.slices, l.connections, size)
	if err := b.warm(); err != nil {
		return nil, err
	}
	samples := map[string][]sample{}
	for round := range rounds {
		if err := b.round(ctx, out, round, samples); err != nil {
			return nil, err
		}
	}
	return table(out, samples), nil
}

// warm opens the connections, and shows each server what is to come.
func (b *bench) warm() error {
	events, err := b.sign("warm", b.warmup)
	if err != nil {
		return err
	}
	for _, name := range order {
		if err := b.measure(name, events, new(measured)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sign(prefix string, n int) ([]vegeta.Target, error) {
	return signEvents(b.gateway.url, prefix, n, b.body, time.Now())
}

// round measures all once: slice by slice in turns, so that what else the
// machine does is spread over them. The plain server gets the very bytes that the
// gateway gets, which are signed now, under ids never seen before.
func (b *bench) round(ctx context.Context, out io.Writer, round int, samples map[string][]sample) error {
	events, err := b.sign(fmt.Sprintf("%03d", round), b.requests)
	if err != nil {
		return err
	}
	sums := map[string]*measured{}
	for _, name := range order {
		sums[name] = new(measured)
	}
	for slice := range b.slices {
		of := events[slice*b.requests/b.slices : (slice+1)*b.requests/b.slices]
		for i, name := range order {
			if slice%2 == 1 {
				name = order[len(order)-1-i]
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := b.measure(name, of, sums[name]); err != nil {
				return err
			}
		}
	}
	for _, name := range order {
		s := sums[name].sample()
		samples[name] = append(samples[name], s)
		fmt.Fprintf(out, "round %d  %-8s %6.0f req/s   p50 %6.2f ms   p99 %6.2f ms   CPU %5.1f µs/req\n",
			round+1, name, s.rate, s.p50, s.p99, s.cpu)
	}
	return nil
}

// measure sends events in one of the ways, adds to m, and checks with the app
// that what was measured is what was meant.
func (b *bench) measure(name string, events []vegeta.Target, m *measured) error {
	to, status, seen, verified := b.gateway, 200, len(events), len(events)
	switch name {
	case plain:
		to, events, verified = b.plain, at(b.plain.url, events), 0
	case marked:
		to, events = b.plain, mark(at(b.plain.url, events))
	case forged:
		events, status, seen, verified = forge(events), 401, 0, 0
	}
	b.app.counts()
	if err := b.send(to, events, status, m); err != nil {
		return err
	}
	if gotSeen, gotVerified := b.app.counts(); gotSeen != seen || gotVerified != verified {
		return fmt.Errorf("%s: the app saw %d events, %d of them marked as verified; it should have been %d and %d",
			name, gotSeen, gotVerified, seen, verified)
	}
	return nil
}

// table writes the medians and the ratios, and returns the goals among these.
func table(out io.Writer, samples map[string][]sample) []goal {
	column := func(name string, of func(sample) float64) (values []float64) {
		for _, s := range samples[name] {
			values = append(values, of(s))
		}
		return values
	}
	rate := func(s sample) float64 { return s.rate }
	p99 := func(s sample) float64 { return s.p99 }
	cpu := func(s sample) float64 { return s.cpu }
	ratio := func(name, reference string, of func(sample) float64) []float64 {
		return ratios(column(name, of), column(reference, of))
	}

	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\nmedian [least most]\treq/s\tp50 ms\tp95 ms\tp99 ms\tserver CPU µs/req")
	for _, name := range order {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name,
			summary("%.0f", column(name, rate)),
			summary("%.2f", column(name, func(s sample) float64 { return s.p50 })),
			summary("%.2f", column(name, func(s sample) float64 { return s.p95 })),
			summary("%.2f", column(name, p99)),
			summary("%.1f", column(name, cpu)))
	}
	w.Flush()

	goals := []goal{
		{name: "gateway/plain req/s", values: ratio(gateway, plain, rate), bound: atLeast, limit: 0.90},
		{name: "gateway/plain p99", values: ratio(gateway, plain, p99), bound: atMost, limit: 1.20},
		{name: "forged/gateway req/s", values: ratio(forged, gateway, rate), bound: atLeast, limit: 1.50},
		{name: "gateway/plain CPU", values: ratio(gateway, plain, cpu)},
		{name: "gateway/marked req/s", values: ratio(gateway, marked, rate)},
		{name: "gateway/marked CPU", values: ratio(gateway, marked, cpu)},
		{name: "forged/gateway CPU", values: ratio(forged, gateway, cpu)},
	}
	fmt.Fprintln(w, "\nratio, median of the rounds' [least most]\t\t\t")
	for i := range goals {
		fmt.Fprintln(w, goals[i].String())
	}
	w.Flush()
	return goals
}
