package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"text/tabwriter"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	// neighbours are endpoints of as many applications, the last of which may be the
	// tarpit.
	neighbours = 100
	// neighbourRate is how many messages a second are sent, to one after another.
	neighbourRate = 200
	// stuck is how many messages wait for the tarpit from the beginning: more than memory
	// holds for one endpoint.
	stuck = 2_000
)

// neighbourhood is a gateway with neighbours.
type neighbourhood struct {
	name string
	sink *sink
	gate *tenants
	mud  int // messages for the tarpit
	// whole and after are the latencies of the last messages in milliseconds: from the
	// request, and from its answer, to the arrival.
	whole, after []float64
	cpu          float64 // time in seconds that the gateway has used, of a round
}

// delays measures how long messages to healthy endpoints take, with and without a tarpit
// beside them, by turns, at a constant rate.
func (p *producers) delays(ctx context.Context, out io.Writer, rounds int) ([]goal, error) {
	calm, mired := &neighbourhood{name: "healthy"}, &neighbourhood{name: "tarpit"}
	both := []*neighbourhood{calm, mired}
	defer func() {
		for _, h := range both {
			if h.sink != nil {
				h.sink.close()
			}
		}
	}()
	for _, h := range both {
		tarpit := -1
		if h == mired {
			tarpit = neighbours - 1
		}
		var err error
		if h.sink, err = newSink(neighbours, tarpit); err != nil {
			return nil, err
		}
		urls := make([][]string, neighbours)
		for i, url := range h.sink.urls {
			urls[i] = []string{url}
		}
		if h.gate, err = p.tenants(ctx, h.name, urls); err != nil {
			return nil, err
		}
		if err := p.knock(ctx, h); err != nil {
			return nil, err
		}
	}
	if err := p.stick(ctx, mired); err != nil {
		return nil, err
	}

	fmt.Fprintf(out, "\n%d rounds of %d s with %d messages/s to %d endpoints, of which one is a tarpit for which %d messages wait, or none is\n\n",
		rounds, p.seconds, neighbourRate, neighbours, stuck)
	// Of each second: the latencies from the request, and the ratios of them, and of those
	// from the 202, and of CPU time. A second in which the machine stood still is one of many.
	var calm50, calm99, mired50, mired99, whole, after, work []float64
	for round := range rounds {
		for second := range p.seconds {
			for i := range both {
				h := both[i]
				if (round+second)%2 == 1 {
					h = both[1-i]
				}
				if err := p.breathe(ctx, h, neighbourRate, neighbourRate); err != nil {
					return nil, err
				}
			}
			calm50, calm99 = append(calm50, quantile(calm.whole, 0.5)), append(calm99, quantile(calm.whole, 0.99))
			mired50, mired99 = append(mired50, quantile(mired.whole, 0.5)), append(mired99, quantile(mired.whole, 0.99))
			whole = append(whole, quantile(mired.whole, 0.99)/quantile(calm.whole, 0.99))
			after = append(after, quantile(mired.after, 0.99)/quantile(calm.after, 0.99))
		}
		work = append(work, mired.cpu/calm.cpu)
		calm.cpu, mired.cpu = 0, 0
		last := func(of []float64) float64 { return median(of[round*p.seconds:]) }
		fmt.Fprintf(out, "round %d  without a tarpit p50 %6.2f ms   p99 %6.2f ms   beside one p50 %6.2f ms   p99 %6.2f ms\n",
			round+1, last(calm50), last(calm99), last(mired50), last(mired99))
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\nmedian of the seconds' [least most]\trequest to arrival p50 ms\tp99 ms")
	fmt.Fprintf(w, "without a tarpit\t%s\t%s\n", summary("%.2f", calm50), summary("%.2f", calm99))
	fmt.Fprintf(w, "beside a tarpit\t%s\t%s\n", summary("%.2f", mired50), summary("%.2f", mired99))
	if err := w.Flush(); err != nil {
		return nil, err
	}

	began := time.Now()
	again, err := mired.sink.drain(ctx, mired.mud)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\ntarpit: once it answers it has all of its %d messages within %.1f s, %d of them twice\n", mired.mud, time.Since(began).Seconds(), again)
	return []goal{
		{name: "beside a tarpit/without, p99 from the request", values: whole, bound: atMost, limit: 1.50},
		{name: "beside a tarpit/without, p99 from the 202", values: after, bound: atMost, limit: 1.50},
		{name: "beside a tarpit/without, CPU", values: work},
	}, nil
}

// knock sends a message to each, so that connections are open and endpoints are known.
func (p *producers) knock(ctx context.Context, h *neighbourhood) error {
	err := p.breathe(ctx, h, neighbours, neighbourRate)
	h.cpu = 0
	return err
}

// stick sends what waits for the tarpit.
func (p *producers) stick(ctx context.Context, h *neighbourhood) error {
	p.slice++
	targets := make([]vegeta.Target, stuck)
	for i := range targets {
		targets[i] = h.gate.message(neighbours-1, remark(p.like, p.slice, i))
	}
	h.mud += stuck
	if err := p.send(h.gate.server, targets, 0, http.StatusAccepted, new(measured)); err != nil {
		return err
	}
	return h.gate.rest(ctx)
}

// breathe sends n messages at a rate, the next to the next endpoint, and notes how long they
// take to the healthy ones: to all but the last, in either neighbourhood.
func (p *producers) breathe(ctx context.Context, h *neighbourhood, n, rate int) error {
	p.slice++
	deliveries := n
	if h.sink.tarpit >= 0 {
		deliveries -= n / neighbours
		h.mud += n / neighbours
	}
	targets := make([]vegeta.Target, n)
	for i := range targets {
		targets[i] = h.gate.message(i%neighbours, remark(p.like, p.slice, i))
	}
	all := h.sink.expect(p.slice, n, deliveries)
	sent, answered, errs := make([]time.Time, n), make([]time.Time, n), make([]error, n)
	var senders sync.WaitGroup
	began, before := time.Now(), h.gate.used().cpu
	for i := range targets {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		senders.Go(func() {
			sent[i] = time.Now()
			_, errs[i] = h.gate.post(ctx, targets[i].URL, targets[i].Body, http.StatusAccepted)
			answered[i] = time.Now()
		})
	}
	senders.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := arrive(ctx, all, patience); err != nil {
		return fmt.Errorf("%s: %w: %w", h.name, err, h.sink.check())
	}
	h.whole, h.after = nil, nil
	h.cpu += h.gate.used().cpu - before
	for i := range targets {
		if i%neighbours == neighbours-1 {
			continue
		}
		at := h.sink.arrived(i, i%neighbours)
		h.whole = append(h.whole, milliseconds(at.Sub(sent[i])))
		// It may be there before the answer is.
		h.after = append(h.after, milliseconds(max(at.Sub(answered[i]), 0)))
	}
	return h.sink.check()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
