package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

const namespace, subsystem = "caddy", "webhooks"

// metrics are the process's, so that counters survive reloads; each
// configuration registers them with its own registry.
var metrics = struct {
	requests, matches, conflicts *prometheus.CounterVec
	lastMatch                    *prometheus.GaugeVec
	skew                         *prometheus.HistogramVec
}{
	requests:  counter("requests_total", "Requests by source, scheme and result.", "source", "scheme", "result"),
	matches:   counter("secret_matches_total", "Correctly signed requests by the index of the secret that matched, 0 being the first configured.", "source", "scheme", "secret"),
	conflicts: counter("id_conflicts_total", "Events whose id was known with another body.", "source"),
	lastMatch: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "secret_last_match_timestamp_seconds",
		Help: "When a secret last matched: one that no longer does can be removed.",
	}, []string{"source", "scheme", "secret"}),
	skew: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "timestamp_skew_seconds",
		Help:    "Distance of signed timestamps from the clock, positive in the future.",
		Buckets: []float64{-86400, -3600, -300, -60, -10, -2, 0, 2, 10, 60, 300, 3600},
	}, []string{"source"}),
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
}

// registerMetrics registers with the registry of this configuration, which is a
// new one after every reload.
func registerMetrics(ctx caddy.Context, a *App) error {
	for _, c := range []prometheus.Collector{
		metrics.requests, metrics.matches, metrics.conflicts, metrics.lastMatch, metrics.skew, &stateCollector{a},
		storeMetrics.attempts, storeMetrics.attemptTime, storeMetrics.commits, storeMetrics.commitEntries,
	} {
		var already prometheus.AlreadyRegisteredError
		if err := ctx.GetMetricsRegistry().Register(c); err != nil && !errors.As(err, &already) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// stateCollector reads what the sources of one configuration remember.
type stateCollector struct{ app *App }

var (
	entriesDesc   = desc("dedupe_entries", "Events remembered.", "source")
	inFlightDesc  = desc("dedupe_in_flight", "Events being processed.", "source")
	evictionsDesc = desc("dedupe_early_evictions_total", "Events forgotten before their window ended, for want of entries.", "source")
	bodiesDesc    = desc("unverified_body_bytes", "Memory that unverified bodies hold.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		entriesDesc, inFlightDesc, evictionsDesc, bodiesDesc,
		pendingDesc, deadDesc, oldestDesc, upDesc, pausedDesc, parkedDesc, inFlightsDesc, lastPassDesc, endpointsDownDesc, stateDesc, usedDesc, freeDesc, keysDesc, gatewaysDesc, leaseDesc,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(bodiesDesc, prometheus.GaugeValue, float64(c.app.process.Bodies.Used()))
	if c.app.storage != nil {
		collectStore(c.app.storage, ch)
	}
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	for name, reg := range c.app.sources {
		stats, ok := reg.state.Stats()
		if !ok {
			continue
		}
		ch <- prometheus.MustNewConstMetric(entriesDesc, prometheus.GaugeValue, float64(stats.Entries), name)
		ch <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(stats.InFlight), name)
		ch <- prometheus.MustNewConstMetric(evictionsDesc, prometheus.CounterValue, float64(stats.EarlyEvictions), name)
	}
}
