package faults

import (
	"os"
	"strconv"
)

// TB is what of a [testing.TB] is needed here.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// everything reports whether nothing may be left out: .ci/run says so.
func everything() bool { return os.Getenv("HOOKGATE_CI") == "1" }

// Missing skips a test that lacks something of the machine, loudly, and fails it
// where nothing may be left out.
func Missing(t TB, what string) {
	t.Helper()
	if everything() {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this needs %s", what)
}

// Cycles is how often a long loop goes round: as often as the environment variable
// HOOKGATE_CYCLES says, else all of it where nothing may be left out, and a tenth
// elsewhere.
func Cycles(t TB, all int) int {
	t.Helper()
	if text := os.Getenv("HOOKGATE_CYCLES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("HOOKGATE_CYCLES is %q", text)
		}
		return n
	}
	if everything() {
		return all
	}
	return max(all/10, 1)
}
