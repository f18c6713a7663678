package verifier_test

import (
	"bytes"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// TestVerifyAllocatesNothing on the accepting path, for all presets with their
// usual secrets, also during a rotation.
func TestVerifyAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, f := range macs(t) { // a pair of keys costs fifty times as much as what it allocates
		m := f.message
		m.Body = bytes.Repeat([]byte("a"), 1<<10)
		header := f.sign(t, m)
		for name, v := range map[string]*verifier.Verifier{
			"one secret":  f.Verifier,
			"two secrets": newVerifier(t, f.scheme, otherSecret(f.scheme, f.secret), f.secret),
		} {
			request := post(header)
			// The collector may empty a pool between two runs, so the best of a few
			// counts.
			allocs := 1.0
			for try := 0; allocs > 0 && try < 5; try++ {
				allocs = testing.AllocsPerRun(200, func() {
					if _, err := v.Verify(request, m.Body, noon); err != nil {
						t.Fatal(err)
					}
				})
			}
			if allocs > 0 {
				t.Errorf("%s, %s: %.0f allocations a call; want none", f.name, name, allocs)
			}
		}
	}
}
