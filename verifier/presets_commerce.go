package verifier

import "time"

// commercePresets are where things are sold, booked and paid for.
var commercePresets = []Scheme{
	{
		Name:         "travelbase",
		Source:       "docs.travelbase.ai/tenant-api/concepts/webhook-delivery",
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
		Notes: "The encoding of the signature is not documented: 64 characters are read as hex, 44 as base64, and a prefix such as " +
			"`sha256=` is refused and named in the log. Nor is it documented what a secret `base64-…` stands for: its text and its " +
			"decoded rest both count. Any other secret is the text itself.\n\n" +
			"`x-webhook-id` and `x-webhook-event` are not signed. The id is the body's `/id`, the type the body's `/type`, and the " +
			"`x-webhook-event` that your app sees carries the latter. The timestamp is when the event was generated, not when it was " +
			"sent, and retries go on until they succeed. With [`forward`](caddyfile.md#forward) an event may be 30 days old, and is " +
			"remembered for 35 days after its delivery. Without, it may be 72 hours old, which is what memory remembers by default; " +
			"`tolerance 30d` accepts older ones there, too, and remembers as long: mind [the memory](operating.md#memory) that takes.",
	},
	{
		Name:         "stripe",
		Source:       "docs.stripe.com/webhooks#verify-manually",
		Signature:    []Location{{From: "header:Stripe-Signature", List: ",", Pair: "="}},
		Signed:       "{timestamp}.{body}",
		Keys:         textKeyOf("v1"),
		Encodings:    []Encoding{Hex},
		ID:           "json:/id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "part:t", Format: Unix},
		RetryHorizon: Duration(72 * time.Hour),
		Notes: "`Stripe-Signature: t=…,v1=…`; during a rotation with several `v1`. The secret is the text itself: its `whsec_` is part of " +
			"the key, unlike Svix's.",
	},
	{
		Name:         "shopify",
		Source:       "shopify.dev/docs/apps/build/webhooks/subscribe/https",
		Signature:    []Location{{From: "header:X-Shopify-Hmac-Sha256"}},
		Signed:       "{body}",
		Keys:         textKey,
		Encodings:    []Encoding{Base64},
		UnsignedID:   "X-Shopify-Event-Id",
		UnsignedType: "X-Shopify-Topic",
		RetryHorizon: Duration(4 * time.Hour), // shopify.dev/changelog/updates-to-webhook-retry-mechanism
		Notes:        "The secret is the text itself. Only the body is signed, so that neither topic nor event id nor time can be believed.",
	},
	{
		Name:         "paddle",
		Source:       "PaddleHQ/paddle-go-sdk, webhook_verifier.go",
		Signature:    []Location{{From: "header:Paddle-Signature", List: ";", Pair: "="}},
		Signed:       "{timestamp}:{body}",
		Keys:         textKeyOf("h1"),
		Encodings:    []Encoding{Hex},
		ID:           "json:/event_id",
		Type:         "json:/event_type",
		Timestamp:    &Timestamp{From: "part:ts", Format: Unix},
		RetryHorizon: Duration(72 * time.Hour), // reported; too long does no harm
		Notes:        "`Paddle-Signature: ts=…;h1=…`. The secret, `pdl_ntfset_…`, is the text itself.",
	},
	{
		Name:         "square",
		Source:       "square/square-ruby-sdk, webhooks_helper.rb",
		Signature:    []Location{{From: "header:x-square-hmacsha256-signature"}},
		Signed:       "{url}{body}",
		Keys:         textKey,
		Encodings:    []Encoding{Base64},
		ID:           "json:/event_id",
		Type:         "json:/type",
		RetryHorizon: Duration(24 * time.Hour), // reported
		Notes:        "The URL is signed as it was entered at Square: `public_url` has to be the same to the letter. The secret, its *signature key*, is the text itself.",
	},
	{
		Name:          "adyen_platform",
		Source:        "Adyen/adyen-go-api-library, src/hmacvalidator; docs.adyen.com/development-resources/webhooks",
		Signature:     []Location{{From: "header:HmacSignature"}},
		Signed:        "{body}",
		Keys:          []KeyForm{{Encoding: Hex, Algorithm: HMACSHA256}},
		Encodings:     []Encoding{Base64},
		Type:          "json:/type",
		ResponseLimit: Duration(10 * time.Second),
		RetryHorizon:  Duration(30 * 24 * time.Hour),
		Notes: "Webhooks of Adyen for Platforms and the Balance Platform, whose signature is in a header. Those of payments have it in the " +
			"body, per item, and cannot be described as a scheme. The secret is hexadecimal.",
	},
	{
		Name:         "coinbase_commerce",
		Source:       "coinbase/coinbase-commerce-node, lib/Webhook.js; docs.cdp.coinbase.com/commerce",
		Signature:    []Location{{From: "header:X-CC-Webhook-Signature"}},
		Signed:       "{body}",
		Keys:         textKey,
		Encodings:    []Encoding{Hex},
		ID:           "json:/event/id",
		Type:         "json:/event/type",
		BodyVaries:   true,
		RetryHorizon: Duration(72 * time.Hour),
		Notes:        "The secret is the text itself. The body counts the attempts, so that the id alone tells a duplicate.",
	},
	{
		Name:          "woocommerce",
		Source:        "woocommerce/woocommerce, includes/class-wc-webhook.php",
		Signature:     []Location{{From: "header:X-WC-Webhook-Signature"}},
		Signed:        "{body}",
		Keys:          textKey,
		Encodings:     []Encoding{Base64},
		UnsignedID:    "X-WC-Webhook-Delivery-ID",
		UnsignedType:  "X-WC-Webhook-Topic",
		ResponseLimit: Duration(60 * time.Second),
		Notes: "The secret is the text itself, with `&`, `<`, `>` and quotes as they are, not as HTML. When a webhook is saved, WooCommerce " +
			"sends an unsigned ping, `webhook_id=…`, which is refused. It never retries, and after more than five failures in a row it " +
			"disables the webhook.",
	},
}
