package postgres

import "github.com/hookgate/hookgate/store"

// Migrations are the tables that only this database has, and how the common ones are
// kept here. The names of the sequences say what is counted.
//
// Rows of deliveries change twice at least, and those that wait are looked for in an
// index: room for changes within a page, and an eager autovacuum, keep both small.
func (d *Database) Migrations() []store.Migration {
	return []store.Migration{{Component: "postgres", Version: 1, ReadableFrom: 1, SQL: []string{
		`CREATE TABLE gateways (
			number  BIGINT PRIMARY KEY,
			name    TEXT NOT NULL,
			since   TIMESTAMPTZ NOT NULL,
			expires TIMESTAMPTZ NOT NULL
		) WITH (fillfactor = 20)`,
		`CREATE SEQUENCE gateway_numbers`,
		`CREATE SEQUENCE event_numbers`,
		`CREATE UNIQUE INDEX events_place ON events (place) WHERE place IS NOT NULL`,
		`DROP INDEX deliveries_due`, // what is claimed has to lie in order: nothing is sorted then, whatever statistics say
		`CREATE INDEX deliveries_due ON deliveries (destination, due, armed, event) WHERE state = 1`,
		`ALTER TABLE deliveries SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05)`,
	}}}
}
