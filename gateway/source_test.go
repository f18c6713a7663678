package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "travtus": true, "a-b_c9": true, strings.Repeat("a", 64): true, "a-": true, "a_": true, "0-_": true,
		"": false, strings.Repeat("a", 65): false, "-a": false, "_a": false, "A": false, "aB": false, "a b": false, "a.b": false, "a/b": false,
		"é": false, "aé": false, "a\x00": false, "a\n": false, " a": false, "{a}": false, "a:b": false,
	} {
		if got := gateway.ValidName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestDefaults are those of the documentation.
func TestDefaults(t *testing.T) {
	const day = 24 * time.Hour
	for scheme, want := range map[string]struct {
		body   int64
		window time.Duration
	}{
		"svix":       {1 << 20, 72 * time.Hour},
		"standard":   {1 << 20, (75*time.Hour + 35*time.Minute + 5*time.Second) * 5 / 4},
		"travelbase": {1 << 20, 72*time.Hour + 5*time.Minute}, // its age is cut to what memory holds
		"github":     {25_000_000, 72 * time.Hour},
		"stripe":     {1 << 20, 90 * time.Hour},
		"slack":      {1 << 20, 72 * time.Hour},
		"shopify":    {1 << 20, 72 * time.Hour},
	} {
		b := newBed(t, of(t, scheme))
		if b.MaxBody != want.body || b.Dedupe.Window != want.window || b.Dedupe.Entries != 1_000_000 || b.Dedupe.Off ||
			b.ReadTimeout != 10*time.Second || b.Wait != 2*time.Second || b.Timeout != 15*time.Second {
			t.Errorf("%s: %+v", scheme, b.Config)
		}
	}
	b := newBed(t, of(t, "travelbase"), func(cfg *gateway.Config) { cfg.Verify[0].Options.Past = 30 * day })
	if b.Dedupe.Window != 30*day+5*time.Minute {
		t.Errorf("with a tolerance of 30 days the window is %s", b.Dedupe.Window)
	}
	// A source without a logger or an observer works.
	b = newBed(t, func(cfg *gateway.Config) { cfg.Logger, cfg.Observer = nil, nil })
	b.forwarded(t, "an event", b.svix(t, "msg_1"))
	if w := b.post(t, bare(b.svix(t, "msg_1").Header, nil)); w.Code != 401 {
		t.Errorf("a forged event: %d", w.Code)
	}
}

// TestConfigIsNotTheCallers: what the source completes in it is its own.
func TestConfigIsNotTheCallers(t *testing.T) {
	verify := []gateway.Verify{{Scheme: preset(t, "travelbase"), Secrets: []string{textSecret}}}
	newBed(t, func(cfg *gateway.Config) { cfg.Verify = verify })
	if verify[0].Options != (verifier.Options{}) {
		t.Errorf("the caller's options are now %+v", verify[0].Options)
	}
}

// TestMistakes: each is refused with a text that says what to do, and never with
// any of a secret. (S-02, S-04, T-15; pitfalls 16, 45 and 53)
func TestMistakes(t *testing.T) {
	weak := preset(t, "github")
	weak.Name, weak.Signature = "sha1", []verifier.Location{{From: "header:X-Hub-Signature", Prefix: "sha1="}}
	weak.Keys = []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA1}}
	verify := func(s verifier.Scheme, o verifier.Options, secrets ...string) gateway.Verify {
		return gateway.Verify{Scheme: s, Secrets: secrets, Options: o}
	}
	query := preset(t, "github")
	query.Name, query.Signature = "query", []verifier.Location{{From: "query:sig"}}
	svix, github, travelbase := preset(t, "svix"), preset(t, "github"), preset(t, "travelbase")
	verifies := func(all ...gateway.Verify) func(*gateway.Config) {
		return func(cfg *gateway.Config) { cfg.Verify = all }
	}
	const negative = "source travtus: sizes and durations cannot be negative"
	const name = ": the name has to be 1 to 64 of a-z, 0-9, _ and -, and to begin with a letter or digit"
	for _, row := range []struct {
		what   string
		change func(*gateway.Config)
		want   string // "" if it is none
	}{
		{"nothing", func(*gateway.Config) {}, ""},
		{"no name", func(cfg *gateway.Config) { cfg.Name = "" }, "source " + name},
		{"a bad name", func(cfg *gateway.Config) { cfg.Name = "Travtus" }, "source Travtus" + name},
		{"negative body", func(cfg *gateway.Config) { cfg.MaxBody = -1 }, negative},
		{"negative read timeout", func(cfg *gateway.Config) { cfg.ReadTimeout = -1 }, negative},
		{"negative wait", func(cfg *gateway.Config) { cfg.Wait = -1 }, negative},
		{"negative timeout", func(cfg *gateway.Config) { cfg.Timeout = -1 }, negative},
		{"negative window", func(cfg *gateway.Config) { cfg.Dedupe.Window = -1 }, negative},
		{"negative entries", func(cfg *gateway.Config) { cfg.Dedupe.Entries = -1 }, negative},
		{"no verify", verifies(), `source travtus: nothing says how to verify: add "verify <scheme> <secret>"`},
		{"no secret", verifies(verify(svix, verifier.Options{})), "source travtus: scheme svix: there is no secret"},
		{"an empty secret", verifies(verify(svix, verifier.Options{}, "")), "source travtus: scheme svix: secret 1: the secret is empty"},
		{"a blank secret", verifies(verify(svix, verifier.Options{}, svixSecret, " ")), "source travtus: scheme svix: secret 2: the secret is empty"},
		{"a prefix alone", verifies(verify(svix, verifier.Options{}, "whsec_")), "source travtus: scheme svix: secret 1: the key is too short: 0 bytes, at least 16 are needed; ask the provider for a longer one"},
		{"no base64", verifies(verify(svix, verifier.Options{}, "whsec_***")), "source travtus: scheme svix: secret 1: the secret is not base64"},
		{"a short secret", verifies(verify(github, verifier.Options{}, "changeme")), "source travtus: scheme github: secret 1: the key is too short: 8 bytes, at least 16 are needed; ask the provider for a longer one"},
		{"nine secrets", verifies(verify(svix, verifier.Options{}, strings.Split(strings.Repeat(svixSecret+" ", 9), " ")[:9]...)), "source travtus: scheme svix: 9 secrets are too many, at most 8 are tried"},
		{"an untimely tolerance", verifies(verify(github, verifier.Options{Past: time.Hour}, textSecret)), "source travtus: scheme github signs no timestamp, so there is nothing to tolerate: remove the tolerance"},
		{"a negative tolerance", verifies(verify(svix, verifier.Options{Future: -1}, svixSecret)), "source travtus: scheme svix: a tolerance cannot be negative"},
		{"a weak scheme", verifies(verify(weak, verifier.Options{}, textSecret)), "source travtus: scheme sha1: hmac-sha1 is weak; if the provider offers nothing better, say allow_weak"},
		{"a weak scheme, allowed", verifies(verify(weak, verifier.Options{AllowWeak: true}, textSecret)), ""},
		{"weak beside strong", verifies(verify(github, verifier.Options{}, textSecret), verify(weak, verifier.Options{AllowWeak: true}, textSecret)), "source travtus: schemes github and sha1 are not of one strength: a forger would choose the weaker; use two sources"},
		{"strong beside weak", verifies(verify(weak, verifier.Options{AllowWeak: true}, textSecret), verify(github, verifier.Options{}, textSecret)), "source travtus: schemes sha1 and github are not of one strength: a forger would choose the weaker; use two sources"},
		{"two strong ones", verifies(verify(svix, verifier.Options{}, svixSecret), verify(github, verifier.Options{}, textSecret)), ""},
		{"one scheme twice", verifies(verify(svix, verifier.Options{}, svixSecret), verify(svix, verifier.Options{}, otherSecret)), "source travtus: schemes svix and svix both have their signature in Svix-Signature and cannot be told apart; give one verify all the secrets, or use two sources"},
		{"a shared alias", verifies(verify(svix, verifier.Options{}, svixSecret), verify(preset(t, "standard"), verifier.Options{}, otherSecret)), "source travtus: schemes svix and standard both have their signature in Webhook-Signature and cannot be told apart; give one verify all the secrets, or use two sources"},
		{"a shared query value", verifies(verify(query, verifier.Options{}, textSecret), verify(query, verifier.Options{}, textSecret+"!")), "source travtus: schemes query and query both have their signature in query:sig and cannot be told apart; give one verify all the secrets, or use two sources"},
		{"dedupe off, undated", func(cfg *gateway.Config) {
			cfg.Verify, cfg.Dedupe.Off = []gateway.Verify{verify(github, verifier.Options{}, textSecret)}, true
		}, "source travtus: dedupe off: scheme github signs no time of the attempt, so that nothing would stop a replay; remove it"},
		{"dedupe off, dated by the event", func(cfg *gateway.Config) {
			cfg.Verify, cfg.Dedupe.Off = []gateway.Verify{verify(travelbase, verifier.Options{}, textSecret)}, true
		}, "source travtus: dedupe off: scheme travelbase signs no time of the attempt, so that nothing would stop a replay; remove it"},
		{"a window shorter than the tolerance", func(cfg *gateway.Config) { cfg.Dedupe.Window = 10*time.Minute - 1 }, "source travtus: dedupe 9m59.999999999s: an event may be accepted for 10m0s (tolerance past and future), so that it could be replayed once it is forgotten; make the window at least that"},
		{"a window of the tolerance", func(cfg *gateway.Config) { cfg.Dedupe.Window = 10 * time.Minute }, ""},
		{"a tolerance longer than the window", func(cfg *gateway.Config) {
			cfg.Verify[0].Options.Past, cfg.Dedupe.Window = time.Hour, time.Hour
		}, "source travtus: dedupe 1h0m0s: an event may be accepted for 1h5m0s (tolerance past and future), so that it could be replayed once it is forgotten; make the window at least that"},
	} {
		cfg := gateway.Config{Name: "travtus", Verify: []gateway.Verify{verify(svix, verifier.Options{}, svixSecret)}}
		row.change(&cfg)
		state := new(gateway.State)
		s, err := gateway.NewSource(cfg, gateway.NewProcess(1<<20, newClock().now), state)
		switch {
		case row.want == "" && (err != nil || s == nil):
			t.Errorf("%s: %v; want no error", row.what, err)
		case row.want != "" && (err == nil || err.Error() != row.want || s != nil):
			t.Errorf("%s:\n%v; want\n%s", row.what, err, row.want)
		}
		if _, ok := state.Stats(); ok && err != nil {
			t.Errorf("%s: the state was changed", row.what)
		}
	}
}

// TestFirstSchemePresentDecides, alone: its signature has to hold, whatever else the
// request is signed with. (pitfalls 6 and 53)
func TestFirstSchemePresentDecides(t *testing.T) {
	github := preset(t, "github")
	b := newBed(t, func(cfg *gateway.Config) {
		cfg.Verify = append(cfg.Verify, gateway.Verify{Scheme: github, Secrets: []string{textSecret}})
	})
	m := verifier.Message{ID: "msg_1", Body: []byte(wireBody)}
	if got := b.forwarded(t, "the second alone", b.signed(t, "github", m)); got.Header.Get("Hookgate-Scheme") != "github" {
		t.Errorf("scheme %s", got.Header.Get("Hookgate-Scheme"))
	}
	both := b.svix(t, "msg_1")
	both.Header.Set("X-Hub-Signature-256", b.signed(t, "github", m).Header.Get("X-Hub-Signature-256"))
	if got := b.forwarded(t, "both", request(both.Header, []byte(wireBody))); got.Header.Get("Hookgate-Scheme") != "svix" {
		t.Errorf("scheme %s", got.Header.Get("Hookgate-Scheme"))
	}
	for what, change := range map[string]struct {
		value string
		kind  string
	}{"wrong": {"v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "invalid_signature"}, "empty": {"", "missing_header"}, "junk": {"x", "malformed_header"}} {
		r := request(both.Header, []byte(wireBody))
		r.Header.Set("Svix-Signature", change.value)
		b.refused(t, "the first is "+what, r, change.kind)
	}
	neither := b.svix(t, "msg_1")
	neither.Header.Del("Svix-Signature")
	b.refused(t, "neither", neither, "missing_header")
	lines := b.lines(t)
	if got, want := lines[len(lines)-1].Cause, "missing_header: there is no Svix-Signature or Webhook-Signature or X-Hub-Signature-256"; got != want {
		t.Errorf("logged %q; want %q", got, want)
	}
}
