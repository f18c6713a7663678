package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// backlogPostgres is [stage.backlog] on PostgreSQL, where each of the two gateways has a
// database of its own.
func (s *stage) backlogPostgres(ctx context.Context, out io.Writer, c *cluster, l load, rounds, n int) ([]goal, error) {
	stopped, err := freeAddress()
	if err != nil {
		return nil, err
	}
	small, large := fmt.Sprintf("pg-backlog-%d", few), fmt.Sprintf("pg-backlog-%d", n)
	t := &turns{stage: s, load: l, prefix: "backlog"}
	t.requests, t.slices, t.warmup = l.requests/6, 1, l.warmup/5 // little is sent, so that few stay few
	var start time.Duration
	for _, b := range []struct {
		name   string
		events int
	}{{small, few}, {large, n}} {
		what := site{connections: l.connections, app: stopped, webhook: true, stored: true, database: c}
		if what.dsn, err = c.create(ctx); err != nil {
			return nil, err
		}
		seed, _, err := s.firstAck(ctx, b.name, what)
		if err != nil {
			return nil, err
		}
		seed.close()
		began := time.Now()
		if err := c.fill(ctx, what.dsn, b.events-1); err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "\n%d events put into PostgreSQL in %.1f s\n", b.events, time.Since(began).Seconds())
		w := &way{name: b.name, status: 200, goes: nowhere}
		if w.server, start, err = s.firstAck(ctx, b.name, what); err != nil {
			return nil, err
		}
		t.ways = append(t.ways, w)
	}
	// The first change of a page after a checkpoint writes all of it to the server's log,
	// and of the index of keys every event changes another page: some 25,000 events until
	// each of a million's was. With a checkpoint each five minutes that is over soon.
	settle := &turns{stage: s, load: t.load, prefix: "settle", ways: t.ways[1:]}
	settle.warmup = n / 40
	if err := settle.warm(ctx); err != nil {
		return nil, err
	}
	r, err := t.run(ctx, out, 2*rounds) // they are short
	if err != nil {
		return nil, err
	}
	r.table(out, []string{small, large}, rate, p50, p99, cpu, dbCPU, batch)
	return []goal{
		{name: large + "/" + small + " req/s", values: r.ratio(large, small, rate), bound: atLeast, limit: 0.90},
		{name: large + ": peak resident MB", values: []float64{t.ways[1].server.peak() / 1e6}},
		{name: large + ": s from start to the first acknowledgement", values: []float64{start.Seconds()}},
	}, nil
}
