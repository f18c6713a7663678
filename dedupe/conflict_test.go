package dedupe_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

// body is the key of an event of one id, with one of many bodies.
func body(name byte) dedupe.Key {
	return dedupe.IDBodyKey("source", "evt_1", [32]byte{name})
}

func TestSameIDWithAnotherBodyIsAnEventOfItsOwn(t *testing.T) {
	tests := map[string]string{
		"both in flight":                   "A:claim B:conflict A:busy B:busy",
		"first committed":                  "A:claim A:commit B:conflict A:duplicate B:busy",
		"both committed":                   "A:claim A:commit B:conflict B:commit A:duplicate B:duplicate",
		"second committed before first":    "A:claim B:conflict B:commit A:busy A:commit A:duplicate B:duplicate",
		"first released, second in flight": "A:claim B:conflict A:release B:busy",
		"first released, second committed": "A:claim B:conflict B:commit A:release B:duplicate",
		"first released, then committed":   "A:claim B:conflict A:release B:commit B:duplicate A:claim A:commit A:duplicate B:duplicate",
		"first comes back":                 "A:claim B:conflict A:release A:claim B:commit A:commit A:duplicate B:duplicate",
		"second released":                  "A:claim B:conflict B:release A:busy B:conflict",
		"three bodies":                     "A:claim B:conflict C:conflict B:commit A:release C:commit B:duplicate C:duplicate A:claim",
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t, roomy, time.Now)
			claims := map[string]*dedupe.Claim{}
			for step := range strings.FieldsSeq(script) {
				event, action, _ := strings.Cut(step, ":")
				switch k := body(event[0]); action {
				case "claim", "conflict":
					claims[event] = claim(t, m, k)
					if got := claims[event].Conflict; got != (action == "conflict") {
						t.Errorf("%s: Conflict is %t", step, got)
					}
				case "commit":
					claims[event].Commit()
				case "release":
					claims[event].Release()
				case "busy":
					refused(t, m, k, dedupe.ErrInProgress)
				case "duplicate":
					refused(t, m, k, dedupe.ErrDuplicate)
				default:
					t.Fatal(step)
				}
			}
		})
	}
}

// TestConflictsInEveryOrder plays every sequence of events, up to a length, in which
// one id has three bodies: claims, commits, releases and the passing of time.
func TestConflictsInEveryOrder(t *testing.T) {
	const length = 6
	// One digit a step: 0-2 claim, 3-5 commit, 6-8 release, 9 half a window passes.
	for sequence := range int(math.Pow10(length)) {
		if !playConflicts(t, sequence, length) {
			t.Fatalf("sequence %0*d, last digit first", length, sequence)
		}
	}
}

func playConflicts(t *testing.T, sequence, length int) bool {
	clock := newClock()
	m := newMemory(t, dedupe.Config{Window: 2 * time.Hour, Entries: 9}, clock.now)
	var (
		claims    [3]*dedupe.Claim
		committed [3]time.Time
	)
	for range length {
		step := sequence % 10
		sequence /= 10
		i := step % 3
		switch {
		case step == 9:
			clock.step(time.Hour)
		case step < 3:
			c, err := m.Claim(t.Context(), body(byte('A'+i)), 0)
			var want error
			if claims[i] != nil {
				want = dedupe.ErrInProgress
			} else if clock.now().Sub(committed[i]) < 2*time.Hour {
				want = dedupe.ErrDuplicate
			}
			if err != want {
				t.Errorf("Claim: %v; want %v", err, want)
				return false
			}
			if err == nil {
				claims[i] = c
			}
		case claims[i] == nil:
			return true // as without this step
		case step < 6:
			claims[i].Commit()
			claims[i], committed[i] = nil, clock.now()
		default:
			claims[i].Release()
			claims[i] = nil
		}
	}
	return true
}

func TestCopiesOfAConflictWaitForTheirOwnBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		a, b := claim(t, m, body('A')), claim(t, m, body('B'))
		copyOfB := wait(t.Context(), m, body('B'), time.Minute)
		a.Commit()
		pending(t, copyOfB)
		b.Release()
		o := <-copyOfB
		if o.err != nil || !o.claim.Conflict {
			t.Fatalf("Claim: %+v, %v; want a claim that says Conflict", o.claim, o.err)
		}
		o.claim.Commit()
		refused(t, m, body('B'), dedupe.ErrDuplicate)
	})
}

func TestConflictIsSeenWhereTheIDAloneDecided(t *testing.T) {
	m := newMemory(t, roomy, time.Now)
	claim(t, m, dedupe.IDKey("source", "evt_1")).Commit()
	refused(t, m, dedupe.IDKey("source", "evt_1"), dedupe.ErrDuplicate)
	if c := claim(t, m, body('A')); !c.Conflict {
		t.Error("a body came to an id known without one: Conflict is false")
	}
}
