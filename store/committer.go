package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"
)

// What one transaction takes at most. More would make those wait who came first.
const (
	maxBatch      = 512
	maxBatchBytes = 16 << 20
	// queueLength is how many operations may wait; then callers do.
	queueLength = 2048
)

// work is an operation that waits for the committer: one of arrival, outcome and
// do.
type work struct {
	arrival *Arrival
	verdict Verdict
	outcome *Outcome
	do      func(*Tx) error

	err  error
	done func(*work) // on the committer's goroutine, after the commit

	claimed atomic.Bool // by the committer, or by a caller who does not wait any more
}

// claim decides who has the operation: the first to ask.
func (w *work) claim() bool { return w.claimed.CompareAndSwap(false, true) }

func (w *work) size() int {
	if w.arrival == nil {
		return 0
	}
	return len(w.arrival.Body) + len(w.arrival.Head)
}

// run is the committer: it puts what waits into one transaction, commits, and only
// then answers. It returns when the store is closed and nothing waits.
func (s *Store) run() {
	defer close(s.ended)
	batch := make([]*work, 0, maxBatch)
	for {
		batch = s.gather(batch[:0])
		if len(batch) == 0 {
			return
		}
		s.commit(batch)
		for _, w := range batch {
			w.done(w)
		}
		clear(batch)
	}
}

// gather waits for an operation and takes what else waits already.
func (s *Store) gather(batch []*work) []*work {
	size := 0
	take := func(w *work) {
		if w.claim() {
			batch = append(batch, w)
			size += w.size()
		}
	}
	for len(batch) == 0 {
		w, ok := <-s.queue
		if !ok {
			return batch
		}
		take(w)
	}
	waited := false
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case w, ok := <-s.queue:
			if !ok {
				return batch
			}
			take(w)
		default:
			if waited {
				return batch
			}
			// Those who have just been answered may be about to ask for more.
			runtime.Gosched()
			waited = true
		}
	}
	return batch
}

// commit makes a batch one transaction. If it fails, so do all of the batch: what
// a failed fsync has left on the disk, nobody knows.
func (s *Store) commit(batch []*work) {
	err := s.ready()
	if err == nil {
		batch, err = s.express(batch)
	}
	if err == nil && len(batch) > 0 {
		err = s.transact(batch)
	}
	if err == nil {
		return
	}
	fail(batch, err)
	if !errors.Is(err, ErrFull) {
		return
	}
	// Arrivals have to wait for room; what needs little, or makes room, need not.
	s.full.Store(true)
	rest := make([]*work, 0, len(batch))
	for _, w := range batch {
		if w.arrival == nil {
			rest = append(rest, w)
		}
	}
	if len(rest) == 0 {
		return
	}
	fail(rest, nil)
	if err := s.db.Yield(s.ctx); err != nil {
		s.Logger.Error("making room in the store", slog.Any("error", err))
	}
	if err := s.transact(rest); err != nil {
		fail(rest, err)
	}
}

func fail(batch []*work, err error) {
	for _, w := range batch {
		w.err, w.verdict = err, Verdict{}
	}
}

// maxTries is how often a transaction is run at most that others were faster than.
const maxTries = 5

// transact makes operations one transaction. One that cannot be made for what it holds
// keeps no other from being made.
func (s *Store) transact(batch []*work) (err error) {
	for range maxTries {
		if err = s.try(batch); !errors.Is(err, ErrConflict) {
			break
		}
		fail(batch, nil)
	}
	switch {
	case err == nil || trouble(err):
		return err
	case errors.Is(err, ErrConflict) && len(batch) == 1:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case len(batch) == 1:
		fail(batch, err)
		return nil
	}
	for _, w := range batch {
		fail([]*work{w}, nil)
		if err := s.transact([]*work{w}); err != nil {
			fail([]*work{w}, err)
		}
	}
	return nil
}

// trouble reports whether an error is the database's, and not that of an operation.
func trouble(err error) bool {
	return errors.Is(err, ErrFailed) || errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable)
}

func (s *Store) try(batch []*work) (err error) {
	started := time.Now()
	ctx, cancel := wait(s.ctx, s.dialect.Timeout)
	defer cancel()
	tx := &Tx{Now: s.Now(), ctx: ctx, store: s, standing: s.db.Standing(), statements: s.statements, effects: newEffects()}
	if _, err := s.db.Writer().ExecContext(ctx, s.begin); err != nil {
		return s.broken(fmt.Errorf("beginning: %w", err))
	}
	if err = tx.apply(batch); err == nil {
		_, err = tx.Exec("COMMIT")
	}
	s.changed(batch)
	if err != nil {
		_, rollback := s.db.Writer().ExecContext(s.ctx, "ROLLBACK")
		return s.broken(errors.Join(err, rollback))
	}
	s.db.Keys().Changed(tx.effects.taken, tx.effects.given)
	s.counts.add(tx.effects.counts)
	for _, f := range tx.effects.then {
		f()
	}
	s.busy.Store(true)
	s.Committed(len(batch), time.Since(started))
	if err := s.db.Tidy(s.ctx, tx.effects.erased); err != nil {
		// What is committed stays so, and is answered; what comes next is not taken.
		_ = s.broken(fmt.Errorf("after the commit: %w", err))
	}
	return nil
}

// apply runs the operations. One that fails by itself is undone alone; an error
// that apply returns is the transaction's.
func (tx *Tx) apply(batch []*work) error {
	if err := tx.acceptAll(batch); err != nil {
		return err
	}
	if err := tx.settleAll(batch); err != nil {
		return err
	}
	for _, w := range batch {
		if w.do == nil {
			continue
		}
		if err := tx.savepoint(w); err != nil {
			return err
		}
	}
	return nil
}

// savepoint runs one operation so that its failure undoes nothing else.
func (tx *Tx) savepoint(w *work) error {
	if _, err := tx.Exec("SAVEPOINT operation"); err != nil {
		return err
	}
	before := tx.effects
	tx.effects = newEffects()
	w.err = w.do(tx)
	if w.err == nil {
		before.merge(tx.effects)
		tx.effects = before
		_, err := tx.Exec("RELEASE SAVEPOINT operation")
		return err
	}
	tx.effects = before
	if _, err := tx.Exec("ROLLBACK TO SAVEPOINT operation"); err != nil {
		return errors.Join(w.err, err)
	}
	if _, err := tx.Exec("RELEASE SAVEPOINT operation"); err != nil {
		return errors.Join(w.err, err)
	}
	w.err = tx.store.db.Classify(w.err)
	if trouble(w.err) || errors.Is(w.err, ErrConflict) {
		return w.err // the database's trouble, not the operation's
	}
	return nil
}

// enqueue hands an operation to the committer.
func (s *Store) enqueue(ctx context.Context, w *work) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	select {
	case s.queue <- w:
		return nil
	default:
	}
	select {
	case s.queue <- w:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: the queue is full: %w", ErrUnavailable, ctx.Err())
	}
}

// await hands an operation to the committer and waits for the commit. If ctx is
// done before, the operation is not made if it still waited; else nobody knows.
func (s *Store) await(ctx context.Context, w *work) error {
	done := make(chan struct{})
	w.done = func(*work) { close(done) }
	if err := s.enqueue(ctx, w); err != nil {
		return err
	}
	select {
	case <-done:
		return w.err
	case <-ctx.Done():
	}
	if w.claim() {
		// It stays in the queue until its turn, which on a disk that hangs may take long:
		// what it holds shall not.
		w.arrival, w.do = nil, nil
		return fmt.Errorf("%w: the store is behind: %w", ErrUnavailable, ctx.Err())
	}
	return fmt.Errorf("%w: waiting for the commit: %w", ErrUnavailable, ctx.Err())
}

// Accept stores an arrival, unless it is a duplicate, and returns once that is on
// the disk. The arrival must not be changed before Accept returns, nor after an
// error that is [ErrUnavailable]: it may still be stored then.
func (s *Store) Accept(ctx context.Context, a *Arrival) (Verdict, error) {
	if err := s.open(); err != nil {
		return Verdict{}, err
	}
	w := &work{arrival: a}
	if err := s.await(ctx, w); err != nil {
		return Verdict{}, err
	}
	return w.verdict, nil
}

// Settle writes the outcome of an attempt, and calls done once it is on the disk
// or has failed. It waits only for room in the queue. done is called on the
// committer's goroutine and must not block.
func (s *Store) Settle(ctx context.Context, o *Outcome, done func(error)) {
	w := &work{outcome: o, done: func(w *work) { done(w.err) }}
	if err := s.enqueue(ctx, w); err != nil {
		done(err)
	}
}

// Do runs an operation in a transaction that it may share with others, and returns
// once it is on the disk. The operation is undone if it returns an error. It runs
// on the committer's goroutine, after arrivals and outcomes of the same transaction:
// it has to be short, and must not call the store. It may run twice, if the first
// transaction could not be committed.
func (s *Store) Do(ctx context.Context, operation func(*Tx) error) error {
	return s.await(ctx, &work{do: operation})
}
