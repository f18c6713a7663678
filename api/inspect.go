package api

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hookgate/hookgate/sender"
)

// NewOfflineTokens makes tokens of the API without a store, as the command line does: they
// can be minted and inspected, and nothing else.
func NewOfflineTokens(ring *sender.Keyring, now func() time.Time) *Tokens {
	return NewTokens(ring, nil, Audience, now)
}

// Inspect decodes a token, for people: what it says, and whether it is for this audience
// and signed with one of our keys. An expired token is decoded as any other, and whether it
// was revoked is not looked up: only [Tokens.Parse] lets somebody in. What is no token gets
// an error that wraps [ErrToken].
func (t *Tokens) Inspect(text string) (token Token, signed bool, err error) {
	if len(text) > maxToken {
		return Token{}, false, fmt.Errorf("%w: longer than %d bytes", ErrToken, maxToken)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
	var c claims
	if _, err := parser.ParseWithClaims(text, &c, t.key); err == nil {
		return c.token(), c.Issuer == issuer && c.Audience == t.audience, nil
	}
	c = claims{}
	if _, _, err := parser.ParseUnverified(text, &c); err != nil {
		return Token{}, false, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return c.token(), false, nil
}
