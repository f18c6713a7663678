// Package storetest is what every store has to hold, whatever database it is in.
package storetest

import (
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// Opener makes a fresh, empty database for a test, and returns what opens the store in
// it. That is called again, after Close, to open the same database anew. What it
// opens it need not close.
type Opener func(t *testing.T) (open func(store.Options) (*store.Store, error))

// Run runs the whole suite.
func Run(t *testing.T, opener Opener) {
	for _, c := range []struct {
		name string
		test func(*bed)
	}{
		{"Duplicates", duplicates},
		{"DeadEventIsRearmed", deadIsRearmed},
		{"DeadEventTakesThePayloadOfItsCopy", erasedIsRearmed},
		{"IgnoredIsJudgedAnew", ignoredIsJudgedAnew},
		{"HurryAtMostOnceAMinute", hurry},
		{"OneIDWithTwoBodies", conflict},
		{"IDAloneDecides", idAlone},
		{"OldBodyUnderAForeseenID", preclaim},
		{"CopiesWithinATransaction", withinATransaction},
		{"CopiesAtOnceAndAcrossRestarts", copiesAtOnce},
		{"WindowIsTheLonger", window},
		{"FormerNames", formerNames},
		{"WithoutAKey", withoutKey},
		{"Backlog", backlog},
		{"NumbersGrow", numbers},
		{"WhatIsStoredIsReadBack", roundTrip},
		{"AFailingOperationUndoesItselfAlone", failingOperation},
		{"ABrokenTransactionFailsAsAWhole", brokenTransaction},
		{"OperationsShareTransactions", shared},
		{"CloseAnswersWhatWaits", closing},
		{"AfterClose", afterClose},
		{"EndedCallersDoNotWait", endedCaller},
		{"Settle", settling},
		{"SettleTwiceIsOnce", settleTwice},
		{"Due", due},
		{"Release", release},
		{"Expire", expire},
		{"List", list},
		{"Pages", pages},
		{"Find", find},
		{"Attempts", attempts},
		{"Rearm", rearm},
		{"Forget", forget},
		{"Erase", erase},
		{"Pauses", pauses},
		{"Adopt", adopt},
		{"AdoptedWhileInAnAttempt", adoptInFlight},
		{"RecoverJob", recoverJob},
		{"ReplayJob", replayJob},
		{"JobsAreCanceledAndKept", keptJobs},
		{"JobsMeetChanges", jobMeetsChanges},
		{"RetentionByAge", retentionByAge},
		{"RetentionOfDeadLetters", retentionOfDead},
		{"RetentionBySize", retentionBySize},
		{"RetentionGoesOn", retentionGoesOn},
		{"Targets", targets},
		{"WithoutATarget", keeping},
		{"Once", once},
		{"Deliver", addDelivery},
		{"ByHand", byHand},
		{"Then", then},
		{"Query", query},
		{"RetentionOfMessages", retentionOfMessages},
		{"MissingJob", missingJob},
		{"SelectJob", selectJob},
		{"OnceJob", onceJob},
		{"JobsOfEarlierReleases", earlierJobs},
		{"Messages", messages},
		{"FarBetween", farBetween},
		{"DeliveriesTo", deliveriesTo},
		{"AttemptsOfEndpoints", attemptsOfEndpoints},
		{"Model", model},
		{"ModelOfMessages", modelOfMessages},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each has a database of its own
			b := &bed{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			b.opener = opener(t)
			b.open()
			t.Cleanup(func() { _ = b.Close() }) // most have closed it; the next opening would fail
			c.test(b)
		})
	}
}

// bed is a store under test, with a clock that stands still.
type bed struct {
	*store.Store
	t       *testing.T
	opener  func(store.Options) (*store.Store, error)
	options store.Options

	mu  sync.Mutex
	now time.Time
}

func (b *bed) open() {
	b.t.Helper()
	o := b.options
	o.Now = b.clock
	s, err := b.opener(o)
	if err != nil {
		b.t.Fatalf("opening: %v", err)
	}
	b.Store = s
}

// reopen is a restart.
func (b *bed) reopen() {
	b.t.Helper()
	b.must(b.Close())
	b.open()
}

func (b *bed) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bed) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) wants(err, want error) {
	b.t.Helper()
	if !errors.Is(err, want) {
		b.t.Fatalf("the error is %v, want %v", err, want)
	}
}

const (
	window72 = 72 * time.Hour
	destA    = "source/a"
)

// sum is a digest of texts.
func sum(texts ...string) (d store.Digest) {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	copy(d[:], h.Sum(nil))
	return d
}

// key is that of an event whose id is signed and kept with the digest of its body.
func key(source, id, body string) *store.Key {
	return &store.Key{ID: sum("id", source, id), Aside: sum("aside", source, id, body), Body: sum("body", body)}
}

// event is an arrival of source a, now.
func (b *bed) event(id, body string) *store.Arrival { return b.eventOf("a", id, body) }

func (b *bed) eventOf(source, id, body string) *store.Arrival {
	now := b.clock()
	return &store.Arrival{
		Source: source, To: []store.Target{{Destination: "source/" + source}}, ID: id, Type: "invoice.paid", Scheme: "svix",
		Timestamp: now.Add(-time.Second), Received: now, Key: key(source, id, body), Window: window72,
		Head: []byte("POST /hooks\n"), Body: []byte(body),
	}
}

// ignored is the same event as one that is not to be forwarded.
func ignored(a *store.Arrival) *store.Arrival {
	other := *a
	other.To = nil
	return &other
}

func (b *bed) accept(a *store.Arrival) store.Verdict {
	b.t.Helper()
	v, err := b.Accept(b.t.Context(), a)
	if err != nil {
		b.t.Fatalf("accepting %s: %v", a.ID, err)
	}
	return v
}

// expect accepts an arrival and holds the verdict against what is wanted. A Seq of 0
// stands for any.
func (b *bed) expect(a *store.Arrival, want store.Verdict) store.Verdict {
	b.t.Helper()
	got := b.accept(a)
	if want.Seq == 0 {
		want.Seq = got.Seq
	}
	if got != want {
		b.t.Fatalf("accepting %s %q: %+v, want %+v", a.ID, a.Body, got, want)
	}
	return got
}

// stored accepts a new arrival and returns its number.
func (b *bed) stored(a *store.Arrival) int64 {
	b.t.Helper()
	return b.expect(a, store.Verdict{Result: store.Stored}).Seq
}

// settle writes an outcome and waits for it.
func (b *bed) settle(o *store.Outcome) {
	b.t.Helper()
	done := make(chan error, 1)
	b.Settle(b.t.Context(), o, func(err error) { done <- err })
	b.must(<-done)
}

// outcome is that of the n-th attempt, now.
func (b *bed) outcome(seq int64, state store.State, n int) *store.Outcome {
	now := b.clock()
	o := &store.Outcome{
		ID: store.DeliveryID{Seq: seq}, Destination: destA, State: state, Step: n, At: now,
		Attempt: &store.Attempt{Number: n, Started: now, Took: 25 * time.Millisecond, Outcome: "word", Status: 200, Response: []byte("answer")},
	}
	switch state {
	case store.Dead:
		o.Reason = "exhausted"
	case store.Pending:
		o.Due = now.Add(time.Hour)
	}
	return o
}

// delivered stores an event and delivers it; dead gives it up.
func (b *bed) delivered(a *store.Arrival) int64 { return b.settled(a, store.Delivered) }
func (b *bed) dead(a *store.Arrival) int64      { return b.settled(a, store.Dead) }

func (b *bed) settled(a *store.Arrival, state store.State) int64 {
	b.t.Helper()
	seq := b.stored(a)
	o := b.outcome(seq, state, 1)
	o.Destination = a.To[0].Destination
	b.settle(o)
	return seq
}

// at returns the delivery of an event.
func (b *bed) at(seq int64) store.Delivery {
	b.t.Helper()
	d, err := b.Event(b.t.Context(), seq)
	b.must(err)
	return d
}

// counted makes sure that the counts in memory are those of the tables, and returns
// those of a destination.
func (b *bed) counted(destination string) store.Count {
	b.t.Helper()
	tables, err := b.Reader.Counts(b.t.Context())
	b.must(err)
	for name, memory := range b.Counts() {
		if memory != tables[name] {
			b.t.Fatalf("%s has %+v, and memory says %+v", name, tables[name], memory)
		}
		delete(tables, name)
	}
	if len(tables) > 0 {
		b.t.Fatalf("memory knows nothing of %v", tables)
	}
	return b.Counts()[destination]
}

func (b *bed) counts(want store.Count) {
	b.t.Helper()
	if got := b.counted(destA); got != want {
		b.t.Fatalf("%+v, want %+v", got, want)
	}
}
