package portal

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

const (
	// audience is that of sessions: no token of the API is one, and none is one of the API.
	audience = "hookgate/portal"
	// cookieName is the session's cookie. With TLS it has the prefix that keeps other hosts
	// of the domain, and plain http, from setting it.
	cookieName   = "hookgate-session"
	securePrefix = "__Host-"
	// maxVisit is how long a session lasts that a token has opened.
	maxVisit = 12 * time.Hour
)

// crossOrigin tells what pages of other sites have sent.
var crossOrigin = http.NewCrossOriginProtection()

// Sessions open, find and end the sessions of a portal. It is safe for concurrent use.
type Sessions struct {
	tokens *api.Tokens
	store  *store.Store
	now    func() time.Time
	secure bool
}

// NewSessions makes sessions. The url is how people reach the portal, or empty: if it is
// https, so is every cookie. Now is by default the store's clock.
func NewSessions(ring *sender.Keyring, s *store.Store, url string, now func() time.Time) *Sessions {
	if now == nil {
		now = s.Now
	}
	return &Sessions{tokens: api.NewTokens(ring, s, audience, now), store: s, now: now, secure: strings.HasPrefix(url, "https://")}
}

// Begin opens a session for who has got a token of the API: with another token, which ends
// with that one, or with the one that was made from. Its cookie is set in the answer to the request. A request that another
// site's page has sent opens none: it would be the other site's choice, whose session it is.
func (s *Sessions) Begin(answer http.Header, r *http.Request, t api.Token) error {
	if err := crossOrigin.Check(r); err != nil {
		return nil //nolint:nilerr // the token is his all the same
	}
	return s.begin(answer, r, t, t.Expires.Sub(s.now()))
}

func (s *Sessions) begin(answer http.Header, r *http.Request, t api.Token, life time.Duration) error {
	h := t.Holder
	h.Parent = cmp.Or(t.Parent, t.ID) // the first of them ends all
	_, text, err := s.tokens.Mint(h, life)
	if err != nil {
		return err
	}
	s.set(answer, r, text, life)
	return nil
}

// set sets the cookie, or with an empty text deletes it.
func (s *Sessions) set(answer http.Header, r *http.Request, text string, life time.Duration) {
	c := &http.Cookie{Name: s.name(r), Value: text, Path: "/", HttpOnly: true, Secure: s.secured(r), SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())} //nolint:gosec // it is secure wherever there is TLS
	if text == "" {
		c.MaxAge = -1
	}
	answer.Add("Set-Cookie", c.String())
}

func (s *Sessions) secured(r *http.Request) bool { return s.secure || r.TLS != nil }

func (s *Sessions) name(r *http.Request) string {
	if s.secured(r) {
		return securePrefix + cookieName
	}
	return cookieName
}

// find returns the session of a request. What is none gets an error that wraps
// [api.ErrToken].
func (s *Sessions) find(r *http.Request) (api.Token, error) {
	cookies := r.CookiesNamed(s.name(r))
	if len(cookies) != 1 {
		return api.Token{}, api.ErrToken
	}
	return s.tokens.Parse(r.Context(), cookies[0].Value)
}

// end ends a session, for all gateways.
func (s *Sessions) end(answer http.Header, r *http.Request, t *api.Token) error {
	if err := s.store.Do(r.Context(), func(tx *store.Tx) error { return s.tokens.Revoke(tx, t) }); err != nil {
		return err
	}
	s.set(answer, r, "", 0)
	return nil
}
