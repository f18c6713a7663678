package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// shared is a global configuration whose store is a database. The connection string is
// in the environment, under a name of the test's own.
func shared(t testing.TB, dsn string, more ...string) string {
	t.Helper()
	t.Setenv("HOOKGATE_POSTGRES", dsn)
	return quiet + sharedBlock("{env.HOOKGATE_POSTGRES}", more...)
}

func sharedBlock(dsn string, more ...string) string {
	return "webhooks {\nstore postgres " + dsn + "\n" + strings.Join(more, "\n") + "\n}\n"
}

// ask runs statements in a database.
func ask(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// count returns the number that a query says.
func count(t testing.TB, dsn, query string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// guarded starts a server that asks the role webhooks for its password, and makes it
// a database. It returns the server, the database's connection string for the superuser
// and a function that makes the one of the role.
func guarded(t testing.TB, password string) (server *pgserver.Server, super string, as func(password string) string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hookgate-hba-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server has a user of its own
		t.Fatal(err)
	}
	hba := filepath.Join(dir, "hba.conf")
	rules := "host all hookgate 127.0.0.1/32 trust\nhost all webhooks 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(hba, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	server = pgserver.Own(t, "hba_file="+hba)
	super, err = server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask(t, super, "CREATE ROLE webhooks LOGIN PASSWORD '"+password+"'", "GRANT CREATE, USAGE ON SCHEMA public TO webhooks")
	at, _ := strings.CutPrefix(super, "postgres://hookgate@")
	return server, super, func(password string) string { return fmt.Sprintf("postgres://webhooks:%s@%s", password, at) }
}

// postAdmin asks a running Caddy for something that has a body.
func postAdmin(t testing.TB, address, path, body string) (int, string) {
	t.Helper()
	transport, origin, err := caddymodule.AdminTransport(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/webhooks/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	r.Header.Set("Content-Type", "application/json")
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func numberOf(n int64) string { return strconv.FormatInt(n, 10) }
