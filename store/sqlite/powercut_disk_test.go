//go:build linux

package sqlite_test

import (
	"os"
	"testing"

	"github.com/hookgate/hookgate/internal/faults"
)

// disk is a disk of a test's own.
type disk struct{ *faults.Disk }

// newDisk makes a disk, which needs root.
func newDisk(t *testing.T, size int64) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		faults.Missing(t, "root, for a disk of its own")
	}
	d, err := faults.NewDisk(t.TempDir(), size)
	if err != nil {
		faults.Missing(t, "a disk of its own: "+err.Error())
	}
	t.Cleanup(func() { d.Close() })
	return &disk{d}
}

// powerCut ends children by a power cut, and brings the disk back. What the children
// say after it does not count.
func (d *disk) powerCut(t *testing.T, l *ledger, children ...*process) {
	t.Helper()
	l.darken(true)
	err := d.Cut()
	for _, p := range children {
		p.kill()
	}
	l.darken(false)
	if err == nil {
		err = d.Restore()
	}
	if err != nil {
		t.Fatal(err)
	}
}
