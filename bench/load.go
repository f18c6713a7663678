package main

import (
	"fmt"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// load is how hard the servers are driven.
type load struct {
	connections int
	requests    int // of one round
	slices      int // in which a round is measured, the servers taking turns
	warmup      int // requests that open connections and fill caches, not measured
	seconds     int // of one round at a constant rate
}

// measured is what a round has yielded so far.
type measured struct {
	latencies []float64     // in milliseconds
	took      time.Duration // until the last event was answered
	arrived   time.Duration // until the last event was at the app, too
	used      usage
}

// sample is the figures of a round. What is not known is NaN.
type sample struct {
	rate          float64 // requests answered per second
	arrival       float64 // events that reached the app per second
	p50, p95, p99 float64 // latency in milliseconds
	cpu           float64 // the server's CPU time in microseconds a request
	written       float64 // bytes that the server wrote to the disk, per request
	batch         float64 // requests per commit of the store
	database      float64 // the CPU time of the database's server in microseconds a request
}

func (m *measured) sample() sample {
	n := float64(len(m.latencies))
	return sample{
		rate:    n / m.took.Seconds(),
		arrival: n / m.arrived.Seconds(),
		p50:     quantile(m.latencies, 0.50),
		p95:     quantile(m.latencies, 0.95),
		p99:     quantile(m.latencies, 0.99),
		cpu:     m.used.cpu * 1e6 / n,
		written: m.used.written / n,
		batch:   n / m.used.commits,

		database: m.used.database * 1e6 / n,
	}
}

// pacer ends an attack after n requests. At a rate of 0 the loop is closed: each
// connection sends its next request when the last is answered, so that no server
// is offered more than another.
type pacer struct {
	vegeta.ConstantPacer
	n uint64
}

// Pace implements [vegeta.Pacer].
func (p pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if hits >= p.n {
		return 0, true
	}
	return p.ConstantPacer.Pace(elapsed, hits)
}

// send sends the targets to s, that many a second or as fast as they are answered,
// adds to m what it took, and errs unless all of them are answered with that status: a
// server that refuses is quick.
func (l *load) send(s *server, targets []vegeta.Target, rate, status int, m *measured) error {
	var next atomic.Int64
	targeter := func(t *vegeta.Target) error {
		*t = targets[next.Add(1)-1]
		return nil
	}
	attacker := vegeta.NewAttacker(vegeta.Client(s.client),
		vegeta.Workers(uint64(l.connections)), vegeta.MaxWorkers(uint64(l.connections)))
	pace := pacer{vegeta.ConstantPacer{Freq: rate, Per: time.Second}, uint64(len(targets))}
	wrong, example := 0, ""
	before, began := len(m.latencies), time.Now()
	for r := range attacker.Attack(targeter, pace, 0, "") {
		if int(r.Code) != status {
			wrong, example = wrong+1, fmt.Sprintf("status %d, %s: %.200s", r.Code, r.Error, r.Body)
		}
		m.latencies = append(m.latencies, float64(r.Latency)/float64(time.Millisecond))
	}
	m.took += time.Since(began)
	if sent := len(m.latencies) - before; wrong > 0 || sent != len(targets) {
		return fmt.Errorf("%s: %d of %d requests were sent, %d not answered with %d, the last of these with %s",
			s.name, sent, len(targets), wrong, status, example)
	}
	return nil
}
