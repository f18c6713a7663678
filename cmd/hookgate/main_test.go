//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// binary is the program that the tests run: this package, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hookgate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "hookgate")
	code := 1
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// missing skips a test that lacks something, loudly, and fails it where everything
// is tested.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("HOOKGATE_CI") == "1" {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this needs %s", what)
}

// cycles is how often a long loop goes round: as often as is asked for in the
// environment, else all of it where everything is tested and a tenth elsewhere.
func cycles(t *testing.T, all int) int {
	t.Helper()
	if text := os.Getenv("HOOKGATE_CYCLES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("HOOKGATE_CYCLES is %q", text)
		}
		return n
	}
	if os.Getenv("HOOKGATE_CI") == "1" {
		return all
	}
	return max(all/10, 1)
}
