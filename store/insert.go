package store

import (
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// insert writes the new events.
func (j *judge) insert() error {
	events := make([]any, 0, 11*len(j.rows))
	payloads := make([]any, 0, 4*len(j.rows))
	deliveries := make([]any, 0, 7*len(j.rows))
	now := any(millis(j.tx.Now)) // due by the database's clock, not by that of who received it
	for _, r := range j.rows {
		var place, body any
		if r.place != nil {
			place, body = r.place[:], r.Key.Body[:]
		}
		// What is written several times is made a value of the driver's once.
		seq := any(r.seq)
		events = append(events, seq, r.Source, r.ID, r.Type, r.Scheme, millis(r.Timestamp), millis(r.Received), int64(len(r.Body)), r.Window.Milliseconds(), place, body)
		if r.kept() {
			payloads = append(payloads, seq, checksum(r.Head, r.Body), blob(r.Head), blob(r.Body))
		}
		for n := range r.To {
			deliveries = append(deliveries, seq, n, r.To[n].Destination, int(Pending), now, now, r.To[n].owner(r.owner))
		}
	}
	for _, t := range []struct {
		into  string
		width int
		args  []any
	}{
		{"events (seq, source, id, type, scheme, stamp, received, size, keep, place, body)", 11, events},
		{"payloads (seq, sum, head, body)", 4, payloads},
		{"deliveries (event, n, destination, state, armed, due, owner)", 7, deliveries},
	} {
		if err := j.tx.insert(t.into, "", t.width, t.args); err != nil {
			return fmt.Errorf("inserting into %.10s: %w", t.into, err)
		}
	}
	return nil
}

// bulks are how many rows one statement inserts: few numbers, as for each one is prepared
// for each table.
var bulks = [...]int{16, 4, 1}

// insert writes rows of one table, so many arguments each, with few statements. The
// end is what stands behind the rows.
func (tx *Tx) insert(into, end string, width int, args []any) error {
	for _, rows := range bulks {
		if len(args) < rows*width {
			continue
		}
		query := insertQuery(into, end, width, rows)
		for ; len(args) >= rows*width; args = args[rows*width:] {
			if _, err := tx.Exec(query, args[:rows*width]...); err != nil {
				return err
			}
		}
	}
	return nil
}

func insertQuery(into, end string, width, rows int) string {
	row := "(?" + strings.Repeat(", ?", width-1) + ")"
	return "INSERT INTO " + into + " VALUES " + row + strings.Repeat(", "+row, rows-1) + end
}

// checksum is of a payload: not every database finds out by itself that what it reads
// is not what was written.
func checksum(head, body []byte) int64 {
	return int64(crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blob is how bytes are stored: none are no NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// bit is how what is so or not is stored: booleans differ between databases.
func bit(so bool) int64 {
	if so {
		return 1
	}
	return 0
}

// millis is how times are stored; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the inverse of millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
