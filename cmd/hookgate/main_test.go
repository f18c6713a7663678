//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	// Tests that run beside each other wait most of their time: for leases to run out.
	// What the command line says goes before.
	if err := flag.Set("test.parallel", "4"); err != nil {
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
