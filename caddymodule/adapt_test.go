package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/hookgate/hookgate/caddymodule"
)

var update = flag.Bool("update", false, "write what the adapter says into the golden files (not the error_ ones)")

const goldenSeparator = "----------\n"

// adapt returns the JSON of a Caddyfile, indented.
func adapt(caddyfile string) ([]byte, []caddyconfig.Warning, error) {
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return nil, warnings, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, adapted, "", "\t"); err != nil {
		return nil, warnings, err
	}
	out.WriteByte('\n')
	return out.Bytes(), warnings, nil
}

// TestAdapt compares each Caddyfile of testdata/caddyfile with its JSON or, for
// files named error_*, with the text its error has to contain.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("../testdata/caddyfile/*.caddyfiletest")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d golden files, error %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".caddyfiletest")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			caddyfile, want, ok := strings.Cut(string(data), goldenSeparator)
			if !ok {
				t.Fatalf("no line %q", goldenSeparator)
			}
			got, _, err := adapt(caddyfile)
			if strings.HasPrefix(name, "error_") {
				wantError(t, err, strings.TrimSpace(want))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(caddyfile+goldenSeparator+string(got)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if string(got) != want {
				t.Errorf("the adapter says\n%s\nwanted\n%s", got, want)
			}
		})
	}
}

// wantError checks the text, and that the error leads to the line.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, wanted %q", text)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error\n%v\ndoes not contain\n%s", err, text)
	}
	if !strings.Contains(err.Error(), "Caddyfile:") {
		t.Errorf("error\n%v\ndoes not name the line", err)
	}
}

// TestWarnsOfExactPath: an app that serves /hooks/ or /hooks.json as /hooks would
// see them unverified.
func TestWarnsOfExactPath(t *testing.T) {
	for path, warned := range map[string]bool{"/hooks": true, "/hooks*": false, "/hooks/*": false, "@named": false, "*": false} {
		_, warnings, err := adapt("example.com {\n\t@named path /hooks\n\twebhook " + path + " a {\n\t\tverify svix {env.S}\n\t}\n}\n")
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, w := range warnings {
			got = got || strings.Contains(w.Message, "Caddyfile:3: webhook "+path+" matches this path alone") && strings.Contains(w.Message, "write /hooks*")
		}
		if got != warned {
			t.Errorf("%s: warned %v, wanted %v: %v", path, got, warned, warnings)
		}
	}
}
