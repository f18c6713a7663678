package api

import "github.com/hookgate/hookgate/store"

const component = "api"

var tables = []string{"api_revoked", "api_cutoffs", "api_codes", "api_replies"}

// Migrations are the tables of this package. Times are milliseconds since 1970.
//
//   - api_revoked: tokens that were revoked, by their id, as long as they would last.
//   - api_cutoffs: tokens of an application, or of a session of it, that were issued
//     before a moment, are refused from another moment on.
//   - api_codes: the one-time codes of links to the portal, by their SHA-256.
//   - api_replies: what was answered to a request with an Idempotency-Key. It is sealed:
//     an answer may hold a token.
func Migrations() []store.Migration {
	return []store.Migration{{Component: component, Version: 1, ReadableFrom: 1, Tables: tables, SQL: []string{
		`CREATE TABLE api_revoked (
			id      TEXT PRIMARY KEY,
			expires {int} NOT NULL
		)`,
		`CREATE INDEX api_revoked_expires ON api_revoked (expires)`,
		`CREATE TABLE api_cutoffs (
			app       TEXT NOT NULL,
			session   TEXT NOT NULL,
			issued    {int} NOT NULL,
			effective {int} NOT NULL,
			expires   {int} NOT NULL,
			PRIMARY KEY (app, session, effective)
		) {clustered}`,
		`CREATE INDEX api_cutoffs_expires ON api_cutoffs (expires)`,
		`CREATE TABLE api_codes (
			code    {blob} PRIMARY KEY,
			app     TEXT NOT NULL,
			session TEXT NOT NULL,
			holder  TEXT NOT NULL,
			expires {int} NOT NULL
		)`,
		`CREATE INDEX api_codes_app ON api_codes (app)`,
		`CREATE INDEX api_codes_expires ON api_codes (expires)`,
		`CREATE TABLE api_replies (
			request {blob} PRIMARY KEY,
			status  {int} NOT NULL,
			body    {blob} NOT NULL,
			expires {int} NOT NULL
		)`,
		`CREATE INDEX api_replies_expires ON api_replies (expires)`,
	}}}
}

// sweepMost is how many expired rows of a table one transaction deletes.
const sweepMost = 500

// sweep deletes what has expired, up to so many rows of each table.
func (a *API) sweep(tx *store.Tx) error {
	now := a.now().UnixMilli()
	for _, query := range []string{
		"DELETE FROM api_revoked WHERE id IN (SELECT id FROM api_revoked WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM api_cutoffs WHERE (app, session, effective) IN (SELECT app, session, effective FROM api_cutoffs WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM api_codes WHERE code IN (SELECT code FROM api_codes WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM api_replies WHERE request IN (SELECT request FROM api_replies WHERE expires <= ? ORDER BY expires LIMIT ?)",
	} {
		if _, err := tx.Exec(query, now, sweepMost); err != nil {
			return err
		}
	}
	return nil
}
