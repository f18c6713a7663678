package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

const verifyToken = "a-verify-token-of-24-byte"

// answering makes a source answer: a kind of the preset's own, or another.
func answering(t testing.TB, scheme, kind, token string) func(*gateway.Config) {
	s := preset(t, scheme)
	return func(cfg *gateway.Config) {
		cfg.Verify = append(cfg.Verify, gateway.Verify{
			Scheme: s, Secrets: []string{secretOf(s)},
			Options: verifier.Options{Answer: &verifier.Answer{Kind: kind, VerifyToken: token}},
		})
	}
}

// nothing drops what a bed verifies by itself.
func nothing(cfg *gateway.Config) { cfg.Verify = nil }

const (
	slackAsks = `{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd","type":"url_verification"}`
	zoomAsks  = `{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event":"endpoint.url_validation"}`
)

// answered fails the test unless a request is answered by us, with a text, and
// nothing else has become of it.
func answered(t *testing.T, b *storedBed, what string, r *http.Request, want string) {
	t.Helper()
	w := b.post(t, r)
	h := w.Header()
	if w.Code != http.StatusOK || w.Body.String() != want || h.Get("Hookgate-Result") != "handshake" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %d %v %q; want %q", what, w.Code, h, w.Body, want)
	}
	if n, kept := len(b.app.take()), len(b.shelf.take()); n+kept != 0 {
		t.Errorf("%s: the app saw %d, %d are stored", what, n, kept)
	}
	if o := b.outcome(t); o.Result != gateway.ResultHandshake || o.Sequence != 0 || o.Err != nil {
		t.Errorf("%s: outcome %+v", what, o)
	}
}

// TestHandshakeIsAnswered where it is asked for, also a second time: it is no event,
// so that a repetition is none either. (pitfall 50)
func TestHandshakeIsAnswered(t *testing.T) {
	get := func(query string) func(*testing.T, *bed) *http.Request {
		return func(*testing.T, *bed) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/hooks/travtus?"+query, nil)
		}
	}
	of := func(scheme, body string) func(*testing.T, *bed) *http.Request {
		return func(t *testing.T, b *bed) *http.Request {
			return b.signed(t, scheme, verifier.Message{ID: "msg_1", Body: []byte(body)})
		}
	}
	for name, row := range map[string]struct {
		scheme, kind, token string
		asks                func(*testing.T, *bed) *http.Request
		want                string
	}{
		"slack":   {"slack", "", "", of("slack", slackAsks), "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"},
		"twitch":  {"twitch", "", "", of("twitch", `{"challenge":"pogchamp","subscription":{"status":"webhook_callback_verification_pending"}}`), "pogchamp"},
		"dropbox": {"dropbox", "", "", get("challenge=abc"), "abc"},
		"meta":    {"github", "meta", verifyToken, get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + verifyToken), "1158201444"},
		"graph": {"github", "graph", "", func(*testing.T, *bed) *http.Request {
			return httptest.NewRequest(http.MethodPost, "/hooks/travtus?validationToken=Validation%3A+x", nil)
		}, "Validation: x"},
	} {
		b := newShelf(t, nothing, answering(t, row.scheme, row.kind, row.token))
		for range 2 {
			answered(t, b, name, row.asks(t, b.bed), row.want)
		}
		if got := b.state.Traffic(); got.Handshakes != 2 || got.Received != 2 {
			t.Errorf("%s: counted %+v", name, got)
		}
	}
}

// TestSignedHandshakePasses at once where nobody asks for an answer, with what was
// verified, but without a number and a key: it is no event. (pitfall 49)
func TestSignedHandshakePasses(t *testing.T) {
	b := newShelf(t, of(t, "slack"))
	for range 2 {
		w := b.post(t, b.signed(t, "slack", verifier.Message{Body: []byte(slackAsks)}))
		seen := b.app.take()
		if w.Code != http.StatusOK || len(seen) != 1 || len(b.shelf.take()) != 0 {
			t.Fatalf("%d, the app saw %d", w.Code, len(seen))
		}
		h := seen[0].Header
		if h.Get("Hookgate-Source") != "travtus" || h.Get("Hookgate-Scheme") != "slack" || h["Hookgate-Sequence"] != nil || h["Hookgate-Idempotency-Key"] != nil || seen[0].body != slackAsks {
			t.Errorf("the app saw %v %s", h, seen[0].body)
		}
		if o := b.outcome(t); o.Result != gateway.ResultHandshake || !o.Signed || o.Sequence != 0 {
			t.Errorf("outcome %+v", o)
		}
	}
}

// TestForgedHandshake: one that has to be signed and is not, or is too old, gets no
// answer. (pitfall 52)
func TestForgedHandshake(t *testing.T) {
	b := newShelf(t, nothing, answering(t, "zoom", "", ""))
	unsigned := httptest.NewRequest(http.MethodPost, "/hooks/travtus", strings.NewReader(zoomAsks))
	b.refused(t, "unsigned", unsigned, "missing_header")
	forged := b.signed(t, "zoom", verifier.Message{Body: []byte(zoomAsks)})
	forged.Header.Set("X-Zm-Signature", "v0="+strings.Repeat("0", 64))
	b.refused(t, "forged", forged, "invalid_signature")
	b.refused(t, "an old one again", b.signed(t, "zoom", verifier.Message{Timestamp: noon.AddDate(0, 0, -1), Body: []byte(zoomAsks)}), "stale_timestamp")
	oracle := strings.Replace(zoomAsks, "qgg8vlvZRS6UYooatFL8Aw", "v0:1795435200:{}", 1)
	b.refused(t, "a signed text of an event's form", b.signed(t, "zoom", verifier.Message{Body: []byte(oracle)}), "malformed_handshake")
	if n := len(b.shelf.take()); n != 0 {
		t.Errorf("%d are stored", n)
	}
}

// TestSigningOracle: what X's challenge makes us sign is no webhook, neither of its
// own scheme nor of another of the source with the same secret. (pitfall 52)
func TestSigningOracle(t *testing.T) {
	other := func(cfg *gateway.Config) {
		s := preset(t, "github")
		cfg.Verify = append(cfg.Verify, gateway.Verify{Scheme: s, Secrets: []string{secretOf(s)}})
	}
	b := newShelf(t, nothing, answering(t, "x", "", ""), other)
	for text, answers := range map[string]bool{"1": true, "true": true, "12345": true, `{"a":1}`: false, `"a"`: false, "[]": false, strings.Repeat("1", 129): false} {
		r := httptest.NewRequest(http.MethodGet, "/hooks/travtus?crc_token="+url.QueryEscape(text), nil)
		if !answers {
			b.refused(t, text, r, "malformed_handshake")
			continue
		}
		w := b.post(t, r)
		token, ok := strings.CutPrefix(w.Body.String(), `{"response_token":"`)
		token, ok2 := strings.CutSuffix(token, `"}`)
		if !ok || !ok2 || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s", text, w.Code, w.Body)
		}
		b.outcome(t)
		forged := httptest.NewRequest(http.MethodPost, "/hooks/travtus", strings.NewReader(text))
		forged.Header.Set("X-Twitter-Webhooks-Signature", token)
		b.refused(t, "signed by the answer", forged, "invalid_signature")
		b.refused(t, "the same for another scheme", b.signed(t, "github", verifier.Message{Body: []byte(text)}), "invalid_signature")
	}
	b.answered(t, "an event", b.signed(t, "x", verifier.Message{Body: []byte(`{"for_user_id":"1"}`)}), gateway.ResultAccepted)
}

// TestVerifyTokenOfSeveral: each verify has its own, in whichever order they stand;
// one of another is a refusal that says nothing of it.
func TestVerifyTokenOfSeveral(t *testing.T) {
	const second = "another-token-of-24-bytes"
	b := newShelf(t, nothing, answering(t, "github", "meta", verifyToken), answering(t, "calcom", "meta", second))
	ask := func(token string) *http.Request {
		return httptest.NewRequest(http.MethodGet, "/hooks/travtus?hub.mode=subscribe&hub.challenge=1&hub.verify_token="+token, nil)
	}
	for scheme, token := range map[string]string{"github": verifyToken, "calcom": second} {
		w := b.post(t, ask(token))
		if o := b.outcome(t); w.Body.String() != "1" || o.Scheme != scheme {
			t.Errorf("%s: %d %s, scheme %s", scheme, w.Code, w.Body, o.Scheme)
		}
	}
	b.refused(t, "no one's token", ask("a-token-that-is-of-no-one"), "invalid_verify_token")
	if log := b.logged.String(); strings.Contains(log, "a-token-that-is") || strings.Contains(log, verifyToken) {
		t.Errorf("the log shows a verify token: %s", log)
	}
	if err := b.SetVerifyToken(0, "short"); err == nil {
		t.Error("a short token is taken")
	}
	if err := b.SetVerifyToken(0, "a-rotated-token-of-bytes"); err != nil {
		t.Fatal(err)
	}
	if err := b.Rekey(0, []string{"another-secret-of-32-bytes-abcdef"}); err != nil { // keeps the token
		t.Fatal(err)
	}
	answered(t, b, "the new token", ask("a-rotated-token-of-bytes"), "1")
	b.refused(t, "the old one", ask(verifyToken), "invalid_verify_token")
}

// TestHandshakeOfAnotherScheme: what is signed by one scheme is no handshake of
// another of the source.
func TestHandshakeOfAnotherScheme(t *testing.T) {
	b := newShelf(t, nothing, answering(t, "slack", "", ""), answering(t, "zoom", "", ""))
	b.answered(t, "Slack's, signed as Zoom's", b.signed(t, "zoom", verifier.Message{Body: []byte(slackAsks)}), gateway.ResultAccepted)
	if n := len(b.shelf.take()); n != 1 {
		t.Errorf("%d are stored; want the event", n)
	}
}

// TestHandshakeBody: a handshake has none; where HTTP/2 leaves it open, what comes is
// not passed on.
func TestHandshakeBody(t *testing.T) {
	b := newBed(t, of(t, "dropbox"))
	b.refused(t, "a body", httptest.NewRequest(http.MethodGet, "/hooks/travtus?challenge=1", strings.NewReader("x")), "malformed_handshake")
	r := httptest.NewRequest(http.MethodGet, "/hooks/travtus?challenge=1", strings.NewReader("x"))
	r.ContentLength = -1
	if seen := b.forwarded(t, "length unknown", r); len(seen.body) != 0 {
		t.Errorf("the app saw %q", seen.body)
	}
	r = httptest.NewRequest(http.MethodGet, "/hooks/travtus?challenge=1", strings.NewReader("x"))
	r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	b.watcher.take()
	b.refused(t, "chunked", r, "malformed_handshake")
}
