package verifier

// chatPresets are where people talk and watch.
var chatPresets = []Scheme{
	{
		Name:      "slack",
		Source:    "docs.slack.dev/authentication/verifying-requests-from-slack",
		Signature: []Location{{From: "header:X-Slack-Signature", Prefix: "v0="}},
		Signed:    "v0:{timestamp}:{body}",
		Keys:      textKey,
		Encodings: []Encoding{Hex},
		ID:        "json:/event_id",
		Type:      "json:/event/type",
		Timestamp: &Timestamp{From: "header:X-Slack-Request-Timestamp", Format: Unix},
		Notes: "The secret is the text itself (Slack's *signing secret*). Requests of the Events API have an `event_id`; slash commands and " +
			"interactions are forms without one, known by their digest. Slack shows your app's answer to the user: for commands and " +
			"interactions use `dedupe off`.",
	},
}
