package verifier_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// TestSignErrors: a message that its own verifier would refuse is not signed.
func TestSignErrors(t *testing.T) {
	url := hmacOf("url", "X-Signature", func(s *verifier.Scheme) { s.Signed = "{url}{body}" })
	names := hmacOf("names", "X-Signature", named)
	parts := hmacOf("parts", "X-Signature", func(s *verifier.Scheme) {
		paired(s)
		s.Signed, s.ID = "{id}.{body}", "part:id"
	})
	good := verifier.Message{ID: "msg_1", Type: "a", Timestamp: noon, URL: "https://example.com/", Body: []byte("{}")}
	change := func(f func(*verifier.Message)) verifier.Message {
		m := good
		f(&m)
		return m
	}
	const plain = " cannot be an id or a type: it has to be 1 to 256 visible ASCII characters"
	for name, test := range map[string]struct {
		scheme  verifier.Scheme
		message verifier.Message
		want    string
	}{
		"no URL":             {url, change(func(m *verifier.Message) { m.URL = "" }), "the scheme signs the URL, and there is none"},
		"no id":              {preset(t, "svix"), change(func(m *verifier.Message) { m.ID = "" }), "the scheme signs header:svix-id, and there is no value for it"},
		"no type":            {names, change(func(m *verifier.Message) { m.Type = "" }), "the scheme signs header:X-Type, and there is no value for it"},
		"id with delimiter":  {preset(t, "svix"), change(func(m *verifier.Message) { m.ID = "a.b" }), `"a.b"` + plain + " without '.'"},
		"id with a blank":    {preset(t, "svix"), change(func(m *verifier.Message) { m.ID = "a b" }), `"a b"` + plain + " without '.'"},
		"id with a line":     {preset(t, "svix"), change(func(m *verifier.Message) { m.ID = "a\r\nX: y" }), `"a\r\nX: y"` + plain + " without '.'"},
		"long id":            {preset(t, "svix"), change(func(m *verifier.Message) { m.ID = strings.Repeat("a", 257) }), `"` + strings.Repeat("a", 257) + `"` + plain + " without '.'"},
		"unsigned id":        {preset(t, "github"), change(func(m *verifier.Message) { m.ID = "é" }), `"é"` + plain},
		"type":               {names, change(func(m *verifier.Message) { m.Type = "a.b" }), `"a.b"` + plain + " without '.'"},
		"no time":            {preset(t, "svix"), change(func(m *verifier.Message) { m.Timestamp = time.Time{} }), "timestamp -62135596800 cannot be written as unix"},
		"an early time":      {preset(t, "stripe"), change(func(m *verifier.Message) { m.Timestamp = time.Unix(999_999_999, 0) }), "timestamp 999999999 cannot be written as unix"},
		"a late time":        {preset(t, "svix"), change(func(m *verifier.Message) { m.Timestamp = time.Unix(1e10, 0) }), "timestamp 10000000000 cannot be written as unix"},
		"a year too late":    {preset(t, "travelbase"), change(func(m *verifier.Message) { m.Timestamp = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), "timestamp 10000-01-01T00:00:00.000Z cannot be written as rfc3339"},
		"no id in a part":    {parts, change(func(m *verifier.Message) { m.ID = "" }), "the scheme signs part:id, and there is no value for it"},
		"a list's separator": {parts, change(func(m *verifier.Message) { m.ID = "a,b" }), `"a,b" cannot be an id or a type: …`},
	} {
		h, err := newSigner(t, test.scheme, testSecret(test.scheme)).Sign(test.message)
		start, _, open := strings.Cut(test.want, "…")
		if said := fmt.Sprint(err); h != nil || !strings.HasPrefix(said, start) || !open && said != start {
			t.Errorf("%s: %v, error %v; want %s", name, h, err, test.want)
		}
	}
	query := hmacOf("query", "X-Signature", func(s *verifier.Scheme) { s.Signature[0].From = "query:signature" })
	if _, err := verifier.NewSigner(query, []string{testSecret(query)}, verifier.Options{}); fmt.Sprint(err) != "scheme query: cannot sign into query:signature" {
		t.Errorf("into the query: %v", err)
	}
}

// TestSignedHeaders: what is signed, header by header.
func TestSignedHeaders(t *testing.T) {
	for _, f := range fixtures(t) {
		want := map[string][]string{
			"svix":              {"Svix-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "Svix-Timestamp: 1795435200", "Svix-Signature: v1,"},
			"standard":          {"Webhook-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "Webhook-Timestamp: 1795435200", "Webhook-Signature: v1,"},
			"standard v1a":      {"Webhook-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "Webhook-Timestamp: 1795435200", "Webhook-Signature: v1a,"},
			"travelbase":        {"X-Webhook-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "X-Webhook-Event: unsigned.type", "X-Webhook-Timestamp: 2026-11-23T12:00:00.000Z", "X-Webhook-Signature: "},
			"travelbase base64": {"X-Webhook-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "X-Webhook-Event: unsigned.type", "X-Webhook-Timestamp: 2026-11-23T12:00:00.000Z", "X-Webhook-Signature: "},
			"github":            {"X-Github-Delivery: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "X-Github-Event: unsigned.type", "X-Hub-Signature-256: sha256="},
			"stripe":            {"Stripe-Signature: t=1795435200,v1="},
			"slack":             {"X-Slack-Request-Timestamp: 1795435200", "X-Slack-Signature: v0="},
			"shopify":           {"X-Shopify-Event-Id: msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g", "X-Shopify-Topic: unsigned.type", "X-Shopify-Hmac-Sha256: "},
		}[f.name]
		for _, line := range want {
			name, value, _ := strings.Cut(line, ": ")
			if got := f.header[name]; len(got) != 1 || !strings.HasPrefix(got[0], value) {
				t.Errorf("%s: %s: %q; want %s…", f.name, name, got, value)
			}
		}
		// And of every row: what it names is there, and nothing else.
		var names []string
		for _, ref := range []verifier.Ref{f.scheme.Signature[0].From, f.scheme.ID, f.scheme.Type, timeOf(f.scheme)} {
			if name, ok := strings.CutPrefix(string(ref), "header:"); ok {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
		for _, name := range []string{f.scheme.UnsignedID, f.scheme.UnsignedType} {
			if name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
		if strings.Contains(f.scheme.Signed, "{query}") {
			names = append(names, queryHeader)
		}
		slices.Sort(names)
		if got := slices.Sorted(maps.Keys(f.header)); !slices.Equal(got, names) {
			t.Errorf("%s: headers %v; want %v", f.name, got, names)
		}
	}
}

// TestSigningWithSeveralSecrets: a list carries a signature of each, in their
// order; a header of one signature has the first's.
func TestSigningWithSeveralSecrets(t *testing.T) {
	for _, s := range verifier.Presets() {
		public, private := samples.Secrets(s, 0)
		otherPublic, otherPrivate := samples.Secrets(s, 1)
		h := signWith(t, newSigner(t, s, private, otherPrivate), s, verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte("{}")})
		for i, secret := range []string{public, otherPublic} {
			_, err := newVerifier(t, s, secret).Verify(post(h), []byte("{}"), noon)
			if want := i == 0 || s.Signature[0].List != ""; (err == nil) != want {
				t.Errorf("%s: secret %d: %v", s.Name, i, err)
			}
		}
	}
}

// TestPartsOfASignature: an id, a type and a time may be items of the signature's
// list, each there once.
func TestPartsOfASignature(t *testing.T) {
	s := hmacOf("parts", "X-Signature", func(s *verifier.Scheme) {
		s.Signature[0].List, s.Signature[0].Pair, s.Keys[0].Item = ";", ":", "mac"
		s.Signed, s.ID, s.Type = "{type}|{timestamp}|{id}|{body}", "part:id", "part:type"
		s.Timestamp = &verifier.Timestamp{From: "part:at", Format: verifier.UnixMilli}
	})
	secret := testSecret(s)
	v := newVerifier(t, s, secret)
	h := sign(t, newSigner(t, s, secret), verifier.Message{ID: "msg_1", Type: "order.paid", Timestamp: noon, Body: []byte("{}")})
	mac := hmacText(t, s, secret, "order.paid|1795435200000|msg_1|{}")
	if got, want := h.Get("X-Signature"), "at:1795435200000;id:msg_1;type:order.paid;mac:"+mac; got != want {
		t.Errorf("signed %s; want %s", got, want)
	}
	verified, err := v.Verify(post(h), []byte("{}"), noon)
	if err != nil {
		t.Fatal(err)
	}
	if event, err := verified.Event(); err != nil || event.ID != "msg_1" || event.Type != "order.paid" || !verified.Timestamp.Equal(noon) {
		t.Errorf("event %+v of %v, error %v", event, verified.Timestamp, err)
	}
	for value, want := range map[string]string{
		"at:1795435200000;id:msg_1;type:order.paid":                                   "malformed header X-Signature: holds no mac signature",
		"at:1795435200000;id:msg_1;mac:" + mac:                                        "missing header X-Signature: holds no type",
		"id:msg_1;type:order.paid;mac:" + mac:                                         "missing header X-Signature: holds no at",
		"at:;id:msg_1;type:order.paid;mac:" + mac:                                     "missing header X-Signature: holds no at",
		"at:1795435200000;id:msg_1;id:msg_1;type:order.paid;mac:" + mac:               "malformed header X-Signature: holds id more than once",
		"at:1795435200000;id:msg_1;type:order.paid;at:1;mac:" + mac:                   "malformed header X-Signature: holds at more than once",
		"at:1795435200000;id:msg|1;type:order.paid;mac:" + mac:                        "malformed header id: it has to be 1 to 256 visible ASCII characters without the delimiter of the signed text",
		"at:1795435200;id:msg_1;type:order.paid;mac:" + mac:                           "malformed header at: timestamp is in seconds, this scheme has milliseconds",
		"at:1795435200000;id:msg_1;type:order.paid;mac" + mac:                         "malformed header X-Signature: has an item without : after its name",
		"at:1795435200000;id:msg_1;type:order.paid;mac:":                              "malformed header X-Signature: has an empty signature; the sender may have no secret configured",
		"at:1795435200000;id:msg_1;type:order.paid;mac:sha256=" + mac:                 `malformed header X-Signature: begins with "sha256=", but signatures of this scheme have no such prefix`,
		"at:1795435200000;id:msg_1;type:order.paid;mac:" + mac[1:]:                    "malformed header X-Signature: has a signature of 63 characters; there should be 64 (hex)",
		"at:1795435200000;id:msg_1;type:order.paid;mac:" + strings.Repeat("0", 64):    "invalid signature: no secret verifies it",
		"at:1795435200000;id:msg_2;type:order.paid;mac:" + mac:                        "invalid signature: no secret verifies it",
		" mac: " + mac + " ;\tat : 1795435200000; type:order.paid ;id : msg_1 ;":      "<nil>",
		"v0:x;at:1795435200000;id:msg_1;type:order.paid;mac:" + mac + ";mac:0;else:1": "<nil>",
	} {
		if _, err := v.Verify(post(http.Header{"X-Signature": {value}}), []byte("{}"), noon); fmt.Sprint(err) != want {
			t.Errorf("%s: %v; want %s", value, err, want)
		}
	}
}

// TestTwoLocations: a provider may have a header for each of its secrets. The
// first decides whether a request is of the scheme; the second may be left out.
func TestTwoLocations(t *testing.T) {
	s := hmacOf("two", "X-Primary", func(s *verifier.Scheme) {
		s.Signature = append(s.Signature, verifier.Location{From: "header:X-Secondary"})
	})
	secret, bad := testSecret(s), strings.Repeat("0", 64)
	v, mac := newVerifier(t, s, secret), hmacText(t, s, secret, "{}")
	for name, test := range map[string]struct {
		h    http.Header
		want string
	}{
		"good first":       {http.Header{"X-Primary": {mac}, "X-Secondary": {bad}}, "<nil>"},
		"good second":      {http.Header{"X-Primary": {bad}, "X-Secondary": {mac}}, "<nil>"},
		"first alone":      {http.Header{"X-Primary": {mac}}, "<nil>"},
		"second empty":     {http.Header{"X-Primary": {mac}, "X-Secondary": {""}}, "<nil>"},
		"second alone":     {http.Header{"X-Secondary": {mac}}, "missing header X-Primary"},
		"second twice":     {http.Header{"X-Primary": {mac}, "X-Secondary": {mac, mac}}, "malformed header X-Secondary: is there more than once"},
		"both bad":         {http.Header{"X-Primary": {bad}, "X-Secondary": {bad}}, "invalid signature: no secret verifies it"},
		"neither":          {http.Header{}, "missing header X-Primary"},
		"second malformed": {http.Header{"X-Primary": {bad}, "X-Secondary": {"x"}}, "invalid signature: no secret verifies it"},
	} {
		if _, err := v.Verify(post(test.h), []byte("{}"), noon); fmt.Sprint(err) != test.want {
			t.Errorf("%s: %v; want %s", name, err, test.want)
		}
	}
	h := sign(t, newSigner(t, s, secret), verifier.Message{Body: []byte("{}")})
	if h.Get("X-Primary") != mac || h.Get("X-Secondary") != mac {
		t.Errorf("signed %v; want %s in both", h, mac)
	}
}

// TestConcurrentUse: one verifier and one signer serve many at once. With -race
// this shows what they share.
func TestConcurrentUse(t *testing.T) {
	for _, f := range fixtures(t) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 50 {
					m := f.message
					m.Body = []byte(fmt.Sprintf(`{"id":"evt_%d_%d","event_id":"evt_%d_%d"}`, i, j, i, j))
					m.URL = samples.Address(f.scheme, m.Body)
					h, err := f.signer.Sign(m)
					if err != nil {
						t.Error(err)
						return
					}
					if _, query, ok := strings.Cut(m.URL, "?"); ok {
						h.Set(queryHeader, query)
					}
					f.accepted(t, "one of many", h, m.Body)
					f.refused(t, "one of many, changed", h, f.message.Body, verifier.ErrInvalidSignature)
				}
			})
		}
		all.Wait()
	}
}
