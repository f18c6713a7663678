package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

const (
	issuer = "hookgate"
	// Audience is that of the tokens of the API.
	Audience = "hookgate/api"
	// purpose is what the keys of tokens are derived for, with the audience.
	purpose = "hookgate token "
	// maxToken is how long the text of a token may be.
	maxToken = 8 << 10
	// early is how long before it was issued a token is valid already: the clocks of
	// gateways that share a store differ.
	early = time.Minute
	// maxApplicationLife is the longest life of a token of an application. What ends all
	// of them has to be remembered for so long.
	maxApplicationLife = 366 * 24 * time.Hour
)

// ErrToken says that a text is no valid token: forged, for something else, expired, or
// revoked. It is wrapped with why, which is for logs only.
var ErrToken = errors.New("api: invalid token")

// ErrExpired is an [ErrToken]: it says that a token of ours has ended by itself.
var ErrExpired = fmt.Errorf("%w: it has expired", ErrToken)

// Tokens makes and checks the tokens of one audience. It is safe for concurrent use.
type Tokens struct {
	audience string
	store    *store.Store
	now      func() time.Time
	signing  tokenKey
	keys     map[string][]byte // by kid
	known    *store.Memo[[sha256.Size]byte, known]
}

// keptTokens is how many tokens are remembered that were found good.
const keptTokens = 1024

// known is a token that was found good, and from when to when it is as long as nobody ends
// any.
type known struct {
	token       Token
	from, until time.Time
}

func (k *known) good(at time.Time) bool { return !at.Before(k.from) && at.Before(k.until) }

type tokenKey struct {
	id  string
	key []byte
}

// NewTokens makes and checks tokens of an audience, which keep each other's: each has keys
// of its own. The first of the ring's secrets signs, all verify. Now is by default
// the store's clock, which gateways that share it have in common.
func NewTokens(ring *sender.Keyring, s *store.Store, audience string, now func() time.Time) *Tokens {
	if now == nil {
		now = s.Now
	}
	t := &Tokens{audience: audience, store: s, now: now, keys: make(map[string][]byte), known: store.NewMemo[[sha256.Size]byte, known](s, keptTokens)}
	for i, key := range ring.Derive(purpose + audience) {
		sum := sha256.Sum256(append([]byte("kid\x00"), key...))
		id := hex.EncodeToString(sum[:8])
		if i == 0 {
			t.signing = tokenKey{id, key}
		}
		t.keys[id] = key
	}
	return t
}

// claims are what a token says.
type claims struct {
	Issuer       string       `json:"iss"`
	Audience     string       `json:"aud"`
	Subject      string       `json:"sub"`
	Scope        Scope        `json:"scope"`
	ID           string       `json:"jti"`
	Issued       instant      `json:"iat"`
	NotBefore    int64        `json:"nbf"`
	Expires      int64        `json:"exp"`
	Capabilities []Capability `json:"cap,omitzero"` // an empty list is kept: it allows nothing
	FeatureFlags []string     `json:"flags,omitempty"`
	Session      string       `json:"sid,omitempty"`
	Parent       string       `json:"par,omitempty"`
}

// instant is a NumericDate with milliseconds: tokens that are issued in the second in
// which all were ended are told from those before.
type instant int64

func (i instant) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", i/1000, i%1000), nil
}

func (i *instant) UnmarshalJSON(text []byte) error {
	var seconds, ms int64
	if _, err := fmt.Sscanf(string(text), "%d.%03d", &seconds, &ms); err != nil {
		return fmt.Errorf("iat: %w", err)
	}
	*i = instant(seconds*1000 + ms)
	return nil
}

func date(seconds int64) (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(seconds, 0)), nil
}

// The claims that the library checks.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(int64(c.Issued) / 1000) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// Mint makes a token that lasts so long, and the text of it.
func (t *Tokens) Mint(h Holder, life time.Duration) (Token, string, error) {
	switch {
	case life <= 0:
		return Token{}, "", errors.New("api: a token has to last for some time")
	case h.Scope == Application && (!strings.HasPrefix(h.App, "app_") || life > maxApplicationLife):
		return Token{}, "", fmt.Errorf("api: a token of an application is of an id app_…, and lasts %s at most", maxApplicationLife)
	case h.Scope != Application && (h.Scope != Organisation && h.Scope != Operator || h.App != "" || h.Capabilities != nil):
		return Token{}, "", errors.New("api: only a token of an application is of one, and has capabilities")
	}
	now := t.now()
	c := &claims{
		Issuer: issuer, Audience: t.audience, Subject: h.subject(), Scope: h.Scope,
		ID: rand.Text(), Issued: instant(now.UnixMilli()),
		NotBefore: now.Add(-early).Unix(), Expires: now.Add(life).Unix(),
		Capabilities: h.Capabilities, FeatureFlags: h.FeatureFlags, Session: h.Session, Parent: h.Parent,
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	token.Header["kid"] = t.signing.id
	text, err := token.SignedString(t.signing.key)
	if err != nil {
		return Token{}, "", fmt.Errorf("signing a token: %w", err)
	}
	return c.token(), text, nil
}

// token is what claims say that were checked.
func (c *claims) token() Token {
	h := Holder{Scope: c.Scope, Capabilities: c.Capabilities, FeatureFlags: c.FeatureFlags, Session: c.Session, Parent: c.Parent}
	if c.Scope == Application {
		h.App = c.Subject
	}
	return Token{Holder: h, ID: c.ID, Issued: time.UnixMilli(int64(c.Issued)), Expires: time.Unix(c.Expires, 0)}
}

// Parse checks the text of a token: who has signed it, for what, from when to when,
// and that it was not revoked. What is none gets an error that wraps [ErrToken]; other
// errors are the store's.
func (t *Tokens) Parse(ctx context.Context, text string) (Token, error) {
	if len(text) > maxToken {
		return Token{}, fmt.Errorf("%w: longer than %d bytes", ErrToken, maxToken)
	}
	sum := sha256.Sum256([]byte(text))
	found, ok, at := t.known.Get(sum)
	now := t.now()
	if ok && found.good(now) {
		return found.token, nil
	}
	token, err := t.verify(text)
	if err != nil {
		return Token{}, err
	}
	until, err := t.standing(ctx, &token)
	if err != nil {
		return Token{}, err
	}
	t.known.Put(sum, known{token: token, from: now, until: until}, at)
	return token, nil
}

// verify checks what a token says by itself.
func (t *Tokens) verify(text string) (Token, error) {
	if strings.ContainsAny(text, "\r\n") { // the decoder passes over them
		return Token{}, fmt.Errorf("%w: it has line breaks", ErrToken)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(t.audience), jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(), jwt.WithTimeFunc(t.now),
	)
	var c claims
	switch _, err := parser.ParseWithClaims(text, &c, t.key); {
	case errors.Is(err, jwt.ErrTokenExpired): // its signature was checked before
		return Token{}, ErrExpired
	case err != nil:
		return Token{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	app := c.Scope == Application && strings.HasPrefix(c.Subject, "app_")
	all := (c.Scope == Organisation || c.Scope == Operator) && c.Subject == OrganisationID && c.Capabilities == nil
	if c.ID == "" || c.Issued <= 0 || !app && !all {
		return Token{}, fmt.Errorf("%w: its claims do not go together", ErrToken)
	}
	return c.token(), nil
}

// key finds the key by its id.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	key, ok := t.keys[id]
	if !ok {
		return nil, errors.New("it is signed with no key of ours")
	}
	return slices.Clone(key), nil
}
