package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/store"
)

var _ store.Importer = (*Database)(nil)

const (
	// importLock is how long others may take to let go of a table.
	importLock = 10 * time.Second
	// importCommit is how long the commit may take: what was copied is on the server by
	// then, but for the last moment.
	importCommit = 5 * time.Minute
)

const (
	liveQuery = `SELECT name FROM gateways WHERE expires > clock_timestamp() ORDER BY number`
	// Nobody migrates the tables meanwhile.
	aloneQuery = `SELECT pg_try_advisory_xact_lock(` + migrating + `)`
	// A gateway that had no lease for a moment cannot write, and one that starts gets none
	// until the import has ended.
	exclusiveQuery = `LOCK TABLE gateways, %s IN EXCLUSIVE MODE`
	// Afterwards the file is not used any more, so it has to be on the server's disk.
	durableQuery = `SELECT set_config('synchronous_commit', 'on', TRUE) WHERE current_setting('synchronous_commit') = 'off'`
	beyondQuery  = `SELECT setval('event_numbers', GREATEST(s.last_value, e.seq)) FROM event_numbers s, (SELECT MAX(seq) AS seq FROM events) e`
)

// Vacant reports whether a store can be moved here.
func (d *Database) Vacant(ctx context.Context, tables []string) error {
	if err := errors.Join(d.Open(ctx), d.Close()); err != nil { // the server is as it has to be
		return err
	}
	return d.importing(ctx, func(conn *pgx.Conn) error { return vacant(ctx, conn, tables) })
}

// importing runs f with a connection of its own, on which nothing is too slow.
func (d *Database) importing(ctx context.Context, f func(*pgx.Conn) error) error {
	config := d.config.Load().ConnConfig.Copy()
	for name, value := range map[string]string{
		"application_name": "hookgate import", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "lock_timeout": milliseconds(importLock), "jit": "off",
	} {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", d.Name(), unreachable(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		_ = conn.Close(ctx) // what it has done is committed, or undone
	}()
	return f(conn)
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// vacant reports whether nobody uses the store and nothing is in it.
func vacant(ctx context.Context, q querier, tables []string) error {
	for _, table := range append([]string{"gateways"}, tables...) {
		var there bool
		if err := q.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there); err != nil {
			return classify(err)
		}
		if !there {
			continue
		}
		if table == "gateways" {
			if err := unused(ctx, q); err != nil {
				return err
			}
			continue
		}
		var rows int64
		if err := q.QueryRow(ctx, "SELECT COUNT(*) FROM "+table).Scan(&rows); err != nil {
			return classify(err)
		}
		if rows > 0 {
			return &store.OccupiedError{Table: table, Rows: rows}
		}
	}
	return nil
}

// unused reports whether no gateway has a lease.
func unused(ctx context.Context, q querier) error {
	rows, err := q.Query(ctx, liveQuery)
	if err != nil {
		return classify(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return classify(err)
	}
	if len(names) > 0 {
		return fmt.Errorf("postgres: %s uses it: stop all gateways on this database first; one that was killed is gone after %v", strings.Join(names, ", "), Lease)
	}
	return nil
}

// Import fills the tables in one transaction.
func (d *Database) Import(ctx context.Context, tables []string, fill func(store.Intake) error) error {
	return d.importing(ctx, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return classify(err)
		}
		if err = alone(ctx, tx, tables); err == nil {
			err = fill(&intake{tx})
		}
		if err == nil {
			_, err = tx.Exec(ctx, beyondQuery)
		}
		if err != nil {
			_ = tx.Rollback(ctx)                        // a lost connection does the same
			if canceled := ctx.Err(); canceled != nil { // which takes the connection with it
				return fmt.Errorf("%w: %w", canceled, err)
			}
			return classify(err)
		}
		if err := commit(ctx, tx); err != nil {
			return err
		}
		// The server does so by itself, but not before the first gateway asks.
		_, _ = conn.Exec(ctx, "ANALYZE "+strings.Join(tables, ", "))
		return nil
	})
}

// alone makes sure that nobody else uses the database before the transaction ends.
func alone(ctx context.Context, tx pgx.Tx, tables []string) error {
	var got bool
	if err := tx.QueryRow(ctx, aloneQuery).Scan(&got); err != nil {
		return err
	}
	if !got {
		return errors.New("postgres: a gateway is starting on it, or another import is under way: wait for the one, or stop the other")
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(exclusiveQuery, strings.Join(tables, ", "))); err != nil {
		return fmt.Errorf("waiting for others to let go of the tables: %w", err)
	}
	if _, err := tx.Exec(ctx, durableQuery); err != nil {
		return err
	}
	return vacant(ctx, tx, tables)
}

// commit commits even if nobody waits any more: half of a commit is neither.
func commit(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), importCommit)
	defer cancel()
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCommit, classify(err))
	}
	return nil
}

// intake is the transaction of an import.
type intake struct{ tx pgx.Tx }

// Copy streams rows to a table.
func (i *intake) Copy(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	var unread error // the server only says that the copy was given up
	n, err := i.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		var row []any
		row, unread, _ = next() // no row is the end, as pgx has it
		return row, unread
	}))
	if unread != nil {
		return 0, unread
	}
	return n, classify(err)
}

// Query runs a query.
func (i *intake) Query(ctx context.Context, query string, row func(scan func(...any) error) error) error {
	rows, err := i.tx.Query(ctx, query)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return classify(rows.Err())
}
