package store

import "fmt"

// Deliver adds a delivery to a stored event whose payload is kept: it is due now, and with
// once attempted by hand: see [Delivery.ByHand]. An event has one delivery to each
// destination: if there is one it is treated as [Tx.Rearm] says. If there is no such event
// the error is [ErrNotFound], and if its payload is gone [ErrGone].
func (tx *Tx) Deliver(seq int64, destination string, once bool) (DeliveryID, error) {
	id := DeliveryID{Seq: seq}
	if err := tx.lockWhole(seq); err != nil {
		return id, fmt.Errorf("event %d: %w", seq, err)
	}
	var there, kept bool
	err := tx.Query(`SELECT EXISTS (SELECT 1 FROM payloads WHERE seq = e.seq) FROM events e WHERE seq = ?`, []any{seq}, func(scan func(...any) error) error {
		there = true
		return scan(&kept)
	})
	switch {
	case err == nil && !there:
		err = ErrNotFound
	case err == nil && !kept:
		err = ErrGone
	}
	if err != nil {
		return id, fmt.Errorf("event %d: %w", seq, err)
	}
	added, err := tx.add([]int64{seq}, destination, again{once: once})
	if err == nil {
		err = tx.Query(`SELECT n FROM deliveries WHERE event = ? AND destination = ?`, []any{seq, destination}, func(scan func(...any) error) error { return scan(&id.N) })
	}
	if err == nil && added == 0 {
		_, err = tx.Rearm(id, once)
	}
	if err != nil {
		return id, fmt.Errorf("event %d: %w", seq, err)
	}
	return id, nil
}

// add adds a delivery to those events that have a payload and none to the destination,
// and returns how many. They are locked.
func (tx *Tx) add(events []int64, destination string, how again) (int64, error) {
	now, d := millis(tx.Now), &tx.store.dialect
	n, err := tx.Exec(`INSERT INTO deliveries (event, n, destination, state, step, armed, due)
SELECT p.seq, COALESCE((SELECT MAX(n) FROM deliveries WHERE event = p.seq), -1) + 1, ?, ?, ?, ?, ? FROM payloads p
WHERE `+d.in("p.seq")+` AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = p.seq AND destination = ?)`,
		destination, int(Pending), how.step(), now, now, d.List(events), destination)
	if err != nil {
		return 0, fmt.Errorf("adding what goes to %s: %w", destination, err)
	}
	tx.count(destination, Pending, n)
	return n, nil
}
