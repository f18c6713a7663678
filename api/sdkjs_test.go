package api_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
)

// The official SDKs for JavaScript, of both generations, drive a running gateway. This needs
// Node and the registry of its packages.
func TestJavaScriptSDKs(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			faults.Missing(t, tool)
		}
	}
	script, err := os.ReadFile("../.ci/svix-js/drive.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2.5.0", "1.99.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			dir := t.TempDir()
			install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "svix@"+version, "standardwebhooks@1.0.0")
			if out, err := install.CombinedOutput(); err != nil {
				t.Logf("npm install: %s", out)
				faults.Missing(t, "the packages svix@"+version+" and standardwebhooks of npm")
			}
			file := filepath.Join(dir, "drive.mjs")
			if err := os.WriteFile(file, script, 0o600); err != nil {
				t.Fatal(err)
			}
			s := newServer(t, config{retry: []time.Duration{time.Hour}})
			drive := exec.CommandContext(ctx, "node", file)
			drive.Env = append(os.Environ(), "HOOKS_URL="+s.url, "HOOKS_TOKEN="+s.org)
			out, err := drive.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ok:") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
