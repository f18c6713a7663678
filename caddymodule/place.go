package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
	"github.com/hookgate/hookgate/store/sqlite"
)

// The engines of stores.
const (
	engineSQLite   = "sqlite"
	enginePostgres = "postgres"
)

// Store says where events are kept.
type Store struct {
	// The database: sqlite or postgres. Required.
	Engine string `json:"engine"`

	// The file of a sqlite store, of which this process is the only user. Default:
	// webhooks/events.db in Caddy's data directory.
	File string `json:"file,omitempty"`

	// The connection string of a postgres store, which several gateways may share: a
	// URL, postgres://…, or words such as host=… dbname=…, as libpq has them. Required
	// for postgres. It should be {env.NAME} or {file./absolute/path} as a whole, for it
	// may hold a password; a file is read again every 30 s, and a changed password holds
	// for the next connections. The database and the user stay the same.
	DSN string `json:"dsn,omitempty"`
}

// place is a database with what people should know of it.
type place interface {
	store.Database
	// Name says which it is, and nothing that is secret.
	Name() string
}

// place returns the database of a store, not opened. Its errors do not show the
// password of a connection string.
func (s *Store) place(logger *slog.Logger) (place, error) {
	if s != nil && s.Engine == enginePostgres {
		dsn, err := resolveSecret(s.DSN)
		if err != nil {
			return nil, err
		}
		return postgres.New(dsn, logger)
	}
	file := ""
	if s != nil {
		file = s.File
	}
	if file == "" {
		file = filepath.Join(caddy.AppDataDir(), "webhooks", "events.db")
	}
	path, err := sqlite.RealPath(file)
	if err != nil {
		return nil, err
	}
	return sqlite.New(path, 0), nil
}

// check reports what is wrong with the configuration of a store. It connects to
// nothing.
func (s *Store) check(logger *slog.Logger) error {
	switch {
	case s == nil:
		return nil
	case s.Engine == engineSQLite && s.DSN != "":
		return errors.New("store sqlite: it has a file, and no connection string")
	case s.Engine == engineSQLite:
		return nil
	case s.Engine != enginePostgres:
		return fmt.Errorf("there is no store %q; there are sqlite and postgres", s.Engine)
	case s.File != "":
		return errors.New("store postgres: it has a connection string, and no file")
	case s.DSN == "":
		return errors.New("store postgres: it needs a connection string: store postgres {env.NAME}")
	}
	if _, err := s.place(logger); err != nil {
		return fmt.Errorf("store postgres: %w", err)
	}
	if !strings.HasPrefix(s.DSN, envPrefix) && !strings.HasPrefix(s.DSN, filePrefix) && strings.Contains(s.DSN, "password") || passwordURL(s.DSN) {
		logger.Warn("a password stands in the configuration, where GET /config/ and the autosave file show it; use {env.NAME} or {file./absolute/path} for the whole connection string")
	}
	return nil
}

// passwordURL reports whether a connection string is a URL with a password.
func passwordURL(dsn string) bool {
	_, rest, ok := strings.Cut(dsn, "://")
	user, _, at := strings.Cut(rest, "@")
	return ok && at && strings.Contains(user, ":")
}

// renew tells an open store how to connect from now on: the password may be another.
// Of a string that cannot be used it says so in the log, and goes on with the old one.
func (s *storage) renew(config *Store) {
	db, ok := s.place.(*postgres.Database)
	if !ok {
		return
	}
	dsn, err := resolveSecret(config.DSN)
	if err == nil {
		err = db.Renew(dsn)
	}
	if err != nil {
		s.logger.Error("a changed connection string cannot be used; the old one stays in force", slog.Any("error", err))
	}
}
