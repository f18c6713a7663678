package verifier_test

import "github.com/hookgate/hookgate/verifier"

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

// customSchemes are providers of whom there are vectors and no preset, as an
// operator would describe them.
var customSchemes = []verifier.Scheme{
	hmacOf("github_sha1", "X-Hub-Signature", func(s *verifier.Scheme) {
		s.Signature[0].Prefix, s.Keys[0].Algorithm = "sha1=", verifier.HMACSHA1
	}),
	hmacOf("jira", "X-Hub-Signature", func(s *verifier.Scheme) { s.Signature[0].Prefix = "sha256=" }),
	hmacOf("typeform", "Typeform-Signature", func(s *verifier.Scheme) {
		s.Signature[0].Prefix, s.Encodings, s.ID = "sha256=", []verifier.Encoding{verifier.Base64}, "json:/event_id"
	}),
	hmacOf("calendly", "Calendly-Webhook-Signature", func(s *verifier.Scheme) {
		versioned(s)
		s.Signed, s.Timestamp = "{timestamp}.{body}", &verifier.Timestamp{From: "part:t", Format: verifier.Unix}
	}),
	hmacOf("linear", "Linear-Signature", func(s *verifier.Scheme) {
		s.Timestamp = &verifier.Timestamp{From: "json:/webhookTimestamp", Format: verifier.UnixMilli}
	}),
}
