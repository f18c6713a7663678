package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hookgate/hookgate/store"
)

// ErrDamaged says that the file or its log is damaged, so that what was acknowledged
// cannot be read.
var ErrDamaged = errors.New("sqlite: the store is damaged")

// The format of a write-ahead log: a header, then frames of a header and a page.
// A frame's checksum covers all frames before it.
const (
	logMagic    = 0x377f0682 // the lowest bit says that checksums are of big-endian words
	logHeader   = 32
	frameHeader = 24
	pageSize    = 4096 // SQLite's default
	fileHeader  = 100
	lockedByte  = 1 << 30 // the page that it is in is never written
)

// checkFiles looks for damage that SQLite passes over in silence, before it is asked
// to recover: in the middle of the log, and at the end of the file. Nobody may have
// the file open. What it refuses is [ErrDamaged], which is also [store.ErrFailed]. No
// file, and no log, are fine.
func checkFiles(path string) error {
	log, err := openLog(path + "-wal")
	if err != nil {
		return fmt.Errorf("checking the log: %w: %w", store.ErrFailed, err)
	}
	if log.damage >= 0 {
		return damaged("%s-wal is not whole at byte %d, and what was committed after that would be lost: copy the store and its log away, then restore a backup, or move the log away to go on without all that is in it", path, log.damage)
	}
	missing, err := missingPage(path, log.pages)
	if err != nil {
		return fmt.Errorf("checking the file: %w: %w", store.ErrFailed, err)
	}
	if missing > 0 {
		return damaged("%s is cut off, its page %d is missing: copy the store and its log away, and restore a backup", path, missing)
	}
	return nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", store.ErrFailed, ErrDamaged, fmt.Sprintf(format, args...))
}

// missingPage returns the first page that the file should have and has not, nor the
// log; 0 if there is none. A crash while the log is written back leaves a file that
// is too short, and the log whole.
func missingPage(path string, logged map[uint32]bool) (uint32, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	var header [fileHeader]byte
	if info.Size() < int64(len(header)) { // SQLite takes it for a new one, and deletes the log
		if len(logged) > 0 {
			return 1, nil
		}
		return 0, nil
	}
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return 0, err
	}
	size := int64(binary.BigEndian.Uint16(header[16:]))
	if size < 512 || [4]byte(header[24:]) != [4]byte(header[92:]) {
		return 0, nil // none of ours, or it does not say how many pages it has
	}
	for page := uint32(info.Size()/size) + 1; page <= binary.BigEndian.Uint32(header[28:]); page++ {
		if !logged[page] && page != uint32(lockedByte/size)+1 {
			return page, nil
		}
	}
	return 0, nil
}

// logState is what the log of the last process is.
type logState struct {
	damage int64           // the byte where it is damaged although commits come after it; -1 if it is not
	pages  map[uint32]bool // those of its commits
}

func openLog(path string) (logState, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return logState{damage: -1}, nil
	}
	if err != nil {
		return logState{}, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return readLog(file)
}

// readLog looks for damage in a log. SQLite ends its recovery at the first frame that
// is not whole, and says nothing: right for a log whose end was being written, and
// the silent loss of every later commit if the damage is in the middle.
//
// A commit is written only after the one before it is on the disk. So if anything of
// a later commit is whole, what is not whole before it was, once. Damage to the very
// last commit cannot be told from a write that was cut off.
func readLog(from io.ReaderAt) (logState, error) {
	l := logState{damage: -1, pages: make(map[uint32]bool)}
	r, err := newLogReader(from)
	if r == nil || err != nil {
		return l, err
	}
	bad, ended := int64(-1), false // what is not whole, and whether its commit has ended
	if !r.whole {
		bad, ended = 0, true // the header is on the disk before any frame is written
	}
	var open []uint32 // pages of a commit that has not ended
	for {
		at := r.at
		f, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return l, nil
		case err != nil:
			return l, err
		case f.whole && ended:
			l.damage = bad
			return l, nil
		case !f.whole && bad < 0:
			bad = at
		}
		ended = ended || bad >= 0 && f.commits
		open = append(open, f.page)
		if bad < 0 && f.commits {
			for _, page := range open {
				l.pages[page] = true
			}
			open = open[:0]
		}
	}
}

// sum is a checksum of the log.
type sum [2]uint32

// logReader reads the frames of a log in their order.
type logReader struct {
	from   io.ReaderAt
	order  binary.ByteOrder
	whole  bool // the header is
	salt   [8]byte
	before sum   // of what comes before the next frame, as it is written there
	at     int64 // where the next frame is
	buffer []byte
}

// newLogReader reads the header. There is no reader for a log without one.
func newLogReader(from io.ReaderAt) (*logReader, error) {
	var header [logHeader + frameHeader]byte
	if _, err := from.ReadAt(header[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil //nolint:nilnil // there is nothing to read, and nothing wrong
		}
		return nil, err
	}
	magic, page := binary.BigEndian.Uint32(header[:]), binary.BigEndian.Uint32(header[8:])
	r := &logReader{from: from, order: binary.LittleEndian, at: logHeader, before: sumAt(header[24:])}
	if magic&1 == 1 {
		r.order = binary.BigEndian
	}
	copy(r.salt[:], header[16:])
	r.whole = magic&^1 == logMagic && r.before == sum{}.add(r.order, header[:24]) && page >= 512 && page <= 64<<10 && page&(page-1) == 0
	if !r.whole { // nothing in it is believed: it is as this program would have written it
		r.order, page = binary.NativeEndian, pageSize
		copy(r.salt[:], header[logHeader+8:])
	}
	r.buffer = make([]byte, frameHeader+page)
	return r, nil
}

// frame is what is known of a page in the log.
type frame struct {
	page    uint32
	whole   bool // it is of this log, and as it was written
	commits bool // it is the last of a commit
}

// next reads a frame; the error is io.EOF also for one that is cut off.
func (r *logReader) next() (frame, error) {
	if _, err := r.from.ReadAt(r.buffer, r.at); err != nil {
		return frame{}, err
	}
	r.at += int64(len(r.buffer))
	head, page := r.buffer[:frameHeader], r.buffer[frameHeader:]
	own := [8]byte(head[8:16]) == r.salt
	stored := sumAt(head[16:])
	follows := stored == r.before.add(r.order, head[:8]).add(r.order, page)
	r.before = stored
	// What is left of an earlier log has other salts, and its commits mean nothing.
	return frame{
		page:    binary.BigEndian.Uint32(head),
		whole:   own && follows,
		commits: (own || follows) && binary.BigEndian.Uint32(head[4:]) != 0,
	}, nil
}

func sumAt(b []byte) sum { return sum{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])} }

// add goes on with more data: a Fibonacci-weighted sum over pairs of words.
func (s sum) add(order binary.ByteOrder, data []byte) sum {
	for ; len(data) >= 8; data = data[8:] {
		s[0] += order.Uint32(data) + s[1]
		s[1] += order.Uint32(data[4:]) + s[0]
	}
	return s
}
