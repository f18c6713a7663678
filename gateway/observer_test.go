package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// TestObserverSeesBeforeTheApp what it has accepted, and counts when all is over.
func TestObserverSeesBeforeTheApp(t *testing.T) {
	b := newBed(t)
	b.app.answers(func(w http.ResponseWriter, _ *http.Request) error {
		annotated, counted := b.watcher.take()
		if len(annotated) != 1 || len(counted) != 0 || annotated[0].Result != "accepted" || annotated[0].ID != "msg_1" || annotated[0].Type != "a.b" || annotated[0].Scheme != "svix" || annotated[0].Source != "travtus" {
			t.Errorf("when the app runs: annotated %+v, counted %+v", annotated, counted)
		}
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	b.post(t, b.svix(t, "msg_1"))
	annotated, counted := b.watcher.take()
	if len(annotated) != 0 || len(counted) != 1 || counted[0].Result != "failed" {
		t.Errorf("after it: annotated %+v, counted %+v", annotated, counted)
	}
}

// TestOneOutcomeARequest: the observer may keep the pointer for the request's time,
// and reads from it what became of it in the end.
func TestOneOutcomeARequest(t *testing.T) {
	keeper := new(keeper)
	b := newBed(t, func(cfg *gateway.Config) { cfg.Observer = keeper })
	b.app.answers(status(http.StatusBadGateway))
	b.post(t, b.svix(t, "msg_1"))
	b.app.answers(func(http.ResponseWriter, *http.Request) error { return nil })
	b.post(t, b.svix(t, "msg_2"))
	forged := b.svix(t, "msg_3")
	forged.Header.Set("Svix-Id", "msg_4")
	b.post(t, forged)
	want := []string{"failed", "unavailable", "invalid_signature"}
	if len(keeper.results) != len(want) || keeper.strangers != 0 {
		t.Fatalf("counted %q, %d of them never annotated", keeper.results, keeper.strangers)
	}
	for i := range want {
		if keeper.results[i] != want[i] {
			t.Errorf("request %d: %s; want %s", i+1, keeper.results[i], want[i])
		}
	}
}

// keeper expects the outcome it counts to be the one it was shown last.
type keeper struct {
	last      *gateway.Outcome
	results   []string
	strangers int
}

func (k *keeper) Annotate(_ *http.Request, o *gateway.Outcome) { k.last = o }

func (k *keeper) Count(o *gateway.Outcome) {
	if o != k.last {
		k.strangers++
	}
	k.results = append(k.results, o.Result)
}

// TestOutcomeHoldsWhatIsAuthentic, as far as the request came: nothing before the
// signature held, all of it after, also if the event is too old.
func TestOutcomeHoldsWhatIsAuthentic(t *testing.T) {
	b := newBed(t)
	message := verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte(`{"type":"a.b"}`)}
	stale := message
	stale.Timestamp = noon.AddDate(-1, 0, 0)
	for _, row := range []struct {
		name    string
		message verifier.Message
		change  func(*http.Request)
		want    gateway.Outcome
	}{
		{"no signature", message, func(r *http.Request) { r.Header.Del("Svix-Signature") }, gateway.Outcome{Result: "missing_header"}},
		{"two ids", message, func(r *http.Request) { r.Header.Add("Svix-Id", "msg_2") }, gateway.Outcome{Scheme: "svix", Result: "malformed_header"}},
		{"forged", message, func(r *http.Request) { r.Header.Set("Svix-Id", "msg_2") }, gateway.Outcome{Scheme: "svix", Result: "invalid_signature"}},
		{"stale", stale, func(*http.Request) {}, gateway.Outcome{Scheme: "svix", Result: "stale_timestamp", ID: "msg_1", Type: "a.b", Timestamp: stale.Timestamp, Signed: true}},
		{"accepted", message, func(*http.Request) {}, gateway.Outcome{Scheme: "svix", Result: "accepted", ID: "msg_1", Type: "a.b", Timestamp: noon, Signed: true}},
		{"duplicate", message, func(*http.Request) {}, gateway.Outcome{Scheme: "svix", Result: "duplicate", ID: "msg_1", Type: "a.b", Timestamp: noon, Signed: true}},
	} {
		r := signed(t, preset(t, "svix"), svixSecret, row.message)
		row.change(r)
		b.watcher.take()
		if err := b.Receive(httptest.NewRecorder(), r, b.app.next); err != nil {
			t.Fatal(err)
		}
		got := b.outcome(t)
		if (got.Err != nil) != (table[got.Result].status != 0) {
			t.Errorf("%s: error %v", row.name, got.Err)
		}
		if !got.Timestamp.Equal(row.want.Timestamp) {
			t.Errorf("%s: timestamp %s; want %s", row.name, got.Timestamp, row.want.Timestamp)
		}
		row.want.Source, row.want.Err, row.want.Timestamp, row.want.Skew = "travtus", got.Err, got.Timestamp, got.Skew
		if got != row.want {
			t.Errorf("%s: outcome %+v; want %+v", row.name, got, row.want)
		}
	}
}
