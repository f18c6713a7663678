package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// The ways of the comparison of databases.
const (
	onSQLite       = "sqlite"      // a gateway that stores in a file, while its app is stopped
	onPostgres     = "postgres"    // the same on PostgreSQL
	liveOnSQLite   = "sqlite-live" // while its app takes every event
	liveOnPostgres = "pg-live"     // the same on PostgreSQL
	onThree        = "pg-three"    // three gateways on one PostgreSQL, while their app is stopped
	steadyPostgres = "pg-steady"   // pg-live, at a constant rate
)

// gateways is how many share a database for information.
const gateways = 3

// comparePostgres measures gateways that store in PostgreSQL by turns with ones that
// store in SQLite, then lets the stopped app take all it has missed, and then looks at a
// large backlog. It returns the goals.
func comparePostgres(ctx context.Context, out io.Writer, l load, rounds, size, backlog int, profile string) (goals []goal, err error) {
	c, err := newCluster(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := newStage(ctx, size)
	defer s.close()
	if err != nil {
		return nil, err
	}
	t, err := s.databases(ctx, c, l)
	if err != nil {
		return nil, err
	}
	if profile != "" {
		return nil, t.profile(ctx, profile)
	}
	sync, err := syncTime(s.dir)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d rounds of %d requests each, in %d slices, and of %d s at %d/s; %d connections, bodies of %d bytes; an fsync takes %v\n\n",
		rounds, l.requests, l.slices, l.seconds, steadyRate, l.connections, size, sync)
	r, err := t.run(ctx, out, rounds)
	if err != nil {
		return nil, err
	}
	r.table(out, []string{onSQLite, onPostgres, onThree, liveOnSQLite, liveOnPostgres, steadyPostgres}, rate, arrival, p50, p99, cpu, dbCPU, batch)
	for _, w := range t.ways {
		if w.goes == later {
			fmt.Fprintf(out, "\n%s: %d events acknowledged, all at the app; %d requests too many %s", w.name, w.sent, w.again, w.repeat)
		}
	}
	for _, server := range s.servers {
		server.close() // the app that comes back is for one of them, and what follows has the machine to itself
	}
	if err := s.drain(ctx, out, t.ways[1]); err != nil {
		return nil, err
	}
	t.ways[1].server.close()
	goals, err = s.backlogPostgres(ctx, out, c, l, rounds, backlog)
	if err != nil {
		return nil, err
	}
	goals = append(r.postgresGoals(), goals...)
	writeGoals(out, goals)
	return goals, nil
}

// databases starts the gateways that are compared, each but the three with a database
// of its own.
func (s *stage) databases(ctx context.Context, c *cluster, l load) (*turns, error) {
	stopped, err := freeAddress() // nobody listens there until drain
	if err != nil {
		return nil, err
	}
	t := &turns{stage: s, load: l, ways: []*way{
		{name: onSQLite, status: 200, goes: nowhere},
		{name: onPostgres, status: 200, goes: nowhere},
		{name: onThree, status: 200, goes: nowhere},
		{name: liveOnSQLite, status: 200, goes: later},
		{name: liveOnPostgres, status: 200, goes: later},
	}}
	for i, w := range t.ways {
		what := site{connections: l.connections, app: stopped, webhook: true, stored: true}
		if w.goes == later {
			what.app = s.app.address
		}
		n := 1
		if w.name == onThree {
			n = gateways
		}
		if w.name != onSQLite && w.name != liveOnSQLite {
			what.database = c
			if what.dsn, err = c.create(ctx); err != nil {
				return nil, err
			}
		}
		servers, err := s.serveAll(ctx, w.name, n, what)
		if err != nil {
			return nil, err
		}
		t.ways[i].server, t.ways[i].others = servers[0], servers[1:]
	}
	t.ways = append(t.ways, &way{name: steadyPostgres, server: t.ways[4].server, status: 200, goes: later, rate: steadyRate})
	return t, nil
}

// postgresGoals are those of gateways on PostgreSQL beside ones on SQLite.
func (r results) postgresGoals() []goal {
	return []goal{
		{name: "postgres/sqlite req/s", values: r.ratio(onPostgres, onSQLite, rate), bound: atLeast, limit: 0.50},
		{name: "pg-live/sqlite-live req/s", values: r.ratio(liveOnPostgres, liveOnSQLite, rate)},
		{name: "pg-live/sqlite-live at the app/s", values: r.ratio(liveOnPostgres, liveOnSQLite, arrival)},
		{name: "pg-three/postgres req/s", values: r.ratio(onThree, onPostgres, rate)},
		{name: fmt.Sprintf("p99 ms at %d/s", steadyRate), values: r.values(steadyPostgres, p99)},
		{name: "postgres/sqlite CPU of the gateway", values: r.ratio(onPostgres, onSQLite, cpu)},
		{name: "PostgreSQL's CPU/CPU of the gateway on it", values: r.against(onPostgres, dbCPU, onPostgres, cpu)},
	}
}
