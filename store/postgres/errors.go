package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgate/hookgate/store"
)

// Classify wraps an error of the server, or of the way to it, in one of package store.
func (d *Database) Classify(err error) error { return classify(err) }

// classify goes by the SQLSTATE, see "PostgreSQL Error Codes" in the server's manual.
// Whatever ends the connection makes the store fail, which is then opened anew.
func classify(err error) error {
	if err == nil || known(err) {
		return err
	}
	if lost(err) {
		return fmt.Errorf("%w: the connection to PostgreSQL is lost: %w", store.ErrFailed, err)
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	is := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(e.Code, p) {
				return true
			}
		}
		return false
	}
	switch {
	case is("40001", "40P01", "23505"): // serialization, deadlock, unique
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case is("53100"): // disk full
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case is("08", "57P", "58", "XX", "25006", "25P03", "25P04", "F0"): // gone, stopping, I/O, damage, a standby, idle too long
		return fmt.Errorf("%w: %w", store.ErrFailed, err)
	case is("53", "55", "57"): // resources, locks, canceled by a timeout
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// known reports whether an error is classified already.
func known(err error) bool {
	for _, class := range []error{store.ErrFailed, store.ErrFull, store.ErrUnavailable, store.ErrConflict} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// lost reports whether an error is one of the connection.
func lost(err error) bool {
	var network net.Error
	var connecting *pgconn.ConnectError
	for _, gone := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, errClosed} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return errors.As(err, &network) || errors.As(err, &connecting) || strings.Contains(err.Error(), "conn closed")
}

// errClosed: there is no connection at present.
var errClosed = errors.New("postgres: not connected")

// unreachable says of an error of connecting whether it passes by itself. One of the
// configuration does not: a wrong password, a database that does not exist.
func unreachable(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && (strings.HasPrefix(e.Code, "28") || strings.HasPrefix(e.Code, "3D") || strings.HasPrefix(e.Code, "42")) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
