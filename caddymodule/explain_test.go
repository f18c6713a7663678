package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExplainsWhereDebugAsks: Caddy's own switches for DEBUG, the global one or that of
// a log that takes our logger, have refusals explained; no other does. The answer is the
// same.
func TestExplainsWhereDebugAsks(t *testing.T) {
	for name, test := range map[string]struct {
		global  string
		explain bool
	}{
		"as it is":   {"log {\noutput file LOG\n}\n", false},
		"debug":      {"debug\nlog {\noutput file LOG\n}\n", true},
		"a log":      {"log {\noutput discard\n}\nlog hooks {\noutput file LOG\nlevel DEBUG\ninclude webhooks\n}\n", true},
		"other logs": {"log {\noutput file LOG\n}\nlog tls {\noutput file LOG\nlevel DEBUG\ninclude tls\n}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			app, address := newApp(t), freeAddress(t)
			log := filepath.Join(t.TempDir(), "log")
			run(t, strings.ReplaceAll(test.global, "LOG", log), source(address, app.address(), ""))
			forged := svix(t, "http://"+address+"/hooks", "msg_1")
			forged.Header["X-Original-Svix-Signature"] = forged.Header["Svix-Signature"]
			forged.Header.Del("Svix-Signature")
			status, _, text := send(t, forged)
			if want := `{"error":{"type":"missing_header","message":"A header that the signature needs is missing or empty."}}`; status != http.StatusBadRequest || text != want {
				t.Errorf("answered %d %s", status, text)
			}
			var logged string
			eventually(t, func() bool {
				data, _ := os.ReadFile(log)
				logged = string(data)
				return strings.Contains(logged, "webhook refused") && (!test.explain || strings.Contains(logged, "why a webhook was refused"))
			}, "no line of the refusal, or none that explains it")
			const line = `"logger":"webhooks","msg":"why a webhook was refused","source":"travtus","scheme":"svix","reason":"missing_header","findings":"header_name"`
			if strings.Contains(logged, "why a webhook") != test.explain || test.explain && !strings.Contains(logged, line) {
				t.Errorf("logged\n%s", logged)
			}
		})
	}
}
