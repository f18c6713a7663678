package api_test

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/store"
)

func (b *tokenBed) do(t testing.TB, change func(*store.Tx) error) {
	t.Helper()
	if err := b.store.Do(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func (b *tokenBed) taken(t testing.TB, text, why string) {
	t.Helper()
	if _, err := b.Parse(t.Context(), text); err != nil {
		t.Errorf("%s: %v", why, err)
	}
}

// rows counts what a table of the API holds.
func rows(t testing.TB, s *store.Store, table string) (n int) {
	t.Helper()
	err := s.Query(t.Context(), "SELECT COUNT(*) FROM "+table, nil, func(scan func(...any) error) error { return scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRevoke(t *testing.T) {
	b := newTokenBed(t, keyText)
	token, text, err := b.Mint(ofApp(appA), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	other := mint(t, b.Tokens, ofApp(appA), time.Hour)
	for range 2 { // twice is as good as once
		b.do(t, func(tx *store.Tx) error { return b.Revoke(tx, &token) })
	}
	b.refused(t, text, "revoked")
	b.taken(t, other, "another token of the application")

	organisation, text, err := b.Mint(api.Holder{Scope: api.Organisation}, 10*365*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, func(tx *store.Tx) error { return b.RevokeID(tx, organisation.ID) })
	b.refused(t, text, "revoked by its id")
	b.clock.move(9 * 365 * 24 * time.Hour)
	b.sweep(t)
	b.refused(t, text, "revoked by its id, years later")
}

// sweep deletes what has expired.
func (b *tokenBed) sweep(t testing.TB) {
	t.Helper()
	a := api.New(api.Options{Store: b.store, Keys: keyring(t, keyText)})
	if err := a.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What has been ended is remembered no longer than it could be used.
func TestRevocationsAreSwept(t *testing.T) {
	b := newTokenBed(t, keyText)
	token, text, err := b.Mint(ofApp(appA), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, func(tx *store.Tx) error { return b.Revoke(tx, &token) })
	b.do(t, func(tx *store.Tx) error { return b.ExpireAll(tx, appA, nil, 0) })
	b.clock.move(time.Hour)
	b.sweep(t)
	b.refused(t, text, "expired")
	if n := rows(t, b.store, "api_revoked"); n != 1 {
		t.Errorf("%d rows the very second", n)
	}
	b.clock.move(2 * time.Second)
	b.sweep(t)
	if n := rows(t, b.store, "api_revoked"); n != 0 {
		t.Errorf("%d revoked tokens are remembered that have expired", n)
	}
	if n := rows(t, b.store, "api_cutoffs"); n != 1 {
		t.Errorf("%d cut-offs, want one until the longest token has expired", n)
	}
	b.clock.move(367 * 24 * time.Hour)
	b.sweep(t)
	if n := rows(t, b.store, "api_cutoffs"); n != 0 {
		t.Errorf("%d cut-offs are remembered", n)
	}
}

// A token that was found good a moment ago is refused once it is ended, by whomever, and
// when it has expired, or the clock has gone back to before it was issued.
func TestKnownTokenIsEnded(t *testing.T) {
	b := newTokenBed(t, keyText)
	other := api.NewTokens(keyring(t, keyText), b.store, api.Audience, nil)
	known := func() (token api.Token, text string) {
		token, text, err := b.Mint(ofApp(appA), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b.taken(t, text, "before it is ended")
		}
		return token, text
	}
	for _, tokens := range []*api.Tokens{b.Tokens, other} {
		token, text := known()
		b.do(t, func(tx *store.Tx) error { return tokens.Revoke(tx, &token) })
		b.refused(t, text, "revoked")
		_, text = known()
		b.do(t, func(tx *store.Tx) error { return tokens.ExpireAll(tx, appA, nil, 0) })
		b.refused(t, text, "ended with all others")
		b.clock.move(time.Second)
		_, text = known()
		b.do(t, func(tx *store.Tx) error { return tokens.ExpireAll(tx, appA, nil, time.Minute) })
		b.taken(t, text, "in the time of grace")
		b.clock.move(time.Minute - time.Millisecond)
		b.taken(t, text, "at the end of the time of grace")
		b.clock.move(time.Millisecond)
		b.refused(t, text, "after the time of grace")
	}
	_, text := known()
	b.clock.move(-2 * time.Minute)
	b.refused(t, text, "not valid yet")
	b.clock.move(2 * time.Minute)
	b.taken(t, text, "valid again")
	b.clock.move(time.Hour)
	b.refused(t, text, "expired")
}

func TestExpireAll(t *testing.T) {
	b := newTokenBed(t, keyText)
	session := func(app, session string) string {
		return mint(t, b.Tokens, api.Holder{Scope: api.Application, App: app, Session: session}, 24*time.Hour)
	}
	plain, one, two, other := session(appA, ""), session(appA, "1"), session(appA, "2"), session(appB, "1")
	organisation := mint(t, b.Tokens, api.Holder{Scope: api.Organisation}, 24*time.Hour)

	b.do(t, func(tx *store.Tx) error { return b.ExpireAll(tx, appA, []string{"1", "3"}, 0) })
	b.refused(t, one, "of the session")
	b.taken(t, two, "of another session")
	b.taken(t, plain, "of no session")
	b.taken(t, other, "of the session of another application")

	b.clock.move(time.Millisecond)
	later := session(appA, "1")
	b.taken(t, later, "issued a millisecond later")

	b.do(t, func(tx *store.Tx) error { return b.ExpireAll(tx, appA, nil, time.Hour) })
	b.taken(t, two, "in the time of grace")
	b.clock.move(59 * time.Minute)
	fresh := session(appA, "")
	b.taken(t, later, "in the time of grace")
	// A longer grace does not give back what a shorter one has ended.
	b.do(t, func(tx *store.Tx) error { return b.ExpireAll(tx, appA, nil, 72*time.Hour) })
	b.clock.move(time.Minute)
	for why, text := range map[string]string{"of no session": plain, "of a session": two, "issued before": later} {
		b.refused(t, text, why)
	}
	b.taken(t, fresh, "issued in the time of grace")
	b.taken(t, other, "of another application")
	b.taken(t, organisation, "of the organisation")
	// A shorter one ends what a longer one would have.
	b.do(t, func(tx *store.Tx) error { return b.ExpireAll(tx, appA, nil, 0) })
	b.refused(t, fresh, "ended after all")
	if n := rows(t, b.store, "api_cutoffs"); n > 4 {
		t.Errorf("%d rows say what fewer could", n)
	}
}
