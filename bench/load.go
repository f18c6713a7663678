package main

import (
	"fmt"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// load is how hard the servers are driven: a closed loop, in which each of a fixed
// number of connections sends its next request when the last is answered. Then
// neither server is offered more than the other.
type load struct {
	connections int
	requests    int // of one measured run
	slices      int // in which a run is measured, the servers taking turns
	warmup      int // requests that open connections and fill caches, not measured
}

// measured is what a run has yielded so far.
type measured struct {
	latencies []float64 // in milliseconds
	took      time.Duration
	cpu       float64 // the server's CPU time in seconds; NaN if unknown
}

// sample is the figures of a run.
type sample struct {
	rate          float64 // requests per second
	p50, p95, p99 float64 // latency in milliseconds
	cpu           float64 // the server's CPU time in microseconds a request; NaN if unknown
}

func (m *measured) sample() sample {
	n := float64(len(m.latencies))
	return sample{
		rate: n / m.took.Seconds(),
		p50:  quantile(m.latencies, 0.50),
		p95:  quantile(m.latencies, 0.95),
		p99:  quantile(m.latencies, 0.99),
		cpu:  m.cpu * 1e6 / n,
	}
}

// fixed is a pacer of exactly that many requests, as fast as they are answered.
type fixed uint64

// Pace implements [vegeta.Pacer].
func (n fixed) Pace(_ time.Duration, hits uint64) (time.Duration, bool) { return 0, hits >= uint64(n) }

// Rate implements [vegeta.Pacer].
func (fixed) Rate(time.Duration) float64 { return 0 }

// send sends the targets to s, adds to m what was measured, and errs unless all of
// them are answered with that status: a server that refuses is quick.
func (l *load) send(s *server, targets []vegeta.Target, status int, m *measured) error {
	var next atomic.Int64
	targeter := func(t *vegeta.Target) error {
		*t = targets[next.Add(1)-1]
		return nil
	}
	attacker := vegeta.NewAttacker(vegeta.Client(s.client),
		vegeta.Workers(uint64(l.connections)), vegeta.MaxWorkers(uint64(l.connections)))
	wrong, example := 0, ""
	before, used, began := len(m.latencies), s.cpu(), time.Now()
	for r := range attacker.Attack(targeter, fixed(len(targets)), 0, "") {
		if int(r.Code) != status {
			wrong, example = wrong+1, fmt.Sprintf("status %d, %s: %.200s", r.Code, r.Error, r.Body)
		}
		m.latencies = append(m.latencies, float64(r.Latency)/float64(time.Millisecond))
	}
	m.took += time.Since(began)
	m.cpu += s.cpu() - used
	if sent := len(m.latencies) - before; wrong > 0 || sent != len(targets) {
		return fmt.Errorf("%s: %d of %d requests were sent, %d not answered with %d, the last of these with %s",
			s.name, sent, len(targets), wrong, status, example)
	}
	return nil
}
