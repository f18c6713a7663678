package gateway

import (
	"slices"
	"sync/atomic"
	"time"
)

// Traffic is what has come to a source, by the results of its requests, as one process
// counts it: others that share its store count their own.
type Traffic struct {
	// Since is when counting began: when the process started, or when the source was
	// configured first since then.
	Since time.Time `json:"since,omitzero"`
	// Received is how many requests there were: those of all results together.
	Received   int64 `json:"received"`
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	Ignored    int64 `json:"ignored"`
	Failed     int64 `json:"failed"`
	Handshakes int64 `json:"handshakes"`
	// Refused is how many were refused, by the type of the refusal; those that never were
	// are not in it.
	Refused map[string]int64 `json:"refused"`
}

// RefusedInAll is how many were refused, whatever the type.
func (t *Traffic) RefusedInAll() (n int64) {
	for _, of := range t.Refused {
		n += of
	}
	return n
}

// counter counts the results of a source's requests. It is safe for concurrent use.
type counter struct {
	since                                             atomic.Int64 // microseconds since 1970; 0 before the source has started
	accepted, duplicates, ignored, failed, handshakes atomic.Int64
	refused                                           [len(refusals)]atomic.Int64
}

// begin notes when counting began, once.
func (c *counter) begin(now time.Time) { c.since.CompareAndSwap(0, now.UnixMicro()) }

func (c *counter) count(result string) {
	switch result {
	case ResultAccepted:
		c.accepted.Add(1)
	case ResultDuplicate:
		c.duplicates.Add(1)
	case ResultIgnored:
		c.ignored.Add(1)
	case ResultFailed:
		c.failed.Add(1)
	case ResultHandshake:
		c.handshakes.Add(1)
	default: // empty if something has panicked before there was a result
		if i := slices.IndexFunc(refusals[:], func(r *Refusal) bool { return r.Type == result }); i >= 0 {
			c.refused[i].Add(1)
		}
	}
}

// Traffic returns what has come to the source, under all configurations that this process
// has had of it without a gap.
func (s *State) Traffic() Traffic {
	c := &s.counter
	t := Traffic{
		Accepted: c.accepted.Load(), Duplicates: c.duplicates.Load(), Ignored: c.ignored.Load(),
		Failed: c.failed.Load(), Handshakes: c.handshakes.Load(), Refused: make(map[string]int64),
	}
	if since := c.since.Load(); since != 0 {
		t.Since = time.UnixMicro(since).UTC()
	}
	for i, r := range refusals {
		if n := c.refused[i].Load(); n > 0 {
			t.Refused[r.Type] = n
		}
	}
	t.Received = t.Accepted + t.Duplicates + t.Ignored + t.Failed + t.Handshakes + t.RefusedInAll()
	return t
}
