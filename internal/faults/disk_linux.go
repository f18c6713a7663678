package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is an ext4 file system in a file, of which a power cut can be had: what was
// written to it and not synced is gone. It needs root, loop devices and mkfs.ext4.
type Disk struct {
	// Dir is where it is mounted.
	Dir string

	loop    *os.File // the device lasts as long as it is open
	mounted bool
}

// NewDisk makes a disk of so many bytes, mounted in an empty directory. What it holds is
// in memory if there is room: what a power cut takes is what was not synced to it.
func NewDisk(dir string, size int64) (_ *Disk, err error) {
	image, err := newImage(dir, size)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(image)) }() // the device has it, or nobody

	mkfs := exec.CommandContext(context.Background(), "mkfs.ext4", "-q", "-F", "-m", "0", image) //nolint:gosec // the test names the file
	if out, err := mkfs.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	d := &Disk{Dir: filepath.Join(dir, "disk")}
	if err := os.Mkdir(d.Dir, 0o700); err != nil {
		return nil, err
	}
	if d.loop, err = attach(image); err != nil {
		return nil, fmt.Errorf("making a loop device: %w", err)
	}
	if err := d.mount(); err != nil {
		return nil, errors.Join(err, d.loop.Close())
	}
	return d, nil
}

// roomy is how much has to be free for a file in memory: there are several disks at once.
const roomy = 1 << 30

// newImage makes an empty file of so many bytes, in memory or else in a directory.
func newImage(dir string, size int64) (name string, err error) {
	const memory = "/dev/shm"
	var s unix.Statfs_t
	if unix.Statfs(memory, &s) == nil && s.Type == unix.TMPFS_MAGIC && int64(s.Bavail)*int64(s.Bsize) >= roomy+size { //nolint:unconvert // the type differs between systems
		dir = memory
	}
	image, err := os.CreateTemp(dir, "hookgate-disk-")
	if err != nil {
		return "", err
	}
	err = image.Truncate(size)
	return image.Name(), errors.Join(err, image.Close())
}

// attach makes a block device of a file.
func attach(image string) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }() // nothing was written
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the device has it now
	for range 20 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		loop, err := os.OpenFile("/dev/loop"+strconv.Itoa(n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &config)
		if err == nil {
			return loop, nil
		}
		if err = errors.Join(err, loop.Close()); !errors.Is(err, unix.EBUSY) { // else somebody else was faster
			return nil, err
		}
	}
	return nil, errors.New("none is free")
}

func (d *Disk) mount() error {
	if err := unix.Mount(d.loop.Name(), d.Dir, "ext4", unix.MS_NOATIME, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", d.loop.Name(), err)
	}
	d.mounted = true
	return nil
}

// Path is where a name is on the disk.
func (d *Disk) Path(name string) string { return filepath.Join(d.Dir, name) }

// Free is how many bytes can still be written.
func (d *Disk) Free() (int64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(d.Dir, &s)
	return int64(s.Bavail) * int64(s.Bsize), err //nolint:unconvert // the type differs between systems
}

// ReadOnly takes the right to write away, from a disk on which nothing is open for
// writing.
func (d *Disk) ReadOnly() error {
	return unix.Mount(d.loop.Name(), d.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// Cut is the moment at which the power goes: FS_IOC_SHUTDOWN, without flushing the
// journal. Every call that begins later fails.
//
// A sync that is under way may report success and have written nothing: a program
// that does nothing but append and fdatasync shows it once in 40 cuts. A machine
// without power would not have reported anything, so what programs say after this
// call has begun must count for nothing.
func (d *Disk) Cut() error {
	const shutdown, noLogFlush = 0x8004587d, 2
	dir, err := os.Open(d.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // nothing was written
	flags := uint32(noLogFlush)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))) //nolint:gosec // as package unsafe says, rule 4
	if errno != 0 {
		return fmt.Errorf("cutting the power: %w", errno)
	}
	return nil
}

// Restore brings the disk back as it is found when the power returns. Nobody may have
// a file of it open.
func (d *Disk) Restore() error {
	if err := d.Unmount(); err != nil {
		return err
	}
	return d.mount()
}

// Unmount takes the disk away. It waits two seconds for the kernel to close what a
// killed process had open.
func (d *Disk) Unmount() error {
	for try := 0; ; try++ {
		err := unix.Unmount(d.Dir, 0)
		if err == nil {
			d.mounted = false
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || try == 200 {
			return fmt.Errorf("unmounting %s: %w", d.Dir, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Close gives everything back, whatever is still open.
func (d *Disk) Close() error {
	var err error
	if d.mounted {
		err = unix.Unmount(d.Dir, unix.MNT_DETACH)
	}
	return errors.Join(err, d.loop.Close())
}
