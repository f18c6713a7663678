package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Source is a database as far as it is read.
type Source interface {
	// Readers is for everything that only reads; nil while the database is closed.
	Readers() *sql.DB
	// Dialect is how its SQL differs.
	Dialect() Dialect
	// Classify wraps an error of the database in one of this package's, if it is
	// one that the caller of an operation has to tell.
	Classify(err error) error
	// Backup writes a consistent, checked copy of the database to a new file.
	Backup(ctx context.Context, path string) error
	// Close disconnects.
	Close() error
}

// Reader is what of a store can be read. A [Store] has one; [OpenReader] makes one
// of a database that nobody writes. It is safe for concurrent use.
type Reader struct {
	source  Source
	dialect Dialect
	trouble func() error // why it cannot be read
	// migrations are those of packages that keep tables of their own.
	migrations []Migration
}

// OpenReader reads the store that a database holds, and changes nothing: tables that
// are to be migrated first are refused. The migrations are those of packages that keep
// tables of their own there, for [Reader.Move] to know of.
func OpenReader(ctx context.Context, source Source, migrations ...Migration) (*Reader, error) {
	r := &Reader{source: source, dialect: source.Dialect(), trouble: func() error { return nil }, migrations: migrations}
	at, err := r.versions(ctx)
	if err == nil {
		err = current(at)
	}
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return r, nil
}

// Close disconnects. What is read later gets [ErrClosed].
func (r *Reader) Close() error { return r.source.Close() }

// Backup writes a consistent, checked copy of the whole store to a new file, while
// everything goes on. It does not replace a file.
func (r *Reader) Backup(ctx context.Context, path string) error {
	if err := r.trouble(); err != nil {
		return err
	}
	if r.source.Readers() == nil {
		return ErrClosed
	}
	return r.source.Backup(ctx, path)
}

// Query runs a query of the common SQL, with ? for parameters, and calls row for each
// row, until row returns an error, which is returned. It is for packages that have tables
// of their own. Row must neither block nor use the store.
func (r *Reader) Query(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) error {
	if err := r.trouble(); err != nil {
		return err
	}
	db := r.source.Readers()
	if db == nil {
		return ErrClosed
	}
	ctx, cancel := wait(ctx, r.dialect.Patience)
	defer cancel()
	r.dialect.texts(args)
	rows, err := db.QueryContext(ctx, r.dialect.rebind(query), args...)
	if err == nil {
		err = eachRow(rows, row)
	}
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	return r.source.Classify(fmt.Errorf("querying: %w", err))
}

// each runs a query, prepared once, for many arguments, and calls row for each row. It
// is for a database at hand: each query is a round trip.
func (r *Reader) each(ctx context.Context, query string, args [][]any, row func(scan func(...any) error) error) error {
	if err := r.trouble(); err != nil {
		return err
	}
	db := r.source.Readers()
	if db == nil {
		return ErrClosed
	}
	stmt, err := db.PrepareContext(ctx, r.dialect.rebind(query))
	if err == nil {
		defer func() { _ = stmt.Close() }() // its error would be that of what it has read
	}
	for i := 0; err == nil && i < len(args); i++ {
		var rows *sql.Rows
		if rows, err = stmt.QueryContext(ctx, args[i]...); err == nil {
			err = eachRow(rows, row)
		}
	}
	if err == nil {
		return nil
	}
	return r.source.Classify(fmt.Errorf("querying: %w", err))
}

// errEnough ends a query early.
var errEnough = errors.New("enough")

// one reads a single number; 0 for none or NULL.
func (r *Reader) one(ctx context.Context, query string, args ...any) (int64, error) {
	var value sql.NullInt64
	err := r.Query(ctx, query, args, func(scan func(...any) error) error { return scan(&value) })
	return value.Int64, err
}
