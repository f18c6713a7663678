package dedupe_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

// clock is set by hand. It is for tests with one goroutine.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)} }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) step(d time.Duration) { c.at = c.at.Add(d) }

func newMemory(t testing.TB, cfg dedupe.Config, now func() time.Time) *dedupe.Memory {
	t.Helper()
	m, err := dedupe.New(cfg, now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// event is the key of event n, which has nothing in common with any other.
func event(n int) (k dedupe.Key) {
	binary.BigEndian.PutUint64(k.ID[:], uint64(n)+1)
	return k
}

// claim claims an event that has to be unknown.
func claim(t testing.TB, m *dedupe.Memory, k dedupe.Key) *dedupe.Claim {
	t.Helper()
	c, err := m.Claim(t.Context(), k, 0)
	if err != nil {
		t.Fatalf("Claim: %v; want a claim", err)
	}
	return c
}

// refused claims an event that has to be refused for a reason.
func refused(t testing.TB, m *dedupe.Memory, k dedupe.Key, reason error) {
	t.Helper()
	c, err := m.Claim(t.Context(), k, 0)
	if c != nil || !errors.Is(err, reason) {
		t.Fatalf("Claim: %v, %v; want %v", c, err, reason)
	}
}

func wantStats(t testing.TB, m *dedupe.Memory, want dedupe.Stats) {
	t.Helper()
	if got := m.Stats(); got != want {
		t.Fatalf("Stats: %+v; want %+v", got, want)
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := dedupe.Config{Window: time.Hour, Protect: time.Minute, Entries: 1}
	tests := map[string]struct {
		change func(*dedupe.Config)
		want   string // part of the error; none if empty
	}{
		"good":                       {func(*dedupe.Config) {}, ""},
		"nothing protected":          {func(c *dedupe.Config) { c.Protect = 0 }, ""},
		"protected to the end":       {func(c *dedupe.Config) { c.Protect = c.Window }, ""},
		"no window":                  {func(c *dedupe.Config) { c.Window, c.Protect = 0, 0 }, "longer than 0"},
		"negative window":            {func(c *dedupe.Config) { c.Window = -1 }, "longer than 0"},
		"negative protection":        {func(c *dedupe.Config) { c.Protect = -1 }, "negative"},
		"protected after the window": {func(c *dedupe.Config) { c.Protect = c.Window + 1 }, "lengthen the window"},
		"no entries":                 {func(c *dedupe.Config) { c.Entries = 0 }, "at least 1"},
		"negative entries":           {func(c *dedupe.Config) { c.Entries = -1 }, "at least 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := good
			test.change(&cfg)
			_, err := dedupe.New(cfg, time.Now)
			again := newMemory(t, good, time.Now).Configure(cfg)
			for _, err := range []error{err, again} {
				if test.want == "" && err != nil {
					t.Errorf("%v; want no error", err)
				}
				if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("%v; want an error with %q", err, test.want)
				}
			}
		})
	}
}

func TestWindowRunsFromCommitToTheNanosecond(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 9}, clock.now)
	c := claim(t, m, event(1))
	clock.step(5 * time.Hour) // in flight is not in the window
	refused(t, m, event(1), dedupe.ErrInProgress)
	c.Commit()
	clock.step(time.Hour - 1)
	refused(t, m, event(1), dedupe.ErrDuplicate)
	clock.step(1)
	claim(t, m, event(1))
	wantStats(t, m, dedupe.Stats{InFlight: 1})
}

func TestProtectedToTheNanosecond(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Protect: time.Minute, Entries: 1}, clock.now)
	claim(t, m, event(1)).Commit()
	clock.step(time.Minute - 1)
	refused(t, m, event(2), dedupe.ErrFull)
	refused(t, m, event(1), dedupe.ErrDuplicate)
	wantStats(t, m, dedupe.Stats{Entries: 1})
	clock.step(1)
	claim(t, m, event(2))
	wantStats(t, m, dedupe.Stats{InFlight: 1, EarlyEvictions: 1})
}

func TestClaimReservesItsPlace(t *testing.T) {
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 2}, newClock().now)
	first, second := claim(t, m, event(1)), claim(t, m, event(2))
	refused(t, m, event(3), dedupe.ErrFull)
	first.Commit()
	second.Release()
	wantStats(t, m, dedupe.Stats{Entries: 1})
	claim(t, m, event(3)).Commit()
	refused(t, m, event(1), dedupe.ErrDuplicate)
}

func TestOldestCommitIsEvictedFirst(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 3}, clock.now)
	first, second, third := claim(t, m, event(1)), claim(t, m, event(2)), claim(t, m, event(3))
	for _, c := range []*dedupe.Claim{second, first, third} {
		c.Commit()
		clock.step(time.Second)
	}
	refused(t, m, event(2), dedupe.ErrDuplicate) // a copy does not make it any younger
	claim(t, m, event(4)).Commit()
	refused(t, m, event(1), dedupe.ErrDuplicate)
	refused(t, m, event(3), dedupe.ErrDuplicate)
	claim(t, m, event(2))
	wantStats(t, m, dedupe.Stats{Entries: 2, InFlight: 1, EarlyEvictions: 2})
}

func TestOnlyEvictionsWithinTheWindowAreEarly(t *testing.T) {
	for name, test := range map[string]struct {
		age   time.Duration
		early uint64
	}{
		"before the end": {time.Hour - 1, 1},
		"at the end":     {time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 1}, clock.now)
			claim(t, m, event(1)).Commit()
			clock.step(test.age)
			claim(t, m, event(2))
			wantStats(t, m, dedupe.Stats{InFlight: 1, EarlyEvictions: test.early})
		})
	}
}

func TestMemoryShrinksAsEventsExpire(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 1000}, clock.now)
	for n := range 100 {
		claim(t, m, event(n)).Commit()
	}
	clock.step(time.Hour)
	for n := range 50 {
		claim(t, m, event(1000+n)).Release()
	}
	wantStats(t, m, dedupe.Stats{})
}

// Whoever can make the gateway take claims must not be able to make it forget: a
// replay would then get through while its timestamp is still fresh.
func TestAMillionClaimsEvictNothingProtected(t *testing.T) {
	const protected, flood = 10_000, 1_000_000
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: 72 * time.Hour, Protect: 10 * time.Minute, Entries: protected + 1}, clock.now)
	for n := range protected {
		claim(t, m, event(n)).Commit()
	}
	clock.step(10*time.Minute - 1)
	for n := range flood / 2 {
		claim(t, m, event(protected+n)).Release()
	}
	claim(t, m, event(protected)).Commit() // the last place
	for n := range flood / 2 {
		if _, err := m.Claim(t.Context(), event(2*protected+n), 0); err != dedupe.ErrFull {
			t.Fatalf("claim %d: %v; want ErrFull", n, err)
		}
	}
	for n := range protected + 1 {
		refused(t, m, event(n), dedupe.ErrDuplicate)
	}
	wantStats(t, m, dedupe.Stats{Entries: protected + 1})

	clock.step(1) // now they have aged
	claim(t, m, event(2*protected)).Commit()
	wantStats(t, m, dedupe.Stats{Entries: protected + 1, EarlyEvictions: 1})
}

func TestConfigureAppliesTheWindowToWhatIsRemembered(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 9}, clock.now)
	configure := func(window time.Duration) {
		t.Helper()
		if err := m.Configure(dedupe.Config{Window: window, Entries: 9}); err != nil {
			t.Fatal(err)
		}
	}
	claim(t, m, event(1)).Commit()
	clock.step(time.Minute)
	claim(t, m, event(2)).Commit()
	configure(2 * time.Hour)
	clock.step(time.Hour)
	refused(t, m, event(1), dedupe.ErrDuplicate)
	configure(time.Hour + time.Minute)
	claim(t, m, event(1))
	refused(t, m, event(2), dedupe.ErrDuplicate)
}

func TestConfigureGrows(t *testing.T) {
	m := newMemory(t, dedupe.Config{Window: time.Hour, Protect: time.Hour, Entries: 1}, newClock().now)
	claim(t, m, event(1)).Commit()
	refused(t, m, event(2), dedupe.ErrFull)
	if err := m.Configure(dedupe.Config{Window: time.Hour, Protect: time.Hour, Entries: 2}); err != nil {
		t.Fatal(err)
	}
	claim(t, m, event(2)).Commit()
	refused(t, m, event(1), dedupe.ErrDuplicate)
}

func TestConfigureShrinksToWhatIsProtected(t *testing.T) {
	clock := newClock()
	cfg := dedupe.Config{Window: time.Hour, Protect: time.Minute, Entries: 100}
	m := newMemory(t, cfg, clock.now)
	for n := range 10 {
		claim(t, m, event(n)).Commit()
	}
	clock.step(time.Minute)
	for n := range 5 {
		claim(t, m, event(10+n)).Commit()
	}
	inFlight := claim(t, m, event(15))

	cfg.Entries = 3
	if err := m.Configure(cfg); err != nil {
		t.Fatal(err)
	}
	wantStats(t, m, dedupe.Stats{Entries: 5, InFlight: 1, EarlyEvictions: 10})
	refused(t, m, event(16), dedupe.ErrFull)
	inFlight.Commit() // has its place, in spite of the new bound
	wantStats(t, m, dedupe.Stats{Entries: 6, EarlyEvictions: 10})

	clock.step(time.Minute)
	for n, want := range []int{5, 4, 3} { // each claim takes one place and frees two
		claim(t, m, event(16+n)).Commit()
		wantStats(t, m, dedupe.Stats{Entries: want, EarlyEvictions: 12 + 2*uint64(n)})
	}
	refused(t, m, event(19), dedupe.ErrFull)
}

func TestConfigureShrinksByAnyNumber(t *testing.T) {
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 5000}, newClock().now)
	for n := range 5000 {
		claim(t, m, event(n)).Commit()
	}
	if err := m.Configure(dedupe.Config{Window: time.Hour, Entries: 2}); err != nil {
		t.Fatal(err)
	}
	wantStats(t, m, dedupe.Stats{Entries: 2, EarlyEvictions: 4998})
	refused(t, m, event(4998), dedupe.ErrDuplicate)
	refused(t, m, event(4999), dedupe.ErrDuplicate)
}

func TestRefusedConfigChangesNothing(t *testing.T) {
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 2}, newClock().now)
	claim(t, m, event(1)).Commit()
	if m.Configure(dedupe.Config{Window: time.Hour, Protect: 2 * time.Hour, Entries: 1}) == nil {
		t.Fatal("Configure: no error")
	}
	claim(t, m, event(2)).Commit()
	wantStats(t, m, dedupe.Stats{Entries: 2})
}

// A clock that is set back makes old timestamps fresh again: what was remembered
// then has to stay remembered until they are stale.
func TestClockSetBackForgetsNothing(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Protect: time.Minute, Entries: 2}, clock.now)
	claim(t, m, event(1)).Commit()
	clock.step(-24 * time.Hour)
	claim(t, m, event(2)).Commit()
	refused(t, m, event(1), dedupe.ErrDuplicate)
	clock.step(24 * time.Hour)
	refused(t, m, event(1), dedupe.ErrDuplicate)
	refused(t, m, event(3), dedupe.ErrFull) // event 1 is protected still, and the oldest
	clock.step(time.Hour - 1)
	refused(t, m, event(1), dedupe.ErrDuplicate)
	clock.step(1)
	claim(t, m, event(1))
	claim(t, m, event(2))
}

func TestClockSetBackDoesNotLockAMemoryThatProtectsNothing(t *testing.T) {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 1}, clock.now)
	claim(t, m, event(1)).Commit()
	clock.step(-14 * 365 * 24 * time.Hour)
	claim(t, m, event(2)).Commit()
	wantStats(t, m, dedupe.Stats{Entries: 1, EarlyEvictions: 1})
}
