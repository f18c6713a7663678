package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Of an event that retention removes at one gateway while it is re-armed at another,
// either all is kept or nothing: never is a copy acknowledged, or a delivery pending,
// without what is to be delivered.
//
// (C-02, F-21)
func TestRearmedWhileItIsRemoved(t *testing.T) {
	const events, rounds = 40, 4
	past := store.Retention{Age: time.Nanosecond, Dead: time.Nanosecond}
	// What is kept for its key, after its payload has gone, is re-armed as well.
	for _, window := range []time.Duration{0, time.Hour} {
		for _, how := range []string{"a copy", "the operator", "a job"} {
			t.Run(fmt.Sprintf("%s within %s", how, window), func(t *testing.T) {
				t.Parallel()
				c := newCluster(t, 2, store.Options{})
				a, b := c.nodes[0], c.nodes[1]
				random := rand.New(rand.NewPCG(3, 4))
				kept, gone := 0, 0
				for round := range rounds {
					var seqs []int64
					var dead []func() error
					for i := range events {
						arrival := event(fmt.Sprint(round, "/", i), "body")
						arrival.Window = window
						dead = append(dead, func() error { return a.give(arrival) })
					}
					atOnce(t, dead...)
					c.column("SELECT event FROM deliveries WHERE state = 3 ORDER BY event", &seqs)
					if len(seqs) != events {
						t.Fatalf("%d are dead", len(seqs))
					}
					acknowledged := make([]int64, events)
					// Retention comes when some are re-armed, or before any is.
					begun, first := make(chan struct{}), random.IntN(events/2)
					progress := func(i int) {
						if i == first {
							close(begun)
						}
					}
					rearm := map[string]func() error{
						"a copy": func() error {
							for i := range events {
								progress(i)
								arrival := event(fmt.Sprint(round, "/", i), "body")
								arrival.Window = window
								v, err := a.Accept(t.Context(), arrival)
								if err != nil {
									return err
								}
								acknowledged[i] = v.Seq
							}
							return nil
						},
						"the operator": func() error {
							for i, seq := range seqs {
								progress(i)
								ok, err := a.Rearm(t.Context(), store.DeliveryID{Seq: seq}, false)
								if err != nil && !errors.Is(err, store.ErrGone) {
									return err
								}
								if ok {
									acknowledged[i] = seq
								}
							}
							return nil
						},
						"a job": func() error {
							j, err := a.CreateJob(t.Context(), store.Job{Kind: store.Recover, Destination: "source/a"})
							for i := 0; err == nil && (j.State == store.JobRunning || i < events); i++ {
								progress(i)
								j, err = a.AdvanceJob(t.Context(), j.ID, 1)
							}
							if j.Done != j.Total || j.Skipped > j.Total {
								err = errors.Join(err, fmt.Errorf("%+v", j))
							}
							return err
						},
					}[how]
					atOnce(t, rearm, func() error {
						<-begun
						b.SetRetention(past)
						return b.Sweep(t.Context())
					})
					if n := c.lost(); n != 0 {
						t.Fatalf("round %d: %d rows without what belongs to them", round, n)
					}
					for _, seq := range acknowledged {
						if seq == 0 {
							gone++
							continue
						}
						kept++
						if d, err := a.Event(t.Context(), seq); err != nil || d.State != store.Pending || string(d.Body) != "body" {
							t.Fatalf("round %d: event %d was acknowledged: %+v %v", round, seq, d, err)
						}
					}
					c.exec("TRUNCATE events, payloads, deliveries, attempts, jobs")
				}
				if how != "a job" && kept == 0 { // those of a job are in the tables alone
					t.Errorf("%d re-armed, %d gone", kept, gone)
				}
				t.Logf("%d re-armed, %d gone", kept, gone)
			})
		}
	}
}

// give stores an event and gives it up.
func (n *node) give(a *store.Arrival) error {
	v, err := n.Accept(n.t.Context(), a)
	if err != nil {
		return err
	}
	return n.settling(outcome(store.Delivery{Event: store.Event{Seq: v.Seq}, Destination: a.To[0].Destination}, store.Dead))
}

// column reads numbers as somebody else.
func (c *cluster) column(query string, into *[]int64) {
	c.Helper()
	rows, err := c.foreign.Query(c.Context(), query)
	c.must(err)
	defer rows.Close()
	for rows.Next() {
		var n int64
		c.must(rows.Scan(&n))
		*into = append(*into, n)
	}
	c.must(rows.Err())
}

// An event that is erased at one gateway while it is re-armed at another is dead, or has a
// payload: that of the copy which came after the erasure.
func TestRearmedWhileItIsErased(t *testing.T) {
	for _, how := range []string{"a copy", "the operator"} {
		t.Run(how, func(t *testing.T) {
			c := newCluster(t, 2, store.Options{})
			a, b := c.nodes[0], c.nodes[1]
			for i := range 150 {
				id := fmt.Sprint(i)
				seq := a.dead(event(id, "body"))
				rearm := func() error {
					_, err := a.Accept(t.Context(), event(id, "body"))
					return err
				}
				if how == "the operator" {
					rearm = func() error {
						_, err := a.Rearm(t.Context(), store.DeliveryID{Seq: seq}, false)
						if errors.Is(err, store.ErrGone) {
							return nil
						}
						return err
					}
				}
				atOnce(t, rearm, func() error { return b.Erase(t.Context(), seq) })
				if n := c.lost(); n != 0 {
					t.Fatalf("round %d: event %d is pending without a payload", i, seq)
				}
			}
		})
	}
}

// The same, with the one waiting where the other is in between: an erasure that has
// deleted the payload looks for what has been re-armed meanwhile.
func TestErasureWaitsForTheRearmed(t *testing.T) {
	c := newCluster(t, 1, store.Options{})
	n := c.nodes[0]
	seq := n.dead(event("e", "body"))
	// Another gateway has re-armed it, and has not committed yet.
	c.exec("BEGIN")
	c.exec("SELECT 1 FROM deliveries WHERE event = $1 FOR UPDATE", seq)
	c.exec("UPDATE deliveries SET state = 1 WHERE event = $1", seq)
	erased := make(chan error, 1)
	go func() { erased <- n.Erase(t.Context(), seq) }()
	watcher := c.connect()
	for waits := false; !waits && len(erased) == 0; {
		c.must(watcher.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waits))
	}
	c.exec("COMMIT")
	c.must(<-erased)
	if d := n.at(seq); d.State != store.Dead || d.Reason != "erased" || c.lost() != 0 {
		t.Errorf("%+v", d)
	}
}

// An event of one gateway that another forgets is new when it comes again, and is not
// removed before its age.
func TestForgottenByAnother(t *testing.T) {
	c := newCluster(t, 2, store.Options{})
	seq := c.nodes[0].stored(event("e", "body"))
	c.must(c.nodes[1].Forget(t.Context(), seq))
	if again := c.nodes[0].stored(event("e", "body")); again == seq {
		t.Error("it is known still")
	}
	if d := c.nodes[1].at(seq); d.State != store.Pending || string(d.Body) != "body" {
		t.Errorf("%+v", d)
	}
}

// Retention waits for nobody: what another process is changing goes with a later pass, and
// all else now.
func TestRetentionLeavesWhatIsBeingChanged(t *testing.T) {
	for what, lock := range map[string]string{
		"its delivery": "SELECT 1 FROM deliveries WHERE event = $1 FOR UPDATE",
		"itself":       "SELECT 1 FROM events WHERE seq = $1 FOR UPDATE",
	} {
		t.Run(what, func(t *testing.T) {
			c := newCluster(t, 1, store.Options{})
			n := c.nodes[0]
			var seqs []int64
			for i := range 3 {
				a := event(fmt.Sprint(i), "body")
				a.Window = 0
				seqs = append(seqs, n.dead(a))
			}
			c.exec("BEGIN")
			c.exec(lock, seqs[1])
			n.SetRetention(store.Retention{Dead: time.Nanosecond})
			c.must(n.Sweep(t.Context()))
			var left []int64
			c.column("SELECT seq FROM events", &left)
			if len(left) != 1 || left[0] != seqs[1] || c.lost() != 0 {
				t.Errorf("%d are left of %d", left, seqs)
			}
			c.exec("COMMIT")
			c.must(n.Sweep(t.Context()))
			if left := c.number("SELECT COUNT(*) FROM events"); left != 0 {
				t.Errorf("%d are left", left)
			}
		})
	}
}
