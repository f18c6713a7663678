//go:build linux

package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// Sixteen senders, a SIGKILL at a random moment, the same store again: what was
// acknowledged is there, nothing else is, and no outcome that was promised is undone.
// The store grows over the crashes. A kill cannot show a missing fsync: the power
// cuts do.
//
// (K-03, K-04, K-05, K-08, K-09, K-10, K-11)
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		job  job
	}{
		{"commits", job{}},
		{"checkpoints", job{Checkpoints: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, path, kills := newLedger(), filepath.Join(t.TempDir(), "events.db"), faults.Cycles(t, 40)
			for n := 0; n < kills || n < kills+10 && !l.worked(); n++ {
				c.job.Path, c.job.Run = path, fmt.Sprint("run", n)
				p := l.start(t, c.job)
				p.await(t)
				// Where little was done, as on a slow machine, the next kills come later.
				time.Sleep(time.Duration(max(0, n-kills+1)) * 100 * time.Millisecond)
				moment(60 * time.Millisecond)
				p.kill()
				if loss := l.compare(t, path); loss.any() {
					t.Fatalf("crash %d of %d acknowledged: %v", n, len(l.acked), loss)
				}
			}
			l.mustHaveWorked(t)
		})
	}
}

// worked reports whether the children did something that could be lost.
func (l *ledger) worked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked) >= 10 && len(l.settled) > 0 && (l.purged > 0 || !l.purges)
}

func (l *ledger) mustHaveWorked(t *testing.T) {
	t.Helper()
	t.Logf("%d sent, %d acknowledged, %d outcomes, %d purged, refused %v", len(l.sent), len(l.acked), len(l.settled), l.purged, l.refused)
	if !l.worked() {
		t.Error("nothing was done that could be lost")
	}
}

// A process that is killed while it recovers from a crash leaves a store that the
// next one recovers all the same.
//
// (K-13)
func TestTenCrashesWithinRecovery(t *testing.T) {
	l, path := newLedger(), filepath.Join(t.TempDir(), "events.db")
	for crashes, try := 0, 0; crashes < 10; try++ {
		if try == 200 {
			t.Fatalf("only %d of %d children were killed while they recovered", crashes, try)
		}
		if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
			l.leaveLog(t, job{Path: path, Run: fmt.Sprint("run", try), Large: true})
		}
		p := l.start(t, job{Path: path, Hold: true})
		<-p.opening
		moment(5 * time.Millisecond)
		p.kill()
		select {
		case <-p.ready:
		default:
			crashes++
		}
	}
	if loss := l.compare(t, path); loss.any() {
		t.Fatal(loss)
	}
	l.mustHaveWorked(t)
}

// leaveLog runs a child until it has written a long log, and kills it.
func (l *ledger) leaveLog(t *testing.T, j job) {
	t.Helper()
	p := l.start(t, j)
	p.await(t)
	for more := l.count() + 50; l.count() < more; {
		moment(10 * time.Millisecond)
	}
	p.kill()
}

// count is how many events are acknowledged.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}
