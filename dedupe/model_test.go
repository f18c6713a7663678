package dedupe_test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

var seed = flag.Uint64("seed", rand.Uint64(), "seed of the random tests")

// TestMemoryAgreesWithAModel drives a memory at random, and a model beside it.
func TestMemoryAgreesWithAModel(t *testing.T) {
	t.Logf("to see the same again: -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	for range 200 {
		s := &model{T: t, clock: newClock(), inFlight: map[dedupe.Key]*dedupe.Claim{}}
		s.cfg.Window = time.Duration(1 + random.IntN(50))
		s.draw(random)
		s.memory = newMemory(t, s.cfg, s.clock.now)
		for range 500 {
			var k dedupe.Key
			k.ID[0], k.Body[0] = byte(random.IntN(6)), byte(random.IntN(3))
			switch n := random.IntN(100); {
			case n < 50:
				s.claim(k)
			case n < 75:
				s.commit(k)
			case n < 85:
				s.release(k)
			case n < 99:
				s.clock.step(time.Duration(random.IntN(8)))
			default:
				s.draw(random)
				s.configure()
			}
			s.agree()
		}
	}
}

// model has the memory's rules without its means: it knows of no places, no list
// and no sweeping, and never forgets but by looking at the clock.
type model struct {
	*testing.T
	memory    *dedupe.Memory
	clock     *clock
	cfg       dedupe.Config
	inFlight  map[dedupe.Key]*dedupe.Claim
	past      []remembered // oldest commit first
	evictions uint64
}

type remembered struct {
	key dedupe.Key
	at  time.Time
}

func (s *model) age(r remembered) time.Duration { return s.clock.now().Sub(r.at) }

// younger counts the events committed less than a span ago.
func (s *model) younger(span time.Duration) (n int) {
	for _, r := range s.past {
		if s.age(r) < span {
			n++
		}
	}
	return n
}

// knows reports whether the event is remembered, and whether its id is known with
// another body.
func (s *model) knows(k dedupe.Key) (event, otherBody bool) {
	for _, r := range s.past {
		if s.age(r) < s.cfg.Window {
			event = event || r.key == k
			otherBody = otherBody || r.key != k && r.key.ID == k.ID
		}
	}
	for other := range s.inFlight {
		otherBody = otherBody || other != k && other.ID == k.ID
	}
	return event, otherBody
}

func (s *model) claim(k dedupe.Key) {
	known, otherBody := s.knows(k)
	before := s.memory.Stats()
	c, err := s.memory.Claim(s.Context(), k, 0)
	after := s.memory.Stats()
	evicted := after.EarlyEvictions - before.EarlyEvictions

	switch {
	case s.inFlight[k] != nil:
		if err != dedupe.ErrInProgress {
			s.Fatalf("Claim of an event in flight: %v", err)
		}
	case known:
		if err != dedupe.ErrDuplicate {
			s.Fatalf("Claim of a remembered event: %v", err)
		}
	case err == dedupe.ErrFull:
		if total(after) < s.cfg.Entries || after.Entries > s.younger(s.cfg.Protect) {
			s.Fatalf("full with %+v of %d entries, %d protected", after, s.cfg.Entries, s.younger(s.cfg.Protect))
		}
	case err != nil:
		s.Fatalf("Claim of an unknown event: %v", err)
	default:
		s.inFlight[k] = c
		if total(after) > max(total(before), s.cfg.Entries) {
			s.Fatalf("%+v became %+v, with %d entries allowed", before, after, s.cfg.Entries)
		}
		if c.Conflict && !otherBody {
			s.Fatal("conflict with a body that is not known")
		}
	}
	if evicted != 0 && (err != nil || total(before) < s.cfg.Entries) {
		s.Fatalf("%d evicted for nothing: %+v, %v", evicted, before, err)
	}
	s.forget(evicted)
}

// forget takes from the model as many as the memory says it evicted, which has to
// be the oldest, and past their protection.
func (s *model) forget(evicted uint64) {
	for range evicted {
		oldest := len(s.past) - s.younger(s.cfg.Window)
		if oldest == len(s.past) || s.age(s.past[oldest]) < s.cfg.Protect {
			s.Fatal("a protected event was evicted")
		}
		s.past = s.past[oldest+1:]
	}
	s.evictions += evicted
}

func (s *model) commit(k dedupe.Key) {
	if c := s.inFlight[k]; c != nil {
		c.Commit()
		delete(s.inFlight, k)
		s.past = append(s.past, remembered{k, s.clock.now()})
	}
}

func (s *model) release(k dedupe.Key) {
	if c := s.inFlight[k]; c != nil {
		c.Release()
		delete(s.inFlight, k)
	}
}

// draw chooses a configuration. The window stays: what a longer one brings back
// depends on what was swept.
func (s *model) draw(random *rand.Rand) {
	s.cfg.Entries = 1 + random.IntN(12)
	s.cfg.Protect = time.Duration(random.Int64N(int64(s.cfg.Window) + 1))
}

func (s *model) configure() {
	if err := s.memory.Configure(s.cfg); err != nil {
		s.Fatal(err)
	}
	stats := s.memory.Stats()
	if total(stats) > max(s.cfg.Entries, len(s.inFlight)+s.younger(s.cfg.Protect)) {
		s.Fatalf("%+v after Configure, with %d entries allowed", stats, s.cfg.Entries)
	}
	s.forget(stats.EarlyEvictions - s.evictions)
}

// agree fails unless the memory counts what the model has.
func (s *model) agree() {
	stats := s.memory.Stats()
	if stats.InFlight != len(s.inFlight) || stats.Entries < s.younger(s.cfg.Window) || stats.EarlyEvictions != s.evictions {
		s.Fatalf("%+v; want %d in flight, %d entries or more, %d early evictions", stats, len(s.inFlight), s.younger(s.cfg.Window), s.evictions)
	}
}

func total(s dedupe.Stats) int { return s.Entries + s.InFlight }
