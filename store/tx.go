package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Tx is the committer's transaction, as the operations in it see it. It is used on
// the committer's goroutine only, and not after the operation has returned.
type Tx struct {
	// Now is when the transaction began.
	Now time.Time

	ctx        context.Context
	store      *Store
	standing   Standing
	statements map[string]*sql.Stmt
	effects    effects
}

// effects is what is to be changed in memory once a transaction is committed.
type effects struct {
	taken  map[Digest]int64
	given  []Digest
	counts map[countKey]int64
	erased bool
	then   []func()
}

type countKey struct {
	destination string
	state       State
}

func newEffects() effects {
	return effects{taken: make(map[Digest]int64), counts: make(map[countKey]int64)}
}

// merge adds later effects to e.
func (e *effects) merge(later effects) {
	for _, place := range later.given {
		delete(e.taken, place)
	}
	e.given = append(e.given, later.given...)
	e.erased = e.erased || later.erased
	e.then = append(e.then, later.then...)
	for place, seq := range later.taken {
		e.taken[place] = seq
	}
	for k, by := range later.counts {
		e.counts[k] += by
	}
}

// Exec runs a statement of the common SQL, prepared once, and returns how many
// rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	stmt, err := tx.prepare(query, args)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(tx.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a query of the common SQL and calls row for each row. Rows may be
// changed only after Query has returned.
func (tx *Tx) Query(query string, args []any, row func(scan func(...any) error) error) error {
	stmt, err := tx.prepare(query, args)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(tx.ctx, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, row)
}

func eachRow(rows *sql.Rows, row func(scan func(...any) error) error) error {
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// prepare returns the statement of a query, and readies its arguments.
func (tx *Tx) prepare(query string, args []any) (*sql.Stmt, error) {
	tx.store.dialect.texts(args)
	if stmt, ok := tx.statements[query]; ok {
		return stmt, nil
	}
	stmt, err := tx.store.db.Writer().PrepareContext(tx.ctx, tx.store.dialect.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("preparing %.60q: %w", query, err)
	}
	tx.statements[query] = stmt
	return stmt, nil
}

// lock makes sure that no other process changes the deliveries of events before the
// transaction has ended: what is read of them afterwards stays so.
func (tx *Tx) lock(events ...int64) error {
	d := &tx.store.dialect
	if d.Lock == "" {
		return nil
	}
	query := "SELECT n FROM deliveries WHERE " + d.in("event") + " ORDER BY event, n" + d.Lock
	return tx.Query(query, []any{d.List(events)}, func(func(...any) error) error { return nil })
}

// Then calls f once the transaction is committed, on the committer's goroutine and before
// anybody is told of the commit. If the transaction, or the operation that has called
// Then, is undone, f is not called. It must not block, nor use the transaction.
func (tx *Tx) Then(f func()) { tx.effects.then = append(tx.effects.then, f) }

// lockWhole is lock that makes sure, too, that no other process adds deliveries to the
// events.
func (tx *Tx) lockWhole(events ...int64) error {
	d := &tx.store.dialect
	if d.Lock == "" {
		return nil
	}
	if err := tx.lock(events...); err != nil {
		return err
	}
	query := "SELECT seq FROM events WHERE " + d.in("seq") + " ORDER BY seq" + d.Lock
	return tx.Query(query, []any{d.List(events)}, func(func(...any) error) error { return nil })
}

// lockFree is lockWhole of those events that no other process is changing, and returns
// them. Who waits for nobody stands in no circle of those who wait for each other, however
// many events he locks.
func (tx *Tx) lockFree(events []int64) ([]int64, error) {
	d := &tx.store.dialect
	if d.Lock == "" {
		return events, nil
	}
	free := make([]int64, 0, len(events))
	err := tx.Query("SELECT seq FROM events WHERE "+d.in("seq")+d.Lock+" SKIP LOCKED", []any{d.List(events)}, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		free = append(free, seq)
		return err
	})
	if err != nil {
		return nil, err
	}
	locked, busy := make(map[DeliveryID]bool), make(map[int64]bool)
	deliveries := "SELECT event, n FROM deliveries WHERE " + d.in("event")
	each := func(query string, f func(DeliveryID)) error {
		return tx.Query(query, []any{d.List(free)}, func(scan func(...any) error) error {
			var id DeliveryID
			err := scan(&id.Seq, &id.N)
			f(id)
			return err
		})
	}
	if err := each(deliveries+d.Lock+" SKIP LOCKED", func(id DeliveryID) { locked[id] = true }); err != nil {
		return nil, err
	}
	err = each(deliveries, func(id DeliveryID) { busy[id.Seq] = busy[id.Seq] || !locked[id] })
	return slices.DeleteFunc(free, func(seq int64) bool { return busy[seq] }), err
}

// take and give up places, as Keys learns once the transaction is committed.
func (tx *Tx) take(place Digest, seq int64) { tx.effects.taken[place] = seq }

func (tx *Tx) give(place Digest) {
	delete(tx.effects.taken, place)
	tx.effects.given = append(tx.effects.given, place)
}

// count changes how many deliveries of a destination are in a state.
func (tx *Tx) count(destination string, state State, by int64) {
	tx.effects.counts[countKey{destination, state}] += by
}

// pending is how many deliveries of a destination are pending, as of now in the
// transaction.
func (tx *Tx) pending(destination string) int64 {
	return tx.store.counts.get(destination, Pending) + tx.effects.counts[countKey{destination, Pending}]
}
