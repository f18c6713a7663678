package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a server has used: CPU time in seconds, bytes written to the disk,
// commits of its store, and CPU time of its database's server. What is not known is NaN.
type usage struct{ cpu, written, commits, database float64 }

func (u *usage) add(since, until usage) {
	u.cpu += until.cpu - since.cpu
	u.written += until.written - since.written
	u.commits += until.commits - since.commits
	u.database += until.database - since.database
}

// used returns what the server has used so far, where there is /proc.
func (s *server) used() usage {
	return usage{cpu: s.proc("stat", parseStat), written: s.proc("io", parseIO), commits: math.NaN(), database: s.database.cpu()}
}

// peak returns the most memory that was resident, in bytes.
func (s *server) peak() float64 { return s.proc("status", parseStatus) }

func (s *server) proc(file string, parse func([]byte) (float64, error)) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, file))
	if err != nil {
		return math.NaN()
	}
	value, err := parse(text)
	if err != nil {
		return math.NaN()
	}
	return value
}

// parseStat returns the seconds of user and system time together from the text of
// /proc/<pid>/stat (proc_pid_stat(5)).
func parseStat(stat []byte) (seconds float64, err error) { return statTimes(stat, 14, 15) }

// parseFamily returns the same with that of its children that have ended.
func parseFamily(stat []byte) (seconds float64, err error) { return statTimes(stat, 14, 17) }

// statTimes adds up the times in fields from to until, counted from 1: utime, stime,
// cutime, cstime are 14 to 17.
func statTimes(stat []byte, from, until int) (seconds float64, err error) {
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go runs on
	// The second field is the command in parentheses, and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) < until-2 {
		return 0, errors.New("no stat of a process")
	}
	for _, field := range fields[from-3 : until-2] { // the first is field 3
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		seconds += float64(ticks) / ticksPerSecond
	}
	return seconds, nil
}

// parseIO returns the bytes that were caused to be written to the disk, from the
// text of /proc/<pid>/io (proc_pid_io(5)): whole pages, counted when they are
// first changed.
func parseIO(text []byte) (float64, error) { return field(text, "write_bytes:") }

// parseStatus returns the peak resident set in bytes from the text of
// /proc/<pid>/status (proc_pid_status(5)).
func parseStatus(text []byte) (float64, error) {
	kib, err := field(text, "VmHWM:")
	return kib * 1024, err
}

// field returns the number after a name at the beginning of a line.
func field(text []byte, name string) (float64, error) {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return strconv.ParseFloat(f[1], 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// commitCount is the metric that counts the commits of the store.
const commitCount = "caddy_webhooks_commit_seconds_count"

// commits returns how often the server's store has committed, each time with an
// fsync; NaN if it has none.
func (s *server) commits(ctx context.Context) (float64, error) {
	if !s.stored {
		return math.NaN(), nil
	}
	var text bytes.Buffer
	if err := s.get(ctx, "/metrics", &text); err != nil {
		return 0, err
	}
	return field(text.Bytes(), commitCount)
}

const (
	// quiet is for how long a server at rest uses no CPU time: longer than the
	// pauses between the steps in which a store is tidied up.
	quiet = 400 * time.Millisecond
	// restless is how long it is waited for at most.
	restless = 10 * time.Second
)

// rest waits until the server, and that of its database, have done what they do after the
// answers. What that costs is its own, not of the server that is measured next.
func (s *server) rest(ctx context.Context) error {
	tick := time.NewTicker(quiet / 8)
	defer tick.Stop()
	began, changed, cpu := time.Now(), time.Now(), s.busy()
	for time.Since(changed) < quiet && time.Since(began) < restless {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if now := s.busy(); now > cpu {
			cpu, changed = now, time.Now()
		}
	}
	return nil
}

// busy returns the CPU time that grows while the server, or its database's, works.
func (s *server) busy() float64 {
	used := s.used()
	if s.database == nil || math.IsNaN(used.database) {
		return used.cpu
	}
	return used.cpu + used.database
}
