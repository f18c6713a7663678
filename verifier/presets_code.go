package verifier

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
}
