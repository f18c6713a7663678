package verifier

import "time"

// chatPresets are where people talk and watch.
var chatPresets = []Scheme{
	{
		Name:       "slack",
		Source:     "docs.slack.dev/authentication/verifying-requests-from-slack",
		Signature:  []Location{{From: "header:X-Slack-Signature", Prefix: "v0="}},
		Signed:     "v0:{timestamp}:{body}",
		Keys:       textKey,
		Encodings:  []Encoding{Hex},
		ID:         "json:/event_id",
		Type:       "json:/event/type",
		Timestamp:  &Timestamp{From: "header:X-Slack-Request-Timestamp", Format: Unix},
		Handshakes: shake("slack"),
		Notes: "The secret is the text itself (Slack's *signing secret*). Requests of the Events API have an `event_id`; slash commands and " +
			"interactions are forms without one, known by their digest. Slack shows your app's answer to the user: for commands and " +
			"interactions use `dedupe off`.",
	},
	{
		Name:          "discord",
		Source:        "discord/discord-api-docs, interactions and webhook events",
		Signature:     []Location{{From: "header:X-Signature-Ed25519"}},
		Signed:        "{timestamp}{body}",
		Keys:          []KeyForm{{Encoding: Hex, Algorithm: Ed25519}, {Encoding: Hex, Algorithm: Ed25519, Private: true}},
		Encodings:     []Encoding{Hex},
		ID:            "json:/id",
		Type:          "json:/event/type",
		Timestamp:     &Timestamp{From: "header:X-Signature-Timestamp", Format: Unix, Past: Duration(15 * time.Minute)},
		ResponseLimit: Duration(3 * time.Second),
		RetryHorizon:  Duration(10 * time.Minute),
		Notes: "The secret is the application's public key, 64 hexadecimal digits. Discord sends bad signatures on purpose, and removes a " +
			"URL that accepts one. It shows your app's answer to an interaction: use `dedupe off` there.",
	},
	{
		Name:       "twitch",
		Source:     "dev.twitch.tv/docs/eventsub/handling-webhook-events",
		Signature:  []Location{{From: "header:Twitch-Eventsub-Message-Signature", Prefix: "sha256="}},
		Signed:     "{id}{timestamp}{body}",
		Keys:       textKey,
		Encodings:  []Encoding{Hex},
		ID:         "header:Twitch-Eventsub-Message-Id",
		Type:       "json:/subscription/type",
		Timestamp:  &Timestamp{From: "header:Twitch-Eventsub-Message-Timestamp", Format: RFC3339, Past: Duration(10 * time.Minute)},
		Handshakes: shake("twitch"),
		Notes: "EventSub. The secret is the text itself, as given when subscribing. `Twitch-Eventsub-Message-Type` is not signed: that a " +
			"message is the challenge of a new subscription is told by its body.",
	},
	{
		Name:         "kick",
		Source:       "KickEngineering/KickDevDocs, events/webhook-security.md",
		Signature:    []Location{{From: "header:Kick-Event-Signature"}},
		Signed:       "{id}.{timestamp}.{body}",
		Keys:         pairKeys(RSAPKCS1),
		Encodings:    []Encoding{Base64},
		ID:           "header:Kick-Event-Message-Id",
		UnsignedType: "Kick-Event-Type",
		Timestamp: &Timestamp{
			From: "header:Kick-Event-Message-Timestamp", Format: RFC3339, OfEvent: true,
			Past: Duration(24 * time.Hour), Future: Duration(5 * time.Minute),
		},
		Notes: "The secret is Kick's public key, in PEM. It signs for all apps: that an event is genuine does not say that it was sent to " +
			"you, so let your app look for its own broadcaster. Whether a retry has a new time is not documented, so that a day is " +
			"accepted and the id tells duplicates.",
	},
	{
		Name:      "zoom",
		Source:    "zoom/webhook-sample; developers.zoom.us/docs/api/webhooks",
		Signature: []Location{{From: "header:x-zm-signature", Prefix: "v0="}},
		Signed:    "v0:{timestamp}:{body}",
		Keys:      textKey,
		Encodings: []Encoding{Hex},
		Type:      "json:/event",
		Timestamp: &Timestamp{
			From: "header:x-zm-request-timestamp", Format: Unix, OfEvent: true,
			Past: Duration(2 * time.Hour), Future: Duration(5 * time.Minute),
		},
		ResponseLimit: Duration(3 * time.Second),
		RetryHorizon:  Duration(85 * time.Minute),
		Handshakes:    shake("zoom"),
		Notes: "The secret is the app's *secret token*, as text. An event has no id and is known by its digest. Whether a retry, up to 85 " +
			"minutes later, has a new time is not documented, so that two hours are accepted.",
	},
	{
		Name:      "line",
		Source:    "line/line-bot-sdk-go, linebot/webhook/parse.go",
		Signature: []Location{{From: "header:x-line-signature"}},
		Signed:    "{body}",
		Keys:      textKey,
		Encodings: []Encoding{Base64},
		Notes: "The secret is the *channel secret*, as text. A request may hold several events, and a redelivery says so in its body, so that " +
			"it is no duplicate here: let your app remember each `webhookEventId`.",
	},
	{
		Name:          "x",
		Source:        "xdevplatform/docs, webhooks",
		Signature:     []Location{{From: "header:x-twitter-webhooks-signature", Prefix: "sha256="}},
		Signed:        "{body}",
		Keys:          textKey,
		Encodings:     []Encoding{Base64},
		ResponseLimit: Duration(10 * time.Second),
		Handshakes:    shake("x"),
		Notes:         "X, once Twitter. The secret is the app's *consumer secret*, as text. Only the body is signed; there is no id in it.",
	},
	{
		Name:      "telegram",
		Source:    "core.telegram.org/bots/api#setwebhook",
		Signature: []Location{{From: "header:X-Telegram-Bot-Api-Secret-Token"}},
		Signed:    "{body}",
		Keys:      tokenKey,
		Notes: "The `secret_token` of `setWebhook` itself is sent and nothing is signed: whoever sees one request can forge any other. " +
			"Needs `allow_weak`.",
	},
}
