package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// demoMaxBody is max_body of the demo's sources. A body one byte larger still
// fits into the buffers of a socket, so that the answer to it is always read.
const demoMaxBody = 16 << 10

// demoCase is a request, and what the gateway promises for it.
type demoCase struct {
	sent   string // in words
	path   string
	signer string // a key of demoSender.signers; empty: nobody signs
	id     string // of the event
	age    time.Duration
	size   int         // of the body; 0: as small as it is
	set    http.Header // put over the signed headers
	want   demoResult
	rule   string // the promise, in words
}

// demoResult is what became of a request.
type demoResult struct {
	status int
	answer string // appAnswered, the value of Hookgate-Result, or the type of the refusal
	saw    string // see describe
}

func (r demoResult) String() string {
	return fmt.Sprintf("%d %s; the app saw %s", r.status, r.answer, r.saw)
}

const (
	appAnswered = "the app's own answer"
	sawNothing  = "nothing"
)

// demoCases are sent in this order: the duplicates repeat events of the first
// rows.
var demoCases = []demoCase{
	{
		sent: "event msg_1 with svix-* headers", path: "/hooks/svix", signer: "svix", id: "msg_1",
		want: demoResult{200, appAnswered, "/hooks/svix from svix, id msg_1"},
		rule: "A genuine, fresh, new event is passed on, with Hookgate-* headers that say what was verified.",
	},
	{
		sent: "event msg_2 with webhook-* headers", path: "/hooks/svix", signer: "standard", id: "msg_2",
		want: demoResult{200, appAnswered, "/hooks/svix from svix, id msg_2"},
		rule: "The scheme svix also takes the headers of Standard Webhooks.",
	},
	{
		sent: "event evt_3 with x-webhook-* headers", path: "/hooks/travelbase", signer: "travelbase", id: "evt_3",
		want: demoResult{200, appAnswered, "/hooks/travelbase from travelbase, id evt_3"},
		rule: "The id is the body's, as travelbase does not sign its id header.",
	},
	{
		sent: "msg_1 once more, signed anew: a retry", path: "/hooks/svix", signer: "svix", id: "msg_1", age: -time.Second,
		want: demoResult{200, "duplicate", sawNothing},
		rule: "An event that was accepted is answered with 200 and not passed on again.",
	},
	{
		sent: "evt_3 replayed under a fresh x-webhook-id", path: "/hooks/travelbase", signer: "travelbase", id: "evt_3",
		set:  http.Header{"X-Webhook-Id": {"evt_fresh"}},
		want: demoResult{200, "duplicate", sawNothing},
		rule: "Only what is signed tells events apart.",
	},
	{
		sent: "an event signed ten minutes ago", path: "/hooks/svix", signer: "svix", id: "msg_4", age: 10 * time.Minute,
		want: demoResult{401, "stale_timestamp", sawNothing},
		rule: "A signature of svix is good for five minutes.",
	},
	{
		sent: "an event signed with another secret", path: "/hooks/svix", signer: "forger", id: "msg_5",
		want: demoResult{401, "invalid_signature", sawNothing},
		rule: "What no configured secret has signed is refused.",
	},
	{
		sent: "an event without a signature", path: "/hooks/svix", id: "msg_6",
		want: demoResult{400, "missing_header", sawNothing},
		rule: "What is not signed is refused.",
	},
	{
		sent: fmt.Sprintf("an event of %d bytes, one too many", demoMaxBody+1), path: "/hooks/svix", signer: "svix", id: "msg_7", size: demoMaxBody + 1,
		want: demoResult{413, "payload_too_large", sawNothing},
		rule: "A body over max_body is refused, however it is signed.",
	},
	{
		sent: "forged Hookgate-* headers, on a path beside", path: "/hooks/other", id: "msg_8",
		set: http.Header{
			"Hookgate-Source": {"svix"}, "Hookgate-Id": {"msg_8"}, "Hookgate_source": {"svix"}, "Hookgate_id": {"msg_8"},
		},
		want: demoResult{200, appAnswered, "/hooks/other, unverified"},
		rule: "Other paths are passed on, but without Hookgate-* headers: those are the gateway's alone, everywhere.",
	},
}

// demoSecrets are the environment of the gateway. They are never printed.
type demoSecrets struct{ svix, travelbase, orders, partnerSvix, partnerTravelbase string }

func newDemoSecrets() demoSecrets {
	return demoSecrets{
		svix: newSvixSecret(), travelbase: rand.Text(), orders: newSvixSecret(),
		partnerSvix: newSvixSecret(), partnerTravelbase: rand.Text(),
	}
}

// partner returns the secrets of the source partner by their schemes. Its sender has
// them, too.
func (s demoSecrets) partner() map[string]string {
	return map[string]string{"svix": s.partnerSvix, "travelbase": s.partnerTravelbase}
}

func newSvixSecret() string {
	var key [24]byte
	_, _ = rand.Read(key[:]) // never fails since Go 1.24
	return "whsec_" + base64.StdEncoding.EncodeToString(key[:])
}

func (s demoSecrets) environment() []string {
	return []string{
		"SVIX_SECRET=" + s.svix, "TRAVELBASE_SECRET=" + s.travelbase, "ORDERS_SECRET=" + s.orders,
		"PARTNER_SVIX_SECRET=" + s.partnerSvix, "PARTNER_TRAVELBASE_SECRET=" + s.partnerTravelbase,
	}
}

// demoSender plays the providers, and the one who is none.
type demoSender struct {
	start   time.Time
	signers map[string]*verifier.Signer
}

func newDemoSender(secrets demoSecrets) (*demoSender, error) {
	s := &demoSender{start: time.Now(), signers: map[string]*verifier.Signer{}}
	for _, who := range []struct{ name, scheme, secret string }{
		{"svix", "svix", secrets.svix},
		{"standard", "standard", secrets.svix},
		{"travelbase", "travelbase", secrets.travelbase},
		{"orders", "svix", secrets.orders},
		{"forger", "svix", newSvixSecret()},
	} {
		scheme, ok := verifier.Preset(who.scheme)
		if !ok {
			return nil, fmt.Errorf("there is no scheme %s", who.scheme)
		}
		signer, err := verifier.NewSigner(scheme, []string{who.secret}, verifier.Options{})
		if err != nil {
			return nil, err
		}
		s.signers[who.name] = signer
	}
	return s, nil
}

// body is a function of id and size, so that a case that repeats an id repeats the
// event. It is indented: who parses it and writes it anew changes it.
func (c demoCase) body() ([]byte, error) {
	event := struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Note string `json:"note"`
	}{ID: c.id, Type: "order.paid"}
	body, err := json.MarshalIndent(event, "", "\t")
	if err == nil && c.size > len(body) {
		event.Note = strings.Repeat("x", c.size-len(body))
		body, err = json.MarshalIndent(event, "", "\t")
	}
	return body, err
}

// request returns the case's request and its body.
func (s *demoSender) request(ctx context.Context, c demoCase) (*http.Request, []byte, error) {
	body, err := c.body()
	if err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+c.path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if c.signer != "" {
		message := verifier.Message{ID: c.id, Timestamp: s.start.Add(-c.age), Body: body}
		if r.Header, err = s.signers[c.signer].Sign(message); err != nil {
			return nil, nil, err
		}
	}
	r.Header.Set("Content-Type", "application/json")
	for name, values := range c.set {
		r.Header[name] = values
	}
	return r, body, nil
}
