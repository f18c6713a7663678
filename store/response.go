package store

import (
	"fmt"
	"time"
)

// SetResponse replaces what was kept of the response to an attempt, of which nothing is
// left on the disk then. It reports whether there is an attempt of that number which
// started then.
func (tx *Tx) SetResponse(id DeliveryID, number int, started time.Time, response []byte) (bool, error) {
	tx.effects.erased = true
	n, err := tx.Exec("UPDATE attempts SET response = ? WHERE event = ? AND n = ? AND number = ? AND started = ?", response, id.Seq, id.N, number, millis(started))
	if err != nil {
		return false, fmt.Errorf("event %d: %w", id.Seq, err)
	}
	return n > 0, nil
}
