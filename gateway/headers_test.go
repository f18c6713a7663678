package gateway_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// spellings of headers that an app could take for ours.
var spellings = []string{
	"Hookgate-Source", "hookgate-source", "HOOKGATE-ID", "Hookgate_source", "hookgate_id", "HOOKGATE_ID", "Hookgate.Source", "hookgate.id",
	"Hookgate-Event_type", "Hookgate_Event-Type", "Hookgate-", "Hookgate", "hookgate", "Hookgate-Anything", "hOOKGATE__x", "Hookgate-Via", "Hookgate!Source", "hookgate~id",
}

// innocent headers are not ours, however alike.
var innocent = []string{"Hookgatex", "Hookgates-Source", "X-Hookgate-Source", "Hook-Gate", "Hookgat", "Hookgate1"}

// TestStrip removes what an app could take for ours, in any spelling, and nothing
// else. (H-05, H-12, pitfalls 11 and 55)
func TestStrip(t *testing.T) {
	for name, strip := range map[string]func(*http.Request){"Strip": gateway.Strip, "Guard": gateway.Guard} {
		r := request(http.Header{}, nil)
		for _, name := range slices.Concat(spellings, innocent) {
			r.Header[name] = []string{"forged", "twice"}
		}
		strip(r)
		if got, want := sorted(r.Header), slices.Sorted(slices.Values(innocent)); !slices.Equal(got, want) {
			t.Errorf("%s left %q; want %q", name, got, want)
		}
	}
}

// TestStripTrailers: what is announced as a trailer would come back with the end of
// the body.
func TestStripTrailers(t *testing.T) {
	for _, name := range spellings {
		r := request(http.Header{}, nil)
		r.Trailer = http.Header{"X-Sum": nil, name: nil}
		if gateway.Strip(r); r.Trailer != nil {
			t.Errorf("%s: trailers %v are left", name, r.Trailer)
		}
	}
	r := request(http.Header{}, nil)
	r.Trailer = http.Header{"X-Sum": nil}
	if gateway.Strip(r); len(r.Trailer) != 1 {
		t.Error("an innocent trailer is gone")
	}
}

// TestGuardKnowsVerifiedRequests: further handlers on the way of a verified request
// leave its marks alone, those on the way of any other strip it.
func TestGuardKnowsVerifiedRequests(t *testing.T) {
	b := newBed(t)
	b.app.answers(func(w http.ResponseWriter, r *http.Request) error {
		gateway.Guard(r)
		w.WriteHeader(http.StatusOK)
		return nil
	})
	if got := b.forwarded(t, "an event", b.svix(t, "msg_1")); got.Header.Get("Hookgate-Id") != "msg_1" {
		t.Errorf("the guard took the marks of a verified request: %v", got.Header)
	}
}

// TestMarks: each Hookgate-* header of a verified request, and no other, whatever
// the client sent under these names.
func TestMarks(t *testing.T) {
	body := []byte(`{"id":"evt_1","type":"order.paid","event_id":"Ev01","event":{"type":"message"}}`)
	sum := sha256.Sum256(body)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	for scheme, want := range map[string]struct{ id, kind, timestamp string }{
		"svix":       {"msg_1", "order.paid", "2026-11-23T12:00:00.000Z"},
		"standard":   {"msg_1", "order.paid", "2026-11-23T12:00:00.000Z"},
		"travelbase": {"evt_1", "order.paid", "2026-11-23T12:00:00.293Z"},
		"github":     {digest, "", ""},
		"stripe":     {"evt_1", "order.paid", "2026-11-23T12:00:00.000Z"},
		"slack":      {"Ev01", "message", "2026-11-23T12:00:00.000Z"},
		"shopify":    {digest, "", ""},
	} {
		t.Run(scheme, func(t *testing.T) {
			b := newBed(t, of(t, scheme))
			r := b.signed(t, scheme, verifier.Message{ID: "msg_1", Type: "unsigned.type", Timestamp: noon.Add(293 * time.Millisecond), Body: body})
			for _, name := range spellings {
				r.Header[name] = []string{"forged"}
			}
			b.clock.step(1500 * time.Millisecond)
			got := b.forwarded(t, scheme, r)
			marks := http.Header{}
			for name, lines := range got.Header {
				if strings.HasPrefix(strings.ToLower(name), "hookgate") {
					marks[name] = lines
				}
			}
			via := marks.Get("Hookgate-Via")
			if instance, ok := strings.CutSuffix(via, "/travtus"); !ok || len(instance) != 16 {
				t.Errorf("Hookgate-Via: %q", via)
			}
			wanted := http.Header{
				"Hookgate-Source": {"travtus"}, "Hookgate-Scheme": {scheme}, "Hookgate-Id": {want.id}, "Hookgate-Attempt": {"1"},
				"Hookgate-Received": {"2026-11-23T12:00:01.500Z"}, "Hookgate-Sequence": {strconv.FormatInt(b.clock.now().UnixMicro(), 10)},
				"Hookgate-Idempotency-Key": {"travtus/" + want.id}, "Hookgate-Via": {via},
			}
			if want.kind != "" {
				wanted["Hookgate-Event-Type"] = []string{want.kind}
			}
			if want.timestamp != "" {
				wanted["Hookgate-Timestamp"] = []string{want.timestamp}
			}
			if !maps.EqualFunc(marks, wanted, slices.Equal) {
				t.Errorf("marks\n%v; want\n%v", marks, wanted)
			}
			o := b.outcome(t)
			if o.Scheme != scheme || o.ID != want.id || o.Type != want.kind || o.Timestamp.IsZero() != (want.timestamp == "") || !o.Signed {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

// TestTimestampIsInUTC: a time with another zone is the same instant.
func TestTimestampIsInUTC(t *testing.T) {
	b := newBed(t, of(t, "travelbase"))
	r := b.signed(t, "travelbase", verifier.Message{Body: []byte("{}")})
	r.Header.Set("X-Webhook-Timestamp", "2026-11-23T17:30:00+05:30")
	r.Header.Set("X-Webhook-Signature", hmacHex(textSecret, "2026-11-23T17:30:00+05:30.{}"))
	if got := b.forwarded(t, "an Indian event", r).Header.Get("Hookgate-Timestamp"); got != "2026-11-23T12:00:00.000Z" {
		t.Errorf("Hookgate-Timestamp: %s", got)
	}
}

// TestSequenceGrows with each event passed on, over steps of the clock in either
// direction, reloads and restarts, and on its own for each source.
func TestSequenceGrows(t *testing.T) {
	b := newBed(t)
	last := int64(0)
	next := func(what, id string) {
		t.Helper()
		n, err := strconv.ParseInt(b.forwarded(t, what, b.svix(t, id)).Header.Get("Hookgate-Sequence"), 10, 64)
		if err != nil || n <= last {
			t.Errorf("%s: %d after %d, %v", what, n, last, err)
		}
		last = n
	}
	for i := range 10 {
		next("in the same instant", fmt.Sprintf("msg_%d", i))
	}
	b.clock.step(-time.Hour)
	next("the clock went back", "msg_back")
	b.clock.step(2 * time.Hour)
	next("the clock went on", "msg_on")
	b.Source = b.source(t, b.state)
	next("reloaded", "msg_reload")
	b.clock.step(time.Millisecond) // a restart takes longer than the events before it
	b.state = new(gateway.State)
	b.Source = b.source(t, b.state)
	next("restarted", "msg_restart")
}

// TestAliasTwinsAreRemoved: of svix-* and webhook-* the app sees the family that was
// verified. (pitfall 10)
func TestAliasTwinsAreRemoved(t *testing.T) {
	for _, from := range []string{"Svix-", "Webhook-"} {
		b := newBed(t)
		r := b.svix(t, "msg_1")
		for _, part := range []string{"Id", "Timestamp", "Signature"} {
			value := r.Header["Svix-"+part]
			delete(r.Header, "Svix-"+part)
			r.Header[from+part] = value
		}
		got := b.forwarded(t, from, r)
		for _, part := range []string{"Id", "Timestamp", "Signature"} {
			if got.Header.Get(from+part) == "" {
				t.Errorf("%s%s is gone", from, part)
			}
		}
	}
	b := newBed(t)
	r := b.svix(t, "msg_1")
	for _, part := range []string{"Id", "Timestamp", "Signature"} {
		r.Header["Webhook-"+part] = r.Header["Svix-"+part]
	}
	got := b.forwarded(t, "both families", r)
	for _, part := range []string{"Id", "Timestamp", "Signature"} {
		if got.Header.Get("Svix-"+part) == "" || got.Header["Webhook-"+part] != nil {
			t.Errorf("%s: the app sees %v", part, got.Header)
		}
	}
	// Half a family cannot slip in beside the whole of the other.
	r = b.svix(t, "msg_2")
	r.Header.Set("Webhook-Id", "msg_3")
	b.refused(t, "another id under the alias", r, "malformed_header")
}

// TestUnderscoreTwinsAreRemoved: a CGI-like app sees one value under each name that
// the scheme has, the one that was verified. (H-05, pitfall 11)
func TestUnderscoreTwinsAreRemoved(t *testing.T) {
	for scheme, names := range map[string][]string{
		"svix":       {"webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature"},
		"standard":   {"webhook-id", "webhook-timestamp", "webhook-signature"},
		"travelbase": {"x-webhook-id", "x-webhook-event", "x-webhook-timestamp", "x-webhook-signature"},
		"github":     {"x-github-delivery", "x-github-event", "x-hub-signature-256"},
		"stripe":     {"stripe-signature"},
		"slack":      {"x-slack-request-timestamp", "x-slack-signature"},
		"shopify":    {"x-shopify-event-id", "x-shopify-topic", "x-shopify-hmac-sha256"},
	} {
		b := newBed(t, of(t, scheme))
		r := b.signed(t, scheme, verifier.Message{ID: "msg_1", Type: "a.b", Body: []byte(`{}`)})
		signature := r.Header.Get(names[len(names)-1]) // the last of the list
		for _, name := range names {
			// As the server would store each.
			for _, twin := range []string{
				strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "."), strings.Replace(name, "-", "_", 1), strings.Replace(name, "-", ".", 1),
			} {
				r.Header[http.CanonicalHeaderKey(twin)] = []string{"forged"}
			}
		}
		r.Header["X_other"] = []string{"kept"}
		got := b.forwarded(t, scheme, r)
		if got.Header["X_other"] == nil || got.Header.Get(names[len(names)-1]) != signature {
			t.Errorf("%s: too much is gone: the app sees %v", scheme, got.Header)
		}
		var forged []string
		for name, lines := range got.Header {
			if slices.Contains(lines, "forged") {
				forged = append(forged, name)
			}
		}
		if slices.Sort(forged); forged != nil {
			t.Errorf("%s: the app sees the forged %q", scheme, forged)
		}
	}
}
