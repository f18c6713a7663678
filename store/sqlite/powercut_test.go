//go:build linux

package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// life is how many crashes one file goes through before a new one is begun.
const life = 25

// Sixteen senders, the power goes at a random moment, the same disk again: what was
// acknowledged is there. A hundred cuts, over all that writes.
//
// (K-03, K-04, K-05, K-08, K-09, K-10, K-11)
func TestPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 256<<20)
	for _, c := range []struct {
		name string
		job  job
		cuts int
		from time.Duration // when a cut may come
	}{
		{"commits", job{}, 60, 0},
		{"checkpoints", job{Checkpoints: true}, 30, 0},
		{"large bodies", job{Large: true}, 10, 0},
		{"retention", job{Purge: true}, 5, 1100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, cuts := newLedger(), faults.Cycles(t, c.cuts)
			for n := 0; n < cuts || n < cuts+10 && !l.worked(); n++ {
				if n%life == 0 {
					l = newLedger()
					l.purges = c.job.Purge
					c.job.Path = d.Path(fmt.Sprintf("%.5s%d/events.db", c.name, n))
				}
				c.job.Run = fmt.Sprint("run", n)
				// Where little was done, as on a slow machine, the next cuts come later.
				from := c.from + time.Duration(max(0, n-cuts+1))*100*time.Millisecond
				if loss := d.cutDuring(t, l, c.job, from); loss.any() {
					t.Fatalf("cut %d of %d acknowledged: %v", n, len(l.acked), loss)
				}
			}
			l.mustHaveWorked(t)
		})
	}
}

// cutDuring cuts the power while a child works, and tells what is lost.
func (d *disk) cutDuring(t *testing.T, l *ledger, j job, from time.Duration) loss {
	t.Helper()
	p := l.start(t, j)
	p.await(t)
	time.Sleep(from)
	moment(60 * time.Millisecond)
	d.powerCut(t, l, p)
	return l.compare(t, j.Path)
}

// The proof that the cuts cut: with the weaker setting, which no kill can tell from
// the right one, they lose what was acknowledged.
func TestPowerCutNeedsFullSync(t *testing.T) {
	d := newDisk(t, 64<<20)
	for n := range 30 {
		l := newLedger()
		path := d.Path(fmt.Sprintf("weak%d/events.db", n))
		if loss := d.cutDuring(t, l, job{Path: path, Run: "weak", Weak: true}, 0); len(loss.lost) > 0 {
			t.Logf("cut %d of %d acknowledged: %v", n, len(l.acked), loss)
			return
		}
	}
	t.Error("no power cut has lost anything although nothing was synced: these tests prove nothing")
}

// A power cut while the file is made leaves something that opens.
//
// (K-12, F-11)
func TestPowerCutWhileTheFileIsMade(t *testing.T) {
	d := newDisk(t, 64<<20)
	unready := 0
	for n := range faults.Cycles(t, 40) {
		l, path := newLedger(), d.Path(fmt.Sprintf("new%d/events.db", n))
		p := l.start(t, job{Path: path, Run: "new"})
		<-p.opening
		moment(12 * time.Millisecond)
		d.powerCut(t, l, p)
		select {
		case <-p.ready:
		default:
			unready++
		}
		if loss := l.compare(t, path); loss.any() {
			t.Fatalf("cut %d of %d acknowledged: %v", n, len(l.acked), loss)
		}
	}
	if unready == 0 {
		t.Error("every file was made before the power was cut")
	}
	t.Logf("%d files were not made yet", unready)
}
