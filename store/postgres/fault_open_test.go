package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
)

// guarded is a server that wants a password of everybody but its owner, and a database
// of its user gate.
func guarded(t *testing.T) (server *pgserver.Server, admin *pgx.Conn, dsn string) {
	t.Helper()
	server = pgserver.Own(t)
	admin = connect(t, server.DSN("postgres"))
	var rules string
	if err := admin.QueryRow(t.Context(), "SHOW hba_file").Scan(&rules); err != nil {
		t.Fatal(err)
	}
	run(t, admin, "CREATE ROLE gate LOGIN PASSWORD 'correct-horse'", "CREATE ROLE guest LOGIN PASSWORD 'correct-horse'", "CREATE DATABASE gates OWNER gate",
		`COPY (VALUES ('host all hookgate 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 scram-sha-256')) TO '`+rules+`'`,
		"SELECT pg_reload_conf()")
	return server, admin, as(t, server.DSN("gates"), "gate", "correct-horse")
}

// as is a connection string with another user.
func as(t *testing.T, dsn, name, password string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

// What a person has to mend is said at once, and without the password; what passes by
// itself is waited for.
func TestWhatCannotBeOpened(t *testing.T) {
	server, admin, dsn := guarded(t)
	run(t, admin, "CREATE DATABASE standby OWNER gate", "ALTER DATABASE standby SET default_transaction_read_only = on", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 OWNER gate")
	for _, c := range []struct {
		name, dsn string
		passes    bool
		says      []string
	}{
		{"wrong password", as(t, server.DSN("gates"), "gate", "wrong-horse"), false, []string{"password", "gate"}},
		{"unknown user", as(t, server.DSN("gates"), "nobody", "correct-horse"), false, []string{"nobody"}},
		{"unknown database", as(t, server.DSN("nowhere"), "gate", "correct-horse"), false, []string{"nowhere"}},
		{"no right to make tables", as(t, server.DSN("gates"), "guest", "correct-horse"), false, []string{"permission denied"}},
		{"another encoding", as(t, server.DSN("latin"), "gate", "correct-horse"), false, []string{"UTF8"}},
		{"a standby", as(t, server.DSN("standby"), "gate", "correct-horse"), true, []string{"read-only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			started := time.Now()
			b, err := tryFaultBed(t, c.dsn, dsn, store.Options{})
			if took := time.Since(started); took > generous {
				t.Errorf("it took %s", took)
			}
			if c.passes {
				if err != nil {
					t.Fatalf("opening: %v", err)
				}
				err = b.Trouble()
			}
			if err == nil {
				t.Fatal("no error")
			}
			if passes := errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrFailed); passes != c.passes {
				t.Errorf("passes by itself: %t, want %t: %v", passes, c.passes, err)
			}
			for _, text := range c.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q does not say %q", err, text)
				}
			}
			if said := err.Error() + b.log.String(); strings.Contains(said, "-horse") {
				t.Errorf("the password is shown: %s", said)
			}
		})
	}
}

// A standby that is promoted is written to without anybody's doing.
func TestStandbyIsPromoted(t *testing.T) {
	dsn := pgserver.Database(t)
	admin := connect(t, dsn)
	name := databaseOf(dsn)
	run(t, admin, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	b := openFaultBed(t, dsn, dsn, store.Options{})
	passing(t, b.troubled())
	run(t, admin, "SET default_transaction_read_only = off", "ALTER DATABASE "+name+" RESET default_transaction_read_only")
	b.recovers()
	b.complete()
}

// A primary that becomes a standby under an open store is left: what it refuses is not
// acknowledged, and the store works again when it can be written to.
func TestPrimaryBecomesReadOnly(t *testing.T) {
	dsn := pgserver.Database(t)
	admin := connect(t, dsn)
	name := databaseOf(dsn)
	b := openFaultBed(t, dsn, dsn, store.Options{})
	b.mustSend()
	run(t, admin, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	run(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	passing(t, b.troubled())
	await(t, generous, "nothing says why", func() bool {
		err := b.Trouble()
		return err != nil && strings.Contains(err.Error(), "read-only")
	})
	run(t, admin, "SET default_transaction_read_only = off", "ALTER DATABASE "+name+" RESET default_transaction_read_only")
	b.recovers()
	b.complete()
}

// A server that does not run yet does not keep a gateway from starting: it says why it
// accepts nothing, and works when the server does.
func TestServerStartsLater(t *testing.T) {
	server := pgserver.Own(t)
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	crash(t, server, dsn)
	b, err := tryFaultBed(t, dsn, dsn, store.Options{})
	if err != nil {
		t.Fatalf("opening without a server: %v", err)
	}
	trouble := b.Trouble()
	if trouble == nil || !strings.Contains(trouble.Error(), fmt.Sprint(server.Port())) {
		t.Errorf("the trouble does not say what cannot be reached: %v", trouble)
	}
	_, err = b.send(t.Context())
	passing(t, err)
	if err == nil {
		t.Error("an event was accepted without a server")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	b.recovers()
	b.complete()
}

// A password that is changed while the store is open is taken over with the next
// connection; before that, what is refused is waited out.
func TestPasswordIsChanged(t *testing.T) {
	server, admin, dsn := guarded(t)
	b := openFaultBed(t, dsn, server.DSN("gates"), store.Options{})
	b.mustSend()
	run(t, admin, "ALTER ROLE gate PASSWORD 'other-horse'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gate'")
	passing(t, b.troubled())
	await(t, generous, "nothing says why", func() bool {
		err := b.Trouble()
		return err != nil && strings.Contains(err.Error(), "password")
	})
	if err := b.db.Renew(as(t, server.DSN("elsewhere"), "gate", "other-horse")); err == nil {
		t.Error("the store has moved to another database")
	}
	if err := b.db.Renew(as(t, server.DSN("gates"), "gate", "other-horse")); err != nil {
		t.Fatal(err)
	}
	b.recovers()
	if !b.Standing().Held {
		await(t, generous, "the lease is not renewed", func() bool { return b.Standing().Held })
	}
	if log := b.log.String(); strings.Contains(log, "-horse") {
		t.Errorf("the password is shown: %s", log)
	}
	b.complete()
}
