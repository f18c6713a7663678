package caddymodule_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/caddymodule"
)

// listening counts the connections to a loopback address that nobody answers.
func listening(t testing.TB) (address string, connections func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{}, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			seen <- struct{}{}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), func() int { return len(seen) }
}

// TestValidatePostgres: what is wrong with a store's configuration is said when it is
// validated, without a connection, and never with the password.
func TestValidatePostgres(t *testing.T) {
	address, connections := listening(t)
	app := forwarding(freeAddress(t), "forward "+freeAddress(t))
	dir := t.TempDir()
	const password = "canary-validated-password"
	good := "postgres://webhooks:" + password + "@" + address + "/hookgate"
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + path + "}"
	}
	t.Setenv("HOOKGATE_POSTGRES", good)
	t.Setenv("HOOKGATE_BROKEN", "postgres://webhooks:"+password+"@"+address+"/hookgate?pool_max_conns=many")
	t.Setenv("HOOKGATE_EMPTY", " ")
	for name, row := range map[string]struct{ dsn, wrong string }{
		"environment":       {"{env.HOOKGATE_POSTGRES}", ""},
		"file":              {file("good", good+"\n"), ""},
		"literal URL":       {good, ""},
		"literal words":     {`"host=127.0.0.1 dbname=hookgate password=` + password + `"`, ""},
		"unset":             {"{env.HOOKGATE_UNSET}", "the environment variable HOOKGATE_UNSET is not set or empty"},
		"empty":             {"{env.HOOKGATE_EMPTY}", "the environment variable HOOKGATE_EMPTY is not set or empty"},
		"no file":           {"{file." + filepath.Join(dir, "none") + "}", "no such file"},
		"empty file":        {file("empty", "\n"), "the file is empty"},
		"relative file":     {"{file.secret}", "an absolute path"},
		"of the request":    {"{http.request.host}", "only {env.NAME} and {file./absolute/path}"},
		"partly":            {"postgres://webhooks:{env.HOOKGATE_POSTGRES}@" + address + "/hookgate", "a placeholder stands for the whole secret"},
		"pool size":         {"{env.HOOKGATE_BROKEN}", "pool_max_conns"},
		"no connection":     {"somewhere", "the connection string of PostgreSQL"},
		"unescaped slash":   {"postgres://webhooks:" + password + "/x@" + address + "/hookgate", "the connection string of PostgreSQL"},
		"unescaped percent": {"postgres://webhooks:%zz" + password + "@" + address + "/hookgate", "the connection string of PostgreSQL"},
		"unfinished quote":  {`"host=127.0.0.1 password='` + password + `"`, "the connection string of PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, sharedBlock(row.dsn), app)
			if row.wrong == "" && err != nil {
				t.Errorf("it is refused: %v", err)
			}
			if row.wrong != "" && (err == nil || !strings.Contains(err.Error(), row.wrong) || !strings.Contains(err.Error(), "store postgres")) {
				t.Errorf("error %v, wanted %q", err, row.wrong)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
	if err := validate(t, sharedBlock("{env.HOOKGATE_POSTGRES}", "free_space 1GiB"), app); err == nil || !strings.Contains(err.Error(), "free_space is about the disk of a sqlite store") {
		t.Errorf("free_space: error %v", err)
	}
	if n := connections(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if n := caddymodule.Open(); n != 0 {
		t.Errorf("%d stores are open", n)
	}
}

// TestStoreJSON: the form of the configuration that is not a Caddyfile's.
func TestStoreJSON(t *testing.T) {
	t.Setenv("HOOKGATE_POSTGRES", "postgres://hookgate@127.0.0.1:1/hookgate")
	for text, wrong := range map[string]string{
		`{"engine":"postgres","dsn":"{env.HOOKGATE_POSTGRES}"}`:        "",
		`{"engine":"postgres","dsn":"host=127.0.0.1 dbname=hookgate"}`: "",
		`{"engine":"sqlite"}`: "",
		`{"engine":"sqlite","file":"/var/lib/webhooks/events.db"}`: "",
		`{"engine":"postgres"}`: "store postgres: it needs a connection string",
		`{"engine":"postgres","file":"/a","dsn":"{env.HOOKGATE_POSTGRES}"}`: "store postgres: it has a connection string, and no file",
		`{"engine":"sqlite","dsn":"{env.HOOKGATE_POSTGRES}"}`:               "store sqlite: it has a file, and no connection string",
		`{"engine":"mysql"}`:               `there is no store "mysql"`,
		`{}`:                               `there is no store ""`,
		`{"engine":"sqlite","files":"/a"}`: `unknown field "files"`,
	} {
		var cfg caddy.Config
		if err := json.Unmarshal([]byte(`{"admin":{"disabled":true,"config":{"persist":false}},"apps":{"webhooks":{"store":`+text+`}}}`), &cfg); err != nil {
			t.Fatal(err)
		}
		err := caddy.Validate(&cfg)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: error %v, wanted %q", text, err, wrong)
		}
	}
}

// TestLiteralPasswordWarns: it works, and says what is wrong with it. A connection
// string without one, or that is not in the configuration, is nothing to warn of.
// (P-22, X-01)
func TestLiteralPasswordWarns(t *testing.T) {
	const password = "canary-literal-0123456789"
	at := freeAddress(t)
	t.Setenv("HOOKGATE_POSTGRES", "postgres://webhooks:"+password+"@"+at+"/hookgate")
	for dsn, warns := range map[string]bool{
		"postgres://webhooks:" + password + "@" + at + "/hookgate":          true,
		"postgres://" + at + "/hookgate?user=webhooks&password=" + password: true,
		`"host=127.0.0.1 dbname=hookgate password=` + password + `"`:        true,
		"{env.HOOKGATE_POSTGRES}":                                           false,
		"postgres://webhooks@" + at + "/hookgate":                           false,
		`"host=127.0.0.1 dbname=hookgate user=webhooks"`:                    false,
	} {
		log := filepath.Join(t.TempDir(), "log")
		// Without a stored source nothing is connected to.
		run(t, "log {\noutput file "+log+"\n}\n"+sharedBlock(dsn), source(freeAddress(t), at, ""))
		logged := read(t, log)
		if n := strings.Count(logged, "a password stands in the configuration"); n > 1 || warns != (n == 1) {
			t.Errorf("%s: %d warnings:\n%s", dsn, n, logged)
		}
		if strings.Contains(logged, "canary") {
			t.Errorf("the log shows the password:\n%s", logged)
		}
	}
}
