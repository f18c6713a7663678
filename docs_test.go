package hookgate_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/spf13/cobra"

	_ "github.com/hookgate/hookgate"
	"github.com/hookgate/hookgate/cli"
)

// docSecret is a secret of every form: text, hexadecimal, base64, and as long as
// an Ed25519 key.
const docSecret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// page is one Markdown file; its path is relative to the repository's root.
type page struct{ path, text string }

// pages returns all Markdown files of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		all = append(all, page{filepath.ToSlash(path), string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func doc(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return page{"docs/" + name, string(text)}
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// blocks returns the code blocks of a language, by the place where they begin.
func (p page) blocks(language string) map[string]string {
	found := map[string]string{}
	for _, at := range fence.FindAllStringSubmatchIndex(p.text, -1) {
		if p.text[at[2]:at[3]] == language {
			line := 1 + strings.Count(p.text[:at[0]], "\n")
			found[fmt.Sprintf("%s:%d", p.path, line)] = p.text[at[4]:at[5]]
		}
	}
	return found
}

var secretPlaceholder = regexp.MustCompile(`\{(?:env\.|\$)(\w+)\}|\{file\./([^}]+)\}`)

// provideSecrets sets the variables that text refers to and moves its secret
// files into a folder of the test.
func provideSecrets(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	return secretPlaceholder.ReplaceAllStringFunc(text, func(ref string) string {
		parts := secretPlaceholder.FindStringSubmatch(ref)
		secret := docSecret
		if strings.Contains(strings.ToLower(ref), "postgres") {
			secret = "postgres://hookgate@127.0.0.1/hookgate"
		}
		if parts[1] != "" {
			t.Setenv(parts[1], secret)
			return ref
		}
		path := filepath.Join(dir, filepath.Base(parts[2]))
		if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + path + "}"
	})
}

// validateJSON provisions a configuration without running it.
func validateJSON(t *testing.T, config []byte) {
	t.Helper()
	var cfg caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &cfg); err != nil {
		t.Fatal(err)
	}
	apart(t, &cfg)
	if err := caddy.Validate(&cfg); err != nil {
		t.Error(err)
	}
}

// apart keeps a configuration away from the user's Caddy.
func apart(t *testing.T, cfg *caddy.Config) {
	t.Helper()
	no := false
	cfg.Admin = &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: &no}}
	cfg.StorageRaw = caddyconfig.JSON(map[string]string{"module": "file_system", "root": t.TempDir()}, nil)
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output":"discard"}`)}}}}
}

// TestDocumentedConfigurations: what a reader pastes loads, and draws no warning.
func TestDocumentedConfigurations(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for place, text := range p.blocks("caddyfile") {
			n++
			t.Run(place, func(t *testing.T) {
				config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(provideSecrets(t, text)), nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range warnings {
					t.Error(w.Message)
				}
				validateJSON(t, config)
			})
		}
		for place, text := range p.blocks("json") {
			if strings.Contains(text, `"apps"`) {
				n++
				t.Run(place, func(t *testing.T) { validateJSON(t, []byte(provideSecrets(t, text))) })
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d configurations are documented", n)
	}
}

var (
	relativeLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingLine  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor     = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the anchors that a page's headings have on GitHub.
func (p page) anchors() (all []string) {
	for _, m := range headingLine.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
		all = append(all, strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// TestLinks: relative links lead to files, and anchors to headings.
func TestLinks(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, m := range relativeLink.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			n++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := p
			if path != "" {
				target.path = filepath.Join(filepath.Dir(p.path), filepath.FromSlash(path))
				text, err := os.ReadFile(target.path)
				if info, serr := os.Stat(target.path); err != nil && (serr != nil || !info.IsDir()) {
					t.Errorf("%s: %s leads nowhere", p.path, m[1])
					continue
				}
				target.text = string(text)
			}
			if anchor != "" && !slices.Contains(target.anchors(), anchor) {
				t.Errorf("%s: %s has no heading #%s", p.path, target.path, anchor)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d links found", n)
	}
}

var (
	invocation = regexp.MustCompile(`(?m)(?:^|[|;&(])[ \t]*(?:\w+=\S*[ \t]+)*(?:(?:docker compose exec|kubectl exec)[ \t]+[\w-]+[ \t]+(?:--[ \t]+)?)?(?:\./)?(?:hookgate|caddy|go run \./cmd/hookgate)[ \t]+([^|;&\n]*)`)
	flagName   = regexp.MustCompile(`(?:^|\s)(--[a-z-]+|-[A-Za-z])\b`)
)

// TestDocumentedCommands: the subcommands and flags in shell blocks exist.
func TestDocumentedCommands(t *testing.T) {
	webhook, known := webhookCommand(), caddycmd.Commands()
	n := 0
	for _, p := range pages(t) {
		for place, text := range p.blocks("sh") {
			for _, m := range invocation.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
				n++
				words := strings.Fields(m[1])
				if words[0] != "webhook" {
					if _, ok := known[words[0]]; !ok {
						t.Errorf("%s: there is no command %s", place, words[0])
					}
					continue
				}
				sub, _, err := webhook.Find(words[1:])
				if err != nil || isGroup(sub) {
					t.Errorf("%s: there is no command %s", place, m[1])
					continue
				}
				for _, f := range flagName.FindAllStringSubmatch(m[1], -1) {
					name := strings.TrimLeft(f[1], "-")
					if sub.Flags().Lookup(name) == nil && (len(name) != 1 || sub.Flags().ShorthandLookup(name) == nil) {
						t.Errorf("%s: %s has no flag %s", place, sub.CommandPath(), f[1])
					}
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d commands are documented", n)
	}
}

// isGroup reports whether a command only holds others.
func isGroup(c *cobra.Command) bool { return c.HasSubCommands() && !c.HasAvailableLocalFlags() }

func webhookCommand() *cobra.Command {
	root, webhook := &cobra.Command{Use: "hookgate"}, &cobra.Command{Use: "webhook"}
	root.AddCommand(webhook)
	cli.Attach(webhook, cli.Host{})
	return webhook
}

// TestCommandTable: the table has every command, and says of each whether it can
// read a store's file.
func TestCommandTable(t *testing.T) {
	var want, offline []string
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if isGroup(c) {
			return
		}
		name := strings.TrimPrefix(c.CommandPath(), "hookgate ")
		want = append(want, name)
		if c.Flags().Lookup("store") != nil {
			offline = append(offline, name)
		}
	}
	walk(webhookCommand())
	var got, gotOffline []string
	for _, row := range doc(t, "operating.md").table(t, "## Commands") {
		name, _, _ := strings.Cut(strings.Trim(row[0], "`"), " <")
		got = append(got, name)
		if strings.Contains(row[1], "`--store`") {
			gotOffline = append(gotOffline, name)
		}
	}
	sameSet(t, "docs/operating.md", got, want)
	sameSet(t, "docs/operating.md --store", gotOffline, offline)
}
