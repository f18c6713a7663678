package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The ways of the comparison of producers: to 1 and to 10 endpoints a message.
const (
	bareOne  = "bare-1"  // a loop of signed posts
	sendOne  = "send-1"  // a gateway that is sent messages
	drainOne = "drain-1" // the gateway, once it has accepted them all
	bareTen  = "bare-10"
	sendTen  = "send-10"
	drainTen = "drain-10"
)

// producers measures a gateway that sends and the bare loop by turns.
type producers struct {
	*stage
	load
	sink  *sink
	bare  *bareLoop
	gate  *tenants
	like  []byte // a marked payload
	slice int    // the last one's number
	sent  int    // messages so far
	took  int    // deliveries so far
}

// sending is one of its ways.
type sending struct {
	name      string
	app       int // the gateway's; -1: the bare loop
	endpoints int
	held      bool   // the sink answers nothing before all messages are accepted, and what follows counts
	crowd     *crowd // who looks at the portal meanwhile; nil: nobody
}

var sendings = []sending{
	{bareOne, -1, 1, false, nil},
	{sendOne, 0, 1, false, nil},
	{drainOne, 0, 1, true, nil},
	{bareTen, -1, 10, false, nil},
	{sendTen, 1, 10, false, nil},
	{drainTen, 1, 10, true, nil},
}

// compareProducer measures what is delivered a second, and then whether an endpoint that
// does not answer delays others. It returns the goals.
func compareProducer(ctx context.Context, out io.Writer, l load, rounds, size int, profile string) (goals []goal, err error) {
	s, err := newStage(ctx, size)
	defer s.close()
	if err != nil {
		return nil, err
	}
	p := &producers{stage: s, load: l}
	if p.like, err = markMessage(s.body, 0, 0); err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	if profile != "" {
		return nil, p.profile(ctx, profile)
	}
	sync, err := syncTime(s.dir)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d rounds of %d deliveries each, in %d slices; %d connections, payloads of %d bytes; an fsync takes %v\n\n",
		rounds, l.requests, l.slices, l.connections, size, sync)
	r, err := p.run(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	r.table(out, []string{bareOne, sendOne, drainOne, bareTen, sendTen, drainTen}, accepted, delivered, deliveryCPU, writtenOf, batchOf)
	fmt.Fprintf(out, "\n%d messages accepted, %d deliveries, each signed and come once\n", p.sent, p.took)
	late, err := p.delays(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	goals = append(r.producerGoals(), late...)
	writeGoals(out, goals)
	return goals, nil
}

var (
	accepted    = column{"messages accepted/s", "%.0f", func(s sample) float64 { return s.rate }}
	delivered   = column{"deliveries/s", "%.0f", func(s sample) float64 { return s.arrival }}
	deliveryCPU = column{"CPU µs/delivery", "%.0f", func(s sample) float64 { return s.cpu }}
	writtenOf   = column{"KiB to disk/delivery", "%.1f", func(s sample) float64 { return s.written / 1024 }}
	batchOf     = column{"deliveries/fsync", "%.1f", func(s sample) float64 { return s.batch }}
)

func (r results) producerGoals() []goal {
	return []goal{
		{name: "send-1/bare-1 deliveries/s", values: r.ratio(sendOne, bareOne, delivered), bound: atLeast, limit: 0.50},
		{name: "send-10/bare-10 deliveries/s", values: r.ratio(sendTen, bareTen, delivered), bound: atLeast, limit: 0.50},
		{name: "drain-1/bare-1 deliveries/s", values: r.ratio(drainOne, bareOne, delivered)},
		{name: "drain-10/bare-10 deliveries/s", values: r.ratio(drainTen, bareTen, delivered)},
		{name: "send-1/bare-1 CPU", values: r.ratio(sendOne, bareOne, deliveryCPU)},
		{name: "send-10/bare-10 CPU", values: r.ratio(sendTen, bareTen, deliveryCPU)},
		{name: "drain-1/bare-1 CPU", values: r.ratio(drainOne, bareOne, deliveryCPU)},
		{name: "drain-10/bare-10 CPU", values: r.ratio(drainTen, bareTen, deliveryCPU)},
	}
}

// start starts the sink, the bare loop, and a gateway with an application for each of the
// gateway's ways.
func (p *producers) start(ctx context.Context) (err error) {
	if p.sink, err = newSink(10, -1); err != nil {
		return err
	}
	if p.bare, err = startBare(ctx); err != nil {
		return err
	}
	p.gate, err = p.tenants(ctx, "sending", [][]string{p.sink.urls[:1], p.sink.urls})
	return err
}

// tenants starts a gateway with applications.
func (p *producers) tenants(ctx context.Context, name string, urls [][]string) (*tenants, error) {
	s, err := p.serve(ctx, name, site{connections: p.connections, stored: true, key: newKey()})
	if err != nil {
		return nil, err
	}
	return newTenants(ctx, p.binary, s, urls)
}

func (p *producers) close() {
	if p.bare != nil {
		_ = p.bare.close() // it has nothing to do any more
	}
	if p.sink != nil {
		p.sink.close()
	}
}

// run warms up and measures rounds. In each the ways take turns, as in [turns.round].
func (p *producers) run(ctx context.Context, out io.Writer, rounds int) (results, error) {
	samples := results{}
	for _, w := range sendings {
		if err := p.measure(ctx, w, p.warmup, new(measured)); err != nil {
			return nil, err
		}
	}
	for round := range rounds {
		sums := map[string]*measured{}
		for slice := range p.slices {
			for i := range sendings {
				w := sendings[i]
				if (round*p.slices+slice)%2 == 1 {
					w = sendings[len(sendings)-1-i]
				}
				if sums[w.name] == nil {
					sums[w.name] = new(measured)
				}
				if err := p.measure(ctx, w, p.requests/p.slices, sums[w.name]); err != nil {
					return nil, err
				}
			}
		}
		for _, w := range sendings {
			s := sums[w.name].deliveries(w.endpoints, p.requests)
			samples[w.name] = append(samples[w.name], s)
			fmt.Fprintf(out, "round %d  %-8s %6.0f messages accepted/s   %6.0f deliveries/s   CPU %5.0f µs/delivery\n",
				round+1, w.name, s.rate, s.arrival, s.cpu)
		}
	}
	return samples, nil
}

// deliveries is the sample of a round of n deliveries.
func (m *measured) deliveries(endpoints, n int) sample {
	of := float64(n)
	return sample{
		rate: of / float64(endpoints) / m.took.Seconds(), arrival: of / m.arrived.Seconds(),
		cpu: m.used.cpu * 1e6 / of, written: m.used.written / of, batch: of / m.used.commits,
	}
}

// measure has n deliveries made in one way, adds to m, and checks with the sink that each
// came, once.
func (p *producers) measure(ctx context.Context, w sending, n int, m *measured) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.slice++
	messages := n / w.endpoints
	n = messages * w.endpoints
	all := p.sink.expect(p.slice, messages, n)
	var by *server
	var send func() error
	if w.app < 0 {
		by, send = p.bare.server, func() error {
			return p.bare.do(bareJob{URLs: p.sink.urls[:w.endpoints], Slice: p.slice, Messages: messages, Workers: bareWorkers, Payload: p.like})
		}
	} else {
		targets := make([]vegeta.Target, messages)
		for i := range targets {
			targets[i] = p.gate.message(w.app, remark(p.like, p.slice, i))
		}
		by, send = p.gate.server, func() error { return p.send(p.gate.server, targets, 0, 202, new(measured)) }
	}
	open := func() {}
	if w.held {
		open = p.sink.hold()
	}
	since, err := by.spent(ctx)
	if err != nil {
		return err
	}
	w.crowd.watch(ctx)
	defer func() { err = errors.Join(err, w.crowd.leave()) }()
	began := time.Now()
	err = send()
	m.took += time.Since(began)
	if err == nil && w.held {
		if err = by.rest(ctx); err == nil {
			since, err = by.spent(ctx)
		}
		began = time.Now()
	}
	open()
	if err != nil {
		return err
	}
	if err := arrive(ctx, all, patience); err != nil {
		return fmt.Errorf("%s: %w: %w", w.name, err, p.sink.check())
	}
	m.arrived += time.Since(began)
	if err := w.crowd.leave(); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	if err := by.rest(ctx); err != nil {
		return err
	}
	until, err := by.spent(ctx)
	if err != nil {
		return err
	}
	m.used.add(since, until)
	if w.app >= 0 {
		p.sent, p.took = p.sent+messages, p.took+n
	}
	if err := p.sink.check(); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	return nil
}

// spent is what a server has used, with its commits.
func (s *server) spent(ctx context.Context) (usage, error) {
	u := s.used()
	commits, err := s.commits(ctx)
	u.commits = commits
	return u, err
}

// profile writes profiles of the gateway in each of its ways.
func (p *producers) profile(ctx context.Context, prefix string) error {
	for _, w := range sendings {
		if w.app < 0 {
			continue
		}
		kinds := map[string]string{"cpu": "profile", "allocs": "allocs"}
		done := make(chan error, len(kinds))
		for kind, path := range kinds {
			go func() {
				done <- p.gate.download(ctx, fmt.Sprintf("/debug/pprof/%s?seconds=%d", path, profileSeconds), fmt.Sprintf("%s.%s.%s.pprof", prefix, w.name, kind))
			}()
		}
		for began := time.Now(); time.Since(began) < profileSeconds*time.Second; {
			if err := p.measure(ctx, w, p.requests/p.slices, new(measured)); err != nil {
				return err
			}
		}
		for range kinds {
			if err := <-done; err != nil {
				return err
			}
		}
	}
	return nil
}
