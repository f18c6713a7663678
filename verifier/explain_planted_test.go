package verifier_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// planted is one thing that goes wrong between a provider and us.
type planted struct {
	kind, scheme string
	cause        string // the code of the first finding
	says         string // part of its text
	sender       func(*exchange)
	receiver     func(*exchange)
}

func secretIs(secret string) func(*exchange) {
	return func(e *exchange) { e.secrets = []string{secret} }
}

func signedBy(secret string) func(*exchange) {
	return func(e *exchange) { e.signSecret = secret }
}

// replaced changes a part of a header's value.
func replaced(name, from, to string) func(*exchange) {
	return func(e *exchange) {
		value := e.header.Get(name)
		if !strings.Contains(value, from) {
			panic(name + " holds no " + from)
		}
		e.header.Set(name, strings.Replace(value, from, to, 1))
	}
}

// moved renames a header.
func moved(from, to string) func(*exchange) {
	return func(e *exchange) {
		e.header[http.CanonicalHeaderKey(to)] = e.header[http.CanonicalHeaderKey(from)]
		e.header.Del(from)
	}
}

func both(all ...func(*exchange)) func(*exchange) {
	return func(e *exchange) {
		for _, f := range all {
			f(e)
		}
	}
}

func later(d time.Duration) func(*exchange) {
	return func(e *exchange) { e.now = e.now.Add(d) }
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory
	_ = w.Close()
	return b.String()
}

func plantedKinds() []planted {
	const (
		jsonBody = `{"id":"evt_1","type":"order.paid","amount":10}`
		form     = "payload=%7B%22a%22%3A%22b+c%22%7D&token=x"
	)
	form20 := strings.ReplaceAll(form, "+", "%20")
	return []planted{
		{kind: "wrong secret", scheme: "github", cause: "unexplained", says: "most likely the secret is another one", sender: signedBy(strings.Repeat("k", 32))},
		{kind: "secret of another environment", scheme: "stripe", cause: "unexplained", says: "the secret is another one", sender: signedBy("whsec_" + strings.Repeat("t", 32))},
		{kind: "an API key for the secret", scheme: "stripe", cause: "secret_kind", says: `begins with "sk_live_", as an API key does`, receiver: secretIs("sk_live_" + explainText)},
		{kind: "an access token for the secret", scheme: "slack", cause: "secret_kind", says: `"xoxb-"`, receiver: secretIs("xoxb-" + explainText)},
		{kind: "secret with white space", scheme: "slack", cause: "secret_space", says: "white space around", receiver: secretIs(explainText + "\n")},
		{kind: "sender keeps the newline of its file", scheme: "shopify", cause: "secret_newline", says: "a newline after it", sender: func(e *exchange) {
			as(verifier.Hex, hex.EncodeToString([]byte(explainText+"\n")))(e)
		}},
		{kind: "secret not decoded by the sender", scheme: "standard", cause: "secret_as_text", says: "raw text", sender: as(verifier.Text, "whsec_"+explainText)},
		{kind: "secret decoded by the sender", scheme: "shopify", cause: "secret_as_base64", says: "taken as base64", sender: as(verifier.Base64, explainText)},
		{kind: "secret in hexadecimal", scheme: "slack", cause: "secret_as_hex", says: "taken as hex", sender: as(verifier.Hex, explainText)},
		{kind: "prefix cut off", scheme: "stripe", cause: "secret_prefix", says: "whsec_ before it", sender: signedBy("whsec_" + explainText)},
		{kind: "prefix left on", scheme: "github", cause: "secret_as_text", says: "without base64-", receiver: secretIs("base64-" + explainText)},
		{kind: "secret quoted", scheme: "paddle", cause: "secret_quotes", says: "quotes", receiver: secretIs(`"` + explainText + `"`)},
		{kind: "public key for a shared secret", scheme: "svix", cause: "secret_half", says: "is for signatures named v1a, and the request has v1", receiver: func(e *exchange) {
			e.secrets = []string{"whpk_HQv6oCJ9Kk+ABd6Ez6u9o6fDWBLqTdYi3jQ7AVb1DX0="}
		}},
		{kind: "key of another application", scheme: "discord", cause: "unexplained", says: "the secret is another one", receiver: func(e *exchange) {
			e.secrets[0], _ = samples.Secrets(e.scheme, 1)
		}},

		{kind: "old", scheme: "stripe", cause: "skew", says: "301 s behind the clock, 300 s are tolerated. The signature itself is right.", receiver: later(301 * time.Second)},
		{kind: "old", scheme: "travelbase", cause: "skew", says: "behind the clock", receiver: later(31 * 24 * time.Hour)},
		{kind: "clock ahead", scheme: "slack", cause: "skew", says: "400 s ahead of the clock", receiver: later(-400 * time.Second)},
		{kind: "time in milliseconds", scheme: "slack", cause: "timestamp_format", says: "in milliseconds, this scheme has it in seconds. The signature itself is right.", sender: func(e *exchange) {
			at := *e.signScheme.Timestamp
			at.Format = verifier.UnixMilli
			e.signScheme.Timestamp = &at
		}},
		{kind: "time of another attempt", scheme: "svix", cause: "other_timestamp", says: "+60 s", receiver: header("Svix-Timestamp", "1771604691")},

		{kind: "spaces in JSON", scheme: "github", cause: "reserialized", says: "compact", sender: sent(jsonBody), receiver: arrives(strings.ReplaceAll(jsonBody, `":`, `": `))},
		{kind: "JSON indented", scheme: "paddle", cause: "reserialized", says: "compact", sender: sent(jsonBody), receiver: arrives("{\n  \"id\": \"evt_1\",\n  \"type\": \"order.paid\",\n  \"amount\": 10\n}")},
		{kind: "keys sorted", scheme: "stripe", cause: "reserialized", says: "keys sorted", sender: sent(`{"a":1,"b":2}`), receiver: arrives(`{"b":2,"a":1}`)},
		{kind: "escapes", scheme: "travelbase", cause: "reserialized", says: "slashes escaped", sender: sent(`{"u":"https:\/\/x"}`), receiver: arrives(`{"u":"https://x"}`)},
		{kind: "newline added", scheme: "discord", cause: "newline_removed", says: "without the trailing newline", receiver: arrives(explainBody + "\n")},
		{kind: "newline removed", scheme: "shopify", cause: "newline_added", says: "a trailing newline added", sender: sent(jsonBody + "\n"), receiver: arrives(jsonBody)},
		{kind: "LF made CRLF", scheme: "github", cause: "crlf", says: "LF line ends", sender: sent("{\n}"), receiver: arrives("{\r\n}")},
		{kind: "byte order mark", scheme: "standard", cause: "bom_removed", says: "byte order mark", receiver: arrives("\xef\xbb\xbf" + explainBody)},
		{kind: "converted to UTF-8", scheme: "shopify", cause: "charset", says: "in ISO 8859-1, where it came in UTF-8", sender: sent("a=\xe9"), receiver: arrives("a=é")},
		{kind: "converted twice", scheme: "slack", cause: "charset", says: "was converted", sender: sent("text=é"), receiver: arrives("text=Ã©")},
		{kind: "wrong charset", scheme: "github", cause: "body_replaced", says: "U+FFFD", sender: sent("\"\xe9\""), receiver: arrives("\"\uFFFD\"")},
		{kind: "compressed on its way", scheme: "stripe", cause: "body_packed", says: "unpacked", receiver: arrives(packed(explainBody))},
		{kind: "unpacked on its way", scheme: "shopify", cause: "body_unpacked", says: "the bytes that were signed are gone", sender: sent(packed(explainBody)), receiver: both(arrives(explainBody), header("Content-Encoding", "gzip"))},
		{kind: "cut off", scheme: "svix", cause: "body_truncated", says: "ends in its middle", receiver: arrives(explainBody[:40])},
		{kind: "cut off, with its length", scheme: "paddle", cause: "body_length", says: "the body has 40", receiver: both(arrives(explainBody[:40]), header("Content-Length", "60"))},
		{kind: "form decoded", scheme: "github", cause: "form", says: "the value payload of a form", sender: sent("payload=%7B%22a%22%3A1%7D"), receiver: arrives(`{"a":1}`)},
		{kind: "form that wraps what is signed", scheme: "gitea", cause: "form", says: "the form's only value", sender: sent(`{"a":1}`), receiver: arrives("payload=%7B%22a%22%3A1%7D")},
		{kind: "form escaped anew", scheme: "slack", cause: "form", says: "spaces as %20", sender: sent(form20), receiver: arrives(form)},
		{kind: "form escaped anew", scheme: "slack", cause: "form", says: "escaped anew", sender: sent(form), receiver: arrives(form20)},
		{kind: "body encoded twice", scheme: "standard", cause: "quoted", says: "encoded twice", sender: sent(`{"a":1}`), receiver: arrives(`"{\"a\":1}"`)},
		{kind: "empty body", scheme: "stripe", cause: "body_empty", says: "something else may have read it before", receiver: arrives("")},
		{kind: "body of another kind than said", scheme: "slack", cause: "body_type", says: "Content-Type says a form", sender: sent("a=b&c=d"), receiver: both(arrives(`{"a":"b","c":"d"}`), header("Content-Type", "application/x-www-form-urlencoded"))},

		{kind: "signature missing", scheme: "github", cause: "header_missing", says: "There is no X-Hub-Signature-256", receiver: func(e *exchange) { e.header.Del("X-Hub-Signature-256") }},
		{kind: "id missing", scheme: "standard", cause: "header_missing", says: "There is no webhook-id", receiver: func(e *exchange) { e.header.Del("Webhook-Id") }},
		{kind: "time missing in the list", scheme: "stripe", cause: "header_missing", says: "Stripe-Signature holds no t", receiver: replaced("Stripe-Signature", "t=1771604751,", "")},
		{kind: "header renamed", scheme: "shopify", cause: "signature_header", says: "in the header X-Original-X-Shopify-Hmac-Sha256", receiver: moved("X-Shopify-Hmac-Sha256", "X-Original-X-Shopify-Hmac-Sha256")},
		{kind: "time header renamed", scheme: "slack", cause: "header_name", says: "X-Original-X-Slack-Request-Timestamp; its name has to be X-Slack-Request-Timestamp", receiver: moved("X-Slack-Request-Timestamp", "X-Original-X-Slack-Request-Timestamp")},
		{kind: "signature twice", scheme: "paddle", cause: "header_twice", says: "2 Paddle-Signature", receiver: func(e *exchange) { e.header.Add("Paddle-Signature", e.header.Get("Paddle-Signature")) }},
		{kind: "signatures joined", scheme: "github", cause: "header_joined", says: "X-Hub-Signature-256 holds several values", receiver: func(e *exchange) {
			value := e.header.Get("X-Hub-Signature-256")
			e.header.Set("X-Hub-Signature-256", value+", "+value)
		}},
		{kind: "ids joined", scheme: "svix", cause: "header_joined", says: "joined by commas", receiver: func(e *exchange) {
			e.header.Set("Svix-Id", e.header.Get("Svix-Id")+", "+e.header.Get("Svix-Id"))
		}},
		{kind: "lists joined", scheme: "stripe", cause: "header_joined", says: "holds t 2 times", receiver: func(e *exchange) {
			e.header.Set("Stripe-Signature", e.header.Get("Stripe-Signature")+","+e.header.Get("Stripe-Signature"))
		}},
		{kind: "hexadecimal for base64", scheme: "shopify", cause: "signature_encoding", says: "spelled as hex; this scheme has base64", sender: func(e *exchange) { e.signScheme.Encodings = []verifier.Encoding{verifier.Hex} }},
		{kind: "base64 for hexadecimal", scheme: "slack", cause: "signature_encoding", says: "spelled as base64; this scheme has hex", sender: func(e *exchange) { e.signScheme.Encodings = []verifier.Encoding{verifier.Base64} }},
		{kind: "upper-case prefix", scheme: "github", cause: "signature_prefix", says: "has SHA256= before it; this scheme has sha256=", receiver: replaced("X-Hub-Signature-256", "sha256=", "SHA256=")},
		{kind: "wrong version", scheme: "slack", cause: "signature_prefix", says: "has v1= before it; this scheme has v0=", receiver: replaced("X-Slack-Signature", "v0=", "v1=")},
		{kind: "no v1 in the list", scheme: "stripe", cause: "signature_version", says: "named v0; this scheme has v1", receiver: replaced("Stripe-Signature", "v1=", "v0=")},
		{kind: "no v1 in the list", scheme: "svix", cause: "signature_version", says: "named v2; this scheme has v1", receiver: replaced("Svix-Signature", "v1,", "v2,")},
		{kind: "no name at all", scheme: "standard", cause: "signature_version", says: "without a name; this scheme has v1", receiver: replaced("Webhook-Signature", "v1,", "")},
		{kind: "the header of an older algorithm", scheme: "github", cause: "algorithm", says: "by hmac-sha1; this scheme has hmac-sha256", sender: func(e *exchange) {
			e.signScheme.Keys = []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA1}}
			e.signScheme.Signature = []verifier.Location{{From: "header:X-Hub-Signature", Prefix: "sha1="}}
		}},
		{kind: "another algorithm", scheme: "travelbase", cause: "algorithm", says: "by hmac-sha512", sender: func(e *exchange) {
			e.signScheme.Keys = []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.HMACSHA512}}
		}},
		{kind: "the digest signed", scheme: "shopify", cause: "digest_signed", says: "SHA-256 of the body in hexadecimal", sender: func(e *exchange) {
			sum := sha256.Sum256([]byte(explainBody))
			e.message.Body = []byte(hex.EncodeToString(sum[:]))
		}, receiver: arrives(explainBody)},
		{kind: "only the body signed", scheme: "stripe", cause: "signed_content", says: "over {body}; this scheme signs {timestamp}.{body}", sender: func(e *exchange) { e.signScheme.Signed = "{body}"; e.signScheme.Timestamp = nil }, receiver: func(e *exchange) {
			e.header.Set("Stripe-Signature", "t=1771604751,"+e.header.Get("Stripe-Signature"))
		}},
		{kind: "another scheme", scheme: "gitea", cause: "other_scheme", says: "by scheme github", sender: func(e *exchange) { e.signScheme = presetNamed("github") }},
		{kind: "another scheme and secret", scheme: "slack", cause: "other_headers", says: "but one of scheme stripe in Stripe-Signature", sender: func(e *exchange) {
			e.signScheme, e.signSecret = presetNamed("stripe"), strings.Repeat("k", 32)
		}},

		{kind: "http for https", scheme: "square", cause: "url", says: "with http.", sender: urlIs("http://app.example.com/hooks")},
		{kind: "a port", scheme: "square", cause: "url", says: "with the port 443", sender: urlIs("https://app.example.com:443/hooks")},
		{kind: "a slash at the end", scheme: "hubspot", cause: "url", says: "with a slash at its end", sender: urlIs("https://app.example.com/hooks/")},
		{kind: "another host", scheme: "square", cause: "url", says: "the host that the request names in Host", sender: urlIs("https://old.example.com/hooks"), receiver: header("Host", "old.example.com")},
		{kind: "host and scheme", scheme: "square", cause: "url", says: "with http and with the host", sender: urlIs("http://old.example.com/hooks"), receiver: header("Host", "old.example.com")},
		{kind: "query in another order", scheme: "twilio_json", cause: "query", says: "with the query sorted", receiver: func(e *exchange) {
			address, query, _ := strings.Cut(e.message.URL, "?")
			a, b, _ := strings.Cut(query, "&")
			e.message.URL = address + "?" + b + "&" + a
		}},
	}
}

// urlIs makes the provider have another URL than public_url says.
func urlIs(url string) func(*exchange) { return func(e *exchange) { e.url = url } }

// TestExplainPlanted: whatever goes wrong, the first thing that is said is what it was.
func TestExplainPlanted(t *testing.T) {
	kinds, schemes := map[string]bool{}, map[string]bool{}
	for _, p := range plantedKinds() {
		kinds[p.kind], schemes[p.scheme] = true, true
		t.Run(p.kind+" "+p.scheme, func(t *testing.T) {
			c := explainCase{scheme: p.scheme, sender: p.sender, receiver: p.receiver}
			_, x := c.run(t)
			if len(x.Findings) == 0 || x.Findings[0].Code != p.cause || !strings.Contains(x.Findings[0].Text, p.says) {
				t.Errorf("refused: %v; findings\n%s\n(%s), want first %s: …%s…", x.Err, text(x), codes(x), p.cause, p.says)
			}
		})
	}
	if len(kinds) < 50 || len(schemes) < 12 {
		t.Errorf("%d kinds of %d schemes", len(kinds), len(schemes))
	}
}

// TestExplainIsBounded: whatever a stranger sends, little is tried and little is said.
func TestExplainIsBounded(t *testing.T) {
	for _, name := range []string{"svix", "github", "kick", "sendgrid", "square"} {
		e := newExchange(t, name)
		e.message.Body = bytes.Repeat([]byte(packed(explainBody)), 2000)[:128<<10]
		e.sign(t)
		e.body[0] ^= 1
		signature := http.CanonicalHeaderKey(strings.TrimPrefix(string(e.scheme.Signature[0].From), "header:"))
		good := e.header.Get(signature)
		for i := range 2000 {
			e.header.Set(fmt.Sprintf("X-%d-%s-%s", i, strings.Repeat("a", 100), signature), good)
		}
		missing := *e
		missing.header = e.header.Clone()
		missing.header.Del(signature)
		many := *e
		many.header = e.header.Clone()
		many.header.Set(signature, strings.Repeat(good+",", 15000/len(good)))
		e.header.Set(signature, strings.Repeat(good+" ", 5000))
		for _, e := range []*exchange{e, &missing, &many} {
			began := time.Now()
			x := e.explain(t)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s: it took %s", name, took)
			}
			if said := text(x); len(said) > 2000 {
				t.Errorf("%s: %d bytes are said: %.200s", name, len(said), said)
			}
		}
	}
}
