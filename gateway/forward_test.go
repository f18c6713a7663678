package gateway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// TestStoredDefaults are those of the documentation. Events that carry their own time
// may be as old as the scheme says, since a store remembers them for longer.
func TestStoredDefaults(t *testing.T) {
	const day = 24 * time.Hour
	for scheme, window := range map[string]time.Duration{
		"svix": 72 * time.Hour, "standard": (75*time.Hour + 35*time.Minute + 5*time.Second) * 5 / 4, "travelbase": 35 * day,
		"github": 72 * time.Hour, "stripe": 90 * time.Hour, "slack": 72 * time.Hour, "shopify": 72 * time.Hour,
	} {
		b := newShelf(t, of(t, scheme))
		if b.Dedupe != (gateway.Dedupe{Window: window}) || b.Forward.MaxBacklog != 1_000_000 || b.Destination() != "source/travtus" {
			t.Errorf("%s: %+v, %+v", scheme, b.Dedupe, b.Forward)
		}
		b.post(t, b.signed(t, scheme, verifier.Message{ID: "msg_1", Body: []byte(`{"id":"evt_1"}`)}))
		a := b.shelf.take()[0]
		if a.Window != window || a.MaxBacklog != 1_000_000 || a.Source != "travtus" || !slices.Equal(a.To, []store.Target{{Destination: "source/travtus"}}) || a.Scheme != scheme || !a.Received.Equal(noon) {
			t.Errorf("%s: handed over %+v", scheme, a)
		}
	}
	b := newShelf(t, of(t, "travelbase"))
	old := func(age time.Duration) verifier.Message {
		return verifier.Message{Timestamp: noon.Add(-age), Body: []byte(`{"id":"evt_1"}`)}
	}
	b.answered(t, "30 days old", b.signed(t, "travelbase", old(30*day)), "accepted")
	b.refused(t, "older", b.signed(t, "travelbase", old(30*day+time.Second)), "stale_timestamp")

	b = newShelf(t, of(t, "travelbase"), func(cfg *gateway.Config) { cfg.Verify[0].Options.Past = 60 * day })
	if b.Dedupe.Window != 60*day+5*time.Minute {
		t.Errorf("with a tolerance of 60 days the window is %s", b.Dedupe.Window)
	}
}

// TestForwardIsNotTheCallers: what the source completes in it is its own.
func TestForwardIsNotTheCallers(t *testing.T) {
	forward := &gateway.Forward{Queue: new(shelf)}
	newBed(t, func(cfg *gateway.Config) { cfg.Forward = forward })
	if forward.MaxBacklog != 0 {
		t.Errorf("the caller's is now %+v", forward)
	}
}

// TestForwardMistakes: each is refused with a text that says what to do, and never
// with any of a secret. (S-02, T-15)
func TestForwardMistakes(t *testing.T) {
	resign := func(s verifier.Scheme, secret string) func(*gateway.Config) {
		return func(cfg *gateway.Config) { cfg.Forward.Resign = &gateway.Resign{Scheme: s, Secret: secret} }
	}
	url := preset(t, "github")
	url.Name, url.Signed = "square", "{url}{body}"
	weak := preset(t, "github")
	weak.Name, weak.Keys = "sha1", []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA1}}
	for _, row := range []struct {
		what   string
		change func(*gateway.Config)
		want   string // "" if it is none
	}{
		{"nothing", func(*gateway.Config) {}, ""},
		{"no queue", func(cfg *gateway.Config) { cfg.Forward.Queue = nil }, "forward: there is no store to keep events in"},
		{"a negative backlog", func(cfg *gateway.Config) { cfg.Forward.MaxBacklog = -1 }, "max_backlog cannot be negative"},
		{"entries", func(cfg *gateway.Config) { cfg.Dedupe.Entries = 5 }, "forward: wait and the entries of dedupe mean nothing where events are stored: the store answers copies at once and remembers all; remove them"},
		{"wait", func(cfg *gateway.Config) { cfg.Wait = time.Second }, "forward: wait and the entries of dedupe mean nothing where events are stored: the store answers copies at once and remembers all; remove them"},
		{"was itself", func(cfg *gateway.Config) { cfg.Forward.Was = []string{"travtus"} }, "was travtus: it has to be a name that the source had before, other than travtus, and each once"},
		{"was no name", func(cfg *gateway.Config) { cfg.Forward.Was = []string{"Old!"} }, "was Old!: it has to be a name that the source had before, other than travtus, and each once"},
		{"was one twice", func(cfg *gateway.Config) { cfg.Forward.Was = []string{"a", "b", "a"} }, "was a: it has to be a name that the source had before, other than travtus, and each once"},
		{"was two", func(cfg *gateway.Config) { cfg.Forward.Was = []string{"a", "b"} }, ""},
		{"an empty pattern", only("a", ""), `only "": a pattern is visible ASCII, as event types are, with * for any text`},
		{"a pattern with a space", only("a b"), `only "a b": a pattern is visible ASCII, as event types are, with * for any text`},
		{"a pattern of another script", only("é*"), `only "é*": a pattern is visible ASCII, as event types are, with * for any text`},
		{"a scheme without types", func(cfg *gateway.Config) { of(t, "github")(cfg); only("push")(cfg) }, "only: scheme github signs no event type, so that every event would be ignored; remove it, and choose by the body in the app"},
		{"a scheme without types, all of them", func(cfg *gateway.Config) { of(t, "github")(cfg); only("*")(cfg) }, ""},
		{"resign without a secret", resign(preset(t, "svix"), ""), "resign: scheme svix: secret 1: the secret is empty"},
		{"resign with a short secret", resign(preset(t, "github"), "changeme"), "resign: scheme github: secret 1: the key is too short: 8 bytes, at least 16 are needed; ask the provider for a longer one"},
		{"resign with a URL", resign(url, textSecret), "resign: the scheme signs the URL, and there is none"},
		{"resign weakly", resign(weak, textSecret), "resign: scheme sha1: hmac-sha1 is weak; if the provider offers nothing better, say allow_weak"},
		{"resign", resign(preset(t, "svix"), otherSecret), ""},
		{"dedupe off, dated by the event", func(cfg *gateway.Config) { of(t, "travelbase")(cfg); cfg.Dedupe.Off = true }, "dedupe off: scheme travelbase signs no time of the attempt, so that nothing would stop a replay; remove it"},
		{"a window shorter than the tolerance", func(cfg *gateway.Config) { of(t, "travelbase")(cfg); cfg.Dedupe.Window = 72 * time.Hour }, "dedupe 72h0m0s: an event may be accepted for 720h5m0s (tolerance past and future), so that it could be replayed once it is forgotten; make the window at least that"},
	} {
		cfg := gateway.Config{Name: "travtus", Verify: []gateway.Verify{{Scheme: preset(t, "svix"), Secrets: []string{svixSecret}}}, Forward: &gateway.Forward{Queue: new(shelf)}}
		row.change(&cfg)
		state := new(gateway.State)
		_, err := gateway.NewSource(cfg, gateway.NewProcess(1<<20, newClock().now), state)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v; want no error", row.what, err)
		case row.want != "" && (err == nil || err.Error() != "source travtus: "+row.want):
			t.Errorf("%s:\n%v; want\nsource travtus: %s", row.what, err, row.want)
		}
		if _, ok := state.Stats(); ok {
			t.Errorf("%s: memory is made", row.what)
		}
	}
}

// TestMemoryGivesWayToTheStore: when a source becomes a stored one its memory is let
// go, while requests of the configuration before may still use it; and the way back
// makes a new one.
func TestMemoryGivesWayToTheStore(t *testing.T) {
	b := newShelf(t)
	passing := b.source(t, b.state)
	stored := b.Source
	b.postTo(t, passing, b.svix(t, "msg_1"))
	if _, ok := b.state.Stats(); !ok {
		t.Fatal("nothing is remembered")
	}
	if err := stored.Start(); err != nil {
		t.Fatal(err)
	}
	if stats, ok := b.state.Stats(); ok {
		t.Errorf("a stored source remembers %+v", stats)
	}
	if w := b.postTo(t, passing, b.svix(t, "msg_1")); w.Header().Get("Hookgate-Result") != "duplicate" {
		t.Errorf("a request of the configuration before: %d %v", w.Code, w.Header())
	}
	again := b.source(t, b.state)
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	if stats, ok := b.state.Stats(); !ok || stats.Entries != 0 {
		t.Errorf("after the way back: %+v, %v", stats, ok)
	}
}
