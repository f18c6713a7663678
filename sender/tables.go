package sender

import "github.com/hookgate/hookgate/store"

const component = "sender"

var tables = []string{"sender_applications", "sender_endpoints", "sender_secrets", "sender_event_types", "sender_version"}

// Migrations are this package's tables, for [store.Options]. Integers are milliseconds
// since 1970 where they are times; 0 is none. Lists are texts ",a,b,", which are empty
// for all. What is secret is sealed, see [Keyring].
func Migrations() []store.Migration {
	return []store.Migration{{Component: component, Version: 1, ReadableFrom: 1, Tables: tables, SQL: []string{
		`CREATE TABLE sender_applications (
			id       {text} PRIMARY KEY,
			uid      {text} NOT NULL,
			name     TEXT NOT NULL,
			rate     {int} NOT NULL,
			metadata TEXT NOT NULL,
			created  {int} NOT NULL,
			updated  {int} NOT NULL
		) {clustered}`,
		`CREATE UNIQUE INDEX sender_applications_uid ON sender_applications (uid) WHERE uid <> ''`,
		`CREATE TABLE sender_endpoints (
			app         {text} NOT NULL,
			id          {text} NOT NULL,
			uid         {text} NOT NULL,
			url         TEXT NOT NULL,
			description TEXT NOT NULL,
			rate        {int} NOT NULL,
			disabled    {int} NOT NULL,
			reason      TEXT NOT NULL DEFAULT '',
			types       TEXT NOT NULL,
			channels    TEXT NOT NULL,
			metadata    TEXT NOT NULL,
			headers     {blob},
			scheme      TEXT NOT NULL,
			created     {int} NOT NULL,
			updated     {int} NOT NULL,
			failing     {int} NOT NULL DEFAULT 0,
			deleted     {int} NOT NULL DEFAULT 0,
			PRIMARY KEY (app, id)
		) {clustered}`,
		`CREATE UNIQUE INDEX sender_endpoints_id ON sender_endpoints (id)`,
		`CREATE UNIQUE INDEX sender_endpoints_uid ON sender_endpoints (app, uid) WHERE uid <> '' AND deleted = 0`,
		`CREATE TABLE sender_secrets (
			endpoint {text} NOT NULL,
			number   {int} NOT NULL,
			sealed   {blob} NOT NULL,
			created  {int} NOT NULL,
			expires  {int} NOT NULL DEFAULT 0,
			PRIMARY KEY (endpoint, number)
		) {clustered}`,
		`CREATE TABLE sender_event_types (
			name        {text} PRIMARY KEY,
			description TEXT NOT NULL,
			grouped     TEXT NOT NULL,
			archived    {int} NOT NULL,
			deprecated  {int} NOT NULL,
			schemas     TEXT NOT NULL,
			flags       TEXT NOT NULL,
			created     {int} NOT NULL,
			updated     {int} NOT NULL
		) {clustered}`,
		// It grows with each change of what others who share the database remember.
		`CREATE TABLE sender_version (one {int} PRIMARY KEY, version {int} NOT NULL)`,
	}}}
}
