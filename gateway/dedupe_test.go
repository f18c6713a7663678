package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/dedupe"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// conflicts returns how many of the requests since the last call conflicted.
func (b *bed) conflicts() (n int) {
	_, counted := b.watcher.take()
	for i := range counted {
		if counted[i].Conflict {
			n++
		}
	}
	return n
}

// TestReplayIsPassedOnOnce, whatever of the request changes that is not what was
// signed. (T-03, S-07, S-08, G-3; pitfalls 7, 8 and 48)
func TestReplayIsPassedOnOnce(t *testing.T) {
	body := []byte(`{"id":"evt_1","type":"order.paid","event_id":"Ev01"}`)
	for _, scheme := range verifier.Presets() {
		if scheme.BodyRepeats {
			continue // see TestBodyRepeats
		}
		b := newBed(t, of(t, scheme.Name))
		again := func() *http.Request {
			return b.signed(t, scheme.Name, verifier.Message{ID: "msg_1", Type: "a.b", Body: body})
		}
		b.forwarded(t, scheme.Name, again())
		b.duplicate(t, scheme.Name+" as it was", again())
		r := again()
		for _, name := range []string{scheme.UnsignedID, scheme.UnsignedType, "X-Fresh"} {
			if name != "" {
				r.Header.Set(name, "fresh")
			}
		}
		r.Host, r.RemoteAddr = "other.example.com", "192.0.2.9:9"
		if r.URL.RawQuery == "" {
			r.URL.RawQuery = "fresh=1"
		}
		b.duplicate(t, scheme.Name+" under a fresh unsigned id", r)
		r = again()
		if scheme.UnsignedID != "" {
			r.Header.Del(scheme.UnsignedID)
			b.duplicate(t, scheme.Name+" without an unsigned id", r)
		}
		if scheme.Timestamp == nil || scheme.Timestamp.OfEvent {
			continue
		}
		b.clock.step(time.Second)
		b.duplicate(t, scheme.Name+" signed anew by a retry", again())
	}

	b := newBed(t)
	b.forwarded(t, "one signature", b.svix(t, "msg_1"))
	r := b.svix(t, "msg_1")
	r.Header.Set("Svix-Signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v2,x  "+r.Header.Get("Svix-Signature"))
	b.duplicate(t, "the same among others", r)

	b = newBed(t, of(t, "github"))
	b.forwarded(t, "lower-case hex", b.signed(t, "github", verifier.Message{Body: body}))
	r = b.signed(t, "github", verifier.Message{Body: body})
	value := r.Header.Get("X-Hub-Signature-256")
	r.Header.Set("X-Hub-Signature-256", value[:7]+strings.ToUpper(value[7:]))
	b.duplicate(t, "upper-case hex", r)
}

// TestReplayAfterRotation: the secret that signs an event is no part of its key.
// (S-08)
func TestReplayAfterRotation(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.Verify[0].Secrets = []string{svixSecret, otherSecret} })
	m := verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")}
	b.forwarded(t, "with the first", signed(t, preset(t, "svix"), svixSecret, m))
	if o := b.outcome(t); o.Secret != 0 {
		t.Errorf("secret %d", o.Secret)
	}
	b.duplicate(t, "with the second", signed(t, preset(t, "svix"), otherSecret, m))
	if o := b.outcome(t); o.Secret != 1 {
		t.Errorf("secret %d", o.Secret)
	}
}

// TestSameIDOtherBody: two bodies under one signed id are two events; the second is
// passed on and counted as a conflict, each only once. (T-08)
func TestSameIDOtherBody(t *testing.T) {
	for _, scheme := range []string{"svix", "stripe"} {
		b := newBed(t, of(t, scheme))
		event := func(n int) *http.Request {
			return b.signed(t, scheme, verifier.Message{ID: "evt_1", Body: fmt.Appendf(nil, `{"id":"evt_1","n":%d}`, n)})
		}
		b.forwarded(t, "the first", event(1))
		if n := b.conflicts(); n != 0 {
			t.Errorf("%s: the first conflicts", scheme)
		}
		for n := 2; n < 5; n++ {
			b.forwarded(t, "another body", event(n))
			if b.conflicts() != 1 {
				t.Errorf("%s: body %d does not conflict", scheme, n)
			}
		}
		for n := 1; n < 5; n++ {
			b.duplicate(t, "each again", event(n))
			if n := b.conflicts(); n != 0 {
				t.Errorf("%s: a duplicate conflicts", scheme)
			}
		}
	}
}

// custom changes the scheme of the bed's source, and its dedupe.
func custom(s verifier.Scheme, d gateway.Dedupe) func(*gateway.Config) {
	return func(cfg *gateway.Config) {
		cfg.Verify = []gateway.Verify{{Scheme: s, Secrets: []string{secretOf(s)}}}
		cfg.Dedupe = d
	}
}

// TestBodyVaries: for a sender whose retries differ, the id alone decides.
func TestBodyVaries(t *testing.T) {
	s := preset(t, "svix")
	s.BodyVaries = true
	b := newBed(t, custom(s, gateway.Dedupe{}))
	event := func(id, body string) *http.Request {
		return signed(t, s, svixSecret, verifier.Message{ID: id, Timestamp: noon, Body: []byte(body)})
	}
	b.forwarded(t, "the first", event("msg_1", `{"attempt":1}`))
	b.duplicate(t, "its retry", event("msg_1", `{"attempt":2}`))
	b.forwarded(t, "another id", event("msg_2", `{"attempt":1}`))
	if n := b.conflicts(); n != 0 {
		t.Errorf("%d conflicts", n)
	}
}

// TestBodyRepeats: for a sender whose events may be equal, the digest is no key,
// unless the operator asks for it; an id, where there is one, still is.
func TestBodyRepeats(t *testing.T) {
	s := preset(t, "github")
	s.BodyRepeats = true
	b := newBed(t, custom(s, gateway.Dedupe{}))
	for range 3 {
		b.forwarded(t, "an equal body", signed(t, s, textSecret, verifier.Message{Body: []byte("{}")}))
	}
	b = newBed(t, custom(s, gateway.Dedupe{Window: time.Hour}))
	b.forwarded(t, "asked for", signed(t, s, textSecret, verifier.Message{Body: []byte("{}")}))
	b.duplicate(t, "asked for, again", signed(t, s, textSecret, verifier.Message{Body: []byte("{}")}))
	s = preset(t, "stripe")
	s.BodyRepeats = true
	b = newBed(t, custom(s, gateway.Dedupe{}))
	event := func(body string) *http.Request {
		return signed(t, s, textSecret, verifier.Message{Timestamp: noon, Body: []byte(body)})
	}
	b.forwarded(t, "with an id", event(`{"id":"evt_1"}`))
	b.duplicate(t, "with an id, again", event(`{"id":"evt_1"}`))
	b.forwarded(t, "without an id", event(`{}`))
	b.forwarded(t, "without an id, again", event(`{}`))
}

// TestDedupeOff: everything signed and fresh is passed on, and nothing is
// remembered.
func TestDedupeOff(t *testing.T) {
	b := newBed(t, custom(preset(t, "svix"), gateway.Dedupe{Off: true}))
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.forwarded(t, "a copy", b.svix(t, "msg_1"))
	}
	if stats, ok := b.state.Stats(); ok {
		t.Errorf("remembered: %+v", stats)
	}
	b.app.answers(status(http.StatusInternalServerError))
	if w := b.post(t, b.svix(t, "msg_1")); w.Code != http.StatusInternalServerError {
		t.Errorf("the app's own answer is %d", w.Code)
	}
	b.app.take()
	b.refused(t, "too old", b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon.Add(-time.Hour), Body: []byte("{}")}), "stale_timestamp")
}

// TestSourcesDoNotShare: one id, and one body, of two sources are two events, also
// in one memory. (T-07)
func TestSourcesDoNotShare(t *testing.T) {
	for _, scheme := range []string{"svix", "github", "stripe"} {
		b := newBed(t, of(t, scheme))
		other := b.source(t, b.state, of(t, scheme), func(cfg *gateway.Config) { cfg.Name = "other" })
		event := func() *http.Request {
			return b.signed(t, scheme, verifier.Message{ID: "msg_1", Body: []byte(`{"id":"evt_1"}`)})
		}
		b.forwarded(t, "one source", event())
		if w := b.postTo(t, other, event()); w.Header().Get("Hookgate-Result") != "" || len(b.app.take()) != 1 {
			t.Errorf("%s: the other source takes it for a duplicate", scheme)
		}
		b.duplicate(t, "one source again", event())
	}
}

// TestWindowRunsFromTheSettling to the nanosecond; a replay after it is too old.
// (T-04, T-15, C-02, pitfall 46)
func TestWindowRunsFromTheSettling(t *testing.T) {
	b := newBed(t, func(cfg *gateway.Config) { cfg.Dedupe.Window = time.Hour })
	b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
		b.clock.step(time.Minute) // the window runs from here
		w.WriteHeader(http.StatusOK)
		return nil
	})
	replay := b.svix(t, "msg_1").Header
	b.forwarded(t, "the first", b.svix(t, "msg_1"))
	b.app.answers(nil)
	b.clock.step(time.Hour - 1)
	b.duplicate(t, "signed anew within the window", b.svix(t, "msg_1"))
	b.refused(t, "replayed within the window", request(replay, []byte(wireBody)), "stale_timestamp")
	b.clock.step(1)
	b.forwarded(t, "signed anew after the window", b.svix(t, "msg_1"))
	b.refused(t, "replayed after the window", request(replay, []byte(wireBody)), "stale_timestamp")
}

// TestUndatedReplayWithinTheWindow: where no time is signed, the window is all there
// is. (T-05, T-06, T-15)
func TestUndatedReplayWithinTheWindow(t *testing.T) {
	b := newBed(t, of(t, "github"))
	event := b.signed(t, "github", verifier.Message{ID: "d1", Body: []byte("{}")}).Header
	b.forwarded(t, "the first", request(event, []byte("{}")))
	for range 3 {
		b.clock.step(gateway.DefaultWindow/3 - time.Nanosecond)
		event.Set("X-GitHub-Delivery", b.clock.now().String())
		b.duplicate(t, "its replay", request(event, []byte("{}")))
	}
}

// TestForgedIDsEvictNothing: a million of them leave no trace, and ten thousand
// events seen before are duplicates still. (T-13, G-5, R-06, pitfall 37)
func TestForgedIDsEvictNothing(t *testing.T) {
	genuine, forgeries := 10_000, 1_000_000
	if raceEnabled || testing.Short() {
		genuine, forgeries = 1000, 20_000
	}
	b := newBed(t, func(cfg *gateway.Config) {
		cfg.Dedupe.Entries = genuine
		cfg.Logger, cfg.Observer = nil, nil
	})
	signer, err := verifier.NewSigner(preset(t, "svix"), []string{svixSecret}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("{}")
	send := func(header http.Header) (status int, result string) {
		w := &sink{header: http.Header{}}
		if err := b.Receive(w, bare(header, body), ok); err != nil {
			t.Fatal(err)
		}
		return w.status, w.header.Get("Hookgate-Result")
	}
	sign := func(n int) http.Header {
		h, err := signer.Sign(verifier.Message{ID: fmt.Sprintf("msg_%d", n), Timestamp: noon, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for n := range genuine {
		if status, result := send(sign(n)); status != http.StatusOK || result != "" {
			t.Fatalf("event %d: %d %s", n, status, result)
		}
	}
	before, _ := b.state.Stats()
	forged := sign(0)
	refused := 0
	for n := range forgeries {
		header := http.Header{"Svix-Id": {fmt.Sprintf("forged_%d", n)}, "Svix-Timestamp": forged["Svix-Timestamp"], "Svix-Signature": forged["Svix-Signature"]}
		if status, _ := send(header); status == http.StatusUnauthorized {
			refused++
		}
	}
	if refused != forgeries {
		t.Errorf("%d of %d were refused", refused, forgeries)
	}
	if after, _ := b.state.Stats(); after != before || before != (dedupe.Stats{Entries: genuine}) {
		t.Errorf("remembered before: %+v, after: %+v", before, after)
	}
	for n := range genuine {
		if status, result := send(sign(n)); result != "duplicate" {
			t.Fatalf("event %d is forgotten: %d %s", n, status, result)
		}
	}
}
