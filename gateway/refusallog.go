package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	refusalsPerMinute = 10
	refusalWindow     = time.Minute
)

// refusalLog logs refusals of one source: each up to 10 a minute per reason, then
// one summary line a minute, so that a flood of forgeries cannot fill a disk. It
// is safe for concurrent use.
type refusalLog struct {
	mu      sync.Mutex
	reasons map[string]*refusalCount // bounded by the rows of the refusal table
}

type refusalCount struct {
	start      time.Time
	n          int
	suppressed int
}

// log writes the line, or counts it towards the summary, and reports which.
func (l *refusalLog) log(logger *slog.Logger, now time.Time, o *Outcome, remote string) (written bool) {
	l.mu.Lock()
	if l.reasons == nil {
		l.reasons = make(map[string]*refusalCount)
	}
	c := l.reasons[o.Result]
	if c == nil {
		c = &refusalCount{start: now}
		l.reasons[o.Result] = c
	}
	suppressed := c.roll(now)
	c.n++
	write := c.n <= refusalsPerMinute
	if !write {
		c.suppressed++
	}
	l.mu.Unlock()
	if suppressed > 0 {
		summarize(logger, o.Source, o.Result, suppressed)
	}
	if write {
		logger.LogAttrs(context.Background(), slog.LevelWarn, "webhook refused",
			slog.String("source", o.Source), slog.String("scheme", o.Scheme), slog.String("event_id", o.ID),
			slog.String("reason", o.Result), slog.String("cause", o.Err.Error()), slog.String("remote", remote))
	}
	return write
}

// flush writes the summaries that are due, for sources that went quiet.
func (l *refusalLog) flush(logger *slog.Logger, source string, now time.Time) {
	due := map[string]int{}
	l.mu.Lock()
	for reason, c := range l.reasons {
		if n := c.roll(now); n > 0 {
			due[reason] = n
		}
	}
	l.mu.Unlock()
	for reason, n := range due {
		summarize(logger, source, reason, n)
	}
}

// roll begins a new window if the last is over and returns what that one
// suppressed.
func (c *refusalCount) roll(now time.Time) (suppressed int) {
	if age := now.Sub(c.start); age >= 0 && age < refusalWindow {
		return 0
	}
	suppressed = c.suppressed
	*c = refusalCount{start: now}
	return suppressed
}

func summarize(logger *slog.Logger, source, reason string, n int) {
	logger.LogAttrs(context.Background(), slog.LevelWarn, "more webhooks refused for the same reason",
		slog.String("source", source), slog.String("reason", reason), slog.Int("count", n))
}
