package main

import (
	"math"
	"os"
	"os/exec"
	"testing"
)

func TestParseStat(t *testing.T) {
	for _, tt := range []struct {
		stat string
		want float64
	}{
		{"1 (hookgate) S 2 3 4 5 6 7 8 9 10 11 250 50 14 15", 3},
		{"1 (a) b (c) d) S 2 3 4 5 6 7 8 9 10 11 1 1 14 15", 0.02},
	} {
		if got, err := parseStat([]byte(tt.stat)); err != nil || got != tt.want {
			t.Errorf("parseStat(%q) = %v, %v, want %v", tt.stat, got, err, tt.want)
		}
	}
	for _, stat := range []string{"", "1 (hookgate) S 2 3", "no parentheses at all here but quite a number of fields 1 2 3"} {
		if got, err := parseStat([]byte(stat)); err == nil {
			t.Errorf("parseStat(%q) = %v", stat, got)
		}
	}
}

func TestParseFields(t *testing.T) {
	const io = "wchar: 10\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n"
	const status = "VmPeak:\t  900 kB\nVmHWM:\t  240 kB\nVmRSS:\t  120 kB\n"
	const metrics = `# HELP caddy_webhooks_commit_seconds How long
caddy_webhooks_commit_seconds_sum 3.25
caddy_webhooks_commit_seconds_count 4711
`
	for _, tt := range []struct {
		name  string
		parse func() (float64, error)
		want  float64
	}{
		{"io", func() (float64, error) { return parseIO([]byte(io)) }, 4096},
		{"status", func() (float64, error) { return parseStatus([]byte(status)) }, 240 * 1024},
		{"metrics", func() (float64, error) { return field([]byte(metrics), commitCount) }, 4711},
	} {
		if got, err := tt.parse(); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	if got, err := parseIO([]byte("cancelled_write_bytes: 7\n")); err == nil {
		t.Errorf("%v from a text without the field", got)
	}
}

// The time of children that have ended counts for their parent.
func TestParseFamily(t *testing.T) {
	const stat = "7 (postgres) S 2 3 4 5 6 7 8 9 10 11 250 50 100 25 20 0"
	if got, err := parseFamily([]byte(stat)); err != nil || got != 4.25 {
		t.Errorf("parseFamily = %v, %v, want 4.25", got, err)
	}
	if got := statParent([]byte("7 (a) b) S 42 3")); got != 42 {
		t.Errorf("the parent is %d, want 42", got)
	}
	if got, err := parseFamily([]byte("1 (hookgate) S 2 3 4 5 6 7 8 9 10 11 1 1")); err == nil {
		t.Errorf("parseFamily = %v of a text that is too short", got)
	}
}

// What a process uses shows in its figures.
func TestUsed(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	self := &server{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	before := self.used()
	if peak := self.peak(); peak < 1<<20 || peak > 1<<40 {
		t.Errorf("a peak of %v bytes", peak)
	}
	for n := 0.0; self.used().cpu <= before.cpu || math.IsNaN(before.cpu); {
		if n = math.Sqrt(n + 1); math.IsNaN(before.cpu) {
			t.Fatal("no CPU time is known")
		}
	}
	if err := self.rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(before.commits) {
		t.Error("commits of a process without a store")
	}
}
