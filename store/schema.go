package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Migration is one step of a component's tables. Steps only add: the release before
// goes on working with what a step has made, and what it no longer needs is
// dropped one release later (expand, then contract).
type Migration struct {
	// Component names whose tables they are; each counts its steps from 1.
	Component string
	// Version is the number of the step.
	Version int
	// ReadableFrom is the least version whose code can work with the tables after
	// this step.
	ReadableFrom int
	// Tables are those that the step makes, for [Reader.Move] to know of. Their columns hold
	// integers, texts and bytes.
	Tables []string
	// SQL is the statements, in which {int} and {blob} stand for the types of 64-bit
	// integers and of bytes, {text} for that of texts which are in the order of their
	// bytes, and {clustered} for what ends a table that lies in the order of its key.
	SQL []string
}

const component = "store"

// migrations are this package's. A table's integers are milliseconds since 1970
// where they are times; 0 is none.
//
// Two rules keep the way of an arrival fast: there is no index on anything random,
// and indexes that are not needed by every event are partial.
var migrations = []Migration{{Component: component, Version: 1, ReadableFrom: 1, SQL: []string{
	`CREATE TABLE events (
		seq      {int} PRIMARY KEY,
		source   TEXT NOT NULL,
		origin   TEXT NOT NULL DEFAULT '',
		id       TEXT NOT NULL,
		type     TEXT NOT NULL,
		scheme   TEXT NOT NULL,
		stamp    {int} NOT NULL,
		received {int} NOT NULL,
		size     {int} NOT NULL,
		keep     {int} NOT NULL,
		place    {blob},
		body     {blob}
	)`,
	`CREATE TABLE payloads (
		seq  {int} PRIMARY KEY,
		sum  {int} NOT NULL,
		head {blob} NOT NULL,
		body {blob} NOT NULL
	)`,
	`CREATE TABLE deliveries (
		event       {int} NOT NULL,
		n           {int} NOT NULL,
		destination TEXT NOT NULL,
		state       {int} NOT NULL,
		step        {int} NOT NULL DEFAULT 0,
		attempts    {int} NOT NULL DEFAULT 0,
		armed       {int} NOT NULL,
		due         {int} NOT NULL,
		last        {int} NOT NULL DEFAULT 0,
		hurried     {int} NOT NULL DEFAULT 0,
		settled     {int} NOT NULL DEFAULT 0,
		replay      BOOLEAN NOT NULL DEFAULT FALSE,
		reason      TEXT NOT NULL DEFAULT '',
		PRIMARY KEY (event, n)
	) {clustered}`,
	`CREATE INDEX deliveries_due ON deliveries (destination, due, armed) WHERE state = 1`,
	`CREATE INDEX deliveries_dead ON deliveries (destination, settled) WHERE state = 3`,
	`CREATE TABLE attempts (
		event    {int} NOT NULL,
		n        {int} NOT NULL,
		number   {int} NOT NULL,
		started  {int} NOT NULL,
		took     {int} NOT NULL,
		outcome  TEXT NOT NULL,
		status   {int} NOT NULL,
		error    TEXT NOT NULL,
		response {blob},
		PRIMARY KEY (event, n, number)
	) {clustered}`,
	`CREATE TABLE pauses (
		destination TEXT PRIMARY KEY,
		since       {int} NOT NULL
	)`,
	`CREATE TABLE jobs (
		id         TEXT PRIMARY KEY,
		kind       TEXT NOT NULL,
		source     TEXT NOT NULL,
		since      {int} NOT NULL,
		until      {int} NOT NULL,
		state      TEXT NOT NULL,
		total      {int} NOT NULL,
		done       {int} NOT NULL,
		skipped    {int} NOT NULL,
		cursor_at  {int} NOT NULL,
		cursor_seq {int} NOT NULL,
		created    {int} NOT NULL,
		updated    {int} NOT NULL
	)`,
}}, {Component: component, Version: 2, ReadableFrom: 1, SQL: []string{
	// Who has claimed it: see Standing.
	`ALTER TABLE deliveries ADD COLUMN owner {int} NOT NULL DEFAULT 0`,
}}, {Component: component, Version: 3, ReadableFrom: 1, SQL: []string{
	// Messages, what goes to endpoints, and their attempts are listed. The events of
	// sources are in none of these indexes.
	`CREATE INDEX events_of ON events (source, seq) WHERE scheme = ''`,
	`CREATE INDEX deliveries_of ON deliveries (destination, event) WHERE substr(destination, 1, 3) = 'ep_'`,
	`ALTER TABLE attempts ADD COLUMN destination TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE attempts ADD COLUMN by_hand {int} NOT NULL DEFAULT 0`,
	`CREATE INDEX attempts_of ON attempts (destination, started, event, n, number, status) WHERE destination <> ''`,
	// The earlier source is that of a source's destination, and of messages.
	`ALTER TABLE jobs ADD COLUMN destination TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE jobs ADD COLUMN once {int} NOT NULL DEFAULT 0`,
	`ALTER TABLE jobs ADD COLUMN filter {blob}`,
}}}

// versionsTable says of each component which step it is at, and which code can
// still work with it.
const versionsTable = `CREATE TABLE IF NOT EXISTS versions (component TEXT PRIMARY KEY, version {int} NOT NULL, readable_from {int} NOT NULL)`

// ErrNewer says that the tables were made by a later release, and this one cannot work with
// them.
var ErrNewer = errors.New("store: made by a later release")

// migrate brings the tables up to date: nothing if they are, and otherwise in one
// transaction, after a checked copy.
func (s *Store) migrate(ctx context.Context) (err error) {
	if steps, _, err := s.missing(ctx); err == nil && len(steps) == 0 || errors.Is(err, ErrNewer) {
		return err
	}
	// There is something to do, or no table yet.
	unlock, err := s.db.Lock(ctx)
	if err != nil {
		return fmt.Errorf("waiting for others to migrate: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	w := s.db.Writer()
	if _, err := w.ExecContext(ctx, s.dialect.schema(versionsTable)); err != nil {
		return fmt.Errorf("making the table of versions: %w", err)
	}
	steps, at, err := s.missing(ctx)
	if err != nil || len(steps) == 0 {
		return err
	}
	if was := at[component].version; was > 0 {
		path, err := s.db.Protect(ctx, was)
		if err != nil {
			return fmt.Errorf("copying the store before its migration: %w", err)
		}
		if path == "" {
			path = "none: copies of this database are the operator's"
		}
		s.Logger.Info("the store is migrated", slog.Int("from", was), slog.String("copy", path))
	}
	if _, err := w.ExecContext(ctx, s.begin); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := s.runSteps(ctx, steps); err != nil {
		_, rollback := w.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, rollback)
	}
	if _, err := w.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}

// missing returns the steps that have to be run, and which version each component is at.
func (s *Store) missing(ctx context.Context) (steps []Migration, at map[string]version, err error) {
	ctx, cancel := wait(ctx, s.dialect.Timeout)
	defer cancel()
	if at, err = s.versions(ctx); err != nil {
		return nil, nil, err
	}
	latest := make(map[string]int)
	for _, m := range slices.Concat(migrations, s.db.Migrations(), s.Migrations) {
		latest[m.Component] = m.Version
		if m.Version > at[m.Component].version {
			steps = append(steps, m)
		}
	}
	return steps, at, readable(at, latest)
}

func (s *Store) runSteps(ctx context.Context, steps []Migration) error {
	w := s.db.Writer()
	for _, m := range steps {
		for _, ddl := range m.SQL {
			if _, err := w.ExecContext(ctx, s.dialect.schema(ddl)); err != nil {
				return fmt.Errorf("migrating %s to version %d: %w", m.Component, m.Version, err)
			}
		}
		_, err := w.ExecContext(ctx, s.dialect.rebind(`INSERT INTO versions (component, version, readable_from) VALUES (?, ?, ?)
ON CONFLICT (component) DO UPDATE SET version = excluded.version, readable_from = excluded.readable_from`), m.Component, m.Version, m.ReadableFrom)
		if err != nil {
			return fmt.Errorf("migrating %s to version %d: %w", m.Component, m.Version, err)
		}
	}
	return nil
}

type version struct{ version, readableFrom int }

const versionsQuery = "SELECT component, version, readable_from FROM versions"

// versions reads the versions on the connection that writes, which is the first to
// see the tables.
func (s *Store) versions(ctx context.Context) (map[string]version, error) {
	rows, err := s.db.Writer().QueryContext(ctx, versionsQuery)
	if err != nil {
		return nil, fmt.Errorf("reading the store's version: %w", err)
	}
	at := make(map[string]version)
	return at, eachRow(rows, scanVersion(at))
}

// versions reads the versions.
func (r *Reader) versions(ctx context.Context) (map[string]version, error) {
	at := make(map[string]version)
	if err := r.Query(ctx, versionsQuery, nil, scanVersion(at)); err != nil {
		return nil, fmt.Errorf("reading the store's version: %w", err)
	}
	return at, nil
}

func scanVersion(at map[string]version) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var name string
		var v version
		err := scan(&name, &v.version, &v.readableFrom)
		at[name] = v
		return err
	}
}

// readable reports whether code that knows steps up to some can work with the tables.
func readable(at map[string]version, latest map[string]int) error {
	for name, v := range at {
		if want, ok := latest[name]; ok && v.readableFrom > want {
			return fmt.Errorf("%w: the tables of %s are at version %d and readable from %d, this release knows %d; use the later release again, or the copy that it made before the upgrade",
				ErrNewer, name, v.version, v.readableFrom, want)
		}
	}
	return nil
}

// current reports whether the tables of this package can be read as they are.
func current(at map[string]version) error {
	latest := migrations[len(migrations)-1].Version
	if err := readable(at, map[string]int{component: latest}); err != nil {
		return err
	}
	if v := at[component].version; v < latest {
		return fmt.Errorf("store: the tables are at version %d and this release knows %d: start the gateway once, so that they are migrated", v, latest)
	}
	return nil
}
