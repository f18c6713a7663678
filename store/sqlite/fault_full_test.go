//go:build linux

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

// recovery is how long a store may take to work again once it can.
const recovery = 5 * time.Second

// bed is an open store and what it has promised.
type bed struct {
	*store.Store
	t     *testing.T
	path  string
	n     int
	acked map[int64]string // sequence number → id
}

func newBed(t *testing.T, path string) *bed {
	t.Helper()
	s, err := store.Open(t.Context(), sqlite.New(path, time.Second), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{Store: s, t: t, path: path, acked: make(map[int64]string)}
	t.Cleanup(func() { b.Close() })
	return b
}

const bedBody = 64 << 10

// send accepts one more arrival.
func (b *bed) send() error {
	b.n++
	id := fmt.Sprint("event", b.n)
	v, err := b.Accept(context.Background(), arrival(id, bedBody))
	if err == nil {
		b.acked[v.Seq] = id
	}
	return err
}

// fill sends until the store refuses.
func (b *bed) fill() {
	b.t.Helper()
	for range 4000 {
		if err := b.send(); err != nil {
			b.mustBe(err, store.ErrFull)
			return
		}
	}
	b.t.Fatal("the store takes everything although the disk is full")
}

func (b *bed) mustBe(err, want error) {
	b.t.Helper()
	if !errors.Is(err, want) {
		b.t.Fatalf("the error is %v, want %v", err, want)
	}
}

// recovers makes sure that the store takes arrivals again, by itself.
func (b *bed) recovers() {
	b.t.Helper()
	started := time.Now()
	for {
		err := b.send()
		if err == nil {
			return
		}
		if time.Since(started) > recovery {
			b.t.Fatalf("after %v the store still refuses: %v", recovery, err)
		}
		time.Sleep(20 * time.Millisecond) // a sender tries again
	}
}

// settle writes the outcome of an event, as often as it takes within the time.
func (b *bed) settle(seq int64) error {
	started := time.Now()
	for {
		done := make(chan error, 1)
		b.Settle(context.Background(), outcome(seq, 0), func(err error) { done <- err })
		err := <-done
		if err == nil || time.Since(started) > recovery {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the engine tries again
	}
}

// complete makes sure that every promise is kept.
func (b *bed) complete() {
	b.t.Helper()
	for seq, id := range b.acked {
		d, err := b.Delivery(context.Background(), store.DeliveryID{Seq: seq})
		if err != nil || d.ID != id || digest(d.Body) != digest(arrival(id, bedBody).Body) {
			b.t.Fatalf("%s was acknowledged and is %q with %d bytes: %v", id, d.ID, len(d.Body), err)
		}
	}
}

// fillTo leaves so many bytes free on the disk, by a file that takes up the rest.
func (d *disk) fillTo(t *testing.T, leave int64) (release func()) {
	t.Helper()
	file, err := os.Create(d.Path("filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for try := 0; ; try++ {
		free, err := d.Free()
		if err != nil {
			t.Fatal(err)
		}
		more := free - leave
		if more < 4096 || try == 50 {
			break
		}
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Fallocate(int(file.Fd()), 0, info.Size(), more); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(file.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// Below the free space that was asked for no arrival is taken, but outcomes are, and the
// store works again by itself once there is room.
//
// (F-02, F-03)
func TestFreeSpaceFloor(t *testing.T) {
	d := newDisk(t, 96<<20)
	b := newBed(t, d.Path("store/events.db"))
	b.SetFreeSpace(16 << 20)
	for round := range faults.Cycles(t, 5) {
		release := d.fillTo(t, 12<<20)
		for started := time.Now(); b.Trouble() == nil; time.Sleep(20 * time.Millisecond) {
			if time.Since(started) > recovery {
				t.Fatalf("round %d: less is free than was asked for, and there is no trouble", round)
			}
		}
		b.mustBe(b.Trouble(), store.ErrFull)
		b.mustBe(b.send(), store.ErrFull)
		for seq := range b.acked {
			if err := b.settle(seq); err != nil {
				t.Fatalf("round %d: the outcome of %d: %v", round, seq, err)
			}
			if seq%8 == 0 {
				break
			}
		}
		release()
		b.recovers()
	}
	b.complete()
}

// On a disk that is full to the last block nothing is acknowledged that is not
// there, outcomes are still written, and once there is room the store works again by
// itself. It also opens on a full disk.
//
// (F-01, F-02, F-03, F-04)
func TestFullDisk(t *testing.T) {
	d := newDisk(t, 96<<20)
	b := newBed(t, d.Path("store/events.db"))
	for round := range 3 {
		d.awaitReserve(t)
		release := d.fillTo(t, 2<<20)
		b.fill()
		for seq := range b.acked {
			if err := b.settle(seq); err != nil {
				t.Errorf("round %d: on the full disk, the outcome of %d: %v", round, seq, err)
			}
			break
		}
		b.complete()
		if round == 1 {
			b.reopen()
			b.complete()
		}
		release()
		b.recovers()
	}
	b.complete()
}

// reserved is how much a store sets aside.
const reserved = 8 << 20

// awaitReserve waits until the store has set space aside, all of it.
func (d *disk) awaitReserve(t *testing.T) {
	t.Helper()
	for started := time.Now(); time.Since(started) < recovery; time.Sleep(20 * time.Millisecond) {
		if info, err := os.Stat(d.Path("store/events.db-reserve")); err == nil && info.Size() >= reserved {
			return
		}
	}
	t.Error("no space is set aside")
}

func (b *bed) reopen() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Logf("closing: %v", err)
	}
	s, err := store.Open(context.Background(), sqlite.New(b.path, time.Second), store.Options{})
	if err != nil {
		b.t.Fatalf("opening the store anew: %v", err)
	}
	b.Store = s
}
