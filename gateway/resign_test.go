package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// resign has forwarded copies signed anew.
func resign(s verifier.Scheme, secret string) func(*gateway.Config) {
	return func(cfg *gateway.Config) { cfg.Forward.Resign = &gateway.Resign{Scheme: s, Secret: secret} }
}

// TestResign: each attempt has one fresh signature, which the official libraries and
// our own verifier accept; the id stays, the time is the attempt's, and nothing is
// left of what the sender signed, or put where the fresh signature is.
func TestResign(t *testing.T) {
	type library interface {
		VerifyIgnoringTimestamp(payload []byte, headers http.Header) error
	}
	ofSvix, err := svix.NewWebhook(otherSecret)
	if err != nil {
		t.Fatal(err)
	}
	ofStandard, err := standardwebhooks.NewWebhook(otherSecret)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []struct {
		scheme  string
		library library
		names   []string // under which its signature and what goes with it may be read
	}{
		{"svix", ofSvix, []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Svix-Id", "Svix-Timestamp", "Svix-Signature", "Svix_signature", "Webhook.id"}},
		{"standard", ofStandard, []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Webhook_signature"}},
	} {
		for _, from := range verifier.Presets() {
			what := from.Name + " as " + to.scheme
			b := newShelf(t, of(t, from.Name), resign(preset(t, to.scheme), otherSecret))
			body := []byte(`{"id":"evt_1","event_id":"evt_1","type":"a.b"}`)
			r := b.signed(t, from.Name, verifier.Message{ID: "evt_1", Type: "a.b", Body: body})
			r.Header.Set("X-Custom", "kept")
			for _, name := range to.names {
				if r.Header[name] == nil && (from.Aliases == nil || strings.ContainsAny(name, "_.")) {
					r.Header[name] = []string{"junk"}
				}
			}
			signatures := r.Header.Clone()
			b.answered(t, what, r, "accepted")
			d := delivered(b.shelf.take()[0])
			times := map[string]bool{}
			for range 2 {
				b.clock.step(time.Hour) // a signature of the arrival would be stale
				got, err := b.Request(t.Context(), d)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if err := to.library.VerifyIgnoringTimestamp(body, got.Header); err != nil {
					t.Errorf("%s: the official library: %v", what, err)
				}
				v, err := verifier.New(preset(t, to.scheme), []string{otherSecret}, verifier.Options{})
				if err != nil {
					t.Fatal(err)
				}
				proof, err := v.Verify(&verifier.Request{Method: got.Method, Header: got.Header}, body, b.clock.now())
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if event, err := proof.Event(); err != nil || event.ID != d.ID || !proof.Timestamp.Equal(b.clock.now()) {
					t.Errorf("%s: id %s of %s, %v", what, event.ID, proof.Timestamp, err)
				}
				times[proof.Timestamp.String()] = true
				for name, lines := range got.Header {
					if slices.Contains(lines, "junk") {
						t.Errorf("%s: %s: %q is left", what, name, lines)
					}
				}
				for _, place := range v.SignatureHeaders()[:1] {
					if got.Header.Get(place) == signatures.Get(place) {
						t.Errorf("%s: %s is as it came", what, place)
					}
				}
				for _, l := range from.Signature {
					_, name, _ := strings.Cut(string(l.From), ":")
					if name = http.CanonicalHeaderKey(name); !slices.Contains(v.SignatureHeaders()[:1], name) && got.Header[name] != nil {
						t.Errorf("%s: the sender's %s is left", what, name)
					}
				}
				if from.UnsignedType != "" && from.Type != "json:/object_kind" && got.Header.Get(from.UnsignedType) != "a.b" || got.Header.Get("X-Custom") != "kept" || got.Header.Get("Hookgate-Scheme") != from.Name {
					t.Errorf("%s: too much is gone: %v", what, got.Header)
				}
			}
			if len(times) != 2 {
				t.Errorf("%s: two attempts are of %v", what, times)
			}
		}
	}
}

// TestResignAwkwardID: an id that cannot stand in the bytes that are signed gets one
// that can, the same each time.
func TestResignAwkwardID(t *testing.T) {
	b := newShelf(t, of(t, "travelbase"), resign(preset(t, "standard"), otherSecret))
	ids := map[string]bool{}
	for _, id := range []string{"evt.1", "evt.1", "evt.2"} {
		b.answered(t, id, b.signed(t, "travelbase", verifier.Message{Body: fmt.Appendf(nil, `{"id":%q}`, id)}), "accepted")
		r := b.copied(t)
		if r.Header.Get("Hookgate-Id") != id {
			t.Errorf("Hookgate-Id: %s", r.Header.Get("Hookgate-Id"))
		}
		ids[r.Header.Get("Webhook-Id")] = true
	}
	if len(ids) != 2 {
		t.Errorf("ids %v", ids)
	}
}

// TestResignUnsignedType: apps of a scheme whose body says the type believe the
// header that repeats it, so that it is never the sender's word.
func TestResignUnsignedType(t *testing.T) {
	b := newShelf(t, of(t, "github"), resign(preset(t, "travelbase"), textSecret+"!"))
	r := b.signed(t, "github", verifier.Message{Body: []byte("{}")})
	r.Header.Set("X-Webhook-Event", "forged")
	b.answered(t, "no type is signed", r, "accepted")
	got := b.copied(t)
	if got.Header["X-Webhook-Event"] != nil || got.Header.Get("X-Webhook-Signature") == "" {
		t.Errorf("%v", got.Header)
	}
}

// TestResignedQuery: a signature in the query goes with the rest of it.
func TestResignedQuery(t *testing.T) {
	s := preset(t, "github")
	s.Name, s.Signature = "query", []verifier.Location{{From: "query:sig"}}
	b := newShelf(t, func(cfg *gateway.Config) { cfg.Verify = []gateway.Verify{{Scheme: s, Secrets: []string{textSecret}}} }, resign(preset(t, "svix"), otherSecret))
	r := request(http.Header{}, []byte("{}"))
	r.URL.RawQuery = "a=b&sig=" + hmacHex(textSecret, "{}")
	b.answered(t, "signed in the query", r, "accepted")
	if got := b.copied(t); got.URL.RawQuery != "a=b" || got.RequestURI != "/hooks/travtus?a=b" {
		t.Errorf("%s, %s", got.URL, got.RequestURI)
	}
}
