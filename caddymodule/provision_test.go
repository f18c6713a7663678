package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/caddymodule"
)

// TestProvisionErrors: every mistake that the Caddyfile's grammar cannot see
// stops the load with its place and the remedy, and never shows a secret.
func TestProvisionErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	short, empty, large := write("short", "whsec_c2hvcnQ="), write("empty", "\n"), write("large", strings.Repeat("a", 1<<17))
	t.Setenv("SHORT", "tooshort")
	t.Setenv("BLANK", " ")
	t.Setenv("NEWLINE", textSecret+"\n")
	t.Setenv("NOT_BASE64", "whsec_ümlaut-secret-canary")
	one := func(verify string) string {
		return "http://:0 {\nwebhook /hooks* travtus {\n" + verify + "\n}\n}\n"
	}
	for name, row := range map[string]struct{ global, sites, want string }{
		"unset variable":          {"", one("verify svix {env.HOOKGATE_UNSET}"), "source travtus, verify svix: {env.HOOKGATE_UNSET}: the environment variable HOOKGATE_UNSET is not set or empty; set it before Caddy starts"},
		"blank variable":          {"", one("verify svix {env.BLANK}"), "the environment variable BLANK is not set or empty"},
		"white space":             {"", one("verify github {env.NEWLINE}"), "source travtus: scheme github: secret 1: the secret begins or ends with white space; remove it"},
		"short secret":            {"", one("verify github {env.SHORT}"), "source travtus: scheme github: secret 1: the key is too short: 8 bytes, at least 16 are needed"},
		"short second secret":     {"", one("verify github {env.TEXT} {env.SHORT}"), "secret 2: the key is too short"},
		"short decoded secret":    {"", one("verify svix {file." + short + "}"), "secret 1: the key is too short: 5 bytes"},
		"not base64":              {"", one("verify svix {env.NOT_BASE64}"), "secret 1: the secret is not base64"},
		"missing file":            {"", one("verify svix {file." + dir + "/none}"), "no such file or directory"},
		"empty file":              {"", one("verify svix {file." + empty + "}"), "the file is empty"},
		"large file":              {"", one("verify svix {file." + large + "}"), "the file is larger than 65536 bytes"},
		"folder for a file":       {"", one("verify svix {file." + dir + "}"), "is a directory"},
		"relative file":           {"", one("verify svix {file.secret}"), "a secret's file needs an absolute path: {file./run/secrets/name}"},
		"relative path":           {"", one("verify svix {file.run/secret}"), "a secret's file needs an absolute path"},
		"per-request":             {"", one("verify svix {header.X-Secret}"), "{http.request.header.X-Secret}: a secret is read when the configuration loads, so that only {env.NAME} and {file./absolute/path} can stand for it"},
		"per-request variable":    {"", one("verify svix {vars.secret}"), "only {env.NAME} and {file./absolute/path} can stand for it"},
		"half a placeholder":      {"", one("verify svix whsec_{env.SVIX}"), "a placeholder stands for the whole secret"},
		"empty literal":           {"", one("verify svix \"\""), "a secret is empty; with {$NAME}, that variable is not set: write {env.NAME}"},
		"unknown scheme":          {"", one("verify svx {env.SVIX}"), "source travtus: there is no scheme \"svx\"; presets are svix, standard, clerk"},
		"bad name":                {"", strings.Replace(one("verify svix {env.SVIX}"), "travtus", "Travtus", 1), "source Travtus: the name has to be 1 to 64 of a-z, 0-9, _ and -"},
		"nine secrets":            {"", one("verify svix" + strings.Repeat(" {env.SVIX}", 9)), "9 secrets are too many, at most 8 are tried"},
		"tolerance without time":  {"", one("verify github {env.TEXT} {\ntolerance 5m\n}"), "scheme github signs no timestamp, so there is nothing to tolerate"},
		"no handshake":            {"", one("verify github {env.TEXT} {\nhandshake answer\n}"), "source travtus: scheme github: the scheme has no handshake that could be answered: say which is, with handshake answer <kind>; there are slack, zoom, twitch, x, dropbox, meta, graph, cloudevents, okta"},
		"handshake of its own":    {"", one("verify slack {env.TEXT} {\nhandshake answer meta {env.TEXT}\n}"), "scheme slack: the scheme has one handshake of its own, slack: write handshake answer without a kind"},
		"several handshakes":      {"webhooks {\nscheme s {\nextends github\nhandshake meta\nhandshake graph\n}\n}\n", one("verify s {env.TEXT} {\nhandshake answer\n}"), "scheme s: the scheme has several handshakes: say which is answered, with handshake answer and one of meta, graph"},
		"none of several":         {"webhooks {\nscheme s {\nextends github\nhandshake meta\nhandshake graph\n}\n}\n", one("verify s {env.TEXT} {\nhandshake answer okta\n}"), "scheme s: the scheme has no handshake okta; it has meta, graph"},
		"handshake twice":         {"webhooks {\nscheme s {\nextends github\nhandshake meta\nhandshake meta\n}\n}\n", "", "scheme s: handshake meta is there twice"},
		"no verify token":         {"", one("verify github {env.TEXT} {\nhandshake answer meta\n}"), "scheme github: handshake meta is answered only to who repeats the verify token: add the one that the provider was told with the URL, as {env.NAME} or {file./absolute/path}"},
		"short verify token":      {"", one("verify github {env.TEXT} {\nhandshake answer meta {env.SHORT}\n}"), "handshake meta: the verify token has 8 bytes"},
		"unset verify token":      {"", one("verify github {env.TEXT} {\nhandshake answer meta {env.HOOKGATE_UNSET}\n}"), "source travtus, verify github, verify token: {env.HOOKGATE_UNSET}: the environment variable HOOKGATE_UNSET is not set or empty"},
		"verify token by request": {"", one("verify github {env.TEXT} {\nhandshake answer meta {query.token}\n}"), "a secret is read when the configuration loads"},
		"needless verify token":   {"", one("verify slack {env.TEXT} {\nhandshake answer {env.TEXT}\n}"), "handshake slack knows no verify token: remove it"},
		"no key for the answer":   {"", one("verify gitlab_token {env.TEXT} {\nallow_weak\nhandshake answer x\n}"), "handshake x is answered with an HMAC-SHA256, and no secret of this scheme is a key for one"},
		"public_url unused":       {"", one("verify github {env.TEXT} {\npublic_url https://example.com\n}"), "scheme github does not sign the URL: remove public_url"},
		"shared header":           {"", one("verify svix {env.SVIX}\nverify standard {env.SVIX}"), "schemes svix and standard both have their signature in Webhook-Signature and cannot be told apart"},
		"dedupe off untimed":      {"", one("verify github {env.TEXT}\ndedupe off"), "dedupe off: scheme github signs no time of the attempt, so that nothing would stop a replay"},
		"dedupe off event time":   {"", one("verify travelbase {env.TEXT}\ndedupe off"), "dedupe off: scheme travelbase signs no time of the attempt"},
		"window too short":        {"", one("verify svix {env.SVIX}\ndedupe 9m"), "dedupe 9m0s: an event may be accepted for 10m0s (tolerance past and future)"},
		"defined differently":     {"", one("verify svix {env.SVIX}") + strings.Replace(one("verify svix {env.SVIX}\nwait 1s"), ":0", "localhost:0", 1), "source travtus is defined twice, and differently"},
		"url without public_url":  {"webhooks {\nscheme s {\nextends github\nsigned {url}{body}\n}\n}\n", one("verify s {env.TEXT}"), "scheme s signs the URL: say which one the provider has, with public_url"},
		"weak":                    {"webhooks {\nscheme s {\nextends github\nkey hmac-sha1\n}\n}\n", one("verify s {env.TEXT}"), "hmac-sha1 is weak; if the provider offers nothing better, say allow_weak"},
		"unsigned body":           {"webhooks {\nscheme s {\nextends svix\nsigned {id}.{timestamp}\ntype header:none\n}\n}\n", "", "type header:none is not signed"},
		"unequal strength":        {"webhooks {\nscheme s {\nextends github\nsignature header:X-Old\nkey hmac-sha1\n}\n}\n", one("verify github {env.TEXT}\nverify s {env.TEXT} {\nallow_weak\n}"), "schemes github and s are not of one strength: a forger would choose the weaker"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, row.global, row.sites)
			if err == nil {
				t.Fatal("it loads")
			}
			if !strings.Contains(err.Error(), row.want) {
				t.Errorf("error\n%v\ndoes not contain\n%s", err, row.want)
			}
			for _, canary := range []string{"tooshort", "c2hvcnQ", "canary", svixSecret[6:], textSecret} {
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
			if state, process := caddymodule.References("travtus"); state != 0 || process != 0 {
				t.Errorf("%d references to the state and %d to the process are left", state, process)
			}
		})
	}
}

// TestEqualDefinitionsAreOneSource: a snippet on two sites is one source, whose
// memory both share.
func TestEqualDefinitionsAreOneSource(t *testing.T) {
	app, first, second := newApp(t), freeAddress(t), freeAddress(t)
	run(t, quiet, source(first, app.address(), "")+source(second, app.address(), "header X-Other site"))
	send(t, svix(t, "http://"+first+"/hooks", "msg_1"))
	if _, header, _ := send(t, svix(t, "http://"+second+"/hooks", "msg_1")); header.Get("Hookgate-Result") != "duplicate" {
		t.Error("the second site does not know the first one's event")
	}
}

// TestValidateTouchesNothing: caddy validate provisions modules; it must not
// create, lock or open anything of ours. (F-15)
func TestValidateTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	if err := validate(t, "", source("127.0.0.1:0", "127.0.0.1:1", "webhook_health /healthz")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("validate left %v, error %v", entries, err)
	}
}
