package store

import "fmt"

const (
	// The attempts are set, not added to: an outcome may be written twice, if it was
	// open whether the first time succeeded.
	settleQuery = `UPDATE deliveries SET state = ?, step = ?, attempts = CASE WHEN attempts < ? THEN ? ELSE attempts END, due = ?, last = ?, settled = ?, reason = ?, owner = 0
WHERE event = ? AND n = ? AND state = ? AND destination = ? AND owner = ?`
	// whereQuery tells where a delivery goes and how far it is.
	whereQuery = `SELECT destination, state, owner, EXISTS (SELECT 1 FROM payloads WHERE seq = event) FROM deliveries WHERE event = ? AND n = ?`
)

// overwrite replaces the attempt of one who came too late, under the same number.
const overwrite = ` ON CONFLICT (event, n, number) DO UPDATE SET started = excluded.started, took = excluded.took, outcome = excluded.outcome,
status = excluded.status, error = excluded.error, response = excluded.response, destination = excluded.destination, by_hand = excluded.by_hand`

// settleAll writes the outcomes of a batch in their order, and the attempts in bulk.
func (tx *Tx) settleAll(batch []*work) error {
	var attempts, late []any // those that have settled something, and those that came too late
	for _, w := range batch {
		if w.outcome == nil {
			continue
		}
		o := w.outcome
		settled, err := tx.settle(o)
		if err != nil {
			return fmt.Errorf("settling event %d: %w", o.ID.Seq, err)
		}
		a := o.Attempt
		if a == nil {
			continue
		}
		into, response := &late, []byte(nil)
		if settled {
			into, response = &attempts, a.Response
		}
		*into = append(*into, o.ID.Seq, o.ID.N, a.Number, millis(a.Started), a.Took.Milliseconds(), a.Outcome, a.Status, a.Error, response, o.listed(), bit(a.ByHand))
	}
	const table, width = "attempts (event, n, number, started, took, outcome, status, error, response, destination, by_hand)", 11
	err := tx.insert(table, overwrite, width, attempts)
	if err == nil {
		err = tx.insert(table, " ON CONFLICT DO NOTHING", width, late)
	}
	if err != nil {
		return fmt.Errorf("recording attempts: %w", err)
	}
	return nil
}

// listed is what stands in the index of attempts.
func (o *Outcome) listed() string {
	if o.Listed {
		return o.Destination
	}
	return ""
}

// settle writes the outcome of an attempt, and reports whether it did. A delivery
// that is not pending any more stays as it is, unless it was given up and is now
// delivered, and so does one that another has claimed since; the attempt is recorded
// all the same, without the response, which may have been erased.
func (tx *Tx) settle(o *Outcome) (bool, error) {
	ok, err := tx.settleAt(o, o.Destination, Pending, o.Owner)
	if ok || err != nil {
		return ok, err
	}
	// It may have been adopted by another destination since.
	var destination string
	var state State
	var owner int64
	var kept bool // if it is erased, nothing of it comes back
	err = tx.Query(whereQuery, []any{o.ID.Seq, o.ID.N}, func(scan func(...any) error) error { return scan(&destination, &state, &owner, &kept) })
	switch {
	case err != nil:
		return false, err
	case state == Dead && kept && o.State == Delivered: // given up while the attempt was in flight
		return tx.settleAt(o, destination, Dead, owner)
	case state != Pending || destination == o.Destination:
		return false, nil
	}
	return tx.settleAt(o, destination, Pending, o.Owner)
}

func (tx *Tx) settleAt(o *Outcome, destination string, from State, owner int64) (bool, error) {
	number, settled := 0, int64(0)
	if o.Attempt != nil {
		number = o.Attempt.Number
	}
	if o.State != Pending {
		settled = millis(o.At)
	}
	n, err := tx.Exec(settleQuery, int(o.State), o.Step, number, number, millis(o.Due), millis(o.At), settled, o.Reason, o.ID.Seq, o.ID.N, int(from), destination, owner)
	if n > 0 && o.State != Pending {
		tx.count(destination, from, -1)
		tx.count(destination, o.State, 1)
	}
	return n > 0, err
}

// again is how a schedule starts anew.
type again struct {
	replay bool // its attempts say so
	once   bool // there is one attempt, by hand
}

// step is the one that it starts with.
func (a again) step() int {
	if a.once {
		return LastStep
	}
	return 0
}

// rearm re-arms those deliveries of events to a destination that are in a state and
// have a payload, and returns how many. Attempts go on counting.
func (tx *Tx) rearm(events []int64, destination string, from State, how again) (int64, error) {
	if err := tx.lock(events...); err != nil {
		return 0, fmt.Errorf("re-arming: %w", err)
	}
	now, d := millis(tx.Now), &tx.store.dialect
	n, err := tx.Exec(`UPDATE deliveries SET state = ?, step = ?, armed = ?, due = ?, hurried = ?, settled = 0, reason = '', replay = ?
WHERE `+d.in("event")+` AND state = ? AND destination = ? AND EXISTS (SELECT 1 FROM payloads WHERE seq = event)`,
		int(Pending), how.step(), now, now, now, how.replay, d.List(events), int(from), destination)
	if err != nil {
		return 0, fmt.Errorf("re-arming: %w", err)
	}
	tx.count(destination, from, -n)
	tx.count(destination, Pending, n)
	return n, nil
}
