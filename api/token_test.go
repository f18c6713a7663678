package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
)

const (
	keyText   = "a key of a test, with 32 characters or more"
	otherText = "another key of a test, as long as that one is"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

func keyring(t testing.TB, secrets ...string) *sender.Keyring {
	t.Helper()
	ring, err := sender.NewKeyring(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func openStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.Migrations == nil {
		o.Migrations = api.Migrations()
	}
	s, err := store.Open(t.Context(), sqlite.New(filepath.Join(t.TempDir(), "events.db"), 0), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tokenBed makes tokens at a clock that is moved.
type tokenBed struct {
	*api.Tokens
	store *store.Store
	clock *clock
}

func newTokenBed(t testing.TB, secrets ...string) *tokenBed {
	b := &tokenBed{clock: &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)}}
	b.store = openStore(t, store.Options{Now: b.clock.now})
	b.Tokens = api.NewTokens(keyring(t, secrets...), b.store, api.Audience, nil)
	return b
}

const appA, appB = "app_000000000000000000000000aaa", "app_000000000000000000000000bbb"

func ofApp(app string) api.Holder { return api.Holder{Scope: api.Application, App: app} }

func mint(t testing.TB, tokens *api.Tokens, h api.Holder, life time.Duration) string {
	t.Helper()
	_, text, err := tokens.Mint(h, life)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (b *tokenBed) refused(t testing.TB, text, why string) {
	t.Helper()
	if token, err := b.Parse(t.Context(), text); !errors.Is(err, api.ErrToken) {
		t.Errorf("%s: taken as %+v, error %v", why, token, err)
	} else if len(text) > 20 && strings.Contains(err.Error(), text) {
		t.Errorf("%s: the error holds the token: %v", why, err)
	}
}

func TestTokens(t *testing.T) {
	b := newTokenBed(t, keyText)
	for _, h := range []api.Holder{
		{Scope: api.Organisation},
		{Scope: api.Operator},
		ofApp(appA),
		{Scope: api.Application, App: appA, Capabilities: []api.Capability{api.ViewBase}, FeatureFlags: []string{"beta"}, Session: "s1"},
		{Scope: api.Application, App: appA, Capabilities: []api.Capability{}},
	} {
		made, text, err := b.Mint(h, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		read, err := b.Parse(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", read) != fmt.Sprintf("%+v", made) && len(h.Capabilities) > 0 {
			t.Errorf("made %+v, read %+v", made, read)
		}
		if read.Scope != h.Scope || read.App != h.App || read.Session != h.Session || (read.Capabilities == nil) != (h.Capabilities == nil) {
			t.Errorf("made of %+v, read %+v", h, read)
		}
		if !read.Issued.Equal(b.clock.now()) || !read.Expires.Equal(b.clock.now().Add(time.Hour).Truncate(time.Second)) {
			t.Errorf("issued %s, expires %s", read.Issued, read.Expires)
		}
	}
	for _, h := range []api.Holder{
		{},
		{Scope: "root"},
		{Scope: api.Application},
		{Scope: api.Application, App: "org_1"},
		{Scope: api.Organisation, App: appA},
		{Scope: api.Organisation, Capabilities: []api.Capability{api.ViewBase}},
	} {
		if _, _, err := b.Mint(h, time.Hour); err == nil {
			t.Errorf("a token was made of %+v", h)
		}
	}
	for _, life := range []time.Duration{0, -time.Hour, 400 * 24 * time.Hour} {
		if _, _, err := b.Mint(ofApp(appA), life); err == nil {
			t.Errorf("a token of an application was made for %s", life)
		}
	}
}

// forge signs claims as whoever has a key would.
func forge(t testing.TB, method jwt.SigningMethod, kid any, key any, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	if kid != nil {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Forged and mixed-up tokens are refused, each for its own fault: the same claims,
// signed as they have to be, are a token.
//
// (P-12, P-13)
func TestForgedTokens(t *testing.T) {
	b := newTokenBed(t, keyText)
	key := keyring(t, keyText).Derive("hookgate token " + api.Audience)[0]
	sum := sha256.Sum256(append([]byte("kid\x00"), key...))
	kid := fmt.Sprintf("%x", sum[:8])
	now := b.clock.now().Unix()
	claims := func(change ...any) map[string]any {
		c := map[string]any{
			"iss": "hookgate", "aud": api.Audience, "sub": appA, "scope": "application", "jti": "an id",
			"iat": json.Number(fmt.Sprintf("%d.000", now)), "nbf": now - 60, "exp": now + 60,
		}
		for i := 0; i < len(change); i += 2 {
			if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
				delete(c, change[i].(string))
			}
		}
		return c
	}
	hs := jwt.SigningMethodHS256
	if _, err := b.Parse(t.Context(), forge(t, hs, kid, key, claims())); err != nil {
		t.Fatalf("a token that is one: %v", err)
	}
	none := jwt.UnsafeAllowNoneSignatureType
	secondKey := keyring(t, otherText).Derive("hookgate token " + api.Audience)[0]
	otherPurpose := keyring(t, keyText).Derive("hookgate token hookgate/portal")[0]
	good := forge(t, hs, kid, key, claims())
	parts := strings.Split(good, ".")
	for why, text := range map[string]string{
		"alg none":              forge(t, jwt.SigningMethodNone, kid, none, claims()),
		"alg none, unsigned":    forge(t, jwt.SigningMethodNone, kid, none, claims())[:len(forge(t, jwt.SigningMethodNone, kid, none, claims()))-1],
		"HS384":                 forge(t, jwt.SigningMethodHS384, kid, key, claims()),
		"HS512":                 forge(t, jwt.SigningMethodHS512, kid, key, claims()),
		"another key":           forge(t, hs, kid, secondKey, claims()),
		"the key as configured": forge(t, hs, kid, []byte(keyText), claims()),
		"an empty key":          forge(t, hs, kid, []byte{}, claims()),
		"the portal's key":      forge(t, hs, kid, otherPurpose, claims()),
		"no kid":                forge(t, hs, nil, key, claims()),
		"an unknown kid":        forge(t, hs, "0123456789abcdef", key, claims()),
		"kid is a number":       forge(t, hs, 1, key, claims()),
		"another issuer":        forge(t, hs, kid, key, claims("iss", "svix-server")),
		"no issuer":             forge(t, hs, kid, key, claims("iss", nil)),
		"another audience":      forge(t, hs, kid, key, claims("aud", "hookgate/portal")),
		"no audience":           forge(t, hs, kid, key, claims("aud", nil)),
		"expired":               forge(t, hs, kid, key, claims("exp", now)),
		"expired a second ago":  forge(t, hs, kid, key, claims("exp", now-1)),
		"no expiry":             forge(t, hs, kid, key, claims("exp", nil)),
		"expiry zero":           forge(t, hs, kid, key, claims("exp", 0)),
		"from the future":       forge(t, hs, kid, key, claims("nbf", now+1)),
		"no jti":                forge(t, hs, kid, key, claims("jti", nil)),
		"no iat":                forge(t, hs, kid, key, claims("iat", nil)),
		"no scope":              forge(t, hs, kid, key, claims("scope", nil)),
		"an unknown scope":      forge(t, hs, kid, key, claims("scope", "root")),
		"organisation of an app": forge(t, hs, kid, key,
			claims("scope", "organisation")),
		"application of no app": forge(t, hs, kid, key, claims("sub", api.OrganisationID)),
		"restricted operator":   forge(t, hs, kid, key, claims("scope", "operator", "sub", api.OrganisationID, "cap", []string{"ViewBase"})),
		"nothing":               "",
		"nonsense":              "nonsense",
		"a secret":              keyText,
		"dots":                  "..",
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            good + "." + parts[2],
		"no signature":          parts[0] + "." + parts[1] + ".",
		"a signature too short": good[:len(good)-1],
		"padded":                good + "=",
		"a line break":          parts[0] + "." + parts[1] + "." + parts[2][:10] + "\n" + parts[2][10:],
		"in the other alphabet": parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2]) + "=",
		"very long":             good + strings.Repeat("A", 1<<20),
		"an array of audiences": forge(t, hs, kid, key, claims("aud", []string{api.Audience, "x"})),
		"no JSON":               signed(parts[0], "{", key),
		"a list":                signed(parts[0], "[]", key),
		"claims of another token": func() string {
			other := strings.Split(forge(t, hs, kid, key, claims("sub", appB)), ".")
			return parts[0] + "." + other[1] + "." + parts[2]
		}(),
	} {
		b.refused(t, text, why)
	}
	// The id of a token that was made before ids had their form cannot be given; its text can.
	old := forge(t, hs, kid, key, claims("jti", "-qRZTSCh0s4z9uXpZKRl-A"))
	b.taken(t, old, "an id of another form")
	var got api.Revoked
	if status := b.ask(t, http.MethodPost, `{"token":"`+old+`"}`, &got); status != http.StatusOK {
		t.Errorf("revoking it: %d", status)
	}
	b.refused(t, old, "revoked, with an id of another form")
}

// signed signs a payload that is no claims.
func signed(header, payload string, key []byte) string {
	text := header + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// No byte of a token can be another, and none can be missing.
//
// (P-12)
func TestEachByteOfAToken(t *testing.T) {
	b := newTokenBed(t, keyText)
	text := mint(t, b.Tokens, ofApp(appA), time.Hour)
	for i := range len(text) {
		for _, flip := range []byte{1, 2, 4, 32, 128} {
			changed := []byte(text)
			changed[i] ^= flip
			b.refused(t, string(changed), fmt.Sprintf("byte %d xor %d", i, flip))
		}
		b.refused(t, text[:i], fmt.Sprintf("the first %d bytes", i))
		b.refused(t, text[:i]+text[i+1:], fmt.Sprintf("without byte %d", i))
	}
}

// A token of one audience is none of another, not even with the same key.
//
// (P-12)
func TestAudiences(t *testing.T) {
	b := newTokenBed(t, keyText)
	portal := api.NewTokens(keyring(t, keyText), b.store, "hookgate/portal", b.clock.now)
	b.refused(t, mint(t, portal, ofApp(appA), time.Hour), "a token of the portal")
	if _, err := portal.Parse(t.Context(), mint(t, b.Tokens, ofApp(appA), time.Hour)); !errors.Is(err, api.ErrToken) {
		t.Errorf("the portal takes a token of the API: %v", err)
	}
}

// Tokens last as long as they say, to the second, and are valid a minute early.
//
// (P-02)
func TestTokensExpire(t *testing.T) {
	b := newTokenBed(t, keyText)
	text := mint(t, b.Tokens, ofApp(appA), time.Hour)
	b.clock.move(-time.Minute)
	if _, err := b.Parse(t.Context(), text); err != nil {
		t.Errorf("a minute early: %v", err)
	}
	b.clock.move(-time.Second)
	b.refused(t, text, "more than a minute early")
	b.clock.move(time.Hour + time.Minute)
	if _, err := b.Parse(t.Context(), text); err != nil {
		t.Errorf("a second before it expires: %v", err)
	}
	b.clock.move(time.Second)
	b.refused(t, text, "expired")
}

// After a key was added in front, what the old one has signed is valid still, until the old one
// is taken away.
func TestKeysRotate(t *testing.T) {
	b := newTokenBed(t, keyText)
	text := mint(t, b.Tokens, ofApp(appA), time.Hour)
	both := api.NewTokens(keyring(t, otherText, keyText), b.store, api.Audience, b.clock.now)
	if _, err := both.Parse(t.Context(), text); err != nil {
		t.Errorf("signed with the previous key: %v", err)
	}
	fresh := mint(t, both, ofApp(appA), time.Hour)
	b.refused(t, fresh, "signed with a key to come")
	only := api.NewTokens(keyring(t, otherText), b.store, api.Audience, b.clock.now)
	if _, err := only.Parse(t.Context(), fresh); err != nil {
		t.Errorf("the first key does not sign: %v", err)
	}
	if _, err := only.Parse(t.Context(), text); !errors.Is(err, api.ErrToken) {
		t.Errorf("a key that was taken away verifies: %v", err)
	}
}
