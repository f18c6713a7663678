package verifier

import "time"

// servicePresets are mail, files, content and other services.
var servicePresets = []Scheme{
	{
		Name:      "sendgrid",
		Source:    "sendgrid/sendgrid-go, helpers/eventwebhook",
		Signature: []Location{{From: "header:X-Twilio-Email-Event-Webhook-Signature"}},
		Signed:    "{timestamp}{body}",
		Keys:      pairKeys(ECDSAP256),
		Encodings: []Encoding{Base64},
		Timestamp: &Timestamp{
			From: "header:X-Twilio-Email-Event-Webhook-Timestamp", Format: Unix, OfEvent: true,
			Past: Duration(30 * time.Hour), Future: Duration(5 * time.Minute),
		},
		RetryHorizon: Duration(24 * time.Hour), // reported
		Notes: "The signed Event Webhook. The secret is its *verification key*, the public half of a pair. A request holds many events, each " +
			"with its `sg_event_id`, and is known by its digest. Whether a retry has a new time is not documented, so that thirty hours " +
			"are accepted.",
	},
}
