package sender

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/store"
)

const (
	// maxOldSecrets is how many secrets may sign beside the current one.
	maxOldSecrets = 10
	// DefaultGrace and MaxGrace are how long an old secret goes on signing.
	DefaultGrace = 24 * time.Hour
	MaxGrace     = 7 * 24 * time.Hour
)

// secretOwner is whom a secret is sealed for.
func secretOwner(endpoint string, number int64) string {
	return fmt.Sprintf("secret/%s/%d", endpoint, number)
}

// addSecret makes a secret the current one of an endpoint.
func (s *Sender) addSecret(tx *store.Tx, endpoint, text string) error {
	var last int64
	if _, err := rows(tx.Query).one("SELECT COALESCE(MAX(number), 0) FROM sender_secrets WHERE endpoint = ?", []any{endpoint}, &last); err != nil {
		return fmt.Errorf("reading secrets: %w", err)
	}
	last++
	_, err := tx.Exec("INSERT INTO sender_secrets (endpoint, number, sealed, created) VALUES (?, ?, ?, ?)",
		endpoint, last, s.Keys.Seal(secretOwner(endpoint, last), []byte(text)), millis(tx.Now))
	if err != nil {
		return fmt.Errorf("writing a secret: %w", err)
	}
	return nil
}

// EndpointSecret returns what the receiver of an endpoint's messages verifies them with:
// the current secret, or the public key of a pair.
func (s *Sender) EndpointSecret(ctx context.Context, app, ref string) (string, error) {
	q := s.reading(ctx)
	_, ep, err := endpoint(q, app, ref)
	if err != nil {
		return "", err
	}
	text, err := s.currentSecret(q, ep.ID)
	return shown(text), err
}

// currentSecret returns the newest secret of an endpoint.
func (s *Sender) currentSecret(q rows, endpoint string) (string, error) {
	var number int64
	var text []byte
	found, err := q.one("SELECT number, sealed FROM sender_secrets WHERE endpoint = ? ORDER BY number DESC LIMIT 1", []any{endpoint}, &number, &text)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err == nil {
		text, err = s.Keys.Open(secretOwner(endpoint, number), text)
	}
	if err != nil {
		return "", fmt.Errorf("secret of endpoint %s: %w", endpoint, err)
	}
	return string(text), nil
}

// RotateSecret gives an endpoint a new secret: key, or one that is made if that is empty.
// The one before goes on signing beside it for a while.
func (s *Sender) RotateSecret(tx *store.Tx, app, ref, key string, grace time.Duration) error {
	a, ep, err := endpoint(tx.Query, app, ref)
	if err != nil {
		return err
	}
	if grace < 0 || grace > MaxGrace {
		return invalid("gracePeriodSeconds", "it has to be from 0 to %d", int(MaxGrace/time.Second))
	}
	if key == "" {
		key = newSecret(ep.Scheme)
	} else if err := checkSecret("key", ep.Scheme, key); err != nil {
		return err
	}
	if err := s.rotate(tx, ep.ID, key, grace); err != nil {
		return err
	}
	if err := s.changed(tx, ep.ID); err != nil {
		return err
	}
	s.announce(tx, operation{Type: EndpointUpdated, App: a, Endpoint: ep})
	return nil
}

// rotate makes a secret the current one, and lets the one before expire.
func (s *Sender) rotate(tx *store.Tx, endpoint, text string, grace time.Duration) error {
	at := millis(tx.Now)
	if _, err := tx.Exec("DELETE FROM sender_secrets WHERE endpoint = ? AND expires > 0 AND expires <= ?", endpoint, at); err != nil {
		return fmt.Errorf("deleting expired secrets: %w", err)
	}
	var kept int
	if _, err := rows(tx.Query).one("SELECT COUNT(*) FROM sender_secrets WHERE endpoint = ?", []any{endpoint}, &kept); err != nil {
		return fmt.Errorf("counting secrets: %w", err)
	}
	if grace > 0 && kept > maxOldSecrets {
		return &RefusedError{Code: CodeLimitReached, Detail: fmt.Sprintf("An endpoint has at most %d old secrets that have not expired yet", maxOldSecrets)}
	}
	query, args := "UPDATE sender_secrets SET expires = ? WHERE endpoint = ? AND expires = 0", []any{at + grace.Milliseconds(), endpoint}
	if grace == 0 {
		query, args = "DELETE FROM sender_secrets WHERE endpoint = ? AND expires = 0", []any{endpoint}
	}
	if _, err := tx.Exec(query, args...); err != nil {
		return fmt.Errorf("letting a secret expire: %w", err)
	}
	return s.addSecret(tx, endpoint, text)
}

// replaceSecret sees to the secret of an endpoint that is changed to what in says: a
// given one replaces the one before at once, and one that the scheme cannot sign with is
// refused.
func (s *Sender) replaceSecret(tx *store.Tx, ep *Endpoint, in *EndpointIn) error {
	if in.Secret == "" && in.Scheme == ep.Scheme {
		return nil
	}
	before, err := s.currentSecret(tx.Query, ep.ID)
	if err != nil {
		return err
	}
	switch {
	case in.Secret == "" && checkSecret("scheme", in.Scheme, before) != nil:
		return invalid("scheme", "the endpoint's secret is none of %s: give another with it", in.Scheme)
	case in.Secret == "" || in.Secret == before:
		return nil
	}
	return s.rotate(tx, ep.ID, in.Secret, 0)
}
