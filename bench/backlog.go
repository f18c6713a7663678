package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// few is how many events wait where the backlog is small, when it is first
// measured.
const few = 1_000

// backlog measures how fast a gateway with n waiting events acknowledges others,
// beside one with few, how soon after its start, and in how much memory. The app is
// stopped.
func (s *stage) backlog(ctx context.Context, out io.Writer, l load, rounds, n int) ([]goal, error) {
	stopped, err := freeAddress()
	if err != nil {
		return nil, err
	}
	what := site{connections: l.connections, app: stopped, webhook: true, stored: true}
	small, large := fmt.Sprintf("backlog-%d", few), fmt.Sprintf("backlog-%d", n)
	began := time.Now()
	if err := s.fillBoth(ctx, what, small, large, n); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\n%d events put into a store in %.1f s\n", n, time.Since(began).Seconds())

	t := &turns{stage: s, load: l, prefix: "backlog", ways: []*way{
		{name: small, status: 200, goes: nowhere}, {name: large, status: 200, goes: nowhere},
	}}
	// Little is sent, so that few stay few.
	t.requests, t.slices, t.warmup = l.requests/6, 1, l.warmup/5
	var start time.Duration
	for _, w := range t.ways {
		if w.server, start, err = s.firstAck(ctx, w.name, what); err != nil {
			return nil, err
		}
	}
	r, err := t.run(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	r.table(out, []string{small, large}, rate, p50, p99, cpu, written, batch)
	return []goal{
		{name: large + "/" + small + " req/s", values: r.ratio(large, small, rate), bound: atLeast, limit: 0.90},
		{name: large + ": peak resident MB", values: []float64{t.ways[1].server.peak() / 1e6}, bound: atMost, limit: 250},
		{name: large + ": s from start to the first acknowledgement", values: []float64{start.Seconds()}, bound: atMost, limit: 2},
	}, nil
}

// fillBoth makes the stores of two gateways, one of which has few events waiting,
// the other n. All are copies of one that a gateway has stored.
func (s *stage) fillBoth(ctx context.Context, what site, small, large string, n int) error {
	seed, _, err := s.firstAck(ctx, small, what)
	if err != nil {
		return err
	}
	seed.close()
	from := storeFile(seed.dir)
	to := storeFile(filepath.Join(s.dir, large))
	return errors.Join(fill(ctx, from, from, few-1), fill(ctx, from, to, n))
}

// firstAck starts a gateway and returns how long it took until an event was
// acknowledged.
func (s *stage) firstAck(ctx context.Context, name string, what site) (*server, time.Duration, error) {
	events, err := s.sign(fmt.Sprintf("first%d", time.Now().UnixNano()), 1)
	if err != nil {
		return nil, 0, err
	}
	started, err := s.serve(ctx, name, what)
	if err != nil {
		return nil, 0, err
	}
	one := load{connections: 1}
	if err := one.send(started, at(started.url, events), 0, 200, new(measured)); err != nil {
		return nil, 0, err
	}
	return started, time.Since(started.began), nil
}

// syncTime returns how long it takes to append to a file in dir and to wait for
// the disk: the median.
func syncTime(dir string) (took time.Duration, err error) {
	file, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var times []float64
	for range 100 {
		began := time.Now()
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(began)))
	}
	return time.Duration(median(times)).Round(time.Microsecond), nil
}
