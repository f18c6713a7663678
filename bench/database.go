package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/pgserver"
)

// serverVariable names a PostgreSQL server that is used instead of one of our own: the
// URL of a database, as somebody who may make others.
const serverVariable = "HOOKGATE_POSTGRES"

// cluster is a PostgreSQL server, and the databases that were made on it.
type cluster struct {
	dsn        string // of a database that is there anyway
	own        *pgserver.Server
	databases  []string
	postmaster int // the server's first process; 0 if it is not on this machine
}

// newCluster starts a server as it is shipped, which waits for the disk, but for its
// memory; or uses the one that the environment names. It has to be closed.
func newCluster(ctx context.Context) (*cluster, error) {
	c := &cluster{dsn: os.Getenv(serverVariable)}
	if c.dsn == "" {
		var err error
		if c.own, err = pgserver.Start("shared_buffers=256MB"); err != nil {
			return nil, err
		}
		c.dsn = c.own.DSN("postgres")
	}
	err := c.use(ctx, c.dsn, func(conn *pgx.Conn) error {
		var backend int
		if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
			return err
		}
		c.postmaster = parent(backend)
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("PostgreSQL: %w", err), c.close())
	}
	return c, nil
}

// use runs f with a connection to a database.
func (c *cluster) use(ctx context.Context, dsn string, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(ctx))
}

// create makes an empty database and returns its connection string.
func (c *cluster) create(ctx context.Context) (string, error) {
	at, err := url.Parse(c.dsn)
	if err != nil || at.Scheme == "" {
		return "", fmt.Errorf("%s has to be a URL", serverVariable) // the error would show its password
	}
	name := fmt.Sprintf("hookgate_bench_%d_%d", os.Getpid(), len(c.databases))
	err = c.use(ctx, c.dsn, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name)
		return err
	})
	if err != nil {
		return "", err
	}
	c.databases = append(c.databases, name)
	at.Path = "/" + name
	return at.String(), nil
}

// close removes what was made: databases on a server of others, or one's own server.
func (c *cluster) close() error {
	if c.own != nil {
		return c.own.Stop()
	}
	ctx := context.Background() // also after an interrupt
	return c.use(ctx, c.dsn, func(conn *pgx.Conn) error {
		var errs []error
		for _, name := range c.databases {
			_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// cpu returns the seconds of CPU time of all processes of the server, ended ones
// too; NaN if they are not on this machine.
func (c *cluster) cpu() float64 {
	if c == nil || c.postmaster == 0 {
		return math.NaN()
	}
	first, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.postmaster))
	if err != nil {
		return math.NaN()
	}
	sum, err := parseFamily(first)
	if err != nil {
		return math.NaN()
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil || statParent(text) != c.postmaster {
			continue // it may have ended; then it is among the ended ones next time
		}
		if seconds, err := parseStat(text); err == nil {
			sum += seconds
		}
	}
	return sum
}

// parent returns the parent of a process of a PostgreSQL server on this machine; 0 if
// it is none.
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || !strings.Contains(string(text), "(postgres)") {
		return 0
	}
	return statParent(text)
}

// statParent returns the parent from the text of /proc/<pid>/stat; 0 if there is none.
func statParent(stat []byte) int {
	// The second field is the command in parentheses, and may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(fields[1]) // 0 is nobody's
	return pid
}
