package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

// Process is what all sources of one process share, for as long as it runs. It
// is safe for concurrent use.
type Process struct {
	// Bodies bounds unverified bodies.
	Bodies *Budget
	// Now is the clock.
	Now func() time.Time

	instance string
	clock    clockWatch

	diagnosing atomic.Bool // see [Source.diagnose]
	diagnoses  sync.WaitGroup
}

// NewProcess returns a process with a new random name, by which it knows its own
// deliveries.
func NewProcess(bodyMemory int64, now func() time.Time) *Process {
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails since Go 1.24
	return &Process{Bodies: NewBudget(bodyMemory), Now: now, instance: hex.EncodeToString(name[:])}
}

// hops returns the sources of this process that a request has come through, as a
// list to which the next is appended, and whether own is one of them. Only names of
// our own instance count, which nobody else can know.
func (p *Process) hops(h http.Header, own string) (list string, loop bool) {
	for _, line := range h[headerVia] {
		for hop := range strings.SplitSeq(line, ", ") {
			if hop == own {
				return "", true
			}
			if strings.HasPrefix(hop, p.instance+"/") && len(list) < 1024 {
				list += hop + ", "
			}
		}
	}
	return list, false
}

// hop is the name of a source in Hookgate-Via.
func (p *Process) hop(source string) string { return p.instance + "/" + source }

// State is what one source remembers across reloads of the configuration. It is
// safe for concurrent use.
type State struct {
	memory   atomic.Pointer[dedupe.Memory]
	sequence atomic.Int64
	refusals refusalLog
	counter  counter
}

// remember returns the source's memory: the one that is there, which goes on as it
// is, or one made as cfg says.
func (s *State) remember(cfg dedupe.Config, now func() time.Time) (*dedupe.Memory, error) {
	if m := s.memory.Load(); m != nil {
		return m, nil
	}
	m, err := dedupe.New(cfg, now)
	if err != nil {
		return nil, err
	}
	s.memory.CompareAndSwap(nil, m)
	return s.memory.Load(), nil
}

// next returns the source's next sequence number. It begins at the clock's
// microseconds, so that it also grows over a restart.
func (s *State) next(now time.Time) int64 {
	for {
		last := s.sequence.Load()
		n := max(last+1, now.UnixMicro())
		if s.sequence.CompareAndSwap(last, n) {
			return n
		}
	}
}

// Flush writes the log summaries of refusals that are due. Call it every minute
// or so.
func (s *State) Flush(logger *slog.Logger, source string, now time.Time) {
	s.refusals.flush(logger, source, now)
}

// Stats returns what the source remembers; ok is false if it remembers nothing.
func (s *State) Stats() (stats dedupe.Stats, ok bool) {
	m := s.memory.Load()
	if m == nil {
		return stats, false
	}
	return m.Stats(), true
}
