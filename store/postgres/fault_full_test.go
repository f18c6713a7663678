//go:build linux

package postgres_test

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// smallDisk is a disk that the server may write to, and where on it.
func smallDisk(t *testing.T, size int64) (d *faults.Disk, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		faults.Missing(t, "root")
	}
	base, err := os.MkdirTemp("", "hookgate-disk-") // not the test's own: the server is somebody else
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) }) // what is left is of no use
	if d, err = faults.NewDisk(base, size); err != nil {
		faults.Missing(t, "a loop device: "+err.Error())
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid) // numbers, on this system
	gid, _ := strconv.Atoi(who.Gid)
	dir = d.Path("tables")
	for _, err := range []error{os.Chmod(base, 0o711), os.Chmod(d.Dir, 0o711), os.Mkdir(dir, 0o700), os.Chown(dir, uid, gid)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d, dir
}

// fill takes up what is free on a disk.
func fill(t *testing.T, d *faults.Disk) (release func()) {
	t.Helper()
	file, err := os.Create(d.Path("filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var size int64
	for more := int64(16 << 20); more >= 4096; {
		if err := unix.Fallocate(int(file.Fd()), 0, size, more); err == nil {
			size += more
		} else if errors.Is(err, unix.ENOSPC) {
			more /= 2
		} else {
			t.Fatal(err)
		}
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(file.Name()); err != nil {
			t.Error(err)
		}
	}
}

// On a server whose disk is full nothing is acknowledged that is not stored, the store
// says what is wrong, and it takes arrivals again when there is room, on the connections
// that it has.
//
// (F-01, F-02, F-03)
func TestFullDisk(t *testing.T) {
	d, dir := smallDisk(t, 96<<20)
	server := pgserver.Own(t)
	admin := connect(t, server.DSN("postgres"))
	run(t, admin, "CREATE TABLESPACE small LOCATION '"+dir+"'", "CREATE DATABASE small TABLESPACE small")
	dsn := server.DSN("small")
	b := openFaultBed(t, dsn, dsn, store.Options{})
	for range 2 {
		v := b.mustSend()
		release := fill(t, d)
		var err error
		for range 5000 {
			if _, err = b.send(context.Background()); err != nil {
				break
			}
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("on a full disk the error is %v", err)
		}
		await(t, generous, "there is no trouble", func() bool { // each second it is tried again
			_, _ = b.send(context.Background())
			return errors.Is(b.Trouble(), store.ErrFull)
		})
		if err := b.deliver(v); err != nil && !errors.Is(err, store.ErrFull) {
			t.Errorf("of an outcome the error is %v", err)
		}
		b.complete()
		release()
		await(t, generous, "the store still refuses", func() bool {
			_, err := b.send(context.Background())
			if err != nil && !errors.Is(err, store.ErrFull) {
				t.Errorf("the error is %v", err)
			}
			return err == nil
		})
		if err := b.deliver(v); err != nil {
			t.Error(err)
		}
	}
	b.complete()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	run(t, admin, "DROP DATABASE small WITH (FORCE)", "DROP TABLESPACE small")
}
