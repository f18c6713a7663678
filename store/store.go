package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options are a store's settings. Zero values take the defaults.
type Options struct {
	// Now is the clock. Default: the database's.
	Now func() time.Time
	// Logger takes what happens beside the operations. Default: discard.
	Logger *slog.Logger
	// Migrations are those of packages that keep tables of their own, which are
	// run after this package's.
	Migrations []Migration
	// Match decides what the filter of a job takes, for jobs that have one: see [Job]. A
	// delivery that there is not has the event's fields and Head only. It is called beside
	// transactions. Default: all.
	Match func(filter []byte, d *Delivery) bool
	// Committed sees every committed transaction: how many operations it held and
	// how long it took, the fsync included. It must not block. Default: nobody.
	Committed func(operations int, took time.Duration)
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	Options
	Reader
	db    Database
	begin string

	queue   chan *work
	closing sync.RWMutex // held for reading while something is put into the queue
	closed  bool
	ended   chan struct{} // the committer has returned
	stop    chan struct{} // the watch shall return
	stopped sync.WaitGroup

	ctx        context.Context // of everything the committer does
	statements map[string]*sql.Stmt
	counts     counts
	warned     map[string]bool // of what Warnings says
	failure    atomic.Pointer[failure]
	space      atomic.Pointer[Space]
	full       atomic.Bool  // a write has found no room since space was looked at
	busy       atomic.Bool  // something was committed since the watch last looked
	changes    atomic.Int64 // see version
	freeSpace  atomic.Int64
	retention  atomic.Pointer[Retention]
	sweeper    sweeper
	adoptions  adoptions
	floors     floors
}

// failure is why the store is failed, and when it may be tried again.
type failure struct {
	err   error
	tries int
	next  time.Time
}

// Open opens the store that a database holds: it makes or migrates the tables,
// reads what is kept in memory, and starts the committer. What it cannot open, a
// person has to mend; but a database that does not answer is tried again until it
// does, and until then the store has failed.
func Open(ctx context.Context, db Database, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = db.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Committed == nil {
		o.Committed = func(int, time.Duration) {}
	}
	s := &Store{
		Options: o, db: db, begin: db.Dialect().Begin,
		queue: make(chan *work, queueLength), warned: make(map[string]bool), ended: make(chan struct{}), stop: make(chan struct{}),
		ctx: context.WithoutCancel(ctx),
	}
	s.Reader = Reader{source: db, dialect: db.Dialect(), trouble: s.unreadable, migrations: o.Migrations}
	s.space.Store(&Space{Free: -1})
	s.changes.Store(1)
	if err := s.load(ctx); errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFailed) && db.Standing().Shared {
		s.fail(err) // it is the server's, or the network's, and passes
	} else if err != nil {
		return nil, errors.Join(err, db.Leave(s.ctx), s.disconnect())
	}
	go s.run()
	s.stopped.Go(s.watch)
	s.stopped.Go(s.sweeps)
	return s, nil
}

// load opens the database and reads what is kept in memory.
func (s *Store) load(ctx context.Context) error {
	s.statements = make(map[string]*sql.Stmt)
	if err := s.db.Open(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return s.db.Classify(err)
	}
	if err := s.db.Load(ctx); err != nil {
		return err
	}
	// Not by what the store's readers ask: it may be failed, and is being opened anew.
	of, err := (&Reader{source: s.db, dialect: s.dialect, trouble: func() error { return nil }}).tally(ctx)
	if err != nil {
		return err
	}
	s.counts.set(of)
	for _, warning := range s.db.Warnings() {
		if !s.warned[warning] {
			s.warned[warning] = true
			s.Logger.Warn(warning)
		}
	}
	space, err := s.db.Space(ctx)
	if err != nil {
		return err
	}
	s.space.Store(&space)
	return nil
}

// Close answers what waits, and closes the database. Operations that come later
// get [ErrClosed].
func (s *Store) Close() error {
	s.closing.Lock()
	if s.closed {
		s.closing.Unlock()
		<-s.ended
		return nil
	}
	s.closed = true
	close(s.queue)
	s.closing.Unlock()
	close(s.stop)
	s.stopped.Wait()
	<-s.ended
	return errors.Join(s.db.Leave(s.ctx), s.disconnect())
}

// disconnect closes the database, and before it the statements: a connection lives as
// long as they do.
func (s *Store) disconnect() error {
	var errs []error
	for _, stmt := range s.statements {
		errs = append(errs, stmt.Close())
	}
	clear(s.statements)
	return errors.Join(append(errs, s.db.Close())...)
}

// SetFreeSpace says how many bytes have to be left on the disk for arrivals to be
// accepted. Outcomes and housekeeping may use them.
func (s *Store) SetFreeSpace(bytes int64) { s.freeSpace.Store(bytes) }

// Trouble returns why arrivals cannot be accepted now: nil, or an error that wraps
// [ErrFull], [ErrFailed] or [ErrClosed].
func (s *Store) Trouble() error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return s.open()
}

// open reports whether the store takes arrivals.
func (s *Store) open() error {
	if err := s.unreadable(); err != nil {
		return err
	}
	if s.full.Load() {
		return fmt.Errorf("%w: a write has found the disk full", ErrFull)
	}
	if space := s.space.Load(); space.Free >= 0 && space.Free < s.freeSpace.Load() {
		return fmt.Errorf("%w: %d bytes are left, and free_space is %d", ErrFull, space.Free, s.freeSpace.Load())
	}
	return nil
}

// Space returns how much room there was a moment ago.
func (s *Store) Space() Space { return *s.space.Load() }

// Standing returns how this process stands among those that share the database.
func (s *Store) Standing() Standing { return s.db.Standing() }

// Keys returns how many events are remembered in memory; -1 if they are not kept
// in memory.
func (s *Store) Keys() int { return s.db.Keys().Len() }

// watchEvery is how often the room on the disk is looked at, and how soon a failed
// store is tried again first.
const watchEvery = time.Second

// Each how many of those looks at a shared database is for what others have changed, and
// for how much is stored, which is a query there.
const (
	recountEvery = 3
	spaceEvery   = 30
)

// watch looks at the disk, and wakes the committer of a failed store so that it
// tries again. On a shared database it makes sure, when nothing else does, that it can
// be written to, and counts what others have changed.
func (s *Store) watch() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for tick := 1; ; tick++ {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		standing := s.db.Standing()
		shared := standing.Shared
		s.counts.follow(standing)
		idle := shared && !s.busy.Swap(false)
		if s.failure.Load() != nil || idle {
			_ = s.enqueue(s.ctx, &work{do: func(*Tx) error { return nil }, done: func(*work) {}})
		}
		s.full.Store(false)
		if s.failure.Load() != nil {
			continue
		}
		if shared && tick%recountEvery == 0 {
			s.recount()
		}
		if shared && tick%spaceEvery != 0 {
			continue
		}
		space, err := s.db.Space(s.ctx)
		switch {
		case err == nil:
			s.space.Store(&space)
		case shared: // it is an estimate; whether the database works its commits show
			s.Logger.Warn("it cannot be told how much is stored", slog.Any("error", err))
		default:
			s.Logger.Error("looking at the store's disk", slog.Any("error", err))
			s.fail(err)
		}
	}
}

// broken classifies an error of a transaction. One that says that the disk or the
// file cannot be trusted puts the store into the failed state.
func (s *Store) broken(err error) error {
	err = s.db.Classify(err)
	if errors.Is(err, ErrFailed) {
		s.fail(err)
	}
	return err
}

func (s *Store) fail(err error) {
	f := &failure{err: err, next: s.Now().Add(watchEvery)}
	if s.failure.CompareAndSwap(nil, f) {
		s.Logger.Error("the store has failed: nothing is accepted until it has been opened anew", slog.Any("error", err))
	}
}

// ready reports whether the committer can work. A failed store is opened anew from
// its file: what memory and the page cache hold of it is not trusted.
func (s *Store) ready() error {
	f := s.failure.Load()
	if f == nil {
		return nil
	}
	if s.Now().Before(f.next) {
		return fmt.Errorf("%w: %w", ErrFailed, f.err)
	}
	if err := s.disconnect(); err != nil {
		s.Logger.Warn("closing the failed store", slog.Any("error", err))
	}
	if err := s.load(s.ctx); err != nil {
		wait := min(watchEvery<<min(f.tries+1, 5), s.dialect.Reopen)
		s.failure.Store(&failure{err: err, tries: f.tries + 1, next: s.Now().Add(wait)})
		s.Logger.Error("the store is still failed", slog.Any("error", err), slog.String("next_try_in", wait.String()))
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	s.changes.Add(1)
	s.failure.Store(nil)
	s.Logger.Info("the store works again")
	return nil
}

// unreadable returns why the store cannot be read.
func (s *Store) unreadable() error {
	if f := s.failure.Load(); f != nil {
		return fmt.Errorf("%w: %w", ErrFailed, f.err)
	}
	if s.db.Readers() == nil {
		return ErrClosed
	}
	return nil
}
