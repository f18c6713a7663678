package verifier_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

const (
	explainText = "0123456789abcdef0123456789ABCDEF" // of every form: text, hex, base64
	explainBody = `{"id":"evt_1","type":"order.paid","note":"<canary> a/b é 𝄞"}`
)

// exchange is a webhook on its way: what the sender signs with, and what arrives.
type exchange struct {
	// The sender's side.
	signScheme verifier.Scheme
	signSecret string
	message    verifier.Message
	url        string // the sender's, if it is another than the receiver's
	// The receiver's side, set once the sender has signed.
	scheme  verifier.Scheme
	secrets []string
	header  http.Header
	body    []byte
	now     time.Time
}

func newExchange(t testing.TB, name string) *exchange {
	t.Helper()
	scheme, ok := verifier.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	public, private := samples.Secrets(scheme, 0)
	switch {
	case name == "svix" || name == "standard":
		public, private = "whsec_"+explainText, "whsec_"+explainText
	case scheme.Keys[0].Encoding == verifier.Text:
		public, private = explainText, explainText
	}
	now := time.Date(2026, 2, 20, 16, 25, 51, 0, time.UTC)
	return &exchange{
		signScheme: scheme, signSecret: private, scheme: scheme, secrets: []string{public}, now: now,
		message: verifier.Message{ID: "evt_1", Type: "order.paid", Timestamp: now, Body: []byte(explainBody)},
	}
}

func (e *exchange) sign(t testing.TB) {
	t.Helper()
	signer, err := verifier.NewSigner(e.signScheme, []string{e.signSecret}, verifier.Options{AllowWeak: true})
	if err != nil {
		t.Fatal(err)
	}
	e.message.URL = samples.Address(e.signScheme, e.message.Body)
	if e.url != "" {
		e.message.URL = e.url
	}
	if e.header, err = signer.Sign(e.message); err != nil {
		t.Fatal(err)
	}
	e.body = bytes.Clone(e.message.Body)
}

func (e *exchange) request() *verifier.Request {
	return samples.Request(e.message.URL, e.header)
}

func (e *exchange) options() verifier.Options {
	o := samples.Options(e.scheme)
	o.AllowWeak = true
	return o
}

// explain also holds Explain to the verdict of Verify.
func (e *exchange) explain(t testing.TB) verifier.Explanation {
	t.Helper()
	x, err := verifier.Explain(e.scheme, e.secrets, e.options(), e.request(), e.body, e.now)
	v, verr := verifier.New(e.scheme, e.secrets, e.options())
	if fmt.Sprint(err) != fmt.Sprint(verr) {
		t.Fatalf("Explain says %v, New says %v", err, verr)
	}
	if verr != nil {
		return x
	}
	verified, want := v.Verify(e.request(), e.body, e.now)
	if want == nil {
		_, want = verified.Event()
	}
	if fmt.Sprint(x.Err) != fmt.Sprint(want) {
		t.Fatalf("Explain says %v, Verify says %v", x.Err, want)
	}
	return x
}

func codes(x verifier.Explanation) string {
	var all []string
	for _, f := range x.Findings {
		all = append(all, f.Code)
	}
	return strings.Join(all, " ")
}

func text(x verifier.Explanation) string {
	var all []string
	for _, f := range x.Findings {
		all = append(all, f.Text)
	}
	return strings.Join(all, "\n")
}

// as makes the sender read its secret as that encoding.
func as(encoding verifier.Encoding, secret string) func(*exchange) {
	return func(e *exchange) {
		key := e.signScheme.Keys[0]
		key.Prefix, key.Encoding = "", encoding
		e.signScheme.Keys = []verifier.KeyForm{key}
		e.signSecret = secret
	}
}

// sent makes the sender sign another body than the one that arrives.
func sent(body string) func(*exchange) {
	return func(e *exchange) { e.message.Body = []byte(body) }
}

// arrives changes the body on its way.
func arrives(body string) func(*exchange) {
	return func(e *exchange) { e.body = []byte(body) }
}

func header(name, value string) func(*exchange) {
	return func(e *exchange) { e.header.Set(name, value) }
}

func explainCases() []explainCase {
	explainLarge := strings.Repeat("large ", 30_000)
	const compact = `{"id":"evt_1","type":"order.paid","note":"x/y <é>"}`
	return []explainCase{
		{codes: "secret_as_text", want: "with the secret taken as raw text.", sender: as(verifier.Text, "whsec_"+explainText)},
		{codes: "secret_as_text", want: "taken as raw text without whsec_", sender: as(verifier.Text, explainText)},
		{
			codes: "secret_as_text", want: "taken as raw text", sender: as(verifier.Text, "no*base64*at*all*"),
			receiver: func(e *exchange) { e.secrets = []string{"no*base64*at*all*"} },
		},
		{codes: "secret_as_hex", want: "taken as hex", sender: as(verifier.Hex, explainText)},
		{codes: "secret_as_base64", scheme: "github", want: "taken as base64.", sender: as(verifier.Base64, explainText)},
		{
			codes: "secret_as_base64url", scheme: "github", want: "taken as base64url.", sender: as(verifier.Base64URL, "0123456789abcdef_0123456789ABCD-"),
			receiver: func(e *exchange) { e.secrets = []string{"0123456789abcdef_0123456789ABCD-"} },
		},
		{codes: "secret_newline", scheme: "github", want: "a newline after it", sender: func(e *exchange) {
			as(verifier.Hex, hex.EncodeToString([]byte(explainText+"\n")))(e)
		}},
		{
			codes: "secret_as_text", want: "with secret 2 taken as raw text", sender: as(verifier.Text, "whsec_"+explainText),
			receiver: func(e *exchange) { e.secrets = []string{"whsec_" + strings.Repeat("A", 32), e.secrets[0]} },
		},
		{codes: "secret_space", want: "white space around the secret trimmed", receiver: func(e *exchange) { e.secrets[0] += " " }},
		{codes: "secret_quotes", want: "without the quotes around the secret", receiver: func(e *exchange) { e.secrets[0] = `"` + e.secrets[0] + `"` }},
		{codes: "secret_quotes", scheme: "github", want: "without the quotes", receiver: func(e *exchange) { e.secrets[0] = `'` + e.secrets[0] + `'` }},

		{codes: "newline_removed", want: "without the trailing newline", receiver: arrives(explainBody + "\n")},
		{codes: "newline_removed", want: "without the trailing newline", receiver: arrives(explainBody + "\r\n")},
		{codes: "newline_added", want: "with a trailing newline added", sender: sent(explainBody + "\n"), receiver: arrives(explainBody)},
		{codes: "newline_added", want: "(CRLF) added", sender: sent(explainBody + "\r\n"), receiver: arrives(explainBody)},
		{codes: "crlf", want: "the body has CRLF", sender: sent("a\nb\nc"), receiver: arrives("a\r\nb\r\nc")},
		{codes: "lf", want: "the body has LF", sender: sent("a\r\nb\r\nc"), receiver: arrives("a\nb\nc")},
		{codes: "bom_removed", want: "without the byte order mark", receiver: arrives("\xef\xbb\xbf" + explainBody)},
		{codes: "bom_added", want: "with a byte order mark", sender: sent("\xef\xbb\xbf" + explainBody), receiver: arrives(explainBody)},
		{codes: "body_dropped", want: "an empty body", sender: sent(""), receiver: arrives(explainBody)},
		{codes: "body_empty unexplained", want: "The body is empty", receiver: arrives("")},
		{codes: "reserialized", want: "JSON compact:", sender: sent(`{"b":1.0,"a":"\u0041"}`), receiver: arrives(`{"b": 1.0, "a": "\u0041"}`)},
		{codes: "reserialized", want: "a space after colons and commas:", sender: sent(`{"b": [1, 2], "a": {}}`), receiver: arrives(`{"b":[1,2],"a":{}}`)},
		{codes: "reserialized", want: "indented by two spaces:", sender: sent("{\n  \"b\": 1\n}"), receiver: arrives(`{"b":1}`)},
		{codes: "reserialized", want: "indented by four spaces:", sender: sent("{\n    \"b\": 1\n}"), receiver: arrives(`{"b":1}`)},
		{codes: "reserialized", want: "indented by tabs:", sender: sent("{\n\t\"b\": 1\n}"), receiver: arrives(`{"b":1}`)},
		{codes: "reserialized", want: "compact, keys sorted:", sender: sent(`{"a":2,"b":1}`), receiver: arrives(`{"b":1,"a":2}`)},
		{codes: "reserialized", want: "compact without escapes:", sender: sent(compact), receiver: arrives(`{"id":"evt_1","type":"order.paid","note":"x\/y \u003c\u00e9>"}`)},
		{codes: "reserialized", want: "compact with all but ASCII escaped:", sender: sent(`{"note":"<canary> a/b \u00e9 \ud834\udd1e"}`), receiver: arrives(`{"note":"<canary> a/b é 𝄞"}`)},
		{codes: "reserialized", want: "colons and commas with all but ASCII escaped:", sender: sent(`{"a": "\u00e9", "b": 2}`), receiver: arrives(`{"a":"é","b":2}`)},
		{codes: "reserialized", want: "with <, > and & escaped:", sender: sent(`{"a":"\u003cé\u003e"}`), receiver: arrives(`{"a":"<é>"}`)},
		{codes: "reserialized", want: "with slashes escaped:", sender: sent(`{"a":"x\/yé"}`), receiver: arrives(`{"a":"x/yé"}`)},
		{codes: "reserialized", want: "with slashes and all but ASCII escaped:", sender: sent(`{"a":"x\/y\u00e9"}`), receiver: arrives(`{"a":"x/yé"}`)},

		{
			codes: "alias", also: "other_scheme", want: "by webhook-signature and the headers that go with it",
			sender: func(e *exchange) { e.signScheme = presetNamed("standard") },
			receiver: func(e *exchange) {
				for name, value := range map[string]string{"id": "evt_2", "timestamp": e.header.Get("Webhook-Timestamp"), "signature": e.header.Get("Webhook-Signature")} {
					e.header.Set("Svix-"+name, value)
				}
			},
		},
		{codes: "swapped", want: "svix-id and svix-timestamp swapped", receiver: func(e *exchange) {
			id, at := e.header.Get("Svix-Id"), e.header.Get("Svix-Timestamp")
			e.header.Set("Svix-Id", at)
			e.header.Set("Svix-Timestamp", id)
		}},
		{codes: "timestamp_spelling", scheme: "travelbase", want: "written as 2026-02-20T16:25:51.000Z", receiver: header("X-Webhook-Timestamp", "2026-02-20T16:25:51+00:00")},
		{codes: "timestamp_spelling timestamp_format", want: "written as 1771604751", receiver: header("Svix-Timestamp", "1771604751000")},
		{codes: "timestamp_format", want: "is in milliseconds, this scheme has it in seconds", sender: func(e *exchange) {
			at := *e.signScheme.Timestamp
			at.Format = verifier.UnixMilli
			e.signScheme.Timestamp = &at
		}},
		{codes: "timestamp_spelling timestamp_format", scheme: "travelbase", want: "is in seconds, this scheme has it as an RFC 3339 date", receiver: header("X-Webhook-Timestamp", "1771604751")},
		{codes: "signed_content", want: "over {body}; this scheme signs {id}.{timestamp}.{body}", sender: func(e *exchange) {
			e.signScheme.Signed, e.signScheme.ID, e.signScheme.Timestamp = "{body}", "", nil
			e.signScheme.UnsignedID = "svix-id"
		}, receiver: header("Svix-Timestamp", "1771604751")},
		{codes: "signed_content", scheme: "slack", want: "over {timestamp}.{body}", sender: func(e *exchange) { e.signScheme.Signed = "{timestamp}.{body}" }},
		{codes: "other_timestamp", want: "for 1771604751, +90 s from the timestamp in svix-timestamp", receiver: header("Svix-Timestamp", "1771604661")},
		{codes: "other_timestamp", scheme: "stripe", want: "for 1771604751, -7200 s", receiver: func(e *exchange) {
			e.header.Set("Stripe-Signature", strings.Replace(e.header.Get("Stripe-Signature"), "1771604751", "1771611951", 1))
		}, also: "skew"},

		{codes: "signature_encoding", want: "spelled as hex; this scheme has base64", sender: func(e *exchange) { e.signScheme.Encodings = []verifier.Encoding{verifier.Hex} }},
		{codes: "signature_encoding", scheme: "github", want: "spelled as base64; this scheme has hex", sender: func(e *exchange) { e.signScheme.Encodings = []verifier.Encoding{verifier.Base64} }},
		{codes: "signature_encoding", want: "spelled as base64url", sender: func(e *exchange) {
			e.signScheme.Encodings = []verifier.Encoding{verifier.Base64URL}
		}},
		{codes: "signature_prefix", scheme: "github", want: "has nothing before it; this scheme has sha256=", receiver: func(e *exchange) {
			e.header.Set("X-Hub-Signature-256", strings.TrimPrefix(e.header.Get("X-Hub-Signature-256"), "sha256="))
		}},
		{codes: "signature_prefix", scheme: "travelbase", want: "has sha256= before it; this scheme has nothing", receiver: func(e *exchange) {
			e.header.Set("X-Webhook-Signature", "sha256="+e.header.Get("X-Webhook-Signature"))
		}},
		{codes: "header_twice", want: "There are 2 svix-id", receiver: func(e *exchange) { e.header.Add("Svix-Id", e.header.Get("Svix-Id")) }},

		{codes: "signature_header", want: "in the header Http_svix_signature; this scheme has it in svix-signature", receiver: func(e *exchange) {
			e.header["Http_svix_signature"] = e.header["Svix-Signature"]
			e.header.Del("Svix-Signature")
		}},
		{codes: "other_scheme", scheme: "standard", want: "matches by scheme svix", sender: func(e *exchange) { e.signScheme = presetNamed("svix") }},
		{codes: "other_headers", want: "but one of scheme github in X-Hub-Signature-256", sender: func(e *exchange) {
			e.signScheme, e.signSecret = presetNamed("github"), strings.Repeat("k", 32)
		}},
		{codes: "skew", want: "is 301 s behind the clock, 300 s are tolerated. The signature itself is right.", receiver: func(e *exchange) { e.now = e.now.Add(301 * time.Second) }},
		{codes: "skew", want: "is 301 s ahead of the clock, 300 s are tolerated. The signature itself is right.", receiver: func(e *exchange) { e.now = e.now.Add(-301 * time.Second) }},
		{codes: "newline_removed skew", want: "is 400 s behind the clock, 300 s are tolerated.", receiver: func(e *exchange) {
			e.body = append(e.body, '\n')
			e.now = e.now.Add(400 * time.Second)
		}},
		{codes: "id_mismatch", scheme: "travelbase", accepted: true, want: "x-webhook-id, which is not signed, and the id in the body differ", receiver: header("X-Webhook-Id", "evt_2")},
		{codes: "id_mismatch unexplained", scheme: "travelbase", want: "may be of different events", receiver: arrives(`{"id":"evt_2"}`)},

		{codes: "secret_as_text newline_removed", want: "without the trailing newline", sender: as(verifier.Text, "whsec_"+explainText), receiver: arrives(explainBody + "\n")},
		{codes: "secret_as_hex signature_encoding", want: "spelled as hex", sender: func(e *exchange) {
			as(verifier.Hex, explainText)(e)
			e.signScheme.Encodings = []verifier.Encoding{verifier.Hex}
		}},
		{codes: "unexplained", want: "No common mistake explains it", receiver: func(e *exchange) { e.body[10] ^= 1 }},
		{codes: "unexplained", want: "No common mistake explains it", sender: func(e *exchange) { e.signSecret = "whsec_" + strings.Repeat("B", 32) }},
		{codes: "unexplained", want: "No common mistake explains it", sender: func(e *exchange) {
			e.signScheme, e.signSecret = presetNamed("standard"), "whsec_"+strings.Repeat("B", 32) // whose headers svix reads, too
		}},
		{codes: "header_missing", want: "There is no svix-id: without it", receiver: func(e *exchange) { e.header.Del("Svix-Id") }},
		{codes: "header_missing", want: "svix-signature is empty; the sender may have no secret", receiver: header("Svix-Signature", "")},

		// What takes too many MACs is not found.
		{codes: "newline_removed", want: "newline", sender: sent(explainLarge), receiver: arrives(explainLarge + "\n")},
		{codes: "unexplained", want: "No common", sender: func(e *exchange) {
			as(verifier.Text, "whsec_"+explainText)(e)
			e.message.Body = []byte(explainLarge)
		}, receiver: arrives(explainLarge + "\n")},
		{codes: "other_timestamp", want: "+30 s", sender: sent(explainLarge), receiver: header("Svix-Timestamp", "1771604721")},
		{codes: "skew unexplained", want: "No common", sender: sent(explainLarge), receiver: header("Svix-Timestamp", "1771603751")},
	}
}

type explainCase struct {
	codes, also string // findings, and those that come with them
	scheme      string // svix if empty
	want        string // part of the texts
	accepted    bool
	sender      func(*exchange) // changes how it is signed
	receiver    func(*exchange) // changes what arrives
}

// run returns the explanation of the case.
func (c explainCase) run(t testing.TB) (*exchange, verifier.Explanation) {
	t.Helper()
	e := newExchange(t, c.name())
	if c.sender != nil {
		c.sender(e)
	}
	e.sign(t)
	if c.receiver != nil {
		c.receiver(e)
	}
	return e, e.explain(t)
}

func (c explainCase) name() string {
	if c.scheme == "" {
		return "svix"
	}
	return c.scheme
}

// TestExplainFinds: each finding comes from its mistake, and only from that; what
// was found changes nothing about the verdict, which is that of Verify.
//
// (pitfall 29) (S-15)
func TestExplainFinds(t *testing.T) {
	for i, c := range explainCases() {
		t.Run(fmt.Sprintf("%d %s", i, c.codes), func(t *testing.T) {
			_, x := c.run(t)
			want := strings.TrimSpace(c.codes + " " + c.also)
			if got := codes(x); got != want {
				t.Errorf("findings %q, want %q:\n%s", got, want, text(x))
			}
			if !strings.Contains(text(x), c.want) {
				t.Errorf("the texts\n%s\ndo not contain\n%s", text(x), c.want)
			}
			if x.Authentic && !c.accepted && !strings.HasPrefix(c.codes, "skew") {
				t.Error("the signature is said to be right")
			}
		})
	}
}

// TestExplainSaysNothingOfGenuine holds for every preset and secret's position.
func TestExplainSaysNothingOfGenuine(t *testing.T) {
	for _, scheme := range verifier.Presets() {
		e := newExchange(t, scheme.Name)
		e.sign(t)
		if x := e.explain(t); x.Err != nil || len(x.Findings) > 0 || !x.Authentic || x.Verified.Secret != 0 {
			t.Errorf("%s: %v, authentic %v, secret %d, findings:\n%s", scheme.Name, x.Err, x.Authentic, x.Verified.Secret, text(x))
		}
		other, _ := samples.Secrets(scheme, 1)
		e.secrets = []string{other, e.secrets[0]}
		if x := e.explain(t); x.Err != nil || len(x.Findings) > 0 || x.Verified.Secret != 1 {
			t.Errorf("%s: %v, secret %d, findings:\n%s", scheme.Name, x.Err, x.Verified.Secret, text(x))
		}
	}
}

// TestExplainKeepsSecrets: the findings never hold a secret, a signature that was
// made or expected, or a part of the body.
//
// (pitfall 20) (S-18)
func TestExplainKeepsSecrets(t *testing.T) {
	for i, c := range explainCases() {
		e, x := c.run(t)
		said := text(x)
		if x.Err != nil {
			said += "\n" + x.Err.Error()
		}
		hidden := []string{explainText, e.signSecret, "canary", "order.paid"}
		for _, secret := range e.secrets {
			hidden = append(hidden, strings.TrimSpace(secret))
		}
		for _, scheme := range []verifier.Scheme{e.scheme, e.signScheme} {
			for _, encoding := range []verifier.Encoding{verifier.Hex, verifier.Base64, verifier.Base64URL} {
				scheme.Encodings = []verifier.Encoding{encoding}
				signer, err := verifier.NewSigner(scheme, []string{e.signSecret}, verifier.Options{AllowWeak: true})
				if err != nil {
					continue // the receiver's scheme has no use for this secret
				}
				expected, err := signer.Sign(e.message)
				if err != nil {
					t.Fatal(err)
				}
				for _, lines := range expected {
					for _, token := range strings.FieldsFunc(lines[0], func(r rune) bool { return strings.ContainsRune(" ,=", r) }) {
						if len(token) >= 40 {
							hidden = append(hidden, token)
						}
					}
				}
			}
		}
		for _, canary := range hidden {
			if strings.Contains(said, canary) {
				t.Errorf("case %d (%s) says %q:\n%s", i, c.codes, canary, said)
			}
		}
	}
}

// TestExplainUnusable: what New refuses has no verdict, and is explained only as
// far as another reading of the secret goes.
func TestExplainUnusable(t *testing.T) {
	e := newExchange(t, "svix")
	e.sign(t)
	tests := map[string]struct {
		change func(*exchange)
		want   string
		codes  string
	}{
		"no secret":        {func(e *exchange) { e.secrets = nil }, "there is no secret", ""},
		"too many secrets": {func(e *exchange) { e.secrets = slices.Repeat(e.secrets, 9) }, "too many", ""},
		"inconsistent":     {func(e *exchange) { e.scheme.Signed = "{id}" + "{body}" }, "touch", ""},
		"white space":      {func(e *exchange) { e.secrets = []string{" " + e.secrets[0] + "\n"} }, "white space", "secret_space"},
		"no base64":        {func(e *exchange) { e.secrets = []string{"no*base64*at*all*"} }, "not base64", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := *e
			test.change(&e)
			x, err := verifier.Explain(e.scheme, e.secrets, verifier.Options{}, e.request(), e.body, e.now)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if x.Authentic || x.Err != nil || codes(x) != test.codes {
				t.Errorf("authentic %v, refused %v, findings %q, want %q", x.Authentic, x.Err, codes(x), test.codes)
			}
		})
	}
}

// TestExplainTokens: a token is compared as text, and never told.
func TestExplainTokens(t *testing.T) {
	scheme := verifier.Scheme{
		Name: "token", Signature: []verifier.Location{{From: "header:X-Token"}}, Signed: "{body}",
		Keys: []verifier.KeyForm{{Encoding: verifier.Text, Algorithm: verifier.Token}},
	}
	for _, test := range []struct{ value, codes string }{
		{explainText, ""}, {"Bearer " + explainText, "form"}, {`"` + explainText + `"`, "form"}, {explainText[1:], "unexplained"},
	} {
		e := exchange{scheme: scheme, secrets: []string{explainText}, header: http.Header{"X-Token": {test.value}}, body: []byte("x")}
		x := e.explain(t)
		if codes(x) != test.codes || strings.Contains(text(x), explainText[1:]) {
			t.Errorf("%s: findings %q, want %q:\n%s", test.value, codes(x), test.codes, text(x))
		}
	}
}

// TestExplainAnything: no request whatever makes Explain accept more than Verify,
// or panic.
func TestExplainAnything(t *testing.T) {
	values := []string{"t=,v1=", "1771604750", strings.Repeat("v1,A ", 40), base64.StdEncoding.EncodeToString(make([]byte, 32))}
	bodies := []string{"{", `{"id":"a","id":"b"}`, "\xef\xbb\xbf[]\n\xff\x00"}
	for _, f := range distinct(append(fixtures(t), tokens(t)...)) {
		scheme := f.scheme
		good := newExchange(t, scheme.Name)
		good.sign(t)
		for _, l := range scheme.Signature[1:] {
			good.header.Del(strings.TrimPrefix(string(l.From), "header:"))
		}
		for name := range good.header {
			for _, value := range values {
				e := *good
				e.header = good.header.Clone()
				e.header[name] = []string{value}
				if x := e.explain(t); x.Err == nil && !strings.EqualFold(name, scheme.UnsignedID) && !strings.EqualFold(name, scheme.UnsignedType) {
					t.Errorf("%s: accepted with %s: %s", scheme.Name, name, value)
				}
			}
		}
		for _, body := range bodies {
			e := *good
			e.body = []byte(body)
			if x := e.explain(t); x.Err == nil && scheme.Keys[0].Algorithm != verifier.Token {
				t.Errorf("%s: accepted with body %q", scheme.Name, body)
			}
		}
		e := *good
		e.header = nil
		if x := e.explain(t); !errors.Is(x.Err, verifier.ErrMissingHeader) {
			t.Errorf("%s: without headers %v", scheme.Name, x.Err)
		}
	}
}

// TestFindingAsJSON holds the names that programs read.
func TestFindingAsJSON(t *testing.T) {
	out, err := json.Marshal(verifier.Finding{Code: "skew", Text: "Late."})
	if err != nil || string(out) != `{"code":"skew","text":"Late."}` {
		t.Errorf("%s, %v", out, err)
	}
}

func presetNamed(name string) verifier.Scheme {
	s, _ := verifier.Preset(name)
	return s
}
