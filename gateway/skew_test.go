package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// feed sends correctly signed events, each of its own id, and counts the answers.
type feed struct {
	*bed
	n int
}

// send returns the results of n events whose timestamps are that far off.
func (f *feed) send(t *testing.T, n int, off time.Duration) map[string]int {
	t.Helper()
	f.watcher.take()
	for range n {
		f.n++
		f.post(t, f.signed(t, "svix", verifier.Message{ID: fmt.Sprintf("msg_%d", f.n), Timestamp: f.clock.now().Add(off), Body: []byte("{}")}))
	}
	return f.watcher.results()
}

// want fails the test unless n events that far off all have that result.
func (f *feed) want(t *testing.T, what string, n int, off time.Duration, result string) {
	t.Helper()
	if got := f.send(t, n, off); got[result] != n {
		t.Errorf("%s: %v; want %d %s", what, got, n, result)
	}
}

// TestWrongClockIsOurs: when most of what is correctly signed is too old, or most
// too far ahead, senders are told to come again, not that their events are bad; but
// not before ten of them say so. (C-02, C-03)
func TestWrongClockIsOurs(t *testing.T) {
	for _, row := range []struct {
		off    time.Duration
		before string
	}{{-time.Hour, "stale_timestamp"}, {time.Hour, "future_timestamp"}} {
		f := &feed{bed: newBed(t)}
		f.want(t, "the first nine", 9, row.off, row.before)
		f.want(t, "the tenth and later", 5, row.off, "clock_skew")
		f.refused(t, "one more", f.signed(t, "svix", verifier.Message{ID: "msg_one", Timestamp: noon.Add(row.off), Body: []byte("{}")}), "clock_skew")
		if stats, _ := f.state.Stats(); stats.Entries+stats.InFlight != 0 {
			t.Errorf("a refused event is remembered: %+v", stats)
		}
		// The clock is set right: what was refused is accepted, and the rule ends.
		f.clock.step(row.off)
		f.want(t, "after the clock is right", 20, 0, "accepted")
		f.want(t, "one late among them", 1, row.off, row.before)
	}
}

// TestMajorityDecides: half is not most.
func TestMajorityDecides(t *testing.T) {
	f := &feed{bed: newBed(t)}
	f.want(t, "fresh", 50, 0, "accepted")
	f.want(t, "as many stale", 50, -time.Hour, "stale_timestamp")
	f.want(t, "one more", 1, -time.Hour, "clock_skew")
	f.want(t, "fresh again", 1, 0, "accepted")
	f.want(t, "half again", 1, -time.Hour, "clock_skew") // 52 of 103
	f.want(t, "fresh again", 2, 0, "accepted")
	f.want(t, "half", 1, -time.Hour, "stale_timestamp") // 53 of 106
}

// TestMixedDirectionsAreNoSkew: a clock cannot be wrong both ways.
func TestMixedDirectionsAreNoSkew(t *testing.T) {
	f := &feed{bed: newBed(t)}
	f.want(t, "fresh", 1, 0, "accepted")
	for range 20 {
		f.want(t, "too old", 1, -time.Hour, "stale_timestamp")
		f.want(t, "too far ahead", 1, time.Hour, "future_timestamp")
	}
}

// TestOldRequestsDoNotCount: the rule looks back five minutes, and each minute has
// its own place.
func TestOldRequestsDoNotCount(t *testing.T) {
	f := &feed{bed: newBed(t)}
	f.want(t, "the first nine", 9, -time.Hour, "stale_timestamp")
	f.clock.step(4 * time.Minute)
	f.want(t, "a tenth in time", 1, -time.Hour, "clock_skew")
	f.clock.step(time.Minute)
	f.want(t, "nine have aged", 8, -time.Hour, "stale_timestamp")
	f.want(t, "with the tenth there are ten", 1, -time.Hour, "clock_skew")
	f.clock.step(5 * time.Minute)
	f.want(t, "all have aged", 9, -time.Hour, "stale_timestamp")
	f.clock.step(24 * time.Hour)
	f.want(t, "a day later", 9, -time.Hour, "stale_timestamp")
}

// TestForgeriesProveNothing: only what is signed says anything of the clock.
func TestForgeriesProveNothing(t *testing.T) {
	f := &feed{bed: newBed(t)}
	for i := range 1000 {
		r := f.signed(t, "svix", verifier.Message{ID: fmt.Sprintf("forged_%d", i), Timestamp: noon.Add(-time.Hour), Body: []byte("{}")})
		r.Header.Set("Svix-Signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		f.post(t, r)
	}
	f.want(t, "one that is signed", 1, -time.Hour, "stale_timestamp")
}

// TestReplaysAmongManyAreNoSkew: whoever has caught one request cannot talk the
// gateway into blaming its clock while genuine ones keep coming.
func TestReplaysAmongManyAreNoSkew(t *testing.T) {
	f := &feed{bed: newBed(t)}
	caught := f.svix(t, "msg_caught")
	f.forwarded(t, "in time", request(caught.Header, []byte(`{"type":"a.b","n":"msg_caught"}`)))
	f.clock.step(time.Hour)
	f.want(t, "genuine", 100, 0, "accepted")
	for range 99 {
		f.refused(t, "a replay", request(caught.Header, []byte(`{"type":"a.b","n":"msg_caught"}`)), "stale_timestamp")
	}
}

// TestEventTimeProvesNothing: a provider whose timestamp is the event's, not the
// attempt's, retries old events, and our clock is right all the same. (pitfall 44)
func TestEventTimeProvesNothing(t *testing.T) {
	b := newBed(t, of(t, "travelbase"))
	svix := b.source(t, new(gateway.State), func(cfg *gateway.Config) { cfg.Name = "other" })
	event := func(n int, age time.Duration) *http.Request {
		return b.signed(t, "travelbase", verifier.Message{Timestamp: noon.Add(-age), Body: fmt.Appendf(nil, `{"id":"evt_%d"}`, n)})
	}
	b.forwarded(t, "a retry after six hours", event(0, 6*time.Hour))
	b.forwarded(t, "a retry after three days", event(1, gateway.DefaultWindow))
	for n := range 50 {
		b.refused(t, "older than can be remembered", event(2+n, gateway.DefaultWindow+time.Second), "stale_timestamp")
	}
	b.watcher.take()
	b.postTo(t, svix, b.signed(t, "svix", verifier.Message{ID: "msg_1", Timestamp: noon.Add(-time.Hour), Body: []byte("{}")}))
	if r := b.watcher.results(); r["stale_timestamp"] != 1 {
		t.Errorf("a stale event of another source: %v", r)
	}
}

// TestSourcesShareTheClock: what one source sees speaks for all.
func TestSourcesShareTheClock(t *testing.T) {
	f := &feed{bed: newBed(t)}
	other := f.source(t, new(gateway.State), func(cfg *gateway.Config) { cfg.Name = "other" })
	f.want(t, "one source", 9, -time.Hour, "stale_timestamp")
	f.watcher.take()
	f.postTo(t, other, f.signed(t, "svix", verifier.Message{ID: "msg_other", Timestamp: noon.Add(-time.Hour), Body: []byte("{}")}))
	if r := f.watcher.results(); r["clock_skew"] != 1 {
		t.Errorf("the tenth, of another source: %v", r)
	}
}

// TestSkewIsToldToTheObserver with its sign, for the accepted and the refused.
func TestSkewIsToldToTheObserver(t *testing.T) {
	f := &feed{bed: newBed(t)}
	for _, off := range []time.Duration{0, -time.Minute, time.Minute, -time.Hour, time.Hour} {
		f.send(t, 1, off)
		if o := f.outcome(t); o.Skew != off || !o.Signed || !o.Timestamp.Equal(noon.Add(off)) {
			t.Errorf("%s off: outcome %+v", off, o)
		}
	}
}

// TestUnsetClock: before the first synchronization a clock may show any year.
// (C-04)
func TestUnsetClock(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(1960, 1, 1, 0, 3, 0, 0, time.UTC), time.Unix(1<<31, 0), time.Date(2107, 1, 1, 0, 0, 0, 0, time.UTC)} {
		f := &feed{bed: newBed(t)}
		f.clock.at.Store(at.UnixNano())
		func() {
			defer func() {
				if err := recover(); err != nil {
					t.Errorf("%s: panic: %v", at, err)
				}
			}()
			for n := range 10 {
				f.post(t, f.signed(t, "svix", verifier.Message{ID: fmt.Sprintf("msg_%d", n), Timestamp: noon, Body: []byte("{}")}))
			}
			if r := f.watcher.results(); r["clock_skew"] != 1 || r["stale_timestamp"]+r["future_timestamp"] != 9 {
				t.Errorf("%s: %v", at, r)
			}
		}()
	}
}
