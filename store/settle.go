package store

import "fmt"

const (
	settleQuery  = `UPDATE deliveries SET state = ?, step = ?, attempts = attempts + ?, due = ?, last = ?, settled = ?, reason = ? WHERE event = ? AND n = ? AND state = ?`
	attemptQuery = `INSERT INTO attempts (event, n, number, started, took, outcome, status, error, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

// settle writes the outcome of an attempt. A delivery that is not pending any more
// (delivered by hand, erased) stays as it is; the attempt is recorded all the same.
func (tx *Tx) settle(o *Outcome) error {
	made, settled := 0, int64(0)
	if o.Attempt != nil {
		made = 1
	}
	if o.State != Pending {
		settled = millis(o.At)
	}
	n, err := tx.Exec(settleQuery, int(o.State), o.Step, made, millis(o.Due), millis(o.At), settled, o.Reason, o.ID.Seq, o.ID.N, int(Pending))
	if err != nil {
		return fmt.Errorf("settling event %d: %w", o.ID.Seq, err)
	}
	if n > 0 && o.State != Pending {
		tx.count(o.Destination, Pending, -1)
		tx.count(o.Destination, o.State, 1)
	}
	if a := o.Attempt; a != nil {
		if _, err := tx.Exec(attemptQuery, o.ID.Seq, o.ID.N, a.Number, millis(a.Started), a.Took.Milliseconds(), a.Outcome, a.Status, a.Error, a.Response); err != nil {
			return fmt.Errorf("recording an attempt of event %d: %w", o.ID.Seq, err)
		}
	}
	return nil
}

// Rearm starts the schedule of a settled delivery anew: it is due now. Attempts go
// on counting. It reports whether there was such a delivery.
func (tx *Tx) Rearm(id DeliveryID, destination string, replay bool) (bool, error) {
	now := millis(tx.Now)
	for _, from := range []State{Dead, Delivered} {
		n, err := tx.Exec(`UPDATE deliveries SET state = ?, step = 0, armed = ?, due = ?, hurried = ?, settled = 0, reason = '', replay = ? WHERE event = ? AND n = ? AND state = ?`,
			int(Pending), now, now, now, replay, id.Seq, id.N, int(from))
		if err != nil {
			return false, fmt.Errorf("re-arming event %d: %w", id.Seq, err)
		}
		if n > 0 {
			tx.count(destination, from, -1)
			tx.count(destination, Pending, 1)
			return true, nil
		}
	}
	return false, nil
}
