package gateway_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// TestTraffic: each request counts once, under its result, and goes on counting when the
// configuration is replaced: a state outlives its sources.
func TestTraffic(t *testing.T) {
	b := newBed(t)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	forged := b.svix(t, "msg_2")
	forged.Header.Set("Svix-Id", "msg_3")
	bare := b.svix(t, "msg_4")
	bare.Header.Del("Svix-Signature")
	old := b.signed(t, "svix", verifier.Message{ID: "msg_5", Timestamp: b.clock.now().Add(-time.Hour), Body: []byte("{}")})
	for _, r := range []*http.Request{b.svix(t, "msg_1"), b.svix(t, "msg_1"), b.svix(t, "msg_1"), forged, bare, old, httptest.NewRequest(http.MethodGet, "/", nil)} {
		b.post(t, r)
	}
	b.app.answers(status(http.StatusBadGateway))
	b.post(t, b.svix(t, "msg_6"))

	b.clock.step(time.Hour) // a reload
	again := b.source(t, b.state)
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	b.postTo(t, again, b.svix(t, "msg_1"))
	got := b.state.Traffic()
	want := map[string]int64{"invalid_signature": 1, "missing_header": 1, "stale_timestamp": 1, "method_not_allowed": 1}
	if !got.Since.Equal(noon) || got.Received != 9 || got.Accepted != 1 || got.Duplicates != 3 || got.Failed != 1 || got.Ignored != 0 || got.Handshakes != 0 || !maps.Equal(got.Refused, want) || got.RefusedInAll() != 4 {
		t.Errorf("%+v", got)
	}
	fresh := new(gateway.State).Traffic()
	if fresh.Received != 0 || !fresh.Since.IsZero() || fresh.Refused == nil || len(fresh.Refused) != 0 {
		t.Errorf("of a source that has not started: %+v", fresh)
	}
}

// TestTrafficKnowsEachRefusal: a type that the table gets has its counter, too.
func TestTrafficKnowsEachRefusal(t *testing.T) {
	for _, r := range gateway.Refusals() {
		s := new(gateway.State)
		s.CountResult(r.Type)
		if got := s.Traffic(); got.Received != 1 || got.Refused[r.Type] != 1 {
			t.Errorf("%s: %+v", r.Type, got)
		}
	}
	s := new(gateway.State)
	s.CountResult("whatever a sender would like to be counted as")
	if got := s.Traffic(); got.Received != 0 || len(got.Refused) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestTrafficAtOnce: none of many requests that come at once, to the source of before a
// reload and to that of after it, is lost.
func TestTrafficAtOnce(t *testing.T) {
	b := newBed(t)
	sources := []*gateway.Source{b.Source, b.source(t, b.state)}
	const each = 200
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range each {
				_ = sources[i%2].Receive(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil), b.app.next)
				_ = b.state.Traffic()
			}
		})
	}
	all.Wait()
	if got := b.state.Traffic(); got.Received != 8*each || got.Refused["missing_header"] != 8*each {
		t.Errorf("%+v", got)
	}
}
