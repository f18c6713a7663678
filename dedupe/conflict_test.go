package dedupe_test

import (
	"context"
	"fmt"
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

// TestConflictsInEveryOrder plays every sequence of claims, commits, releases and
// passing time, up to a length, over three bodies of one id.
func TestConflictsInEveryOrder(t *testing.T) {
	const length = 8
	// A sequence is a number of one digit a step. The first is 0, a claim of the first
	// body: nothing else can begin, and the bodies are alike.
	for n := 0; n < pow10(length-1); {
		sequence := fmt.Sprintf("%0*d", length, n)
		played, err := playConflicts(t.Context(), sequence)
		if err != nil {
			t.Fatalf("%s: %v", sequence[:played], err)
		}
		skip := pow10(length - played) // all that go on from a step that did nothing
		n += skip - n%skip
	}
}

func pow10(n int) int { return int(math.Pow10(n)) }

// playConflicts plays a sequence up to the first step that should do nothing, with
// that step, and returns how far it came. Its errors say that the step did
// something else.
func playConflicts(ctx context.Context, sequence string) (played int, err error) {
	const window = 2 * time.Hour
	clock := newClock()
	m, err := dedupe.New(dedupe.Config{Window: window, Entries: 9}, clock.now)
	if err != nil {
		return 0, err
	}
	var (
		claims    [3]*dedupe.Claim
		committed [3]time.Time
	)
	for played, step := range []byte(sequence) {
		i := (step - '0') % 3
		switch {
		case step == '9':
			clock.step(window / 2)
		case step < '3':
			var want error
			if claims[i] != nil {
				want = dedupe.ErrInProgress
			} else if clock.now().Sub(committed[i]) < window {
				want = dedupe.ErrDuplicate
			}
			c, err := m.Claim(ctx, body('A'+i), 0)
			if err != want {
				return played + 1, fmt.Errorf("claim is %v; want %v", err, want)
			}
			if err != nil {
				return played + 1, nil
			}
			claims[i] = c
		case claims[i] == nil:
			return played + 1, nil // there is nothing to settle
		case step < '6':
			claims[i].Commit()
			claims[i], committed[i] = nil, clock.now()
		default:
			claims[i].Release()
			claims[i] = nil
		}
	}
	return len(sequence), nil
}

func TestCopiesOfAConflictWaitForTheirOwnBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, roomy, time.Now)
		a, b := claim(t, m, body('A')), claim(t, m, body('B'))
		copyOfB := wait(t.Context(), m, body('B'), time.Minute)
		a.Commit()
		pending(t, copyOfB)
		b.Release()
		b = takenOver(t, copyOfB)
		if !b.Conflict {
			t.Error("the copy's claim does not say Conflict")
		}
		b.Commit()
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
