package verifier_test

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// TestNearlyAHandshake changes each thing that makes a request a handshake: what is
// left is a webhook, or refused, and never answered.
func TestNearlyAHandshake(t *testing.T) {
	mutations := 0
	for _, s := range shakings() {
		v, scheme := handshaker(t, s.kind)
		never := func(what string, changed shaking) {
			t.Helper()
			mutations++
			if c, _ := shake(t, v, scheme, changed); c != nil {
				t.Errorf("%s: %s: it is answered", s.kind, what)
			}
		}
		if s.body != "" {
			for what, body := range bodiesNearly(s) {
				changed := s
				changed.body = body
				never(what, changed)
			}
			continue
		}
		for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "get", "Post", ""} {
			changed := s
			if changed.request.Method = method; method != s.request.Method {
				never("method "+method, changed)
			}
		}
		changed := s
		changed.request.Body = true
		never("a body", changed)
		if s.request.Method == http.MethodPost {
			changed := s
			changed.request.Header = http.Header{"X-Hub-Signature-256": {"sha256=x"}}
			never("a signature", changed)
		}
		for pair := range strings.SplitSeq(s.request.RawQuery, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name == "" || name == "nonce" {
				continue
			}
			for what, query := range map[string]string{
				"without":                strings.ReplaceAll(s.request.RawQuery, pair, "z=1"),
				"empty":                  strings.ReplaceAll(s.request.RawQuery, pair, name+"="),
				"bare":                   strings.ReplaceAll(s.request.RawQuery, pair, name),
				"twice":                  s.request.RawQuery + "&" + pair,
				"twice, spelt otherwise": s.request.RawQuery + "&%" + hex.EncodeToString([]byte(name[:1])) + name[1:] + "=" + value,
				"upper case":             strings.ReplaceAll(s.request.RawQuery, pair, strings.ToUpper(name)+"="+value),
				"an array":               strings.ReplaceAll(s.request.RawQuery, pair, name+"[]="+value),
				"a semicolon":            s.request.RawQuery + ";a=b",
				"bad escape":             s.request.RawQuery + "&a=%zz",
				"too long":               s.request.RawQuery + "&a=" + strings.Repeat("x", 8<<10),
			} {
				changed := s
				changed.request.RawQuery = query
				never(name+" "+what, changed)
			}
		}
		for name, lines := range s.request.Header {
			if name == "Webhook-Request-Rate" {
				continue
			}
			for what, lines := range map[string][]string{"without": nil, "no line": {}, "empty": {""}, "blank": {" \t"}, "twice": {lines[0], lines[0]}} {
				changed := s
				changed.request.Header = with(s.request.Header, name, lines...)
				never(name+" "+what, changed)
			}
		}
	}
	if mutations < 150 {
		t.Errorf("%d mutations", mutations)
	}
}

// bodiesNearly are bodies that are not this handshake's, though the provider has
// signed them.
func bodiesNearly(s shaking) map[string]string {
	h, _ := verifier.HandshakeOf(s.kind)
	when, member := h.When[0].Is, string(h.Challenge[strings.LastIndex(string(h.Challenge), "/")+1:])
	marker, challenge := `"`+when+`"`, `"`+member+`":"`+s.challenge+`"`
	key := string(h.When[0].From[strings.LastIndex(string(h.When[0].From), "/")+1:])
	tell := `"` + key + `":` + marker
	return map[string]string{
		"another event":           strings.Replace(s.body, marker, `"message"`, 1),
		"in capitals":             strings.Replace(s.body, marker, strings.ToUpper(marker), 1),
		"with a space":            strings.Replace(s.body, marker, `"`+when+` "`, 1),
		"with a NUL":              strings.Replace(s.body, marker, `"`+when+`\u0000"`, 1),
		"a list":                  strings.Replace(s.body, marker, "["+marker+"]", 1),
		"an object":               strings.Replace(s.body, marker, `{"a":`+marker+"}", 1),
		"a number":                strings.Replace(s.body, marker, "1", 1),
		"null":                    strings.Replace(s.body, marker, "null", 1),
		"told twice":              strings.Replace(s.body, tell, tell+","+tell, 1),
		"told twice, differently": strings.Replace(s.body, tell, tell+`,"`+key+`":"message"`, 1),
		"no challenge":            strings.Replace(s.body, challenge, `"z":"1"`, 1),
		"challenge twice":         strings.Replace(s.body, challenge, challenge+","+challenge, 1),
		"challenge a number":      strings.Replace(s.body, challenge, `"`+member+`":1158201444`, 1),
		"challenge a list":        strings.Replace(s.body, challenge, `"`+member+`":["x"]`, 1),
		"challenge an object":     strings.Replace(s.body, challenge, `"`+member+`":{"a":"x"}`, 1),
		"challenge null":          strings.Replace(s.body, challenge, `"`+member+`":null`, 1),
		"challenge true":          strings.Replace(s.body, challenge, `"`+member+`":true`, 1),
		"in a list":               "[" + s.body + "]",
		"two values":              s.body + s.body,
		"cut":                     s.body[:len(s.body)-1],
		"a form":                  url.Values{"payload": {s.body}}.Encode(),
		"too large":               s.body[:len(s.body)-1] + `,"z":"` + strings.Repeat("x", 8<<10) + `"}`,
	}
}

// FuzzHandshake: whatever is asked without a signature, what is answered is echoed in
// a form that says nothing else, once, and only of that form is a MAC made.
func FuzzHandshake(f *testing.F) {
	var verifiers []*verifier.Verifier
	for _, h := range verifier.Handshakes() {
		v, _ := handshaker(f, h.Kind)
		verifiers = append(verifiers, v)
	}
	for _, s := range shakings() {
		if s.body == "" {
			f.Add(s.request.Method, s.request.RawQuery, s.challenge, s.request.Body)
		}
	}
	f.Add("GET", "crc_token={}&crc_token=1", "<a>", false)
	f.Add("GET", "hub.mode=subscribe&hub.challenge=%0d%0a&hub.verify_token="+verifyToken, "a\r\nb", false)
	f.Fuzz(func(t *testing.T, method, query, line string, body bool) {
		r := &verifier.Request{Method: method, RawQuery: query, Body: body, Header: http.Header{
			"Webhook-Request-Origin": {line}, "X-Okta-Verification-Challenge": {line},
		}}
		for i, h := range verifier.Handshakes() {
			c, err := verifiers[i].Handshake(r)
			if c == nil {
				continue
			}
			if err != nil || body || h.Signed || method != h.Method {
				t.Fatalf("%s: %+v is answered, %v", h.Kind, r, err)
			}
			text := strings.Trim(line, " \t")
			if name, ok := strings.CutPrefix(string(h.Challenge), "query:"); ok {
				values, err := url.ParseQuery(query)
				if err != nil || len(values[name]) != 1 {
					t.Fatalf("%s: %q is answered, %v", h.Kind, query, err)
				}
				text = values[name][0]
			}
			if h.VerifyToken != "" && !strings.Contains(unescaped(query), verifyToken) {
				t.Fatalf("%s: answered without the verify token: %q", h.Kind, query)
			}
			if strings.ContainsAny(text, "<>\"'&\\{}()[]\r\n\x00;%") || len(text) > 1024 || h.MAC != "" && (len(text) > 128 || strings.ContainsAny(text, " .:,")) {
				t.Fatalf("%s: %q is answered", h.Kind, text)
			}
			reply := c.Reply()
			if h.MAC == "" && strings.Count(reply.Body+reply.Header.Get("WebHook-Allowed-Origin"), text) < 1 {
				t.Fatalf("%s: %q is answered with %+v", h.Kind, text, reply)
			}
		}
	})
}

func unescaped(query string) string {
	text, err := url.QueryUnescape(query)
	if err != nil {
		return ""
	}
	return text
}
