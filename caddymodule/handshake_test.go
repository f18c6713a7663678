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

// TestHandshakes over the whole way, of a stored source: one that is asked for is
// answered, any other runs the handlers of forward at once; a verify token in a file
// is read again, and none is in the log. (pitfall 50)
func TestHandshakes(t *testing.T) {
	app, address := newApp(t), freeAddress(t)
	dir := t.TempDir()
	file, log := filepath.Join(dir, "token"), filepath.Join(dir, "log")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const first, second = "first-token-canary-of-bytes", "second-token-canary-of-bytes"
	write(first + "\n")
	run(t, "log {\noutput file "+log+"\nlevel INFO\n}\nwebhooks {\nstore sqlite "+dir+"/events.db\n}\n",
		"http://"+address+" {\n"+
			"webhook /meta* meta {\nverify github {env.TEXT} {\nhandshake answer meta {file."+file+"}\n}\nforward "+app.address()+"\n}\n"+
			"webhook /slack* slack {\nverify slack {env.TEXT} {\nhandshake answer\n}\nforward "+app.address()+"\n}\n"+
			"webhook /passed* passed {\nverify slack {env.TEXT}\nforward "+app.address()+"\n}\n}\n")
	ask := func(token string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "http://"+address+"/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		return send(t, r)
	}
	good := func(token, other string) {
		t.Helper()
		if status, h, text := ask(token); status != http.StatusOK || text != "1158201444" || h.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%d %v %s", status, h, text)
		}
		if status, _, text := ask(other); status != http.StatusForbidden || !strings.Contains(text, "invalid_verify_token") {
			t.Errorf("%d %s", status, text)
		}
	}
	good(first, second)
	write(second)
	if err := caddymodule.Refresh(); err != nil {
		t.Fatal(err)
	}
	good(second, first)
	write("short")
	if err := caddymodule.Refresh(); err != nil {
		t.Fatal(err)
	}
	good(second, first)
	if n := len(app.take()); n != 0 {
		t.Errorf("the app saw %d", n)
	}

	body := []byte(`{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}`)
	slack := func(path string) (int, http.Header, string) {
		return send(t, signed(t, preset(t, "slack"), textSecret, "http://"+address+path, verifier.Message{Body: body}))
	}
	if status, h, text := slack("/slack"); status != http.StatusOK || text != "3eZbrw1aBm2rZgRNFdxV" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Hookgate-Result") != "handshake" {
		t.Errorf("%d %v %s", status, h, text)
	}
	status, h, _ := slack("/passed")
	seen := app.take()
	if status != http.StatusOK || h.Get("Hookgate-Result") != "" || len(seen) != 1 || seen[0].Header.Get("Hookgate-Source") != "passed" || seen[0].Header.Get("Hookgate-Sequence") != "" {
		t.Errorf("%d %v, the app saw %d", status, h, len(seen))
	}
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(logged), "canary") {
		t.Errorf("the log shows a verify token:\n%s", logged)
	}
}
