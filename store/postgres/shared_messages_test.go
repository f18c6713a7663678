package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// message is one for some endpoints, which the gateway that takes it attempts itself. It is
// accepted once by its id.
func message(id, body string, endpoints ...string) *store.Arrival {
	a := event(id, body)
	a.Source, a.Scheme, a.Keep, a.Once, a.To = "app_1", "", true, true, nil
	a.Key = &store.Key{ID: sum("event", id), Body: sum("body", body)}
	for _, to := range endpoints {
		a.To = append(a.To, store.Target{Destination: to, Claim: to != "ep_late"})
	}
	return a
}

// Of several gateways that take copies of a message at the same time one stores it, with
// all its deliveries, of which it has those that it has asked for.
func TestMessagesAreAcceptedOnce(t *testing.T) {
	c := newCluster(t, 3, store.Options{})
	const ids, copies = 40, 3
	var mu sync.Mutex
	stored := make(map[string][]*node)
	var run []func() error
	for i := range ids * copies * len(c.nodes) {
		n, id := c.nodes[i%len(c.nodes)], fmt.Sprint(i/len(c.nodes)%ids)
		run = append(run, func() error {
			v, err := n.Accept(t.Context(), message(id, fmt.Sprint(i%2), "ep_a", "ep_late", "ep_b"))
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if v.Result == store.Stored {
				stored[id] = append(stored[id], n)
			} else if v.Result != store.Duplicate || v.Seq == 0 {
				return fmt.Errorf("%s: %+v", id, v)
			}
			return nil
		})
	}
	atOnce(t, run...)
	for id, by := range stored {
		if len(by) != 1 {
			t.Errorf("message %s is stored %d times", id, len(by))
		}
		seq, ok, err := c.nodes[0].Holder(t.Context(), sum("event", id))
		of, reading := c.nodes[1].DeliveriesOf(t.Context(), seq)
		if err != nil || reading != nil || !ok || len(of) != 3 {
			t.Fatalf("%s: event %d, %v, %v, %v, %+v", id, seq, ok, err, reading, of)
		}
		for n, to := range []string{"ep_a", "ep_late", "ep_b"} {
			owner := c.number("SELECT owner FROM deliveries WHERE event = $1 AND n = $2 AND destination = $3", seq, n, to)
			if want := by[0].Standing().Owner; to == "ep_late" && owner != 0 || to != "ep_late" && owner != want {
				t.Errorf("%s: %s is %d's; want %d's", id, to, owner, want)
			}
		}
	}
	if len(stored) != ids {
		t.Errorf("%d messages are stored; want %d", len(stored), ids)
	}
	if n := c.number("SELECT COUNT(*) FROM events") - ids; n != 0 || c.lost() != 0 {
		t.Errorf("%d events too many, and %d rows are lost", n, c.lost())
	}
}

// What several gateways add to one message are deliveries with numbers of their own, one to
// each destination; and none is added to a message that is just being removed or erased:
// without the lock on events some are lost here.
func TestDeliveriesAreAddedAtOnce(t *testing.T) {
	c := newCluster(t, 3, store.Options{})
	var run []func() error
	var seqs []int64
	for i := range 20 {
		seqs = append(seqs, c.nodes[0].accept(message(fmt.Sprint(i), "body")).Seq)
	}
	leader := c.nodes[0]
	for _, n := range c.nodes {
		if n.Standing().Leads {
			leader = n
		}
	}
	for i, seq := range seqs {
		for k := range 12 {
			n := c.nodes[k%len(c.nodes)]
			run = append(run, func() error {
				err := insisting(func() error {
					return n.Do(t.Context(), func(tx *store.Tx) error {
						_, err := tx.Deliver(seq, fmt.Sprint("ep_", k/2), false)
						return err
					})
				})
				if i%2 == 1 && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone)) {
					return nil
				}
				return err
			})
		}
		if i%4 == 1 {
			run = append(run, func() error { return insisting(func() error { return c.nodes[1].Erase(t.Context(), seq) }) })
		}
	}
	atOnce(t, run...)
	for i, seq := range seqs {
		of, err := c.nodes[1].DeliveriesOf(t.Context(), seq)
		if err != nil || i%2 == 0 && len(of) != 6 {
			t.Errorf("%d deliveries, %v", len(of), err)
		}
		seen := make(map[string]bool)
		for n, d := range of {
			if d.N != n || seen[d.Destination] {
				t.Errorf("%+v", of)
			}
			seen[d.Destination] = true
		}
	}
	if n := c.lost(); n != 0 {
		t.Errorf("%d rows are lost", n)
	}
	// The same beside the sweeps.
	run = nil
	leader.SetRetention(store.Retention{Messages: time.Millisecond})
	var more []int64
	for i := range 30 {
		a := message(fmt.Sprint("more", i), "body")
		a.Window = time.Millisecond
		more = append(more, c.nodes[0].accept(a).Seq)
	}
	for _, seq := range more {
		run = append(run, func() error {
			err := insisting(func() error {
				return c.nodes[2].Do(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Deliver(seq, "ep_a", false)
					return err
				})
			})
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		}, func() error { return leader.Sweep(t.Context()) })
	}
	atOnce(t, run...)
	if n := c.lost(); n != 0 {
		t.Errorf("%d rows are lost beside the sweeps", n)
	}
}

// insisting does something again while the store says to try again later, as callers are
// told to: transactions that lock many events each, in any order, wait for each other.
func insisting(do func() error) (err error) {
	for range 10 {
		if err = do(); !errors.Is(err, store.ErrUnavailable) {
			return err
		}
	}
	return err
}
