package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/verifier"
)

// TestSecretFileIsReadAgain: a rotated file takes effect without a reload; one
// that cannot be used leaves the old secret in force and is an ERROR. (T-18, L-06)
func TestSecretFileIsReadAgain(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	dir := t.TempDir()
	file, log := filepath.Join(dir, "secret"), filepath.Join(dir, "log")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := caddymodule.Refresh(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(textSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "log {\noutput file "+log+"\nlevel INFO\n}\n", "http://"+address+" {\nwebhook /hooks* gh {\nverify github {file."+file+"}\n}\nreverse_proxy "+app.address()+"\n}\n")
	n := 0
	accepts := func(secret string) bool {
		t.Helper()
		n++
		status, _, _ := send(t, signed(t, preset(t, "github"), secret, "http://"+address+"/hooks", verifier.Message{Body: []byte(strings.Repeat("x", n))}))
		return status == http.StatusOK
	}
	const next = "another-secret-of-32-bytes-abcdef"
	if !accepts(textSecret) || accepts(next) {
		t.Fatal("the first secret is not the one in force")
	}
	write(next + "\r\n")
	if accepts(textSecret) || !accepts(next) {
		t.Error("the rotated secret is not the one in force")
	}
	for _, bad := range []string{"", "short", " " + textSecret} {
		write(bad)
		if !accepts(next) {
			t.Errorf("with %q in the file the old secret is not in force", bad)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := caddymodule.Refresh(); err != nil || !accepts(next) {
		t.Errorf("without the file the old secret is not in force (error %v)", err)
	}
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(logged), `"level":"error"`); n != 4 {
		t.Errorf("%d errors are logged for 4 unusable files:\n%s", n, logged)
	}
	for _, canary := range []string{textSecret, next} {
		if strings.Contains(string(logged), canary) {
			t.Errorf("the log shows a secret:\n%s", logged)
		}
	}
}

// TestRotation: all secrets of a verify are good at once. (S-08, S-09)
func TestRotation(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	t.Setenv("OLD", "an-older-secret-0123456789abcdef")
	run(t, quiet, "http://"+address+" {\nwebhook /hooks* gh {\nverify github {env.TEXT} {env.OLD}\n}\nreverse_proxy "+app.address()+"\n}\n")
	for i, secret := range []string{textSecret, os.Getenv("OLD")} {
		status, _, text := send(t, signed(t, preset(t, "github"), secret, "http://"+address+"/hooks", verifier.Message{Body: []byte{byte('a' + i)}}))
		if status != http.StatusOK {
			t.Errorf("secret %d: status %d %s", i, status, text)
		}
	}
}

// TestLiteralSecretWarns: it works, and says what is wrong with it. Secrets in
// {env.…} are not in the configuration at all. (P-22, X-01)
func TestLiteralSecretWarns(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	log := filepath.Join(t.TempDir(), "log")
	run(t, "log {\noutput file "+log+"\n}\n", "http://"+address+" {\nwebhook /hooks* gh {\nverify github literal-secret-canary-0123456789 {env.TEXT}\n}\nreverse_proxy "+app.address()+"\n}\n")
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(logged), "a secret stands in the configuration"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, logged)
	}
	if strings.Contains(string(logged), "canary") {
		t.Errorf("the warning shows the secret:\n%s", logged)
	}
}
