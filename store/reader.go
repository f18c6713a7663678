package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
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
	often      prepared
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
	return r.query(ctx, query, args, row, false)
}

// QueryOften is [Reader.Query] for what is run so often that parsing it would be most of its
// cost. It is kept: there are few such queries, and their texts never change.
func (r *Reader) QueryOften(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) error {
	return r.query(ctx, query, args, row, r.dialect.Prepare)
}

func (r *Reader) query(ctx context.Context, query string, args []any, row func(scan func(...any) error) error, prepare bool) error {
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
	query = r.dialect.rebind(query)
	var rows *sql.Rows
	var err error
	if prepare {
		var stmt *sql.Stmt
		if stmt, err = r.often.of(ctx, db, query); err == nil {
			rows, err = stmt.QueryContext(ctx, args...)
		}
	} else {
		rows, err = db.QueryContext(ctx, query, args...)
	}
	if err == nil {
		err = eachRow(rows, row)
	}
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	return r.source.Classify(fmt.Errorf("querying: %w", err))
}

// prepared are queries that are kept, of one opening of the database.
type prepared struct {
	mu    sync.Mutex
	db    *sql.DB
	known map[string]*sql.Stmt
}

// of returns a query, which is prepared the first time.
func (p *prepared) of(ctx context.Context, db *sql.DB, query string) (*sql.Stmt, error) {
	if stmt := p.add(db, query, nil); stmt != nil {
		return stmt, nil
	}
	stmt, err := db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	kept := p.add(db, query, stmt)
	if kept != stmt {
		_ = stmt.Close() // another was faster
	}
	return kept, nil
}

// add returns what is kept of a query, which is stmt if there was nothing. What was kept of
// another opening was closed with it.
func (p *prepared) add(db *sql.DB, query string, stmt *sql.Stmt) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != db {
		p.db, p.known = db, make(map[string]*sql.Stmt)
	}
	if kept := p.known[query]; kept != nil || stmt == nil {
		return kept
	}
	p.known[query] = stmt
	return stmt
}

// errEnough ends a query early.
var errEnough = errors.New("enough")

// one reads a single number; 0 for none or NULL.
func (r *Reader) one(ctx context.Context, query string, args ...any) (int64, error) {
	var value sql.NullInt64
	err := r.Query(ctx, query, args, func(scan func(...any) error) error { return scan(&value) })
	return value.Int64, err
}
