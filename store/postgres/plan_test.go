package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/pgserver"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/postgres"
)

// Nothing that runs again and again reads a table through, whether the server has
// statistics or not: every statement that a store sends, with the settings with which it
// sends it.
//
// (F-21)
func TestNoStatementReadsATableThrough(t *testing.T) {
	dsn := pgserver.Database(t)
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{statements: make(map[string]statement)}
	db.Trace(r)
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	for _, table := range large { // statistics are there when this test says so
		run(t, conn, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
	}
	fillForPlans(t, conn, 1, 500)
	everyOperation(t, s, db)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fillForPlans(t, conn, 501, 20_000)
	writes := 0
	for _, st := range r.statements {
		if st.settings["plan_cache_mode"] == "force_generic_plan" {
			writes++
		}
	}
	if writes < 30 || len(r.statements) < 50 {
		t.Errorf("only %d statements were seen, %d of the connection that commits", len(r.statements), writes)
	}
	used := make(map[string]bool)
	check := func(t *testing.T) {
		for _, st := range r.statements {
			if !planned(st.sql) {
				continue
			}
			n := explain(t, dsn, st)
			scans := n.scans()
			for beginning := range excused {
				if strings.HasPrefix(st.sql, beginning) {
					used[beginning], scans = true, nil
				}
			}
			if len(scans) > 0 {
				t.Errorf("%s\n\t%s\n\t%+v", st.sql, strings.Join(scans, "\n\t"), *n)
			}
		}
	}
	t.Run("without statistics", check)
	run(t, conn, "ANALYZE")
	t.Run("with statistics", check)
	for beginning := range excused {
		if !used[beginning] {
			t.Errorf("an excuse that nobody needs: %s", beginning)
		}
	}
}

// The statements that the way of every event takes look their rows up by all that they
// know of them.
func TestPlansOfTheWayOfAnEvent(t *testing.T) {
	dsn := pgserver.Database(t)
	db, err := postgres.New(dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{statements: make(map[string]statement)}
	db.Trace(r)
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	fillForPlans(t, conn, 1, 500)
	everyOperation(t, s, db)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fillForPlans(t, conn, 501, 20_000)
	for _, c := range []struct{ beginning, index, cond string }{
		{"WITH known AS", "events_place", "(place = p.place)"},
		{"WITH o AS", "deliveries_pkey", "(n = o"},
		{"WITH d AS (UPDATE", "deliveries_due", "destination"},
		{"WITH d AS (UPDATE", "deliveries_due", "due <="},
		{"SELECT MIN(due)", "deliveries_due", "due >"},
		{"SELECT place, seq", "events_place", "ANY"},
		{"SELECT e.seq, e.source, e.origin, e.id, e.type, e.scheme, e.stamp, e.received, e.size, p.head FROM", "events_of", "seq <"},
		{triedSelect + " FROM (\nSELECT * FROM deliveries WHERE destination", "deliveries_of", "event <"},
		{triedSelect + " FROM (SELECT d.* FROM deliveries", "deliveries_of", "event >"},
		{missingSelect, "events_of", "seq >"},
		{attemptSelect + " FROM (\nSELECT * FROM attempts WHERE destination", "attempts_of", "(ROW(started, event, n, number) < ROW("},
		{attemptSelect + " FROM (\nSELECT * FROM attempts WHERE event", "attempts_pkey", "event ="},
		{"SELECT COUNT(*), CAST", "attempts_of", "started <"},
	} {
		found := false
		for _, st := range r.statements {
			if !strings.HasPrefix(st.sql, c.beginning) {
				continue
			}
			explain(t, dsn, st).walk(func(n *planNode) { found = found || n.Index == c.index && strings.Contains(n.Cond, c.cond) })
		}
		if !found {
			t.Errorf("%s … does not look up %s in %s", c.beginning, c.cond, c.index)
		}
	}
}

// The columns with which statements begin that read deliveries, and attempts with them.
const (
	deliverySelect = "SELECT e.seq, e.source, e.origin, e.id, e.type, e.scheme, e.stamp, e.received, e.size,\nCOALESCE(d.n, 0), COALESCE(d.destination, ''), COALESCE(d.state, 4), COALESCE(d.attempts, 0), COALESCE(d.step, 0),\nCOALESCE(d.armed, 0), COALESCE(d.due, 0), COALESCE(d.settled, e.received), COALESCE(d.replay, FALSE), COALESCE(d.reason, '')"
	triedSelect    = deliverySelect + ", p.head, COALESCE(t.status, 0)"
	missingSelect  = deliverySelect + ", p.head, 0"
	attemptSelect  = deliverySelect + ", p.head, a.number, a.started, a.took, a.outcome, a.status, a.error, a.response, a.by_hand"
)

// What the other tests of this file look for, they find.
func TestReadingThroughIsSeen(t *testing.T) {
	dsn := pgserver.Database(t)
	b := openFaultBed(t, dsn, dsn, store.Options{})
	fillForPlans(t, connect(t, b.dsn), 1, 2000)
	off := map[string]string{"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
	for _, sql := range []string{
		"SELECT * FROM deliveries WHERE reason = 'x'",
		"SELECT * FROM events WHERE id = $1",
		"SELECT COUNT(*) FROM payloads",
		"SELECT * FROM events e JOIN deliveries d ON d.event + 0 = e.seq WHERE e.seq > $1",
		"UPDATE attempts SET response = NULL WHERE started < $1",
	} {
		if n := explain(t, dsn, statement{sql: sql, settings: off}); len(n.scans()) == 0 {
			t.Errorf("%s is taken for harmless: %+v", sql, *n)
		}
	}
	if n := explain(t, dsn, statement{sql: "SELECT * FROM events WHERE seq = $1", settings: off}); len(n.scans()) > 0 {
		t.Errorf("%v", n.scans())
	}
}

// everyOperation does one of each.
func everyOperation(t *testing.T, s *store.Store, db *postgres.Database) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	accept := func(id string, change func(*store.Arrival)) store.Verdict {
		t.Helper()
		a := faultArrival(id)
		a.To[0].Claim, a.Window = false, 0
		change(a)
		v, err := s.Accept(ctx, a)
		must(err)
		return v
	}
	same := func(*store.Arrival) {}
	settle := func(v store.Verdict, state store.State, change func(*store.Outcome)) {
		t.Helper()
		o := faultOutcome(v, state)
		change(o)
		done := make(chan error, 1)
		s.Settle(ctx, o, func(err error) { done <- err })
		must(<-done)
	}
	as := func(*store.Outcome) {}
	fresh := func(id string) store.Verdict { return accept(id, same) }
	settle(fresh("delivered"), store.Delivered, as)
	accept("delivered", same) // its window was none
	settle(fresh("dead"), store.Dead, as)
	accept("dead", same)
	settle(fresh("waiting"), store.Pending, as)
	accept("waiting", same)
	settle(fresh("elsewhere"), store.Pending, func(o *store.Outcome) { o.Destination = "source/other" })
	buried := fresh("buried")
	settle(buried, store.Dead, as)
	settle(buried, store.Delivered, as)
	accept("ignored", func(a *store.Arrival) { a.To = nil })
	accept("ignored", same)
	accept("limited", func(a *store.Arrival) { a.MaxBacklog = 1000 })
	for i := range 20 { // more than go into one statement of the general way
		accept(fmt.Sprint("many", i), func(a *store.Arrival) { a.Key.Aside = store.Digest{byte(i)} })
	}
	gone := fresh("gone")
	must(s.Forget(ctx, gone.Seq))
	must(s.Erase(ctx, gone.Seq))
	again := fresh("again")
	settle(again, store.Dead, as)
	_, err := s.Rearm(ctx, store.DeliveryID{Seq: again.Seq}, false)
	must(err)
	_, err = s.Rearm(ctx, store.DeliveryID{Seq: again.Seq}, false)
	must(err)
	claimed, err := s.Claim(ctx, "source/a", time.Now().Add(time.Hour), 5, map[store.DeliveryID]bool{{Seq: again.Seq}: true})
	must(err)
	if len(claimed) == 0 {
		t.Fatal("nothing was claimed")
	}
	must(s.Disown(ctx, "source/a", []store.DeliveryID{claimed[0].DeliveryID()}))
	_, err = s.NextDue(ctx, "source/b", time.Now())
	must(err)
	_, err = s.Oldest(ctx, "source/b")
	must(err)
	_, err = s.Release(ctx, "source/a", time.Now().Add(time.Minute), 10)
	must(err)
	_, err = s.Expire(ctx, "source/b", time.Now(), "expired", 3)
	must(err)
	must(s.Pause(ctx, "source/a"))
	_, err = s.Pauses(ctx)
	must(err)
	must(s.Resume(ctx, "source/a"))
	for _, j := range []store.Job{
		{Kind: store.Recover, Destination: "source/b"},
		{Kind: store.Replay, Destination: "source/b"},
		{Kind: store.Missing, Destination: "ep_a", Source: "app_a"},
		{Kind: store.Select, Destination: "ep_a"},
	} {
		j, err := s.CreateJob(ctx, j)
		must(err)
		_, err = s.AdvanceJob(ctx, j.ID, 10)
		must(err)
		_, err = s.CancelJob(ctx, j.ID)
		must(err)
	}
	_, err = s.Jobs(ctx)
	must(err)
	_, err = s.Event(ctx, again.Seq)
	must(err)
	_, err = s.Delivery(ctx, store.DeliveryID{Seq: again.Seq})
	must(err)
	_, err = s.Reader.Counts(ctx)
	must(err)
	for _, f := range []store.Filter{{}, {Source: "a"}, {State: store.Dead}, {State: store.Pending, Source: "a"}, {State: store.Dead, Source: "a", Type: "x", Before: 9e15}} {
		_, _, err := s.List(ctx, f)
		must(err)
	}
	everyList(t, s)
	_, err = s.Adopt(ctx, "a", "c", 100)
	must(err)
	_, err = db.Space(ctx)
	must(err)
	s.SetRetention(store.Retention{Age: time.Nanosecond, Dead: time.Nanosecond, Size: 1 << 20})
	must(s.Sweep(ctx))
}

// everyList reads one page of each, in both directions, of a message that goes to an
// endpoint.
func everyList(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m := faultArrival("message")
	m.Source, m.Scheme, m.To, m.Once = "app_a", "", []store.Target{{Destination: "ep_a"}, {Destination: "ep_b"}}, true
	v, err := s.Accept(ctx, m)
	must(err)
	_, err = s.Accept(ctx, m)
	must(err)
	o := faultOutcome(v, store.Dead)
	o.Destination, o.Listed = "ep_a", true
	done := make(chan error, 1)
	s.Settle(ctx, o, func(err error) { done <- err })
	must(<-done)
	must(s.Do(ctx, func(tx *store.Tx) error {
		_, err := tx.Deliver(v.Seq, "ep_c", true)
		return err
	}))
	_, _, err = s.Holder(ctx, m.Key.ID)
	must(err)
	for _, at := range [][2]int64{{0, 0}, {v.Seq + 1, 0}, {0, 1}} {
		_, _, err = s.Messages(ctx, store.MessageFilter{Source: "app_a", Before: at[0], After: at[1], Body: true})
		must(err)
		_, _, err = s.DeliveriesTo(ctx, "ep_a", store.DeliveryFilter{Before: at[0], After: at[1]})
		must(err)
		f := store.AttemptFilter{}
		if at[1] > 0 {
			f.After = store.AttemptPosition{Started: time.Unix(1, 0)}
		}
		_, _, err = s.AttemptsTo(ctx, "ep_a", f)
		must(err)
		_, _, err = s.AttemptsOf(ctx, v.Seq, f)
		must(err)
		f.Match = func(*store.Tried) bool { return true }
		_, _, err = s.AttemptsTo(ctx, "ep_a", f)
		must(err)
		f.Heads = true
		_, _, err = s.AttemptsTo(ctx, "ep_a", f)
		must(err)
		_, _, err = s.Messages(ctx, store.MessageFilter{Source: "app_a", Before: at[0], After: at[1], Match: func(*store.Delivery) bool { return true }})
		must(err)
	}
	_, err = s.DeliveriesOf(ctx, v.Seq)
	must(err)
	_, err = s.Attempt(ctx, store.DeliveryID{Seq: v.Seq}, 1)
	must(err)
	_, err = s.CountMessages(ctx, "app_a", time.Unix(1, 0), time.Now(), 10)
	must(err)
	_, _, err = s.CountStep(ctx, "app_a", time.Unix(1, 0), time.Now(), 1)
	must(err)
	_, err = s.TallyTo(ctx, "ep_a", time.Unix(1, 0), time.Now())
	must(err)
	_, _, err = s.TallyStep(ctx, "ep_a", time.Unix(1, 0), time.Now(), 1)
	must(err)
	_, err = s.CountDead(ctx, "ep_a", time.Unix(1, 0), time.Now(), 100)
	must(err)
}
