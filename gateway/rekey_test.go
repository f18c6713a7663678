package gateway_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// with returns an event signed with one of the secrets.
func (b *bed) with(t testing.TB, secret, id string) *http.Request {
	t.Helper()
	return signed(t, preset(t, "svix"), secret, verifier.Message{ID: id, Timestamp: b.clock.now(), Body: []byte("{}")})
}

// TestRekey: new secrets count at once, old ones no longer; bad ones are refused and
// change nothing. (S-09, T-18)
func TestRekey(t *testing.T) {
	b := newBed(t)
	b.forwarded(t, "the old secret", b.with(t, svixSecret, "msg_1"))
	b.refused(t, "the new secret before", b.with(t, otherSecret, "msg_2"), "invalid_signature")

	if err := b.Rekey(0, []string{otherSecret, svixSecret}); err != nil {
		t.Fatal(err)
	}
	b.forwarded(t, "the new secret beside the old", b.with(t, otherSecret, "msg_2"))
	b.forwarded(t, "the old secret beside the new", b.with(t, svixSecret, "msg_3"))
	b.duplicate(t, "an event of before", b.with(t, otherSecret, "msg_1"))

	for what, secrets := range map[string][]string{"none": nil, "an empty one": {""}, "a short one": {"whsec_YQ=="}, "no base64": {otherSecret, "whsec_***"}} {
		err := b.Rekey(0, secrets)
		want := map[string]string{
			"none":         "source travtus: scheme svix: there is no secret",
			"an empty one": "source travtus: scheme svix: secret 1: the secret is empty",
			"a short one":  "source travtus: scheme svix: secret 1: the key is too short: 1 bytes, at least 16 are needed; ask the provider for a longer one",
			"no base64":    "source travtus: scheme svix: secret 2: the secret is not base64",
		}[what]
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", what, err, want)
		}
	}
	b.forwarded(t, "the new secret after bad ones", b.with(t, otherSecret, "msg_4"))
	b.forwarded(t, "the old secret after bad ones", b.with(t, svixSecret, "msg_5"))

	if err := b.Rekey(0, []string{otherSecret}); err != nil {
		t.Fatal(err)
	}
	b.refused(t, "the old secret once it is gone", b.with(t, svixSecret, "msg_6"), "invalid_signature")
	b.forwarded(t, "the new secret alone", b.with(t, otherSecret, "msg_6"))
}

// TestRekeyTouchesOneVerify and keeps its options.
func TestRekeyTouchesOneVerify(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) {
		cfg.Verify[0].Options.Past = time.Hour
		cfg.Verify = append(cfg.Verify, gateway.Verify{Scheme: preset(t, "github"), Secrets: []string{textSecret}})
	})
	if err := b.Rekey(0, []string{otherSecret}); err != nil {
		t.Fatal(err)
	}
	b.forwarded(t, "the other scheme", b.signed(t, "github", verifier.Message{Body: []byte("{}")}))
	late := b.with(t, otherSecret, "msg_1")
	b.clock.step(time.Hour)
	b.forwarded(t, "as old as is tolerated", late)
	if err := b.Rekey(1, []string{textSecret + "!"}); err != nil {
		t.Fatal(err)
	}
	b.refused(t, "the other scheme's old secret", b.signed(t, "github", verifier.Message{Body: []byte("[]")}), "invalid_signature")
}

// TestRequestKeepsItsSecrets: one whose body is still coming when the secrets change
// is judged by those that were there when it came. (L-06)
func TestRequestKeepsItsSecrets(t *testing.T) {
	b := newBed(t)
	var once sync.Once
	r := b.with(t, svixSecret, "msg_1")
	r.Body = &watched{Reader: r.Body, look: func(int) {
		once.Do(func() {
			if err := b.Rekey(0, []string{otherSecret}); err != nil {
				t.Error(err)
			}
		})
	}}
	b.forwarded(t, "came before the change", r)
	b.refused(t, "came after it", b.with(t, svixSecret, "msg_2"), "invalid_signature")
}

// TestRekeyUnderLoad: while secrets come and go, an event signed with the one that
// stays is never refused, and one with a secret that was never there never passes.
// (L-06)
func TestRekeyUnderLoad(t *testing.T) {
	b := newBed(t)
	third := "whsec_dGhlIHNlY3JldCBvZiBhIHRoaXJkIHBhcnR5"
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for worker := range 3 {
		senders.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("msg_%d_%d", worker, n)
				if w := b.post(t, b.with(t, svixSecret, id)); w.Code != http.StatusOK {
					t.Errorf("%s: %d %s", id, w.Code, w.Body)
					return
				}
				if w := b.post(t, b.with(t, third, id+"_forged")); w.Code != http.StatusUnauthorized {
					t.Errorf("%s forged: %d", id, w.Code)
					return
				}
			}
		})
	}
	for i := range 300 {
		secrets := [][]string{{svixSecret}, {otherSecret, svixSecret}, {svixSecret, otherSecret}, {""}}[i%4]
		if err := b.Rekey(0, secrets); (err != nil) != (secrets[0] == "") {
			t.Errorf("rekey %d: %v", i, err)
		}
	}
	close(stop)
	senders.Wait()
}

// TestStartAppliesDedupe: a new configuration of the source changes what is
// remembered when it starts, not when it is made, as it may never start. (L-03)
func TestStartAppliesDedupe(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.Dedupe.Window = time.Hour })
	b.forwarded(t, "an event", b.svix(t, "msg_1"))
	b.clock.step(30 * time.Minute)

	shorter := b.source(t, b.state, func(cfg *gateway.Config) { cfg.Dedupe.Window = 20 * time.Minute })
	b.duplicate(t, "made, but not started", b.svix(t, "msg_1"))
	if err := shorter.Start(); err != nil {
		t.Fatal(err)
	}
	b.Source = shorter
	b.forwarded(t, "started", b.svix(t, "msg_1"))

	fewer := b.source(t, b.state, func(cfg *gateway.Config) { cfg.Dedupe.Window, cfg.Dedupe.Entries = 20*time.Minute, 1 })
	b.forwarded(t, "a second event", b.svix(t, "msg_2"))
	if err := fewer.Start(); err != nil {
		t.Fatal(err)
	}
	b.Source = fewer
	b.refused(t, "a third, full of young ones", b.svix(t, "msg_3"), "unavailable")
	b.duplicate(t, "the second again", b.svix(t, "msg_2"))

	off := b.source(t, b.state, func(cfg *gateway.Config) { cfg.Dedupe = gateway.Dedupe{Off: true} })
	if err := off.Start(); err != nil {
		t.Fatal(err)
	}
	b.Source = off
	b.forwarded(t, "remembering nothing", b.svix(t, "msg_2"))
}

// TestReloadKeepsWhatIsInFlight: a copy that comes after a reload waits for the one
// that came before it. (L-01, L-02)
func TestReloadKeepsWhatIsInFlight(t *testing.T) {
	b := newBed(t)
	entered, leave := b.holdApp()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if w := b.post(t, b.svix(t, "msg_1")); w.Code != http.StatusOK {
			t.Errorf("the one before: %d", w.Code)
		}
	}()
	<-entered
	next := b.source(t, b.state, func(cfg *gateway.Config) { cfg.Wait = time.Millisecond })
	if err := next.Start(); err != nil {
		t.Fatal(err)
	}
	if w := b.postTo(t, next, b.svix(t, "msg_1")); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a copy while it is in flight: %d", w.Code)
	}
	close(leave)
	<-done
	if w := b.postTo(t, next, b.svix(t, "msg_1")); w.Header().Get("Hookgate-Result") != "duplicate" {
		t.Errorf("a copy after it: %d", w.Code)
	}
}
