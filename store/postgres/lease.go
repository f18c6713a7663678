package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/store"
)

// The lease of a gateway. If it dies, what it has claimed is taken over once the lease
// has run out; if it cannot renew it, it stops attempting a little earlier.
const (
	Lease       = 10 * time.Second
	renewEvery  = 2 * time.Second
	renewWithin = 2 * time.Second
	rejoinEvery = 500 * time.Millisecond
	leaseMargin = time.Second
	// forgetAfter is when the row of a gateway goes that has left without a word.
	forgetAfter = 24 * time.Hour
)

const (
	// A number does not come back either, also if an older copy of the database is
	// restored while gateways run.
	joinQuery = `INSERT INTO gateways (number, name, since, expires)
SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint * 1000 + nextval('gateway_numbers') % 1000, $1, clock_timestamp(), clock_timestamp() + $2 * interval '1 ms' RETURNING number`
	renewQuery = `UPDATE gateways g SET expires = clock_timestamp() + $2 * interval '1 ms'
FROM (SELECT number, expires <= clock_timestamp() AS lapsed FROM gateways WHERE number = $1 FOR UPDATE) before WHERE g.number = before.number RETURNING before.lapsed`
	otherQuery  = `SELECT number, clock_timestamp() FROM gateways WHERE expires > clock_timestamp() ORDER BY number`
	leaveQuery  = `DELETE FROM gateways WHERE number = $1`
	forgetQuery = `DELETE FROM gateways WHERE expires < clock_timestamp() - $1 * interval '1 ms'`
	// Numbers follow the clock, so that they tell when an event came, and do not come
	// back if an older copy of the database is restored. Who moves them holds a lock;
	// those who take numbers meanwhile take fewer than a million.
	guardQuery   = `SELECT pg_advisory_xact_lock(hashtextextended('hookgate numbers', 0))`
	advanceQuery = `SELECT setval('event_numbers', clock.us) FROM (SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint AS us) clock, event_numbers
WHERE clock.us > event_numbers.last_value + 1000000`
)

// lease is a gateway's place among those that share the database. It has a connection
// of its own, so that nothing delays its renewal, and it outlives the others: that they
// are lost says nothing of the attempts in flight.
type lease struct {
	name    string
	connect func(context.Context) (*pgx.Conn, error)
	logger  *slog.Logger

	now atomic.Pointer[standing]
	set atomic.Pointer[shown] // nil before the database was asked

	mu      sync.Mutex // one starts or ends it
	running bool
	stop    context.CancelFunc
	ended   chan struct{}

	// For the heartbeat alone.
	conn  *pgx.Conn
	peers []int64
}

type standing struct {
	owner   int64
	term    int64
	until   time.Time // by the monotonic clock
	leads   bool
	others  int
	changes int
}

func newLease(name string, connect func(context.Context) (*pgx.Conn, error), logger *slog.Logger) *lease {
	l := &lease{name: name, connect: connect, logger: logger}
	l.now.Store(&standing{})
	return l
}

// standing returns how it stands now.
func (l *lease) standing() store.Standing {
	s, now := l.now.Load(), time.Now()
	// The monotonic clock may have stood still with the machine, the wall clock has not.
	held := s.owner != 0 && now.Before(s.until) && now.Round(0).Before(s.until.Round(0))
	return store.Standing{Shared: true, Owner: s.owner, Term: s.term, Held: held, Leads: held && s.leads, Others: s.others, Changes: s.changes}
}

// shown is what the database's clock showed at a time by the monotonic clock.
type shown struct{ time, at time.Time }

// clock is the database's clock, whatever becomes of this machine's; which is all that
// is known before the first renewal.
func (l *lease) clock() time.Time {
	r := l.set.Load()
	if r == nil {
		return time.Now()
	}
	return r.time.Add(time.Since(r.at))
}

// start takes the lease and keeps it. It does nothing if it is kept already.
func (l *lease) start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		return nil
	}
	if err := l.renew(ctx); err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.running, l.ended = true, make(chan struct{})
	go l.keep(ctx)
	return nil
}

// leave gives the lease up: others may have at once what is claimed.
func (l *lease) leave(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running {
		return nil
	}
	l.stop()
	<-l.ended
	l.running = false
	owner := l.now.Load().owner
	l.now.Store(&standing{})
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	conn, err := l.dial(ctx)
	if err == nil {
		_, err = conn.Exec(ctx, leaveQuery, owner)
		l.hangUp()
	}
	if err != nil {
		return fmt.Errorf("leaving the other gateways, who will notice in %s: %w", Lease, err)
	}
	return nil
}

// keep is the heartbeat.
func (l *lease) keep(ctx context.Context) {
	defer close(l.ended)
	timer := time.NewTimer(renewEvery)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := l.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !failing {
				l.logger.Warn("the lease cannot be renewed; trying again", slog.Any("error", err))
			}
			failing = true
			timer.Reset(rejoinEvery)
		default:
			if failing {
				l.logger.Info("the lease is renewed again")
			}
			failing = false
			timer.Reset(renewEvery)
		}
	}
}

// dial returns the connection, made anew if need be.
func (l *lease) dial(ctx context.Context) (conn *pgx.Conn, err error) {
	if l.conn == nil || l.conn.IsClosed() {
		l.conn, err = l.connect(ctx)
	}
	return l.conn, err
}

func (l *lease) hangUp() {
	if l.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = l.conn.Close(ctx) // it is not going to be used
	}
	l.conn = nil
}

// renew renews the lease, or takes one, and looks who else is there.
func (l *lease) renew(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	defer func() {
		if err != nil {
			l.hangUp()
		}
	}()
	conn, err := l.dial(ctx)
	if err != nil {
		return err
	}
	before := l.now.Load()
	started := time.Now()
	owner, lapsed, err := l.renewRow(ctx, conn, before.owner)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(guardQuery)
	batch.Queue(advanceQuery)
	batch.Queue(forgetQuery, forgetAfter.Milliseconds())
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	peers, err := l.look(ctx, conn)
	if err != nil {
		return err
	}
	l.follow(before, owner, lapsed, peers, started.Add(Lease-leaseMargin))
	return nil
}

// renewRow renews the row of the gateway, or makes one, and reports whether the lease had
// run out, or was none.
func (l *lease) renewRow(ctx context.Context, conn *pgx.Conn, before int64) (owner int64, lapsed bool, err error) {
	if before != 0 {
		err = conn.QueryRow(ctx, renewQuery, before, Lease.Milliseconds()).Scan(&lapsed)
		if !errors.Is(err, pgx.ErrNoRows) {
			return before, lapsed, err
		}
	}
	err = conn.QueryRow(ctx, joinQuery, l.name, Lease.Milliseconds()).Scan(&owner)
	return owner, true, err
}

// look returns who is there, and sets the clock.
func (l *lease) look(ctx context.Context, conn *pgx.Conn) ([]int64, error) {
	asked := time.Now()
	rows, err := conn.Query(ctx, otherQuery)
	if err != nil {
		return nil, err
	}
	var peers []int64
	var number int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&number, &at}, func() error {
		peers = append(peers, number)
		return nil
	})
	if err == nil && len(peers) > 0 {
		l.set.Store(&shown{time: at, at: asked.Add(time.Since(asked) / 2)})
	}
	return peers, err
}

// follow notes how the gateway stands.
func (l *lease) follow(before *standing, owner int64, lapsed bool, peers []int64, until time.Time) {
	s := &standing{owner: owner, term: before.term, until: until, changes: before.changes}
	if lapsed || !time.Now().Before(before.until) {
		s.term++ // meanwhile others may have taken over what was claimed
	}
	for _, p := range l.peers {
		if !slices.Contains(peers, p) {
			s.changes++
		}
	}
	s.leads = len(peers) > 0 && peers[0] == owner
	for _, p := range peers {
		if p != owner {
			s.others++
		}
	}
	l.peers = peers
	l.now.Store(s)
}
