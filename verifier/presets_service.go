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
	{
		Name:       "twilio_json",
		Source:     "twilio/twilio-go, client/request_validator.go",
		Signature:  []Location{{From: "header:X-Twilio-Signature"}},
		Signed:     "{url}?{query}",
		BodySHA256: "query:bodySHA256",
		Keys:       []KeyForm{{Encoding: Text, Algorithm: HMACSHA1}},
		Encodings:  []Encoding{Base64},
		Notes: "Webhooks of Twilio whose body is JSON: the URL is signed with a query that holds the body's SHA-256. `public_url` is the URL " +
			"as Twilio has it, without the query. The secret is the *auth token*, as text. HMAC-SHA1: needs `allow_weak`. Twilio signs " +
			"forms in another way, which no scheme can describe.",
	},
	{
		Name:         "hubspot",
		Source:       "HubSpot/hubspot-api-nodejs, src/utils/signature.ts; developers.hubspot.com/docs, request validation",
		Signature:    []Location{{From: "header:X-HubSpot-Signature-v3"}},
		Signed:       "{method}{url}{body}{timestamp}",
		Keys:         textKey,
		Encodings:    []Encoding{Base64},
		Timestamp:    &Timestamp{From: "header:X-HubSpot-Request-Timestamp", Format: UnixMilli},
		RetryHorizon: Duration(24 * time.Hour), // reported
		Notes: "Signatures of version 3; those of versions 1 and 2 are plain digests and not looked at. `public_url` is the URL as HubSpot has " +
			"it, with its query and with the escapes decoded that HubSpot decodes. The secret is the app's *client secret*, as text. " +
			"A request holds several events and counts its attempts, so that a retry is no duplicate here: let your app remember each " +
			"`eventId`.",
	},
	{
		Name:       "box",
		Source:     "box/box-node-sdk, lib/managers/webhooks.js; developer.box.com/guides/webhooks/v2",
		Signature:  []Location{{From: "header:BOX-SIGNATURE-PRIMARY"}, {From: "header:BOX-SIGNATURE-SECONDARY"}},
		Signed:     "{body}{timestamp}",
		Keys:       textKey,
		Encodings:  []Encoding{Base64},
		ID:         "json:/id",
		Type:       "json:/trigger",
		UnsignedID: "BOX-DELIVERY-ID",
		Timestamp:  &Timestamp{From: "header:BOX-DELIVERY-TIMESTAMP", Format: RFC3339, Past: Duration(10 * time.Minute), Future: Duration(10 * time.Minute)},
		Notes: "Version 2. Box signs with two keys; give it one secret or both, as text. `BOX-DELIVERY-ID` is new in every retry; the body's " +
			"`/id` is not.",
	},
	{
		Name:        "dropbox",
		Source:      "dropbox/mdwebhook; dropbox.com/developers/reference/webhooks",
		Signature:   []Location{{From: "header:X-Dropbox-Signature"}},
		Signed:      "{body}",
		Keys:        textKey,
		Encodings:   []Encoding{Hex},
		BodyRepeats: true,
		Handshakes:  shake("dropbox"),
		Notes: "The secret is the *app secret*, as text. A body only says whose files changed, so that equal bodies are distinct events: " +
			"nothing is a duplicate unless you ask for `dedupe`.",
	},
	{
		Name:         "sanity",
		Source:       "sanity-io/webhook-toolkit, src/signature.ts",
		Signature:    []Location{{From: "header:sanity-webhook-signature", List: ",", Pair: "="}},
		Signed:       "{timestamp}.{body}",
		Keys:         textKeyOf("v1"),
		Encodings:    []Encoding{Base64URL},
		UnsignedID:   "idempotency-key",
		Timestamp:    &Timestamp{From: "part:t", Format: UnixMilli},
		RetryHorizon: Duration(time.Minute),
		Notes:        "The secret is the text itself. `idempotency-key` is not signed: an event is known by its digest.",
	},
	{
		Name:      "calcom",
		Source:    "calcom/cal.com, packages/features/webhooks/lib/sendPayload.ts",
		Signature: []Location{{From: "header:X-Cal-Signature-256"}},
		Signed:    "{body}",
		Keys:      textKey,
		Encodings: []Encoding{Hex},
		Type:      "json:/triggerEvent",
		Notes: "The secret is the text itself. Without one Cal.com sends `no-secret-provided`, which is refused and told in the log. It does " +
			"not retry.",
	},
	{
		Name:       "getstream",
		Source:     "GetStream/stream-node, src/utils/webhook.ts",
		Signature:  []Location{{From: "header:X-Signature"}},
		Signed:     "{body}",
		MaxDecoded: 8 << 20,
		Keys:       textKey,
		Encodings:  []Encoding{Hex},
		Type:       "json:/type",
		Notes: "The secret is the app's *API secret*, as text. Where compression is on, what is in the gzip is signed: at most 8 MiB of it are " +
			"read, and your app gets the body as it was sent.",
	},
}
