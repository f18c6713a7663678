package verifier_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// datedAt is a scheme whose time is in the body.
func datedAt(format verifier.TimeFormat) verifier.Scheme {
	return hmacOf("dated", "X-Signature", func(s *verifier.Scheme) {
		s.Timestamp = &verifier.Timestamp{From: "json:/at/time", Format: format}
	})
}

// TestTimeInTheBody is judged as one in a header is, once the signature holds; a
// body without a time that can be told for sure is refused. (pitfall 37)
func TestTimeInTheBody(t *testing.T) {
	for _, test := range []struct {
		format verifier.TimeFormat
		body   string
		want   error
	}{
		{verifier.Unix, `{"at":{"time":1795435200}}`, nil},
		{verifier.UnixMilli, `{"x":[1,{}],"at":{"y":2,"time":1795435200000}}`, nil},
		{verifier.RFC3339, `{"at":{"time":"2026-11-23T12:00:00Z"}}`, nil},
		{verifier.Unix, `{"at":{"time":1795434899}}`, verifier.ErrStaleTimestamp},
		{verifier.Unix, `{"at":{"time":1795435501}}`, verifier.ErrFutureTimestamp},
		{verifier.Unix, `{"at":{"time":1795435200,"time":1795435200}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":"1795435200"}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":1795435200.0}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":17954352e2}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":1795435200000}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":null}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{}}`, verifier.ErrMalformedBody},
		{verifier.Unix, `{"at":{"time":1795435200}} x`, verifier.ErrMalformedBody},
		{verifier.Unix, ``, verifier.ErrMalformedBody},
		{verifier.RFC3339, `{"at":{"time":"2026-11-23"}}`, verifier.ErrMalformedBody},
		{verifier.RFC3339, `{"at":{"time":1795435200}}`, verifier.ErrMalformedBody},
	} {
		s := datedAt(test.format)
		secret := testSecret(s)
		v := newVerifier(t, s, secret)
		h := sign(t, newSigner(t, s, secret), verifier.Message{Body: []byte(test.body)})
		verified, err := v.Verify(post(h), []byte(test.body), noon)
		if !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v; want %v", test.body, err, test.want)
		}
		if test.want == nil && !verified.Timestamp.Equal(noon) {
			t.Errorf("%s: %v", test.body, verified.Timestamp)
		}
		// Nothing of the body is looked at before the signature holds.
		h.Set("X-Signature", strings.Repeat("0", 64))
		if _, err := v.Verify(post(h), []byte(test.body), noon); reason(t, err) != verifier.ErrInvalidSignature {
			t.Errorf("%s, not signed: %v", test.body, err)
		}
	}
}

// TestIDOfTheAttempt: an id that is new in every retry is signed and is no id of the
// event.
func TestIDOfTheAttempt(t *testing.T) {
	s := preset(t, "standard")
	s.IDVaries = true
	secret, body := testSecret(s), []byte("{}")
	g, v := newSigner(t, s, secret), newVerifier(t, s, secret)
	var events []verifier.Event
	for i, id := range []string{"first", "second"} {
		m := verifier.Message{ID: id, Timestamp: noon.Add(time.Duration(i) * time.Second), Body: body}
		h := sign(t, g, m)
		verified, err := v.Verify(post(h), body, noon)
		if err != nil {
			t.Fatal(err)
		}
		event, err := verified.Event()
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
		if _, err := v.Verify(post(with(h, "webhook-id", "other")), body, noon); reason(t, err) != verifier.ErrInvalidSignature {
			t.Errorf("another id: %v", err)
		}
		if _, err := v.Verify(post(http.Header{"Webhook-Signature": h["Webhook-Signature"], "Webhook-Timestamp": h["Webhook-Timestamp"]}), body, noon); reason(t, err) != verifier.ErrMissingHeader {
			t.Errorf("no id: %v", err)
		}
	}
	if events[0] != events[1] || events[0].ID != "" {
		t.Errorf("a retry is another event: %+v", events)
	}
}
