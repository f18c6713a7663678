package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrGone says that the payload was erased, or is past its retention: there is nothing
// to be delivered.
var ErrGone = errors.New("store: the payload is gone")

// do runs an operation as [Store.Do] does, and returns what it has returned. If ctx
// ends before the commit, the operation may still run: its result is not looked at.
func do[T any](ctx context.Context, s *Store, operation func(*Tx) (T, error)) (T, error) {
	var result T
	err := s.Do(ctx, func(tx *Tx) (err error) {
		result, err = operation(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}

// Rearm is [Tx.Rearm] in a transaction of its own.
func (s *Store) Rearm(ctx context.Context, id DeliveryID, once bool) (bool, error) {
	return do(ctx, s, func(tx *Tx) (bool, error) { return tx.Rearm(id, once) })
}

// Rearm starts the schedule of a delivered or dead delivery anew, or if it says once,
// makes one attempt of it by hand: see [Delivery.ByHand]. A pending one becomes due and
// keeps its schedule. It reports whether there is such a delivery. If its payload is gone
// the error is [ErrGone].
func (tx *Tx) Rearm(id DeliveryID, once bool) (bool, error) {
	var destination string
	var state State
	var kept, found bool
	err := tx.Query(`SELECT destination, state, EXISTS (SELECT 1 FROM payloads WHERE seq = event) FROM deliveries WHERE event = ? AND n = ?`,
		[]any{id.Seq, id.N}, func(scan func(...any) error) error {
			found = true
			return scan(&destination, &state, &kept)
		})
	switch {
	case err != nil:
		return false, fmt.Errorf("reading event %d: %w", id.Seq, err)
	case !found:
		return false, nil
	case !kept:
		return false, fmt.Errorf("event %d: %w", id.Seq, ErrGone)
	case state != Pending:
		n, err := tx.rearm([]int64{id.Seq}, destination, state, again{once: once})
		return n > 0, err
	}
	now := millis(tx.Now)
	if _, err := tx.Exec("UPDATE deliveries SET due = ?, hurried = ? WHERE event = ? AND n = ? AND due > ?", now, now, id.Seq, id.N, now); err != nil {
		return false, fmt.Errorf("event %d: %w", id.Seq, err)
	}
	return true, nil
}

// Forget makes an event give up its key: a copy of it is a new event. If there is no
// such event the error is [ErrNotFound].
func (s *Store) Forget(ctx context.Context, seq int64) error {
	return s.Do(ctx, func(tx *Tx) error {
		var place []byte
		found := false
		err := tx.Query("SELECT place FROM events WHERE seq = ?", []any{seq}, func(scan func(...any) error) error {
			found = true
			return scan(&place)
		})
		if err == nil && !found {
			err = ErrNotFound
		}
		if err == nil && len(place) == len(Digest{}) {
			tx.give(Digest(place))
			_, err = tx.Exec("UPDATE events SET place = NULL WHERE seq = ?", seq)
		}
		if err != nil {
			return fmt.Errorf("event %d: %w", seq, err)
		}
		return nil
	})
}

// Erase deletes the payload of an event and what its destinations have answered. What
// is pending becomes dead, for the reason "erased". The event keeps its key, so that
// copies are told. If there is no such event the error is [ErrNotFound].
func (s *Store) Erase(ctx context.Context, seq int64) error {
	return s.Do(ctx, func(tx *Tx) error {
		if err := tx.lockWhole(seq); err != nil {
			return fmt.Errorf("erasing event %d: %w", seq, err)
		}
		found := false
		err := tx.Query("SELECT seq FROM events WHERE seq = ?", []any{seq}, func(scan func(...any) error) error {
			found = true
			return scan(&seq)
		})
		if err == nil && !found {
			err = ErrNotFound
		}
		if err == nil {
			tx.effects.erased = true
			err = tx.empty([]int64{seq})
		}
		if err == nil {
			err = tx.kill(seq)
		}
		if err != nil {
			return fmt.Errorf("erasing event %d: %w", seq, err)
		}
		return nil
	})
}

// forever is after any time that is stored.
var forever = time.UnixMilli(math.MaxInt64)

// kill makes the pending deliveries of an erased event dead.
func (tx *Tx) kill(seq int64) error {
	var destinations []string
	err := tx.Query("SELECT destination FROM deliveries WHERE event = ? AND state = ?", []any{seq, int(Pending)}, func(scan func(...any) error) error {
		var destination string
		err := scan(&destination)
		destinations = append(destinations, destination)
		return err
	})
	if err != nil {
		return err
	}
	for _, destination := range destinations {
		if _, err := tx.bury([]int64{seq}, destination, "erased", forever); err != nil {
			return err
		}
	}
	return nil
}

// Pauses returns which destinations are paused, and since when.
func (r *Reader) Pauses(ctx context.Context) (map[string]time.Time, error) {
	pauses := make(map[string]time.Time)
	err := r.Query(ctx, "SELECT destination, since FROM pauses", nil, func(scan func(...any) error) error {
		var destination string
		var since int64
		err := scan(&destination, &since)
		pauses[destination] = moment(since)
		return err
	})
	return pauses, err
}

// Pause notes that a destination is paused. One that is already stays so since then.
func (s *Store) Pause(ctx context.Context, destination string) error {
	return s.Do(ctx, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO pauses (destination, since) VALUES (?, ?) ON CONFLICT DO NOTHING", destination, millis(tx.Now))
		return err
	})
}

// Resume notes that a destination is not paused any more.
func (s *Store) Resume(ctx context.Context, destination string) error {
	return s.Do(ctx, func(tx *Tx) error {
		_, err := tx.Exec("DELETE FROM pauses WHERE destination = ?", destination)
		return err
	})
}
