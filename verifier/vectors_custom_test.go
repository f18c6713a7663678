package verifier_test

import (
	"slices"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// hmacOf is the usual custom scheme: an HMAC over the body in a header.
func hmacOf(name, header string, change func(*verifier.Scheme)) verifier.Scheme {
	s := verifier.Scheme{
		Name:      name,
		Signature: []verifier.Location{{From: verifier.Ref("header:" + header)}},
		Signed:    "{body}",
		Keys:      []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA256}},
		Encodings: []verifier.Encoding{verifier.Hex},
	}
	if change != nil {
		change(&s)
	}
	return s
}

// versioned is a header of the form v1=…[,v1=…].
func versioned(s *verifier.Scheme) {
	s.Signature[0].List, s.Signature[0].Pair, s.Keys[0].Item = ",", "=", "v1"
}

// customSchemes are the other providers of whom there are vectors, as an operator
// would describe them.
var customSchemes = []verifier.Scheme{
	hmacOf("github-sha1", "X-Hub-Signature", func(s *verifier.Scheme) {
		s.Signature[0].Prefix, s.Keys[0].Algorithm = "sha1=", verifier.HMACSHA1
	}),
	hmacOf("jira", "X-Hub-Signature", func(s *verifier.Scheme) { s.Signature[0].Prefix = "sha256=" }),
	hmacOf("square", "x-square-hmacsha256-signature", func(s *verifier.Scheme) {
		s.Signed, s.Encodings, s.ID = "{url}{body}", []verifier.Encoding{verifier.Base64}, "json:/event_id"
	}),
	hmacOf("adyen-platform", "HmacSignature", func(s *verifier.Scheme) {
		s.Keys[0].Encoding, s.Encodings = verifier.Hex, []verifier.Encoding{verifier.Base64}
	}),
	hmacOf("paddle", "Paddle-Signature", func(s *verifier.Scheme) {
		s.Signature[0].List, s.Signature[0].Pair, s.Keys[0].Item = ";", "=", "h1"
		s.Signed, s.Timestamp = "{timestamp}:{body}", &verifier.Timestamp{From: "part:ts", Format: verifier.Unix}
	}),
	hmacOf("coinbase-commerce", "X-CC-Webhook-Signature", nil),
	hmacOf("twitch", "Twitch-Eventsub-Message-Signature", func(s *verifier.Scheme) {
		s.Signature[0].Prefix, s.Signed, s.ID = "sha256=", "{id}{timestamp}{body}", "header:Twitch-Eventsub-Message-Id"
		s.Timestamp = &verifier.Timestamp{From: "header:Twitch-Eventsub-Message-Timestamp", Format: verifier.RFC3339}
	}),
	hmacOf("pagerduty", "X-PagerDuty-Signature", versioned),
	hmacOf("circleci", "circleci-signature", versioned),
	hmacOf("sanity", "sanity-webhook-signature", func(s *verifier.Scheme) {
		versioned(s)
		s.Signed, s.Encodings = "{timestamp}.{body}", []verifier.Encoding{verifier.Base64URL}
		s.Timestamp = &verifier.Timestamp{From: "part:t", Format: verifier.UnixMilli}
	}),
	hmacOf("box", "BOX-SIGNATURE-PRIMARY", func(s *verifier.Scheme) {
		s.Signature = append(s.Signature, verifier.Location{From: "header:BOX-SIGNATURE-SECONDARY"})
		s.Signed, s.Encodings = "{body}{timestamp}", []verifier.Encoding{verifier.Base64}
		s.Timestamp = &verifier.Timestamp{From: "header:BOX-DELIVERY-TIMESTAMP", Format: verifier.RFC3339}
	}),
}

// outsideTheModel are the vectors that no scheme can describe, with the reason.
var outsideTheModel = map[string]string{
	"hubspot-v1":  "a digest of secret and body is no MAC: anyone can lengthen the body",
	"hubspot-v2":  "a digest of secret and body is no MAC: anyone can lengthen the body",
	"sendgrid":    "ECDSA is no algorithm of the model yet",
	"twilio-json": "the URL holds a digest of the body: another one for each request",
}

// TestVectorsOfCustomSchemes shows that providers without a preset can be
// described. (G-2)
func TestVectorsOfCustomSchemes(t *testing.T) {
	ran, left := 0, 0
	for _, v := range vectors(t) {
		if _, ok := verifier.Preset(v.Scheme); ok {
			continue
		}
		if outsideTheModel[v.Scheme] != "" {
			left++
			continue
		}
		i := slices.IndexFunc(customSchemes, func(s verifier.Scheme) bool { return s.Name == v.Scheme })
		if i < 0 {
			t.Errorf("%s: nothing describes %s, nor says why not", v.Name, v.Scheme)
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			v.check(t, lenient(customSchemes[i]), verifier.Options{AllowWeak: true})
		})
		ran++
	}
	if ran < 15 || left > 5 {
		t.Errorf("%d vectors were run and %d left out; want at least 15 and at most 5", ran, left)
	}
}
