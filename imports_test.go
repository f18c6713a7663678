package hookgate_test

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/hookgate/hookgate"
	caddyPath  = "github.com/caddyserver/caddy/v2"
	zapPath    = "go.uber.org/zap"
)

// houses says for each package which others of this module it may import, and
// whether it may import Caddy. A folder under a house has the house's rules.
var houses = map[string]struct {
	knows []string
	caddy bool
}{
	"verifier":    {},
	"dedupe":      {},
	"store":       {},
	"delivery":    {knows: []string{"store"}},
	"gateway":     {knows: []string{"verifier", "dedupe", "store", "delivery"}},
	"sender":      {knows: []string{"verifier", "store", "delivery"}},
	"api":         {knows: []string{"sender", "store"}},
	"portal":      {knows: []string{"api", "sender", "gateway", "store", "verifier"}},
	"cli":         {knows: []string{"verifier", "gateway", "dedupe", "delivery", "store", "sender", "api"}},
	"caddymodule": {knows: []string{"verifier", "dedupe", "store", "delivery", "gateway", "sender", "api", "portal", "cli"}, caddy: true},
	"cmd":         {knows: []string{"caddymodule"}, caddy: true},
	".":           {knows: []string{"caddymodule"}, caddy: true},
	"examples":    {},                            // apps know HTTP headers only
	"internal":    {knows: []string{"verifier"}}, // for tests
}

// suite is the one package that is no test and is for tests of others alone.
const suite = "store/storetest"

// TestImports: dependencies point one way. Caddy is known to the adapter, the
// root and cmd; zap to the adapter alone; testing to tests. The rules are those of
// every file that is no test, whatever platform it is for.
func TestImports(t *testing.T) {
	files, seen := 0, map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		if entry.IsDir() {
			return skipFolder(file)
		}
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		files++
		house, _, below := strings.Cut(file, "/")
		if !below {
			house = "."
		}
		seen[house] = true
		if _, ok := houses[house]; !ok {
			t.Errorf("%s: no rule says what %s may import", file, house)
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(house, imported); why != "" && (imported != "testing" || path.Dir(file) != suite) {
				t.Errorf("%s imports %s: %s", file, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, house := range []string{"verifier", "dedupe", "store", "delivery", "gateway", "sender", "api", "portal", "cli", "caddymodule", "cmd", "."} {
		if !seen[house] {
			t.Errorf("no file of %s was looked at", house)
		}
	}
	if files < 30 {
		t.Errorf("only %d files were looked at", files)
	}
}

// skipFolder leaves out what is no part of this module.
func skipFolder(folder string) error {
	name := path.Base(folder)
	if folder == "bench" || name == "testdata" || name == "node_modules" || folder != "." && strings.HasPrefix(name, ".") {
		return fs.SkipDir
	}
	return nil
}

// forbidden returns why a house may not import a package, "" if it may.
func forbidden(house, imported string) string {
	rules := houses[house]
	switch {
	case within(imported, modulePath):
		folder, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(imported, modulePath), "/"), "/")
		if folder != house && !slices.Contains(rules.knows, folder) {
			return "it may import " + cmp.Or(strings.Join(rules.knows, ", "), "nothing") + " of this module"
		}
	case within(imported, caddyPath) && !rules.caddy:
		return "only caddymodule, the root and cmd know Caddy"
	case within(imported, zapPath) && house != "caddymodule":
		return "libraries take a *slog.Logger; zap is for caddymodule"
	case within(imported, "testing"):
		return "testing is for tests"
	}
	return ""
}

// within reports whether a package is of that path or below it.
func within(imported, path string) bool {
	return imported == path || strings.HasPrefix(imported, path+"/")
}
