package postgres_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// What an error of the server, or of the way to it, means for who waits for the commit.
func TestClassify(t *testing.T) {
	db, err := postgres.New("postgres://nobody@127.0.0.1:1/none", nil)
	if err != nil {
		t.Fatal(err)
	}
	state := func(code string) error { return &pgconn.PgError{Severity: "ERROR", Code: code, Message: "message"} }
	classes := []error{store.ErrFailed, store.ErrFull, store.ErrUnavailable, store.ErrConflict}
	for _, c := range []struct {
		err  error
		want error // nil: it is left as it is
	}{
		{state("40001"), store.ErrConflict},    // serialization_failure
		{state("40P01"), store.ErrConflict},    // deadlock_detected
		{state("23505"), store.ErrConflict},    // unique_violation
		{state("53100"), store.ErrFull},        // disk_full
		{state("53200"), store.ErrUnavailable}, // out_of_memory
		{state("53300"), store.ErrUnavailable}, // too_many_connections
		{state("55P03"), store.ErrUnavailable}, // lock_not_available
		{state("57014"), store.ErrUnavailable}, // query_canceled
		{state("57P01"), store.ErrFailed},      // admin_shutdown
		{state("57P02"), store.ErrFailed},      // crash_shutdown
		{state("57P03"), store.ErrFailed},      // cannot_connect_now
		{state("57P05"), store.ErrFailed},      // idle_session_timeout
		{state("58030"), store.ErrFailed},      // io_error
		{state("XX001"), store.ErrFailed},      // data_corrupted
		{state("XX000"), store.ErrFailed},      // internal_error
		{state("25006"), store.ErrFailed},      // read_only_sql_transaction
		{state("25P03"), store.ErrFailed},      // idle_in_transaction_session_timeout
		{state("08006"), store.ErrFailed},      // connection_failure
		{state("08P01"), store.ErrFailed},      // protocol_violation
		{state("F0001"), store.ErrFailed},      // lock_file_exists
		{state("22021"), nil},                  // character_not_in_repertoire
		{state("22P05"), nil},                  // untranslatable_character
		{state("23502"), nil},                  // not_null_violation
		{state("54000"), nil},                  // program_limit_exceeded
		{state("42P01"), nil},                  // undefined_table
		{errors.New("an error"), nil},
		{io.EOF, store.ErrFailed},
		{io.ErrUnexpectedEOF, store.ErrFailed},
		{net.ErrClosed, store.ErrFailed},
		{driver.ErrBadConn, store.ErrFailed},
		{context.DeadlineExceeded, store.ErrFailed},
		{os.ErrDeadlineExceeded, store.ErrFailed},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, store.ErrFailed},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, store.ErrFailed},
		{errors.New("conn closed"), store.ErrFailed},
		{fmt.Errorf("%w: earlier", store.ErrConflict), store.ErrConflict},
		{fmt.Errorf("%w: earlier", store.ErrFull), store.ErrFull},
	} {
		for _, wrapped := range []error{c.err, fmt.Errorf("committing: %w", c.err)} {
			got := db.Classify(wrapped)
			if !errors.Is(got, c.err) || !strings.Contains(got.Error(), c.err.Error()) {
				t.Errorf("%v became %v, and does not say why", wrapped, got)
			}
			for _, class := range classes {
				if errors.Is(got, class) != (class == c.want) {
					t.Errorf("%v became %v, want %v", wrapped, got, c.want)
				}
			}
		}
	}
	if db.Classify(nil) != nil {
		t.Error("no error became one")
	}
	again := db.Classify(state("53100"))
	if db.Classify(again).Error() != again.Error() {
		t.Errorf("classified twice: %v", db.Classify(again))
	}
}

// A server that may lose what it has committed is warned of, by what is set for the
// store's own database; one that does not is not.
//
// (F-22)
func TestWarnings(t *testing.T) {
	const (
		asynchronous = "synchronous_commit is off: "
		local        = "synchronous_commit is local: "
		remote       = "synchronous_commit is remote_write: "
		unsynced     = "fsync is off: "
		torn         = "full_page_writes is off: "
	)
	sound, loose := pgserver.Own(t), pgserver.Own(t, "fsync=off", "full_page_writes=off")
	for _, c := range []struct {
		name   string
		server *pgserver.Server
		level  string // of synchronous_commit
		others string // the standbys
		want   []string
	}{
		{"as it comes", sound, "on", "", nil},
		{"off", sound, "off", "", []string{asynchronous}},
		{"local without standbys", sound, "local", "", nil},
		{"remote_write without standbys", sound, "remote_write", "", nil},
		{"local with standbys", sound, "local", "ghost", []string{local}},
		{"neither synced nor whole", loose, "on", "", []string{unsynced, torn}},
		{"nothing is safe", loose, "off", "", []string{asynchronous, unsynced, torn}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn, err := c.server.Database(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			admin := connect(t, dsn)
			run(t, admin, "ALTER DATABASE "+databaseOf(dsn)+" SET synchronous_commit = "+c.level, "ALTER SYSTEM SET synchronous_standby_names = '"+c.others+"'", "SELECT pg_reload_conf()")
			await(t, generous, "the setting is not taken over", func() bool {
				var now string
				return admin.QueryRow(t.Context(), "SHOW synchronous_standby_names").Scan(&now) == nil && now == c.others
			})
			b := openFaultBed(t, dsn, dsn, store.Options{})
			got := b.db.Warnings()
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, warning := range got {
				if strings.Count(b.log.String(), warning) != 1 {
					t.Errorf("%q is not logged once: %s", warning, &b.log)
				}
			}
			run(t, admin, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A commit that waits for a standby which does not come is not acknowledged.
func TestCommitWithoutItsStandby(t *testing.T) {
	t.Parallel() // it waits most of the time
	server := pgserver.Own(t)
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := openFaultBed(t, dsn, dsn, store.Options{})
	b.mustSend()
	admin := connect(t, server.DSN("postgres"))
	run(t, admin, "ALTER SYSTEM SET synchronous_standby_names = 'ghost'", "SELECT pg_reload_conf()")
	other := connect(t, server.DSN("postgres"))
	await(t, generous, "the setting is not taken over", func() bool {
		var now string
		return other.QueryRow(t.Context(), "SHOW synchronous_standby_names").Scan(&now) == nil && now == "ghost"
	})
	if v, err := b.send(t.Context()); err == nil {
		t.Errorf("%+v was acknowledged, and no standby has it", v)
	} else {
		passing(t, err)
	}
	passing(t, b.troubled())
	run(t, admin, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
	b.recovers()
	b.complete()
}
