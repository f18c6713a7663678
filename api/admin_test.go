package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

// ask has the operator's handler answer a request.
func (b *tokenBed) ask(t testing.TB, method, body string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	b.AdminHandler().ServeHTTP(w, httptest.NewRequest(method, api.RevokePath, strings.NewReader(body)))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Errorf("%s: %d %s", body, w.Code, w.Body)
	}
	return w.Code
}

// TestAdminRevokes: by the token, or by its id; the first also if it has expired.
func TestAdminRevokes(t *testing.T) {
	b := newTokenBed(t, keyText)
	for _, by := range []string{"token", "id"} {
		token, text, err := b.Mint(ofApp(appA), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		b.taken(t, text, "before")
		value := text
		if by == "id" {
			value = token.ID
		}
		body, _ := json.Marshal(map[string]string{by: value})
		for range 2 { // twice is as good as once
			var got api.Revoked
			if status := b.ask(t, http.MethodPost, string(body), &got); status != http.StatusOK || got.ID != token.ID || got.Expired {
				t.Errorf("by its %s: %d %+v", by, status, got)
			}
			if known := got.Expires.Equal(token.Expires); known != (by == "token") {
				t.Errorf("by its %s it expires %v", by, got.Expires)
			}
		}
		b.refused(t, text, "revoked by its "+by)
	}
	text := mint(t, b.Tokens, ofApp(appA), time.Hour)
	b.clock.move(2 * time.Hour)
	var got api.Revoked
	if status := b.ask(t, http.MethodPost, `{"token":"`+text+`"}`, &got); status != http.StatusOK || !got.Expired {
		t.Errorf("an expired one: %d %+v", status, got)
	}
}

// TestAdminRefuses: what names no token of this gateway changes nothing, and is not
// repeated in the answer.
func TestAdminRefuses(t *testing.T) {
	b := newTokenBed(t, keyText)
	foreign := mint(t, newTokenBed(t, otherText).Tokens, ofApp(appA), time.Hour)
	other := api.NewTokens(keyring(t, keyText), b.store, "something else", nil)
	for body, want := range map[string]string{
		``: "invalid_body", `[]`: "invalid_body", `{}`: "invalid_body", `{"token":"a","id":"b"}`: "invalid_body", `{"app":"a"}`: "invalid_body",
		`{"token":"` + strings.Repeat("a", 20<<10) + `"}`:            "invalid_body",
		`{"token":"nonsense"}`:                                       "invalid_token",
		`{"token":"` + foreign + `"}`:                                "invalid_token",
		`{"id":"' OR 1=1; --"}`:                                      "invalid_id",
		`{"id":"AAAAAAAAAAAAAAAAAAAAAAAA A"}`:                        "invalid_id",
		`{"id":"-AAAAAAAAAAAAAAAAAAAAAAAAA"}`:                        "invalid_id",
		`{"token":"` + mint(t, other, ofApp(appA), time.Hour) + `"}`: "invalid_token",
	} {
		var got struct {
			Error struct{ Type, Message string }
		}
		status := b.ask(t, http.MethodPost, body, &got)
		if status != http.StatusBadRequest || got.Error.Type != want || strings.Contains(got.Error.Message, foreign) {
			t.Errorf("%.60s: %d %+v, want %s", body, status, got, want)
		}
	}
	if n := rows(t, b.store, "api_revoked"); n != 0 {
		t.Errorf("%d tokens are revoked", n)
	}
	var got struct {
		Error struct{ Type string }
	}
	if status := b.ask(t, http.MethodGet, "", &got); status != http.StatusMethodNotAllowed || got.Error.Type != "method_not_allowed" {
		t.Errorf("GET: %d %+v", status, got)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	if status := b.ask(t, http.MethodPost, `{"id":"AAAAAAAAAAAAAAAAAAAAAAAAAA"}`, &got); status != http.StatusServiceUnavailable || got.Error.Type != "unavailable" {
		t.Errorf("without a store: %d %+v", status, got)
	}
}

// TestTokenIDs: the id of a token can be written on a command line. One in 64 began as a
// flag does, which token revoke then took it for.
func TestTokenIDs(t *testing.T) {
	b := newTokenBed(t, keyText)
	form := regexp.MustCompile("^[A-Z2-7]{26}$")
	for range 500 {
		token, _, err := b.Mint(ofApp(appA), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(token.ID) {
			t.Fatalf("the id %q", token.ID)
		}
	}
}

// TestInspect: any token can be read; only one of a key of ours, for the API, is called
// signed.
func TestInspect(t *testing.T) {
	b := newTokenBed(t, keyText)
	offline := api.NewOfflineTokens(keyring(t, keyText), b.clock.now)
	minted, text, err := offline.Mint(ofApp(appA), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.taken(t, text, "minted without a store")
	b.clock.move(2 * time.Hour)
	for _, test := range []struct {
		name   string
		tokens *api.Tokens
		text   string
		signed bool
	}{
		{"ours, expired", offline, text, true},
		{"with an older key", api.NewOfflineTokens(keyring(t, otherText, keyText), b.clock.now), text, true},
		{"another's", api.NewOfflineTokens(keyring(t, otherText), b.clock.now), text, false},
		{"changed", offline, otherSignature(text), false},
		{"of another audience", api.NewTokens(keyring(t, keyText), b.store, "portal", b.clock.now), text, false},
	} {
		got, signed, err := test.tokens.Inspect(test.text)
		if err != nil || signed != test.signed || got.ID != minted.ID || got.App != appA || !got.Expires.Equal(minted.Expires) {
			t.Errorf("%s: %+v, signed %v, %v", test.name, got, signed, err)
		}
	}
	for _, text := range []string{"", "nonsense", "a.b.c", strings.Repeat("a", 9<<10)} {
		if got, _, err := offline.Inspect(text); !errors.Is(err, api.ErrToken) {
			t.Errorf("%.20q: %+v, %v", text, got, err)
		}
	}
	none := "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."
	if _, signed, _ := offline.Inspect(none); signed {
		t.Error("a token with the algorithm none is called signed")
	}
}

// otherSignature changes a character of a token's signature.
func otherSignature(text string) string {
	at := len(text) - 10
	if text[at] == 'A' {
		return text[:at] + "B" + text[at+1:]
	}
	return text[:at] + "A" + text[at+1:]
}
