//go:build linux

package sqlite_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// The k-th call that writes or syncs fails with EIO, in a child that strace holds
// (each thread of it counts for itself, so that there may be several failures). The
// failed batch is not acknowledged, the store says that it has failed and recovers
// by itself, and then the power goes: what was acknowledged before and after the
// failure is there.
//
// (F-06, F-07)
func TestFailingCalls(t *testing.T) {
	t.Parallel()
	tracer(t)
	for _, c := range []struct {
		calls, fault string
		points       int
	}{
		{"fdatasync,fsync", "error=EIO", 40},
		{"pwrite64", "error=EIO", 40},
		{"pwrite64", "error=ENOSPC", 10},
	} {
		t.Run(c.calls+" "+c.fault, func(t *testing.T) {
			var runs []*faulted
			var busy [8]sync.WaitGroup // they mostly wait
			points := faults.Cycles(t, c.points)
			for n := range points {
				turn := &busy[n%len(busy)]
				turn.Wait()
				r := startFaulted(t, "inject="+c.calls+":"+c.fault, n*c.points/points+1)
				turn.Go(r.end)
				runs = append(runs, r)
			}
			met := 0
			for n, r := range runs {
				busy[n%len(busy)].Wait()
				r.check(t)
				met += r.refused["failed"] + r.refused["full"]
				if r.failure != "" { // it has met it while it opened the store
					met++
				}
			}
			t.Logf("%d runs, %d failures", len(runs), met)
			if met == 0 {
				t.Error("no call has failed")
			}
		})
	}
}

// The process is killed at the k-th call that changes the disk, from the first one on,
// with which it makes its file, and then the power goes: whatever lies between two
// calls, what was acknowledged is there, and the store opens again.
//
// (K-03, K-04, K-05, K-09, K-12, F-11)
func TestEveryCrashPoint(t *testing.T) {
	t.Parallel()
	tracer(t)
	const calls = "pwrite64,write,fdatasync,fsync,ftruncate,unlink,unlinkat,rename,renameat"
	var runs []*faulted
	var busy [8]sync.WaitGroup // they mostly wait
	points := faults.Cycles(t, 160)
	for n := range points {
		turn := &busy[n%len(busy)]
		turn.Wait()
		r := startFaulted(t, "inject="+calls+":signal=KILL", n*160/points+1)
		turn.Go(r.end)
		runs = append(runs, r)
	}
	killed, none := 0, 0
	for n, r := range runs {
		busy[n%len(busy)].Wait()
		r.cut(t)
		if len(r.acked) < faultedEvents {
			killed++
		}
		if len(r.acked) == 0 {
			none++
		}
	}
	t.Logf("%d runs, %d were killed before they had all, %d before the first acknowledgement", len(runs), killed, none)
	if killed < len(runs)/2 || none == killed {
		t.Error("the points do not lie where events are acknowledged")
	}
}

// faulted is a child that meets a fault, on a disk of its own, too small for a
// reserve.
type faulted struct {
	*ledger
	*process
	disk *disk
	path string
	call int
}

// faultedEvents is after how many acknowledgements a child ends.
const faultedEvents = 300

func startFaulted(t *testing.T, inject string, call int) *faulted {
	t.Helper()
	r := &faulted{ledger: newLedger(), disk: newDisk(t, 28<<20), call: call}
	r.path = r.disk.Path("events.db")
	r.process = r.start(t, job{Path: r.path, Run: "io", Events: faultedEvents, Hasty: true},
		"env", "GOMAXPROCS=1", "strace", "-f", "-qqq", "-o", "/dev/null", "-e", "signal=none", "-e", fmt.Sprintf("%s:when=%d", inject, call))
	return r
}

// end waits until the child has what it wants.
func (r *faulted) end() {
	select {
	case <-r.ended:
	case <-time.After(30 * time.Second): // check says so
	}
	r.kill()
}

// check holds the child to what it has to do, and its store against the ledger after a
// power cut.
func (r *faulted) check(t *testing.T) {
	t.Helper()
	if r.failure == "" && len(r.acked) < faultedEvents {
		t.Errorf("call %d: the store has not recovered: %d acknowledged, refused %v, %v", r.call, len(r.acked), r.refused, r.reasons)
	}
	if n := r.refused["other"] + r.refused["closed"]; n > 0 {
		t.Errorf("call %d: an error that says nothing: %v", r.call, r.reasons)
	}
	r.cut(t)
}

// cut cuts the power, and holds the store against the ledger.
func (r *faulted) cut(t *testing.T) {
	t.Helper()
	r.disk.powerCut(t, r.ledger)
	if loss := r.compare(t, r.path); loss.any() {
		t.Errorf("call %d of %d acknowledged: %v", r.call, len(r.acked), loss)
	}
	if err := r.disk.Unmount(); err != nil {
		t.Fatal(err)
	}
}

// tracer makes sure that faults can be injected.
func tracer(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		faults.Missing(t, "strace")
	}
	if out, err := exec.Command("strace", "-o", filepath.Join(t.TempDir(), "trace"), "true").CombinedOutput(); err != nil {
		faults.Missing(t, "a strace that may trace: "+string(out))
	}
}
