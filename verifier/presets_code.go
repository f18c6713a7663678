package verifier

import "time"

// codePresets are where code is kept, built and watched.
var codePresets = []Scheme{
	{
		Name:         "github",
		Source:       "docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries",
		Signature:    []Location{{From: "header:X-Hub-Signature-256", Prefix: "sha256="}},
		Signed:       "{body}",
		Keys:         textKey,
		Encodings:    []Encoding{Hex},
		UnsignedID:   "X-GitHub-Delivery",
		UnsignedType: "X-GitHub-Event",
		MaxBody:      25_000_000, // docs.github.com/webhooks/webhook-events-and-payloads
		Notes: "The secret is the text itself. Only the body is signed: neither the delivery id nor the event's name nor a time is. Two " +
			"deliveries with equal bodies are one event, and a redelivery by hand within the window is a duplicate. The older " +
			"`X-Hub-Signature` (SHA-1) is not looked at.",
	},
	{
		Name:         "gitlab_token",
		Source:       "docs.gitlab.com/user/project/integrations/webhooks",
		Signature:    []Location{{From: "header:X-Gitlab-Token"}},
		Signed:       "{body}",
		Keys:         tokenKey,
		UnsignedID:   "X-Gitlab-Event-UUID",
		UnsignedType: "X-Gitlab-Event",
		Notes: "The *secret token* itself is sent and nothing is signed: whoever sees one request can forge any other. Needs `allow_weak`; " +
			"a signing token (`gitlab`) is better.",
	},
	{
		Name:         "gitea",
		Source:       "go-gitea/gitea, services/webhook/deliver.go",
		Signature:    []Location{{From: "header:X-Gitea-Signature"}},
		Signed:       "{body}",
		Keys:         textKey,
		Encodings:    []Encoding{Hex},
		UnsignedID:   "X-Gitea-Delivery",
		UnsignedType: "X-Gitea-Event",
		Notes: "The secret is the text itself. Choose the content type `application/json`: of a form, Gitea signs the JSON within, not the " +
			"body. Without a secret it sends an empty signature, which is refused and told in the log.",
	},
	{
		Name:          "circleci",
		Source:        "circleci.com/docs/guides/integration/outbound-webhooks",
		Signature:     []Location{{From: "header:circleci-signature", List: ",", Pair: "="}},
		Signed:        "{body}",
		Keys:          textKeyOf("v1"),
		Encodings:     []Encoding{Hex},
		ID:            "json:/id",
		Type:          "json:/type",
		ResponseLimit: Duration(10 * time.Second),
		Notes:         "The secret is the text itself. Signatures of other versions than `v1` are skipped.",
	},
	{
		Name:      "pagerduty",
		Source:    "PagerDuty/go-pagerduty, webhookv3/webhookv3.go",
		Signature: []Location{{From: "header:X-PagerDuty-Signature", List: ",", Pair: "="}},
		Signed:    "{body}",
		Keys:      textKeyOf("v1"),
		Encodings: []Encoding{Hex},
		ID:        "json:/event/id",
		Type:      "json:/event/event_type",
		MaxBody:   2 << 20,
		Notes:     "Webhooks of version 3. The secret is the text itself; during a rotation there are several `v1`.",
	},
}
