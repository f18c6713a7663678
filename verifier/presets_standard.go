package verifier

import "time"

// svixHorizon is how long Svix retries (docs.svix.com/retries).
const svixHorizon = Duration(27*time.Hour + 35*time.Minute + 5*time.Second)

// standardPresets are Standard Webhooks, and the providers that send them.
var standardPresets = []Scheme{
	{
		Name:          "svix",
		Source:        "docs.svix.com/receiving/verifying-payloads/how-manual",
		Aliases:       []string{"svix-", "webhook-"},
		Signature:     []Location{{From: "header:svix-signature", List: " ", Pair: ","}},
		Signed:        "{id}.{timestamp}.{body}",
		Keys:          standardKeys,
		Encodings:     []Encoding{Base64},
		ID:            "header:svix-id",
		Type:          "json:/type",
		Timestamp:     &Timestamp{From: "header:svix-timestamp", Format: Unix},
		ResponseLimit: Duration(15 * time.Second),
		RetryHorizon:  svixHorizon,
		Notes: "`svix-id`, `svix-timestamp`, `svix-signature`; or the same names with `webhook-`, as some senders that use Svix have them. " +
			"If both families are there, their values have to be equal; your app then sees one of them. The secret is base64, with or " +
			"without `whsec_` before it, and verifies signatures named `v1`. A public key `whpk_…` verifies signatures named `v1a` " +
			"(Ed25519). Other versions in the list are skipped.",
	},
	{
		Name:          "standard",
		Source:        "github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md (1.0.0)",
		Signature:     []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:        "{id}.{timestamp}.{body}",
		Keys:          standardKeys,
		Encodings:     []Encoding{Base64},
		ID:            "header:webhook-id",
		Type:          "json:/type",
		Timestamp:     &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		ResponseLimit: Duration(15 * time.Second),
		RetryHorizon:  Duration(75*time.Hour + 35*time.Minute + 5*time.Second),
		Notes: "As `svix`, with `webhook-` headers only. Use it for providers that say they follow that specification. A source has " +
			"`svix` or `standard`, not both: they share a header.",
	},
	{
		Name:         "clerk",
		Source:       "clerk/javascript, packages/backend/src/webhooks.ts",
		Aliases:      []string{"svix-", "webhook-"},
		Signature:    []Location{{From: "header:svix-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         standardKeys,
		Encodings:    []Encoding{Base64},
		ID:           "header:svix-id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "header:svix-timestamp", Format: Unix},
		RetryHorizon: svixHorizon,
		Notes:        "`svix` under the provider's name.",
	},
	{
		Name:         "resend",
		Source:       "polarsource/polar, server/polar/integrations/resend (a receiver in production)",
		Aliases:      []string{"svix-", "webhook-"},
		Signature:    []Location{{From: "header:svix-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         standardKeys,
		Encodings:    []Encoding{Base64},
		ID:           "header:svix-id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "header:svix-timestamp", Format: Unix},
		RetryHorizon: svixHorizon,
		Notes:        "`svix` under the provider's name.",
	},
	{
		Name:         "openai",
		Source:       "openai/openai-python, src/openai/resources/webhooks.py",
		Signature:    []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         []KeyForm{{Prefix: "whsec_", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"}, {Encoding: Text, Algorithm: HMACSHA256, Item: "v1"}},
		Encodings:    []Encoding{Base64},
		ID:           "header:webhook-id",
		Type:         "json:/type",
		Timestamp:    &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		RetryHorizon: Duration(72 * time.Hour), // reported; too long does no harm
		Notes: "`standard`, but a secret without `whsec_` is the text itself. A signature without `v1,`, which OpenAI's own library takes " +
			"as well, is refused.",
	},
	{
		Name:      "anthropic",
		Source:    "anthropics/anthropic-sdk-python, beta.webhooks.unwrap",
		Signature: []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:    "{id}.{timestamp}.{body}",
		Keys:      standardKeys,
		Encodings: []Encoding{Base64},
		ID:        "header:webhook-id",
		Timestamp: &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		Notes:     "`standard` under the provider's name, as its library verifies webhooks of managed agents.",
	},
	{
		Name:          "polar",
		Source:        "polarsource/polar, server/polar/webhook/tasks.py",
		Signature:     []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:        "{id}.{timestamp}.{body}",
		Keys:          textKeyOf("v1"),
		Encodings:     []Encoding{Base64},
		ID:            "header:webhook-id",
		Type:          "json:/type",
		Timestamp:     &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		ResponseLimit: Duration(10 * time.Second),
		Notes: "`standard`, but the secret is the text itself. After ten failures Polar disables the endpoint, and it asks for an answer " +
			"within 2 s.",
	},
	{
		Name:          "supabase",
		Source:        "supabase/auth, internal/hooks/hookshttp/hookshttp.go",
		Signature:     []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:        "{id}.{timestamp}.{body}",
		Keys:          []KeyForm{{Prefix: "v1,whsec_", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"}},
		Encodings:     []Encoding{Base64},
		ID:            "header:webhook-id",
		Timestamp:     &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		IDVaries:      true,
		BodyRepeats:   true,
		ResponseLimit: Duration(5 * time.Second),
		Notes: "Auth hooks. `standard`, but the secret is `v1,whsec_…`: where Supabase shows several joined with `|`, each is a secret of " +
			"its own. The id is new in every attempt, and equal bodies may be two events, so that nothing tells a duplicate. Supabase " +
			"reads your app's answer: use `dedupe off`.",
	},
	{
		Name:         "gitlab",
		Source:       "gitlab.com/gitlab-org/gitlab, merge request 230944 (signing token)",
		Signature:    []Location{{From: "header:webhook-signature", List: " ", Pair: ","}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         []KeyForm{{Prefix: "whsec_", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"}, {Encoding: Text, Algorithm: HMACSHA256, Item: "v1"}},
		Encodings:    []Encoding{Base64},
		ID:           "header:webhook-id",
		Type:         "json:/object_kind",
		UnsignedID:   "X-Gitlab-Event-UUID",
		UnsignedType: "X-Gitlab-Event",
		Timestamp:    &Timestamp{From: "header:webhook-timestamp", Format: Unix},
		Notes: "With a *signing token*; for the older secret token see `gitlab_token`. Whether a token `whsec_…` is base64 or text is not " +
			"documented: both readings count.",
	},
}
