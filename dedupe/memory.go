package dedupe

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config says how long and how much a [Memory] remembers.
type Config struct {
	// Window is how long an event is remembered, from its commit; more than 0. At
	// the end of the window, to the nanosecond, it is unknown again.
	Window time.Duration
	// Protect is how long, from its commit, nothing can evict an event; 0 to
	// Window. Set it to the span in which a signed timestamp counts as fresh, past
	// and future tolerance together: then a replay that is no longer known is
	// always too old, however full the memory is.
	Protect time.Duration
	// Entries bounds the events remembered and in flight together; more than 0. To
	// remember one takes about 100 bytes.
	Entries int
}

func (c Config) validate() error {
	switch {
	case c.Window <= 0:
		return fmt.Errorf("dedupe: the window has to be longer than 0, not %s", c.Window)
	case c.Protect < 0:
		return fmt.Errorf("dedupe: the protected span cannot be negative: %s", c.Protect)
	case c.Protect > c.Window:
		return fmt.Errorf("dedupe: the window (%s) is shorter than the span in which a replay counts as fresh (%s): lengthen the window or shorten the tolerance", c.Window, c.Protect)
	case c.Entries <= 0:
		return errors.New("dedupe: the memory has to hold at least 1 entry")
	}
	return nil
}

// Stats is what a [Memory] holds at one moment.
type Stats struct {
	// Entries counts the events remembered, some of which may be past their window
	// but not yet swept.
	Entries int
	// InFlight counts the events claimed and not yet settled.
	InFlight int
	// EarlyEvictions counts, since New, the events forgotten within their window to
	// make room. If it grows, Entries is too small for the traffic.
	EarlyEvictions uint64
}

// Memory remembers the events of one source, or of several: keys are apart by
// source. It is safe for concurrent use and starts no goroutine.
//
// Its time is the wall clock it was given, without the monotonic reading, as this
// is what the timestamps of events are judged by. When it steps back, events are
// remembered, and protected, longer by as much as the step. When it steps forward,
// they are forgotten sooner, but their timestamps are then stale by the same step;
// those forgotten stay so if it steps back again.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	cfg     Config
	flights map[Digest]*Claim // the claim that holds each place in flight
	// Oldest commit first.
	remembered queue
	early      uint64
}

// entry is kept small: there may be a million.
type entry struct {
	body      Digest
	committed int64 // nanoseconds since 1970
}

// age is 0, not negative, after the clock has stepped back, so that protecting
// for 0 protects nothing.
func (e entry) age(now int64) time.Duration {
	return time.Duration(max(0, now-e.committed))
}

// New returns an empty memory that reads the clock from now, which has to be safe
// for concurrent use, as [time.Now] is. The error is about cfg.
func New(cfg Config, now func() time.Time) (*Memory, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Memory{now: now, cfg: cfg, flights: map[Digest]*Claim{}}, nil
}

// Configure puts cfg in force for all events, those already remembered or in
// flight too. If there are more than cfg.Entries, the oldest are forgotten, but
// none in flight and none that is protected: these may keep the memory above its
// bound until they are settled or have aged, and further claims push them out. The
// error is about cfg, and leaves the memory as it was.
func (m *Memory) Configure(cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	m.mu.Lock()
	m.cfg = cfg
	m.mu.Unlock()
	for m.trim(1000) { // in bites, so that no claim has to wait for a million
	}
	return nil
}

// Stats returns what the memory holds now.
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Entries: m.remembered.len(), InFlight: len(m.flights), EarlyEvictions: m.early}
}

// look returns the body known at a place, and the claim that holds the place if it
// is in flight.
func (m *Memory) look(place Digest, now int64) (body Digest, holder *Claim, known bool) {
	if c, ok := m.flights[place]; ok {
		return c.body, c, true
	}
	// Looking leaves the order alone, which has to be that of the commits: an event
	// whose copies keep coming is no younger for it.
	e, ok := m.remembered.get(place)
	return e.body, nil, ok && e.age(now) < m.cfg.Window
}

// trim forgets up to n events, as long as there are too many, and reports whether
// there may be more to forget.
func (m *Memory) trim(n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().UnixNano()
	for range n {
		if m.size() <= m.cfg.Entries || !m.forgetOldest(m.cfg.Protect, now) {
			return false
		}
	}
	return true
}

func (m *Memory) size() int { return m.remembered.len() + len(m.flights) }

// makeRoom reports whether there is room for one more event, after forgetting up to
// two: the memory shrinks when traffic does, at no one's cost. Room is made for the
// claim, so that the commit cannot fail. False means that nothing was forgotten.
func (m *Memory) makeRoom(now int64) bool {
	room := m.size() < m.cfg.Entries
	for range 2 {
		age := m.cfg.Window
		if m.size() >= m.cfg.Entries {
			age = m.cfg.Protect
		}
		room = m.forgetOldest(age, now) || room
	}
	return room
}

// forgetOldest forgets the event remembered longest if it is of that age at least,
// and reports whether it was.
func (m *Memory) forgetOldest(age time.Duration, now int64) bool {
	e, ok := m.remembered.oldest()
	if !ok || e.age(now) < age {
		return false
	}
	if e.age(now) < m.cfg.Window {
		m.early++
	}
	m.remembered.removeOldest()
	return true
}
