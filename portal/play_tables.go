package portal

import "github.com/hookgate/hookgate/store"

const component = "portal"

var tables = []string{"play_inboxes", "play_requests"}

// Migrations are the tables of this package: temporary inboxes and what they have received.
// Times are milliseconds since 1970. What is masked in a head has never been stored. The
// columns that are read of many requests are before those that are large.
func Migrations() []store.Migration {
	return []store.Migration{{Component: component, Version: 1, ReadableFrom: 1, Tables: tables, SQL: []string{
		`CREATE TABLE play_inboxes (
			token    {text} PRIMARY KEY,
			app      {text} NOT NULL,
			url      TEXT NOT NULL,
			answer   TEXT NOT NULL,
			created  {int} NOT NULL,
			expires  {int} NOT NULL,
			received {int} NOT NULL DEFAULT 0,
			latest   {int} NOT NULL DEFAULT 0
		) {clustered}`,
		`CREATE INDEX play_inboxes_app ON play_inboxes (app)`,
		`CREATE INDEX play_inboxes_expires ON play_inboxes (expires)`,
		`CREATE TABLE play_requests (
			inbox    {text} NOT NULL,
			n        {int} NOT NULL,
			received {int} NOT NULL,
			event    TEXT NOT NULL,
			status   {int} NOT NULL,
			slow     {int} NOT NULL,
			bytes    {int} NOT NULL,
			size     {int} NOT NULL,
			cut      {int} NOT NULL,
			method   TEXT NOT NULL,
			query    TEXT NOT NULL,
			verdict  TEXT NOT NULL,
			reason   TEXT NOT NULL,
			endpoint TEXT NOT NULL,
			head     {blob} NOT NULL,
			body     {blob} NOT NULL,
			PRIMARY KEY (inbox, n)
		)`,
	}}}
}
