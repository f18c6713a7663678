package api

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/store"
)

// standing errs about a token that was revoked, as the one that it was made from may have been,
// or ended with all of its application or session, and returns until when it is good if nobody ends it sooner.
func (t *Tokens) standing(ctx context.Context, token *Token) (until time.Time, err error) {
	now := t.now()
	until = token.Expires
	err = t.store.QueryOften(ctx, `SELECT 0 FROM api_revoked WHERE id IN (?, ?)
UNION ALL SELECT effective FROM api_cutoffs WHERE app = ? AND (session = '' OR session = ?) AND issued >= ?`,
		[]any{token.ID, token.Parent, token.App, token.Session, token.Issued.UnixMilli()}, func(scan func(...any) error) error {
			var effective int64
			err := scan(&effective)
			if at := time.UnixMilli(effective); at.Before(until) {
				until = at
			}
			return err
		})
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("looking a token up: %w", err)
	case !now.Before(until):
		return time.Time{}, fmt.Errorf("%w: revoked", ErrToken)
	}
	return until, nil
}

// Revoke ends a token, for all gateways at once.
func (t *Tokens) Revoke(tx *store.Tx, token *Token) error {
	_, err := tx.Exec("INSERT INTO api_revoked (id, expires) VALUES (?, ?) ON CONFLICT DO NOTHING", token.ID, token.Expires.Add(time.Second).UnixMilli())
	if err != nil {
		return fmt.Errorf("revoking a token: %w", err)
	}
	return nil
}

// RevokeID ends a token of which nothing but its id is known.
func (t *Tokens) RevokeID(tx *store.Tx, id string) error {
	const longest = 100 * 366 * 24 * time.Hour // longer than any token lasts
	return t.Revoke(tx, &Token{ID: id, Expires: tx.Now.Add(longest)})
}

// clockSpread is how far the clocks of gateways that share a store may be apart: each
// follows the store's over a network.
const clockSpread = 100 * time.Millisecond

// ExpireAll ends the tokens that an application has been given until now, after a
// grace; with sessions only those of them. Links to the portal that nobody has followed
// end at once.
func (t *Tokens) ExpireAll(tx *store.Tx, app string, sessions []string, grace time.Duration) error {
	if len(sessions) == 0 {
		sessions = []string{""}
	}
	now := t.now()
	effective := now.Add(grace)
	if grace == 0 {
		effective = now.Add(-time.Minute) // at once, also by a clock that is behind
	}
	if t.store.Standing().Shared { // what another gateway has just issued may seem to be of a moment from now
		now = now.Add(clockSpread)
	}
	expires := effective.Add(maxApplicationLife)
	for _, session := range sessions {
		// What the new row says of tokens that are ended later anyway need not be said twice.
		_, err := tx.Exec("DELETE FROM api_cutoffs WHERE app = ? AND session = ? AND issued <= ? AND effective >= ?",
			app, session, now.UnixMilli(), effective.UnixMilli())
		if err == nil {
			_, err = tx.Exec("INSERT INTO api_cutoffs (app, session, issued, effective, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
				app, session, now.UnixMilli(), effective.UnixMilli(), expires.UnixMilli())
		}
		if err == nil {
			_, err = tx.Exec("DELETE FROM api_codes WHERE app = ? AND (? = '' OR session = ?)", app, session, session)
		}
		if err != nil {
			return fmt.Errorf("ending the tokens of %s: %w", app, err)
		}
	}
	return nil
}
