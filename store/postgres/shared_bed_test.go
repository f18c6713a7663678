package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// cluster is several gateways' stores in one database, and a connection of somebody
// else's to it.
type cluster struct {
	*testing.T
	dsn     string
	nodes   []*node
	foreign *pgx.Conn
}

// node is one gateway's store.
type node struct {
	*store.Store
	t  *testing.T
	db *postgres.Database
}

// newCluster opens so many stores in a new database. The options are those of each.
func newCluster(t *testing.T, n int, o store.Options) *cluster {
	t.Helper()
	c := &cluster{T: t, dsn: pgserver.Database(t)}
	for range n {
		c.join(o)
	}
	c.foreign = c.connect()
	return c
}

// connect returns a connection of its own.
func (c *cluster) connect() *pgx.Conn {
	c.Helper()
	conn, err := pgx.Connect(c.Context(), c.dsn)
	c.must(err)
	c.Cleanup(func() { _ = conn.Close(context.Background()) }) // some have closed it
	return conn
}

// join opens one more store.
func (c *cluster) join(o store.Options) *node {
	c.Helper()
	db, err := postgres.New(c.dsn, nil)
	c.must(err)
	s, err := store.Open(c.Context(), db, o)
	c.must(err)
	c.must(s.Trouble())
	n := &node{Store: s, t: c.T, db: db}
	c.nodes = append(c.nodes, n)
	c.Cleanup(func() { _ = s.Close() }) // some have closed it
	return n
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// exec runs a statement as somebody else, and returns how many rows it changed.
func (c *cluster) exec(query string, args ...any) int64 {
	c.Helper()
	tag, err := c.foreign.Exec(c.Context(), query, args...)
	if err != nil {
		c.Fatalf("%s: %v", query, err)
	}
	return tag.RowsAffected()
}

// number reads one number as somebody else.
func (c *cluster) number(query string, args ...any) (n int64) {
	c.Helper()
	if err := c.foreign.QueryRow(c.Context(), query, args...).Scan(&n); err != nil {
		c.Fatalf("%s: %v", query, err)
	}
	return n
}

// expire ends the lease of a store by the database's clock.
func (c *cluster) expire(n *node) {
	c.Helper()
	if c.exec("UPDATE gateways SET expires = clock_timestamp() - interval '1 s' WHERE number = $1", n.Standing().Owner) != 1 {
		c.Fatal("the store has no lease")
	}
}

// lost is how many pending deliveries have no payload, and how many payloads, deliveries
// or attempts are there without what they belong to.
func (c *cluster) lost() int64 {
	c.Helper()
	return c.number(`SELECT (SELECT COUNT(*) FROM deliveries d WHERE d.state = 1 AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.seq = d.event))
+ (SELECT COUNT(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event))
+ (SELECT COUNT(*) FROM payloads p WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = p.seq))`)
}

// destA is where the events of source a go.
const destA = "source/a"

// sum is a digest of texts.
func sum(texts ...string) store.Digest {
	h := sha256.New()
	for _, text := range texts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(text), text) // a hash takes everything
	}
	return store.Digest(h.Sum(nil))
}

// key is that of an event of a source whose id is signed and kept with its body's digest.
func key(source, id, body string) *store.Key {
	return &store.Key{ID: sum("id", source, id), Aside: sum("aside", source, id, body), Body: sum("body", body)}
}

// event is an arrival of source a, now.
func event(id, body string) *store.Arrival {
	now := time.Now()
	return &store.Arrival{
		Source: "a", To: []store.Target{{Destination: destA}}, ID: id, Type: "invoice.paid", Scheme: "svix", Timestamp: now, Received: now,
		Key: key("a", id, body), Window: 72 * time.Hour, Head: []byte("POST /hooks\n"), Body: []byte(body),
	}
}

// fresh is an event that the gateway which receives it is to attempt itself.
func fresh(id string) *store.Arrival {
	a := event(id, "body")
	a.To[0].Claim = true
	return a
}

func (n *node) accept(a *store.Arrival) store.Verdict {
	n.t.Helper()
	v, err := n.Accept(n.t.Context(), a)
	if err != nil {
		n.t.Fatalf("accepting %q: %v", a.ID, err)
	}
	return v
}

// stored accepts a new event and returns its number.
func (n *node) stored(a *store.Arrival) int64 {
	n.t.Helper()
	v := n.accept(a)
	if v.Result != store.Stored {
		n.t.Fatalf("accepting %q: %+v", a.ID, v)
	}
	return v.Seq
}

// outcome is that of a delivery's next attempt, now.
func outcome(d store.Delivery, state store.State) *store.Outcome {
	now := time.Now()
	o := &store.Outcome{
		ID: d.DeliveryID(), Destination: d.Destination, Owner: d.Owner, State: state, Step: d.Step + 1, At: now,
		Attempt: &store.Attempt{Number: d.Attempts + 1, Started: now, Took: time.Millisecond, Outcome: "word", Status: 200, Response: []byte("answer")},
	}
	switch state {
	case store.Pending:
		o.Due = now.Add(time.Hour)
	case store.Dead:
		o.Reason = "exhausted"
	}
	return o
}

func (n *node) settle(o *store.Outcome) {
	n.t.Helper()
	if err := n.settling(o); err != nil {
		n.t.Fatalf("settling %+v: %v", o.ID, err)
	}
}

// settling waits for an outcome to be written.
func (n *node) settling(o *store.Outcome) error {
	done := make(chan error, 1)
	n.Settle(n.t.Context(), o, func(err error) { done <- err })
	return <-done
}

// claim claims what is due for source a, and returns it by its number.
func (n *node) claim(most int, held ...int64) map[int64]store.Delivery {
	n.t.Helper()
	not := make(map[store.DeliveryID]bool)
	for _, seq := range held {
		not[store.DeliveryID{Seq: seq}] = true
	}
	page, err := n.Claim(n.t.Context(), destA, n.Now().Add(time.Second), most, not)
	if err != nil {
		n.t.Fatalf("claiming: %v", err)
	}
	claimed := make(map[int64]store.Delivery)
	for _, d := range page {
		claimed[d.Seq] = d
	}
	return claimed
}

// only claims one delivery that has to be the only one that is due.
func (n *node) only(seq int64) store.Delivery {
	n.t.Helper()
	claimed := n.claim(10)
	if len(claimed) != 1 || claimed[seq].Seq != seq {
		n.t.Fatalf("claimed %v, want %d alone", claimed, seq)
	}
	return claimed[seq]
}

// none makes sure that nothing can be claimed.
func (n *node) none() {
	n.t.Helper()
	if claimed := n.claim(10); len(claimed) > 0 {
		n.t.Fatalf("claimed %v", claimed)
	}
}

// at returns the delivery of an event.
func (n *node) at(seq int64) store.Delivery {
	n.t.Helper()
	d, err := n.Event(n.t.Context(), seq)
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// dead stores an event and gives it up.
func (n *node) dead(a *store.Arrival) int64 {
	n.t.Helper()
	seq := n.stored(a)
	n.settle(outcome(n.at(seq), store.Dead))
	if d := n.at(seq); d.State != store.Dead {
		n.t.Fatalf("%+v is not dead", d)
	}
	return seq
}

// atOnce runs functions at the same time and waits for them.
func atOnce(t *testing.T, run ...func() error) {
	t.Helper()
	start, errs := make(chan struct{}), make(chan error, len(run))
	for _, f := range run {
		go func() {
			<-start
			errs <- f()
		}()
	}
	close(start)
	var all error
	for range run {
		all = errors.Join(all, <-errs)
	}
	if all != nil {
		t.Fatal(all)
	}
}
