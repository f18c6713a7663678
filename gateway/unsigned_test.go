package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

func hmacHex(secret, signed string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestUnsignedTypeIsReplaced: where the body says what an event is, the unsigned
// header that the provider also sends says the same when it is passed on.
// (pitfall 49)
func TestUnsignedTypeIsReplaced(t *testing.T) {
	for _, row := range []struct{ name, body, sent, want string }{
		{"alike", `{"type":"order.paid"}`, "order.paid", "order.paid"},
		{"tampered", `{"type":"order.paid"}`, "order.refunded", "order.paid"},
		{"left out", `{"type":"order.paid"}`, "", "order.paid"},
		{"the body says none", `{}`, "order.refunded", ""},
		{"the body says no name", `{"type":7}`, "order.refunded", ""},
		{"the body says two", `{"type":"a","type":"b"}`, "a", ""},
		{"no JSON", `type=a`, "a", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t, of(t, "travelbase"))
			r := b.signed(t, "travelbase", verifier.Message{Type: row.sent, Body: []byte(row.body)})
			got := b.forwarded(t, row.name, r)
			lines := got.Header["X-Webhook-Event"]
			if strings.Join(lines, "|") != row.want || got.Header.Get("Hookgate-Event-Type") != row.want {
				t.Errorf("x-webhook-event %q, Hookgate-Event-Type %q; want %q", lines, got.Header["Hookgate-Event-Type"], row.want)
			}
		})
	}
}

// TestUnsignedIsNeverMarked: for every preset, each header that the signature does
// not cover is tampered with; what we say of the event stays what was signed.
// (pitfalls 47 and 55)
func TestUnsignedIsNeverMarked(t *testing.T) {
	body := []byte(`{"id":"evt_1","type":"order.paid","event_id":"Ev01","event":{"type":"message"}}`)
	for _, scheme := range verifier.Presets() {
		genuine := newBed(t, of(t, scheme.Name))
		first := genuine.forwarded(t, "genuine", genuine.signed(t, scheme.Name, verifier.Message{ID: "msg_1", Type: "order.paid", Body: body}))
		for _, name := range []string{scheme.UnsignedID, scheme.UnsignedType, "X-Event-Id", "X-Event-Type", "X-Request-Id", "Idempotency-Key", "Date", "X-Forwarded-For"} {
			if name == "" {
				continue
			}
			b := newBed(t, of(t, scheme.Name))
			r := b.signed(t, scheme.Name, verifier.Message{ID: "msg_1", Type: "order.paid", Body: body})
			r.Header[http.CanonicalHeaderKey(name)] = []string{"tampered"}
			got := b.forwarded(t, scheme.Name+" "+name, r)
			for mark, lines := range got.Header {
				if !strings.HasPrefix(mark, "Hookgate-") || mark == "Hookgate-Via" {
					continue
				}
				if strings.Join(lines, "|") != strings.Join(first.Header[mark], "|") {
					t.Errorf("%s with %s tampered: %s: %q; want %q", scheme.Name, name, mark, lines, first.Header[mark])
				}
			}
			if o := b.outcome(t); strings.Contains(o.ID+o.Type, "tampered") {
				t.Errorf("%s with %s tampered: outcome %+v", scheme.Name, name, o)
			}
		}
	}
}

// TestTamperedIsNeverForwarded: for every preset, a bit of any signed header or of
// the body. (S-11)
func TestTamperedIsNeverForwarded(t *testing.T) {
	body := []byte(`{"id":"evt_1","type":"order.paid","event_id":"Ev01","event":{"type":"message"}}`)
	for _, scheme := range verifier.Presets() {
		b := newBed(t, of(t, scheme.Name))
		whole := b.signed(t, scheme.Name, verifier.Message{ID: "msg_1", Type: "order.paid", Body: body})
		signed := whole.Header
		again := func(header http.Header, body []byte) *http.Request {
			r := request(header, body)
			r.URL.RawQuery = whole.URL.RawQuery
			return r
		}
		tampered := func(what string, header http.Header, body []byte) {
			t.Helper()
			w := b.post(t, again(header, body))
			if all := b.app.take(); len(all) != 0 || w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
				t.Errorf("%s: %s: status %d, the app saw %d", scheme.Name, what, w.Code, len(all))
			}
		}
		for i := range body {
			if scheme.Keys[0].Algorithm == verifier.Token {
				break
			}
			other := append([]byte(nil), body...)
			other[i] ^= 1
			tampered("body", signed, other)
		}
		for name := range signed {
			if strings.EqualFold(name, scheme.UnsignedID) || strings.EqualFold(name, scheme.UnsignedType) {
				continue
			}
			for i := range signed[name][0] {
				other := signed.Clone()
				text := []byte(other[name][0])
				text[i] ^= 1 // not 0x20, which is the letter case of a hex digit
				other[name] = []string{string(text)}
				tampered(name, other, body)
			}
		}
		b.forwarded(t, "genuine "+scheme.Name, again(signed, body))
	}
}
