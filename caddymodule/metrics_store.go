package caddymodule

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// storeMetrics count what happens in stores and engines of this process.
var storeMetrics = struct {
	attempts      *prometheus.CounterVec
	attemptTime   *prometheus.HistogramVec
	commits       prometheus.Histogram
	commitEntries prometheus.Histogram
}{
	attempts: counter("attempts_total", "Attempts by destination and outcome.", "destination", "outcome"),
	attemptTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "attempt_seconds", Help: "How long attempts took.",
		Buckets: []float64{0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60},
	}, []string{"destination"}),
	commits: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "commit_seconds", Help: "How long transactions of the store took, the fsync included.",
		Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5},
	}),
	commitEntries: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "commit_operations", Help: "How many operations shared a transaction, and so an fsync.",
		Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
	}),
}

func observeCommit(operations int, took time.Duration) {
	storeMetrics.commits.Observe(took.Seconds())
	storeMetrics.commitEntries.Observe(float64(operations))
}

// attemptObserver counts attempts. Destinations are configured, or endpoints, which
// share a label; outcomes are a fixed list.
type attemptObserver struct{}

// allEndpoints is the label of all endpoints: there may be any number of them.
const allEndpoints = "endpoints"

func destinationLabel(name string) string {
	if sender.IsEndpoint(name) {
		return allEndpoints
	}
	return name
}

// Attempted implements [delivery.Observer].
func (attemptObserver) Attempted(destination string, _ int, outcome string, took time.Duration) {
	destination = destinationLabel(destination)
	storeMetrics.attempts.WithLabelValues(destination, outcome).Inc()
	storeMetrics.attemptTime.WithLabelValues(destination).Observe(took.Seconds())
}

var _ delivery.Observer = attemptObserver{}

var (
	pendingDesc       = desc("pending_events", "Events that wait to be delivered.", "destination")
	deadDesc          = desc("dead_events", "Dead letters, which can be recovered.", "destination")
	oldestDesc        = desc("oldest_pending_seconds", "Age of the oldest event that waits to be delivered; 0 if none does.", "destination")
	upDesc            = desc("destination_up", "1 if the destination answers, 0 while it is down.", "destination")
	pausedDesc        = desc("destination_paused", "1 while the destination is paused.", "destination")
	parkedDesc        = desc("destination_parked", "1 if events wait for a destination that the configuration does not have.", "destination")
	inFlightsDesc     = desc("attempts_in_flight", "Attempts being made.", "destination")
	lastPassDesc      = desc("engine_last_pass_timestamp_seconds", "When the engine last looked for work for the destination.", "destination")
	endpointsDownDesc = desc("endpoints_down", "Endpoints that do not answer at all.")
	stateDesc         = desc("store_up", "1 if the store takes events, 0 if it is full or has failed.")
	usedDesc          = desc("store_used_bytes", "What the store holds.")
	freeDesc          = desc("store_free_bytes", "What can still be written, on the disk and within the file.")
	keysDesc          = desc("store_keys", "Events remembered to tell duplicates.")
	gatewaysDesc      = desc("gateways", "How many gateways use the store, this one included, as of when this one last looked.")
	leaseDesc         = desc("lease_held", "1 if this gateway holds its lease in a store that several may use, 0 if it does not and attempts nothing.")
)

// scrapeWait is how long the store may take to answer a scrape.
const scrapeWait = 2 * time.Second

// collectStore reads the state of a store and its engine.
func collectStore(s *storage, ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	space := s.store.Space()
	gauge(stateDesc, truth(s.store.Trouble() == nil))
	gauge(usedDesc, float64(space.Used))
	if space.Free >= 0 {
		gauge(freeDesc, float64(space.Free))
	}
	if keys := s.store.Keys(); keys >= 0 {
		gauge(keysDesc, float64(keys))
	}
	standing := s.store.Standing()
	gauge(gatewaysDesc, float64(1+standing.Others))
	if standing.Shared {
		gauge(leaseDesc, truth(standing.Held))
	}
	counts := s.store.Counts()
	now := s.store.Now()
	var all endpoints
	for _, status := range s.engine.Status() {
		if sender.IsEndpoint(status.Name) {
			all.add(status, counts[status.Name])
		} else {
			collectDestination(gauge, status, counts[status.Name], now)
		}
		delete(counts, status.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	for name, n := range counts { // what no configuration of this process has had, or what is idle
		if sender.IsEndpoint(name) {
			all.add(delivery.Status{}, n)
			continue
		}
		oldest, _ := s.store.Oldest(ctx, name) // an age that is not known is shown as none
		collectDestination(gauge, delivery.Status{Name: name, Parked: n.Pending > 0, Oldest: oldest}, n, now)
	}
	all.collect(gauge, now)
}

type gauge func(d *prometheus.Desc, value float64, labels ...string)

// endpoints are all endpoints in one: there may be any number of them.
type endpoints struct {
	store.Count
	inFlight, down int
	oldest         time.Time
}

func (e *endpoints) add(status delivery.Status, n store.Count) {
	e.Pending, e.Dead, e.inFlight = e.Pending+n.Pending, e.Dead+n.Dead, e.inFlight+status.InFlight
	if !status.Down.IsZero() {
		e.down++
	}
	if o := status.Oldest; !o.IsZero() && (e.oldest.IsZero() || o.Before(e.oldest)) {
		e.oldest = o
	}
}

func (e *endpoints) collect(gauge gauge, now time.Time) {
	gauge(pendingDesc, float64(e.Pending), allEndpoints)
	gauge(deadDesc, float64(e.Dead), allEndpoints)
	gauge(oldestDesc, age(e.oldest, now), allEndpoints)
	gauge(inFlightsDesc, float64(e.inFlight), allEndpoints)
	gauge(endpointsDownDesc, float64(e.down))
}

// age is how long ago something was, by the store's clock; 0 if there was nothing.
func age(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return now.Sub(at).Seconds()
}

func collectDestination(gauge gauge, status delivery.Status, n store.Count, now time.Time) {
	name := status.Name
	gauge(pendingDesc, float64(n.Pending), name)
	gauge(deadDesc, float64(n.Dead), name)
	gauge(oldestDesc, age(status.Oldest, now), name)
	gauge(upDesc, truth(status.Down.IsZero()), name)
	gauge(pausedDesc, truth(!status.Paused.IsZero()), name)
	gauge(parkedDesc, truth(status.Parked), name)
	gauge(inFlightsDesc, float64(status.InFlight), name)
	if !status.LastPass.IsZero() {
		gauge(lastPassDesc, float64(status.LastPass.UnixMilli())/1000, name)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
