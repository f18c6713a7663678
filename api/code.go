package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// codeLife is how long the code of a link can be exchanged, if nothing else is said.
const codeLife = 5 * time.Minute

// ErrCode says that a code is none, was exchanged, or has expired. Which of these it
// is nobody is told.
var ErrCode = errors.New("api: invalid code")

// Grant is what a code is exchanged for.
type Grant struct {
	Holder
	// Life is how long a token of it lasts.
	Life time.Duration
}

// issueCode makes the one-time code of a link. The store keeps its digest only.
func (a *API) issueCode(tx *store.Tx, g Grant) (string, error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails
	code := base64.RawURLEncoding.EncodeToString(raw[:])
	holder, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("writing a grant: %w", err)
	}
	_, err = tx.Exec("INSERT INTO api_codes (code, app, session, holder, expires) VALUES (?, ?, ?, ?, ?)",
		codeDigest(code), g.App, g.Session, string(holder), a.now().Add(a.codeLife).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping a code: %w", err)
	}
	return code, nil
}

func codeDigest(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// Redeem exchanges the code of a link, once: of any number who ask, one gets the grant, and
// all others an error that wraps [ErrCode]. So they do after the application is gone.
func (a *API) Redeem(ctx context.Context, code string) (Grant, error) {
	var g Grant
	err := a.store.Do(ctx, func(tx *store.Tx) (err error) {
		g, err = a.redeem(tx, code)
		return err
	})
	if err == nil {
		_, err = a.sender.Application(ctx, g.App)
	}
	switch {
	case errors.Is(err, sender.ErrNotFound):
		return Grant{}, fmt.Errorf("%w: its application is gone", ErrCode)
	case err != nil:
		return Grant{}, err
	}
	return g, nil
}

// redeem takes a code away, and returns what it stands for.
func (a *API) redeem(tx *store.Tx, code string) (g Grant, err error) {
	digest := codeDigest(code)
	holder := ""
	err = tx.Query("SELECT holder FROM api_codes WHERE code = ? AND expires > ?", []any{digest, a.now().UnixMilli()},
		func(scan func(...any) error) error { return scan(&holder) })
	if err != nil {
		return Grant{}, fmt.Errorf("looking a code up: %w", err)
	}
	if holder == "" {
		return Grant{}, fmt.Errorf("%w: unknown, exchanged or expired", ErrCode)
	}
	// Another gateway may have found it, too: who deletes it has it.
	switch n, err := tx.Exec("DELETE FROM api_codes WHERE code = ?", digest); {
	case err != nil:
		return Grant{}, fmt.Errorf("taking a code: %w", err)
	case n == 0:
		return Grant{}, fmt.Errorf("%w: exchanged meanwhile", ErrCode)
	}
	if err := json.Unmarshal([]byte(holder), &g); err != nil {
		return Grant{}, fmt.Errorf("reading a grant: %w", err)
	}
	return g, nil
}
