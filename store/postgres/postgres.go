package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hookgate/hookgate/store"
)

// DefaultPool is how many connections read and claim, unless the connection string says
// so with pool_max_conns. Two more commit and keep the lease.
const DefaultPool = 4

// oldest is the oldest release of the server that has all that is used here, such as
// plan_cache_mode, as server_version_num tells it.
const oldest = 120000

// Database is a store's database. Make one with [New].
type Database struct {
	config atomic.Pointer[pgxpool.Config]
	logger *slog.Logger
	lease  *lease

	mu       sync.Mutex // for what Open and Close change
	writer   *sql.Conn
	db       *sql.DB // of the writer
	reads    *sql.DB
	warnings []string
}

var (
	_ store.Database = (*Database)(nil)
	_ store.Express  = (*Database)(nil)
)

// New names the database of a store by a connection string: a URL, postgres://…, or
// words such as host=… dbname=…, as libpq has them, and the pool_… settings of pgxpool.
// What it does not say is taken from the environment (PGHOST, PGPASSWORD, …). Nothing
// is connected before the database is opened. Errors do not show the password.
func New(dsn string, logger *slog.Logger) (*Database, error) {
	config, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	d := &Database{logger: logger}
	d.config.Store(config)
	d.lease = newLease(thisGateway(), d.connectLease, logger)
	return d, nil
}

func parse(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the connection string of PostgreSQL: %w", err)
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = DefaultPool
	}
	if config.ConnConfig.ConnectTimeout <= 0 || config.ConnConfig.ConnectTimeout > connectTimeout {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// Renew says how to connect from now on, as after a new password. It has to be to the
// same database.
func (d *Database) Renew(dsn string) error {
	config, err := parse(dsn)
	if err != nil {
		return err
	}
	if was, is := d.Name(), name(config.ConnConfig); was != is {
		return fmt.Errorf("%s is not %s: a store does not move while it is open", is, was)
	}
	d.config.Store(config)
	return nil
}

// thisGateway names the process for people who look at the table of gateways.
func thisGateway() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + ":" + strconv.Itoa(os.Getpid())
}

// Name says which database it is, without the password.
func (d *Database) Name() string { return name(d.config.Load().ConnConfig) }

func name(c *pgx.ConnConfig) string {
	return fmt.Sprintf("postgres://%s@%s/%s%s", c.User, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Database, schemaOf(c))
}

func schemaOf(c *pgx.ConnConfig) string {
	if path := c.RuntimeParams["search_path"]; path != "" {
		return "?search_path=" + path
	}
	return ""
}

// Open connects, and makes sure that what is committed there is kept.
func (d *Database) Open(ctx context.Context) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if err != nil {
			err = errors.Join(err, d.disconnect())
		}
	}()
	config := d.config.Load().Copy()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	password := stdlib.OptionBeforeConnect(d.password)
	d.db = stdlib.OpenDB(*settings(config.ConnConfig, writing()), password)
	d.db.SetMaxOpenConns(1)
	if d.writer, err = d.db.Conn(ctx); err != nil {
		return fmt.Errorf("connecting to %s: %w", d.Name(), unreachable(err))
	}
	if err := d.check(ctx); err != nil {
		return fmt.Errorf("opening %s: %w", d.Name(), err)
	}
	d.reads = stdlib.OpenDB(*settings(config.ConnConfig, reading()), password)
	d.reads.SetMaxOpenConns(int(config.MaxConns))
	d.reads.SetMaxIdleConns(int(config.MaxConns))
	d.reads.SetConnMaxLifetime(config.MaxConnLifetime)
	d.reads.SetConnMaxIdleTime(config.MaxConnIdleTime)
	return nil
}

// password gives a connection that is made later the password of today.
func (d *Database) password(_ context.Context, c *pgx.ConnConfig) error {
	c.Password = d.config.Load().ConnConfig.Password
	return nil
}

func (d *Database) connectLease(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, settings(d.config.Load().ConnConfig, leasing()))
}

// Writer is the connection that commits.
func (d *Database) Writer() *sql.Conn { return d.writer }

// Readers are the pool.
func (d *Database) Readers() *sql.DB {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reads
}

// Dialect is PostgreSQL's.
func (d *Database) Dialect() store.Dialect { return dialect }

// Load moves the numbers up to the clock, and takes the lease. An earlier one, if it
// runs, goes on.
func (d *Database) Load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	for _, query := range []string{"BEGIN", guardQuery, advanceQuery, "COMMIT"} {
		if _, err := d.writer.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("numbering: %w", classify(err))
		}
	}
	if err := d.lease.start(ctx); err != nil {
		return fmt.Errorf("joining the gateways of %s: %w", d.Name(), unreachable(classify(err)))
	}
	return nil
}

// Leave gives the lease up.
func (d *Database) Leave(ctx context.Context) error { return d.lease.leave(ctx) }

// migrating holds a lock that all gateways know, whichever tables they have in mind.
const migrating = `hashtextextended('hookgate migrations', 0)`

// lockPoll is how often it is looked whether another gateway has migrated.
const lockPoll = 100 * time.Millisecond

// Lock waits until nobody else migrates. It is let go of with the connection at the
// latest.
func (d *Database) Lock(ctx context.Context) (unlock func() error, err error) {
	exec := func(query string) error {
		ctx, cancel := context.WithTimeout(ctx, statementTimeout)
		defer cancel()
		_, err := d.writer.ExecContext(ctx, query)
		return classify(err)
	}
	try := func() (got bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, statementTimeout)
		defer cancel()
		err = d.writer.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+migrating+")").Scan(&got)
		return got, classify(err)
	}
	for {
		got, err := try()
		if err != nil {
			return nil, err
		}
		if got {
			break
		}
		select { // another gateway migrates, which may take long
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	unlock = func() error {
		return errors.Join(exec("RESET statement_timeout"), exec("RESET lock_timeout"), exec("SELECT pg_advisory_unlock("+migrating+")"))
	}
	if err := errors.Join(exec("SET statement_timeout = 0"), exec("SET lock_timeout = 0")); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// Tidy has nothing to do: what was erased is overwritten once the server's vacuum has
// made room of it.
func (d *Database) Tidy(context.Context, bool) error { return nil }

// Yield has nothing to give up.
func (d *Database) Yield(context.Context) error { return nil }

// Protect makes no copy: that of a server is for its operator to make.
func (d *Database) Protect(context.Context, int) (string, error) { return "", nil }

// Backup says how to make one.
func (d *Database) Backup(context.Context, string) error {
	return errors.New("a store in PostgreSQL is backed up with the server's own tools: pg_dump for a copy, base backups and WAL archiving for a point in time; see docs/operating.md")
}

// Now is the database's clock.
func (d *Database) Now() time.Time { return d.lease.clock() }

// Standing is this gateway's.
func (d *Database) Standing() store.Standing { return d.lease.standing() }

// Close disconnects. The lease goes on until [Database.Leave].
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.disconnect()
}

func (d *Database) disconnect() error {
	var errs []error
	if d.reads != nil {
		errs = append(errs, d.reads.Close())
	}
	if d.writer != nil {
		if err := d.writer.Close(); !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	d.reads, d.writer, d.db = nil, nil, nil
	return errors.Join(errs...)
}
