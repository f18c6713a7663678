//go:build linux

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	operator "github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// Gateways that share a database have different sources for a while, as when they get
// new configurations one after another: each delivers what it knows how to, and leaves
// the rest alone.
func TestClusterRollingDeploy(t *testing.T) {
	t.Parallel()
	apps := make([]*app, 3)
	for i, name := range []string{"a", "b", "c"} {
		apps[i] = newApp(t)
		apps[i].source = name
	}
	dsn := pgserver.Database(t)
	first, second := newMember(t, "first", dsn, apps[0], apps[1]), newMember(t, "second", dsn, apps[1], apps[2])
	for _, g := range []*gateway{first, second} {
		g.start()
		g.admin("GET", "/webhooks/sources", nil, nil)
	}
	posts := func(round string, n int) {
		for i, to := range [][]*gateway{{first}, {first, second}, {second}} {
			s := newSenders(t, apps[i].ledger, to...)
			for _, g := range to {
				s.accept(t, g, round, n)
			}
			s.end()
		}
	}
	posts("both", 50)
	for _, a := range apps {
		until(t, leaseBound, "each delivers what is its own", func() bool { return a.undelivered() == 0 })
	}

	// The only gateway goes that knows a source, and leaves events of it.
	apps[2].hangs.Store(true)
	posts("one", 50)
	second.kill()
	apps[2].hangs.Store(false)
	until(t, leaseBound, "what was claimed for the others is delivered", func() bool { return apps[0].undelivered()+apps[1].undelivered() == 0 })
	until(t, leaseBound, "the gateway that does not know the source shows its events", func() bool {
		return first.source("c").Pending >= 50-inFlight
	})
	if s := first.source("c"); s.State != operator.SourceParked {
		t.Errorf("a source that this gateway does not have is shown as %+v", s)
	}
	if n := apps[2].undelivered(); n < 50-inFlight {
		t.Errorf("only %d events wait for a gateway that knows their source", n)
	}
	first.admin("POST", "/load", first.caddyfile(apps...), nil)
	until(t, leaseBound, "the new configuration delivers what was parked", func() bool { return apps[2].undelivered() == 0 })
	for _, a := range apps {
		a.audit(t, dsn, map[string]int{second.incarnation(): inFlight})
	}
}

// source is what a gateway says of a source.
func (g *gateway) source(name string) operator.SourceInfo {
	g.t.Helper()
	var list operator.SourceList
	g.admin("GET", "/webhooks/sources", nil, &list)
	for _, s := range list.Sources {
		if s.Name == name {
			return s
		}
	}
	return operator.SourceInfo{}
}

// A pause at one gateway holds the attempts of all, and so does a resumption.
func TestClusterPause(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 2, dsn, a)
	s := newSenders(t, a.ledger, gateways...)
	gateways[0].admin("POST", "/webhooks/sources/crash/pause", nil, nil)
	took := until(t, 5*time.Second, "the other gateway knows of the pause", func() bool { return gateways[1].source("crash").State == operator.SourcePaused })
	for _, g := range gateways {
		s.accept(t, g, "paused", 50)
	}
	time.Sleep(3 * time.Second) // in which attempts would be made
	if n := a.undelivered(); n != 100 || a.most.Load() != 0 {
		t.Errorf("%d of 100 events wait although their source is paused, and %d attempts were made", n, a.most.Load())
	}
	gateways[1].admin("POST", "/webhooks/sources/crash/resume", nil, nil)
	back := until(t, 5*time.Second, "the first gateway knows that it is over", func() bool { return gateways[0].source("crash").State == operator.SourceUp })
	a.audit(t, dsn, nil)
	t.Logf("a pause came to the other gateway after %.1f s, and its end after %.1f s", took.Seconds(), back.Seconds())
}

// A job that is created at any gateway is run by one. When that is killed half-way,
// another goes on where it was: each dead letter is re-armed once.
func TestClusterJob(t *testing.T) {
	t.Parallel()
	const events = 1000
	a := newApp(t)
	dsn := pgserver.Database(t)
	gateways := members(t, 2, dsn, a)
	leader, other := gateways[0], gateways[1]
	if other.number(dsn) < leader.number(dsn) {
		leader, other = other, leader
	}
	s := newSenders(t, a.ledger, gateways...)
	a.gone.Store(true)
	for _, g := range gateways {
		s.accept(t, g, "dead", events/2)
	}
	dead := `SELECT COUNT(*) FROM deliveries WHERE state = 3`
	until(t, leaseBound, "all are given up", func() bool { return ask[int64](t, dsn, dead) == events })
	a.gone.Store(false)
	other.admin("POST", "/webhooks/sources/crash/pause", nil, nil) // so that none is settled again meanwhile
	until(t, leaseBound, "the other gateway knows of the pause", func() bool { return leader.source("crash").State == operator.SourcePaused })

	// Who holds one of the dead letters holds up the job when it comes to it.
	release := hold(t, dsn, `SELECT 1 FROM deliveries WHERE event = (SELECT event FROM deliveries WHERE state = 3 ORDER BY settled, event OFFSET 500 LIMIT 1) FOR UPDATE`)
	var job operator.JobInfo
	other.admin("POST", "/webhooks/jobs", map[string]any{"kind": operator.JobRecover, "source": a.source}, &job)
	if job.Total != events {
		t.Errorf("the job is about %d events, want %d", job.Total, events)
	}
	done := func() int64 { return ask[int64](t, dsn, "SELECT done FROM jobs WHERE id = $1", job.ID) }
	began := until(t, leaseBound, "the job is half done", func() bool { return done() == 400 })
	leader.kill()
	release()
	if n := done(); n != 400 {
		t.Fatalf("the job was at %d, and without its runner at %d", 400, n)
	}
	until(t, leaseBound, "another gateway finishes the job", func() bool {
		other.admin("GET", "/webhooks/jobs/"+job.ID, nil, &job)
		return job.State != "running"
	})
	if job.State != "done" || job.Done != events || job.Skipped != 0 {
		t.Errorf("the job ended as %+v", job)
	}
	t.Logf("the other gateway ran it after %.1f s, and its successor had finished it %.1f s after it began", began.Seconds(), time.Since(job.Created).Seconds())
	if n := ask[int64](t, dsn, `SELECT COUNT(*) FROM deliveries WHERE state = 1 AND step = 0 AND attempts = 1`); n != events {
		t.Errorf("%d of %d dead letters are re-armed", n, events)
	}
	other.admin("POST", "/webhooks/sources/crash/resume", nil, nil)
	a.audit(t, dsn, nil)
	if n := ask[int64](t, dsn, `SELECT COUNT(*) FROM deliveries WHERE attempts = 2`); n != events {
		t.Errorf("%d of %d dead letters were attempted once more", n, events)
	}
}

// hold keeps rows locked until it is told to let go of them.
func hold(t *testing.T, dsn, query string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var one int
	if err := tx.QueryRow(t.Context(), query).Scan(&one); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
