package verifier

import "strings"

// Handshake describes a request by which a provider checks the URL, and what
// answers it. It is data, as the [Scheme] it belongs to: the rows of this package
// are the handshakes known by name.
type Handshake struct {
	// Kind is how people ask for it to be answered. Empty: no answer is known, and
	// it is only passed on.
	Kind string `json:"kind,omitempty"`

	// Method is GET or OPTIONS, of a signed one POST. A POST that is not signed is
	// taken for a handshake only where it is answered, has no body and no
	// signature.
	Method string `json:"method"`

	// Signed says that it is a webhook like any other, and that only what its body
	// says makes it a handshake, once the signature holds.
	Signed bool `json:"signed,omitempty"`

	// When lists what else tells it: a query value or header, of a signed one a
	// member of the body, and the text that has to be there.
	When []Match `json:"when,omitempty"`

	// VerifyToken is where the provider repeats the token that it was told with the
	// URL; empty if it knows none.
	VerifyToken Ref `json:"verify_token,omitempty"`

	// Challenge is where the text to be answered is: a query value or header, of a
	// signed one a member of the body. It has few characters, which mean nothing in
	// HTML, JSON or a header, and is at most 1024 long; see [Handshake.MAC] for
	// those that are signed by us.
	Challenge Ref `json:"challenge"`

	// Answer is the body of the answer, literal text with the variables {challenge}
	// and {mac}. If it begins with {" it is sent as JSON, else as plain text.
	Answer string `json:"answer,omitempty"`

	// MAC is the spelling, hex or base64, of {mac}: the HMAC-SHA256 of the challenge
	// with the secret. As a signature is made with the same key, such a challenge
	// has at most 128 letters, digits and + / = _ -, and no webhook is accepted whose
	// signed bytes are of that form.
	MAC Encoding `json:"mac,omitempty"`

	// Header lists headers of the answer, with the same variables.
	Header map[string]string `json:"header,omitempty"`
}

// Match is a text that has to be somewhere.
type Match struct {
	From Ref    `json:"from"`
	Is   string `json:"is"`
}

// handshakes are the kinds known by name. A row is added only from the provider's
// own source or documentation.
var handshakes = []Handshake{
	// docs.slack.dev/reference/events/url_verification
	{
		Kind: "slack", Method: "POST", Signed: true,
		When:      []Match{{From: "json:/type", Is: "url_verification"}},
		Challenge: "json:/challenge", Answer: "{challenge}",
	},
	// zoom/webhook-sample; developers.zoom.us/docs/api/webhooks
	{
		Kind: "zoom", Method: "POST", Signed: true,
		When:      []Match{{From: "json:/event", Is: "endpoint.url_validation"}},
		Challenge: "json:/payload/plainToken",
		Answer:    `{"plainToken":"{challenge}","encryptedToken":"{mac}"}`, MAC: Hex,
	},
	// dev.twitch.tv/docs/eventsub/handling-webhook-events: the header that names the
	// kind of message is not signed, the state of the subscription is.
	{
		Kind: "twitch", Method: "POST", Signed: true,
		When:      []Match{{From: "json:/subscription/status", Is: "webhook_callback_verification_pending"}},
		Challenge: "json:/challenge", Answer: "{challenge}",
	},
	// xdevplatform/docs, webhooks, "Challenge-Response Checks"
	{
		Kind: "x", Method: "GET",
		Challenge: "query:crc_token", Answer: `{"response_token":"sha256={mac}"}`, MAC: Base64,
	},
	// dropbox/mdwebhook; dropbox.com/developers/reference/webhooks
	{
		Kind: "dropbox", Method: "GET",
		Challenge: "query:challenge", Answer: "{challenge}",
	},
	// developers.facebook.com/docs/graph-api/webhooks/getting-started
	{ //nolint:gosec // G101: says where the token is
		Kind: "meta", Method: "GET",
		When:        []Match{{From: "query:hub.mode", Is: "subscribe"}},
		VerifyToken: "query:hub.verify_token",
		Challenge:   "query:hub.challenge", Answer: "{challenge}",
	},
	// learn.microsoft.com/graph/change-notifications-delivery-webhooks
	{
		Kind: "graph", Method: "POST",
		Challenge: "query:validationToken", Answer: "{challenge}",
	},
	// cloudevents/spec, cloudevents/http-webhook.md, section 4
	{
		Kind: "cloudevents", Method: "OPTIONS",
		Challenge: "header:WebHook-Request-Origin",
		Header:    map[string]string{"WebHook-Allowed-Origin": "{challenge}", "WebHook-Allowed-Rate": "*", "Allow": "POST"},
	},
	// developer.okta.com/docs/concepts/event-hooks
	{
		Kind: "okta", Method: "GET",
		Challenge: "header:X-Okta-Verification-Challenge", Answer: `{"verification":"{challenge}"}`,
	},
}

// Handshakes returns the handshakes known by name, in the order of documentation.
// What they refer to must not be changed.
func Handshakes() []Handshake { return append([]Handshake(nil), handshakes...) }

// HandshakeOf returns the handshake of that kind.
func HandshakeOf(kind string) (Handshake, bool) {
	for _, h := range handshakes {
		if h.Kind == kind {
			return h, true
		}
	}
	return Handshake{}, false
}

// HandshakeKinds names them all, for people.
func HandshakeKinds() string {
	var kinds []string
	for _, h := range handshakes {
		kinds = append(kinds, h.Kind)
	}
	return strings.Join(kinds, ", ")
}

// shake is the handshake of a preset.
func shake(kind string) []Handshake {
	h, ok := HandshakeOf(kind)
	if !ok {
		panic("no handshake " + kind)
	}
	return []Handshake{h}
}

// The forms of a challenge. What is echoed may have spaces and colons, as
// Microsoft's do.
const (
	maxChallenge = 1024
	maxMACed     = 128
	macedChars   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"
	echoedChars  = macedChars + " .:~@*,"
)

func isEchoed(text string) bool { return consists(text, echoedChars, maxChallenge) }
func isMACed(text string) bool  { return consists(text, macedChars, maxMACed) }

func consists(text, chars string, most int) bool {
	return text != "" && len(text) <= most && strings.Trim(text, chars) == "" && text[0] != ' ' && text[len(text)-1] != ' '
}
