package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// A job that several gateways advance at once, as two do that both take themselves for
// the leader, re-arms each delivery once, and counts each once.
func TestOneJobAtSeveralGateways(t *testing.T) {
	for _, kind := range []string{store.Recover, store.Replay} {
		t.Run(kind, func(t *testing.T) {
			const events, erased = 90, 5
			state := map[string]store.State{store.Recover: store.Dead, store.Replay: store.Delivered}[kind]
			c := newCluster(t, 3, store.Options{})
			a := c.nodes[0]
			for i := range events {
				seq := a.stored(event(fmt.Sprint(i), "body"))
				a.settle(outcome(a.at(seq), state))
				if i < erased {
					c.must(a.Erase(t.Context(), seq))
				}
			}
			// Each re-arming is noted by the database.
			c.exec(`CREATE TABLE armed (event BIGINT)`)
			c.exec(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO armed VALUES (NEW.event); RETURN NULL; END $$`)
			c.exec(`CREATE TRIGGER note AFTER UPDATE ON deliveries FOR EACH ROW WHEN (OLD.state <> 1 AND NEW.state = 1) EXECUTE FUNCTION note()`)
			j, err := a.CreateJob(t.Context(), store.Job{Kind: kind, Destination: "source/a"})
			if err != nil || j.Total != events {
				t.Fatalf("%+v, %v", j, err)
			}
			var run []func() error
			for _, n := range c.nodes {
				run = append(run, func() error {
					for {
						j, err := n.AdvanceJob(t.Context(), j.ID, 7)
						if err != nil || j.State != store.JobRunning {
							return err
						}
					}
				})
			}
			atOnce(t, run...)
			j, err = c.nodes[2].Job(t.Context(), j.ID)
			if err != nil || j.State != store.JobDone || j.Done != events || j.Skipped != erased {
				t.Errorf("%+v, %v", j, err)
			}
			if n, each := c.number("SELECT COUNT(*) FROM armed"), c.number("SELECT COUNT(DISTINCT event) FROM armed"); n != events-erased || each != n {
				t.Errorf("%d of %d were re-armed, %d times", each, events-erased, n)
			}
			if n := c.number("SELECT COUNT(*) FROM deliveries WHERE state = 1 AND replay = $1", kind == store.Replay); n != events-erased || c.lost() != 0 {
				t.Errorf("%d are pending", n)
			}
		})
	}
}

// A job goes on at another gateway when the one that ran it is gone, and can be canceled
// at any.
func TestAJobGoesOnElsewhere(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	for i := range 10 {
		a.dead(event(fmt.Sprint(i), "body"))
	}
	j, err := a.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
	c.must(err)
	other, err := b.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
	c.must(err)
	if other.ID <= j.ID {
		t.Errorf("%s after %s", other.ID, j.ID)
	}
	_, err = a.AdvanceJob(t.Context(), j.ID, 4)
	c.must(err)
	a.db.Freeze()
	c.expire(a)
	if j, err = b.AdvanceJob(t.Context(), j.ID, 4); err != nil || j.Done != 8 || j.State != store.JobRunning {
		t.Errorf("%+v, %v", j, err)
	}
	if j, err = b.AdvanceJob(t.Context(), j.ID, 4); err != nil || j.Done != 10 || j.State != store.JobDone || j.Skipped != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	if other, err = a.CancelJob(t.Context(), other.ID); err != nil || other.State != store.JobCanceled {
		t.Errorf("%+v, %v", other, err)
	}
	if other, err = b.AdvanceJob(t.Context(), other.ID, 4); err != nil || other.State != store.JobCanceled || other.Done != 0 {
		t.Errorf("%+v, %v", other, err)
	}
	if n := b.claim(20); len(n) != 10 {
		t.Errorf("%d are due", len(n))
	}
}

// A pause is one for all gateways, since when it was made first.
func TestPausesAreForAll(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	a, b := c.nodes[0], c.nodes[1]
	c.must(a.Pause(t.Context(), destA))
	first, err := b.Pauses(t.Context())
	if since := first[destA]; err != nil || len(first) != 1 || time.Since(since).Abs() > time.Minute {
		t.Fatalf("%v, %v", first, err)
	}
	c.must(errors.Join(b.Pause(t.Context(), destA), b.Pause(t.Context(), "source/b")))
	second, err := a.Pauses(t.Context())
	if err != nil || len(second) != 2 || !second[destA].Equal(first[destA]) {
		t.Errorf("%v, %v", second, err)
	}
	c.must(b.Resume(t.Context(), destA))
	if left, err := a.Pauses(t.Context()); err != nil || len(left) != 1 || left["source/b"].IsZero() {
		t.Errorf("%v, %v", left, err)
	}
}
