package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// only sets the event types that are forwarded.
func only(patterns ...string) func(*gateway.Config) {
	return func(cfg *gateway.Config) { cfg.Forward.Only = patterns }
}

// wantState fails the test unless a delivery is in that state, and due then; the zero
// time is any.
func (b *storedBed) wantState(t testing.TB, what string, seq int64, state store.State, due time.Time) {
	t.Helper()
	d, ok := b.delivery(t, seq)
	if !ok || d.State != state || !due.IsZero() && !d.Due.Equal(due) {
		t.Errorf("%s: %v, due %v; want %v, due %v", what, d.State, d.Due, state, due)
	}
}

// TestCopiesAreAnsweredByTheState of the event that they are copies of: each row of
// the table. (T-03, pitfall 48)
func TestCopiesAreAnsweredByTheState(t *testing.T) {
	b := newStored(t)
	first := b.answered(t, "new", b.svix(t, "msg_1"), "accepted")
	b.wantState(t, "new", first, store.Pending, noon)
	again := func(what, result string) {
		t.Helper()
		if seq := b.answered(t, what, b.svix(t, "msg_1"), result); seq != first {
			t.Errorf("%s: event %d; want %d", what, seq, first)
		}
	}
	again("waiting for its first attempt, or in it", "duplicate")

	later := noon.Add(5 * time.Hour)
	b.settle(t, first, store.Pending, later)
	b.clock.step(time.Minute)
	again("waiting for its next attempt", "duplicate")
	hurried := b.clock.now()
	b.wantState(t, "waiting for its next attempt", first, store.Pending, hurried)
	b.settle(t, first, store.Pending, later)
	b.clock.step(59 * time.Second)
	again("hurried less than a minute ago", "duplicate")
	b.wantState(t, "hurried less than a minute ago", first, store.Pending, later)

	b.settle(t, first, store.Dead, time.Time{})
	b.clock.step(2 * 24 * time.Hour)
	again("dead", "accepted")
	b.wantState(t, "dead", first, store.Pending, b.clock.now())

	b.settle(t, first, store.Delivered, time.Time{})
	b.clock.step(72*time.Hour - time.Millisecond)
	again("delivered", "duplicate")
	b.wantState(t, "delivered", first, store.Delivered, time.Time{})
	b.clock.step(time.Millisecond)
	if seq := b.answered(t, "forgotten", b.svix(t, "msg_1"), "accepted"); seq <= first {
		t.Errorf("forgotten: event %d after %d", seq, first)
	}
}

// TestOnlySomeTypesAreForwarded: the rest is answered and recorded, without payload,
// and judged anew by what is configured when a copy comes.
func TestOnlySomeTypesAreForwarded(t *testing.T) {
	b := newStored(t, of(t, "travelbase"), only("customer.*"))
	event := func(id, kind string) *http.Request {
		return b.signed(t, "travelbase", verifier.Message{Body: fmt.Appendf(nil, `{"id":%q,"type":%q}`, id, kind)})
	}
	ignored := b.answered(t, "another type", event("evt_1", "invoice.paid"), "ignored")
	if _, ok := b.delivery(t, ignored); ok {
		t.Error("an ignored event has a delivery")
	}
	if a := b.shelf.take(); len(a) != 1 || a[0].To != nil || a[0].Head != nil || a[0].Type != "invoice.paid" {
		t.Errorf("handed over: %+v", a)
	}
	if seq := b.answered(t, "its copy", event("evt_1", "invoice.paid"), "ignored"); seq != ignored {
		t.Errorf("its copy is event %d; want %d", seq, ignored)
	}
	b.answered(t, "one of the type", event("evt_2", "customer.created"), "accepted")

	b.configure(t, of(t, "travelbase"), only("customer.*", "invoice.*"))
	wider := b.answered(t, "ignored, and wanted now", event("evt_1", "invoice.paid"), "accepted")
	if got := b.attempt(t, wider).Header.Get("Hookgate-Event-Type"); got != "invoice.paid" {
		t.Errorf("forwarded as %q", got)
	}
	b.answered(t, "its copy", event("evt_1", "invoice.paid"), "duplicate")

	b.configure(t, of(t, "travelbase"), only("invoice.*"))
	b.settle(t, wider, store.Dead, time.Time{})
	b.configure(t, of(t, "travelbase"), only("nothing"))
	b.answered(t, "dead, and not wanted any more", event("evt_1", "invoice.paid"), "ignored")
	b.wantState(t, "dead, and not wanted any more", wider, store.Dead, time.Time{})
}

// TestOnlyPatterns: * stands for any text, even none, and for nothing else does any
// character.
func TestOnlyPatterns(t *testing.T) {
	for _, row := range []struct {
		pattern string
		matches []string
		others  []string
	}{
		{"*", []string{"", "a", "invoice.paid", "a/b.c*"}, nil},
		{"invoice.paid", []string{"invoice.paid"}, []string{"", "invoice", "invoice.paid.late", "xinvoice.paid", "Invoice.paid", "invoicexpaid"}},
		{"invoice.*", []string{"invoice.paid", "invoice.", "invoice.a.b"}, []string{"", "invoice", "invoices.paid", "x.invoice.paid"}},
		{"*.paid", []string{"invoice.paid", ".paid"}, []string{"paid", "invoice.paid.x"}},
		{"a*b*c", []string{"abc", "axbxc", "abbcc", "a*b*c"}, []string{"ac", "acb", "ab", "xabc", "abcx"}},
		{"ab*ba", []string{"abba", "ab.ba"}, []string{"aba", "ab"}},
		{"*aa*a", []string{"aaa", "xaaxa"}, []string{"aa", "a", "aab"}},
		{"**", []string{"", "a"}, nil},
		{"a?[b]", []string{"a?[b]"}, []string{"axb", "a?b"}},
	} {
		b := newShelf(t, of(t, "travelbase"), only(row.pattern))
		for want, types := range map[string][]string{b.Destination(): row.matches, "": row.others} {
			for _, kind := range types {
				b.post(t, b.signed(t, "travelbase", verifier.Message{Body: fmt.Appendf(nil, `{"type":%q}`, kind)}))
				if a := b.shelf.take(); len(a) != 1 || to(a[0]) != want {
					t.Errorf("%s, %q: handed over %+v; want it to %q", row.pattern, kind, a, want)
				}
			}
		}
	}
}

// TestStoredSameIDOtherBody: two bodies under one signed id are two events, each
// stored once; only the second that is stored counts as a conflict. (T-08)
func TestStoredSameIDOtherBody(t *testing.T) {
	b := newStored(t, of(t, "stripe"))
	event := func(n int) *http.Request {
		return b.signed(t, "stripe", verifier.Message{ID: "evt_1", Body: fmt.Appendf(nil, `{"id":"evt_1","n":%d}`, n)})
	}
	seqs := map[int64]bool{}
	for n := range 3 {
		seqs[b.answered(t, "a body", event(n), "accepted")] = true
		if b.last.Conflict != (n > 0) {
			t.Errorf("body %d: %+v", n, b.last)
		}
	}
	for n := range 3 {
		seqs[b.answered(t, "each again", event(n), "duplicate")] = true
		if b.last.Conflict {
			t.Error("a duplicate conflicts")
		}
	}
	if len(seqs) != 3 {
		t.Errorf("events %v; want 3", seqs)
	}
}

// TestPreClaim: who can replay an old body under an id that he foresees gains
// nothing: where the id is not signed it is no key, and where it is, the genuine
// event has a place of its own. (T-05)
func TestPreClaim(t *testing.T) {
	b := newStored(t, of(t, "travelbase"))
	old := verifier.Message{ID: "evt_1", Timestamp: noon, Body: []byte(`{"id":"evt_1","type":"a.b"}`)}
	first := b.answered(t, "the old event", b.signed(t, "travelbase", old), "accepted")
	replay := b.signed(t, "travelbase", old)
	replay.Header.Set("X-Webhook-Id", "evt_2") // not signed, and foreseen
	if seq := b.answered(t, "replayed under a foreseen id", replay, "duplicate"); seq != first {
		t.Errorf("event %d; want %d", seq, first)
	}
	genuine := verifier.Message{ID: "evt_2", Timestamp: noon, Body: []byte(`{"id":"evt_2","type":"a.b"}`)}
	seq := b.answered(t, "the genuine event", b.signed(t, "travelbase", genuine), "accepted")
	if got := b.attempt(t, seq).Header.Get("Hookgate-Id"); got != "evt_2" {
		t.Errorf("forwarded as %q", got)
	}

	b = newStored(t)
	body := func(text string) *http.Request {
		return b.signed(t, "svix", verifier.Message{ID: "msg_2", Body: []byte(text)})
	}
	b.answered(t, "an old body under a foreseen id", body(`{"old":1}`), "accepted")
	b.answered(t, "the genuine event", body(`{"genuine":1}`), "accepted")
	b.answered(t, "its copy", body(`{"genuine":1}`), "duplicate")
}

// TestStoredKeys: the same rules say what is remembered as where nothing is stored.
func TestStoredKeys(t *testing.T) {
	varies := preset(t, "svix")
	varies.BodyVaries = true
	repeats := preset(t, "github")
	repeats.BodyRepeats = true
	event := func(s verifier.Scheme, id, body string) *http.Request {
		return signed(t, s, secretOf(s), verifier.Message{ID: id, Timestamp: noon, Body: []byte(body)})
	}
	for _, row := range []struct {
		what          string
		scheme        verifier.Scheme
		dedupe        gateway.Dedupe
		first, second [2]string // id and body
		result        string
		noKey         bool
	}{
		{"an id whose body varies", varies, gateway.Dedupe{}, [2]string{"msg_1", "{}"}, [2]string{"msg_1", "{ }"}, "duplicate", false},
		{"another id", varies, gateway.Dedupe{}, [2]string{"msg_1", "{}"}, [2]string{"msg_2", "{}"}, "accepted", false},
		{"equal bodies", preset(t, "github"), gateway.Dedupe{}, [2]string{"d1", "{}"}, [2]string{"d2", "{}"}, "duplicate", false},
		{"equal bodies that are distinct events", repeats, gateway.Dedupe{}, [2]string{"d1", "{}"}, [2]string{"d1", "{}"}, "accepted", true},
		{"equal bodies, asked for", repeats, gateway.Dedupe{Window: time.Hour}, [2]string{"d1", "{}"}, [2]string{"d2", "{}"}, "duplicate", false},
		{"off", preset(t, "svix"), gateway.Dedupe{Off: true}, [2]string{"msg_1", "{}"}, [2]string{"msg_1", "{}"}, "accepted", true},
	} {
		b := newStored(t, custom(row.scheme, row.dedupe))
		b.answered(t, row.what, event(row.scheme, row.first[0], row.first[1]), "accepted")
		b.answered(t, row.what, event(row.scheme, row.second[0], row.second[1]), row.result)
		for _, a := range b.shelf.take() {
			if (a.Key == nil) != row.noKey || a.Window != b.Dedupe.Window {
				t.Errorf("%s: key %v, window %v", row.what, a.Key, a.Window)
			}
		}
		if _, ok := b.state.Stats(); ok {
			t.Errorf("%s: memory is used beside the store", row.what)
		}
		if err := b.Start(); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
	}
}

// TestFormerNames: what came under one of them is known. (T-14)
func TestFormerNames(t *testing.T) {
	b := newStored(t, func(cfg *gateway.Config) { cfg.Name = "first" })
	known := b.answered(t, "under the first name", b.svix(t, "msg_1"), "accepted")
	b.close(t)
	b.open(t)
	b.configure(t, func(cfg *gateway.Config) { cfg.Name, cfg.Forward.Was = "second", []string{"zeroth", "first"} })
	if seq := b.answered(t, "a copy, after the rename and a restart", b.svix(t, "msg_1"), "duplicate"); seq != known {
		t.Errorf("event %d; want %d", seq, known)
	}
	b.answered(t, "another", b.svix(t, "msg_2"), "accepted")
	if a := b.shelf.take(); a[2].Source != "second" || to(a[2]) != "source/second" {
		t.Errorf("handed over: %+v", a[2])
	}
	b.configure(t, func(cfg *gateway.Config) { cfg.Name = "third" })
	b.answered(t, "a source of its own", b.svix(t, "msg_1"), "accepted")
}

// TestStoredEmptyBody is an event like any other.
func TestStoredEmptyBody(t *testing.T) {
	b := newStored(t)
	r := b.attempt(t, b.answered(t, "no body", b.signed(t, "svix", verifier.Message{ID: "msg_1"}), "accepted"))
	if r.ContentLength != 0 || r.Header.Get("Hookgate-Id") != "msg_1" {
		t.Errorf("%d bytes, %v", r.ContentLength, r.Header)
	}
}
