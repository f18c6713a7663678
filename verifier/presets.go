package verifier

import (
	"slices"
	"time"
)

// presets are the providers known by name. A row is added only from the
// provider's own source or documentation, named beside it.
var presets = []Scheme{
	{
		// docs.svix.com/receiving/verifying-payloads/how-manual; retry schedule:
		// docs.svix.com/retries. A white-labelled Svix sends webhook-*.
		Name:         "svix",
		Aliases:      []string{"svix-", "webhook-"},
		Signature:    []Location{{From: "header:svix-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         standardKeys,
		Encodings:    []Encoding{Base64},
		ID:           "header:svix-id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "header:svix-timestamp", Format: Unix},
		RetryHorizon: Duration(27*time.Hour + 35*time.Minute + 5*time.Second),
	},
	{
		// Standard Webhooks 1.0.0, spec/standard-webhooks.md.
		Name:         "standard",
		Signature:    []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         standardKeys,
		Encodings:    []Encoding{Base64},
		ID:           "header:webhook-id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		RetryHorizon: Duration(75*time.Hour + 35*time.Minute + 5*time.Second),
	},
	{
		// docs.travelbase.ai/tenant-api/concepts/webhook-delivery. The signature's
		// encoding is not documented: its length tells. Nor is it documented
		// whether a secret "base64-…" is text or base64: both readings count. The
		// timestamp is when the event was generated; retries go on until they
		// succeed.
		Name:         "travelbase",
		Signature:    []Location{{From: "header:x-webhook-signature"}},
		Signed:       "{timestamp}.{body}",
		Keys:         []KeyForm{{Encoding: Text, Algorithm: HMACSHA256}, {Prefix: "base64-", Encoding: Base64, Algorithm: HMACSHA256}},
		Encodings:    []Encoding{Hex, Base64},
		ID:           "json:/id",
		Type:         "json:/type",
		UnsignedID:   "x-webhook-id",
		UnsignedType: "x-webhook-event",
		Timestamp: &Timestamp{
			From: "header:x-webhook-timestamp", Format: RFC3339, OfEvent: true,
			Past: Duration(30 * 24 * time.Hour), Future: Duration(5 * time.Minute),
		},
		RetryHorizon: Unbounded,
	},
	{
		// docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries;
		// 25 MB cap: …/webhooks/webhook-events-and-payloads. Neither the delivery
		// id nor the event name is signed, and no time is.
		Name:         "github",
		Signature:    []Location{{From: "header:X-Hub-Signature-256", Prefix: "sha256="}},
		Signed:       "{body}",
		Keys:         []KeyForm{{Encoding: Text, Algorithm: HMACSHA256}},
		Encodings:    []Encoding{Hex},
		UnsignedID:   "X-GitHub-Delivery",
		UnsignedType: "X-GitHub-Event",
		MaxBody:      25_000_000,
	},
	{
		// docs.stripe.com/webhooks#verify-manually. The secret's whsec_ is part of
		// the key, unlike Svix's.
		Name:         "stripe",
		Signature:    []Location{{From: "header:Stripe-Signature", List: ",", Pair: "="}},
		Signed:       "{timestamp}.{body}",
		Keys:         []KeyForm{{Encoding: Text, Algorithm: HMACSHA256, Item: "v1"}},
		Encodings:    []Encoding{Hex},
		ID:           "json:/id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "part:t", Format: Unix},
		RetryHorizon: Duration(72 * time.Hour),
	},
	{
		// docs.slack.dev/authentication/verifying-requests-from-slack. Only the
		// Events API has an event_id; slash commands and interactions have none.
		Name:      "slack",
		Signature: []Location{{From: "header:X-Slack-Signature", Prefix: "v0="}},
		Signed:    "v0:{timestamp}:{body}",
		Keys:      []KeyForm{{Encoding: Text, Algorithm: HMACSHA256}},
		Encodings: []Encoding{Hex},
		ID:        "json:/event_id",
		Type:      "json:/event/type",
		Timestamp: &Timestamp{From: "header:X-Slack-Request-Timestamp", Format: Unix},
	},
	{
		// shopify.dev/docs/apps/build/webhooks/subscribe/https; retries:
		// shopify.dev/changelog/updates-to-webhook-retry-mechanism. None of the
		// other headers is signed.
		Name:         "shopify",
		Signature:    []Location{{From: "header:X-Shopify-Hmac-Sha256"}},
		Signed:       "{body}",
		Keys:         []KeyForm{{Encoding: Text, Algorithm: HMACSHA256}},
		Encodings:    []Encoding{Base64},
		UnsignedID:   "X-Shopify-Event-Id",
		UnsignedType: "X-Shopify-Topic",
		RetryHorizon: Duration(4 * time.Hour),
	},
}

// standardKeys: an HMAC secret is base64, with whsec_ before it or not, as the
// official libraries take it; whpk_ and whsk_ are the two halves of an Ed25519
// key (Standard Webhooks 1.0.0, "Signature scheme").
var standardKeys = []KeyForm{
	{Prefix: "whsec_", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"},
	{Prefix: "", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"},
	{Prefix: "whpk_", Encoding: Base64, Algorithm: Ed25519, Item: "v1a"},
	{Prefix: "whsk_", Encoding: Base64, Algorithm: Ed25519, Item: "v1a", Private: true},
}

// Presets returns the schemes known by name, in the order of documentation. The
// slice is the caller's; what it refers to must not be changed.
func Presets() []Scheme { return slices.Clone(presets) }

// Preset returns the scheme of that name.
func Preset(name string) (Scheme, bool) {
	for _, s := range presets {
		if s.Name == name {
			return s, true
		}
	}
	return Scheme{}, false
}
