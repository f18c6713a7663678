package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// The published example of the Standard Webhooks library.
const (
	exampleBody = `{"test": 2432232314}`
	exampleHead = "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nsvix-timestamp: 1614265330\nsvix-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n"
	exampleAt   = "2021-02-25T15:02:10Z"
)

// TestVerifyReport holds what is printed, for people and for programs, and the
// exit status.
func TestVerifyReport(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	t.Setenv("OLD", oldSecret)
	t.Setenv("SPACED", " "+testSecret)
	head := file(t, "head", exampleHead)
	typed := run(t, `{"type":"ping"}`, "sign", "--secret-env", "SECRET", "--id", "msg_1", "--timestamp", "1614265330").stdout
	const (
		signed = "  signed     {id}.{timestamp}.{body}\n" +
			"    id         msg_p5jXN8AQM9LWM0D4loKWxJek, from header:svix-id\n" +
			"    timestamp  1614265330, from header:svix-timestamp\n"
		signature  = "  signature  in header:svix-signature\n"
		bodySigned = "    body       20 bytes, SHA-256 ae858931f67887e8150d6f96c9fe03062c1df36b4464c4ddc8e002c084d5d198\n"
		jsonSigned = `,"signed":{"template":"{id}.{timestamp}.{body}","values":[{"variable":"id","from":"header:svix-id","value":"msg_p5jXN8AQM9LWM0D4loKWxJek"},{"variable":"timestamp","from":"header:svix-timestamp","value":"1614265330"}],"body_size":20,"body_sha256":"ae858931f67887e8150d6f96c9fe03062c1df36b4464c4ddc8e002c084d5d198","signatures":["header:svix-signature"]}}`
	)
	for name, test := range map[string]struct {
		body, head     string
		args           []string
		status         int
		text, jsonText string
	}{
		"accepted": {args: []string{"--at", "1614265333"}, text: `accepted
  scheme     svix
  id         msg_p5jXN8AQM9LWM0D4loKWxJek
  timestamp  2021-02-25T15:02:10Z (-3 s from the clock)
  secret     1 of 1, $SECRET
`, jsonText: `{"accepted":true,"scheme":"svix","id":"msg_p5jXN8AQM9LWM0D4loKWxJek","timestamp":"2021-02-25T15:02:10Z","skew":-3,"matched":"1 of 1, $SECRET"}`},
		"accepted by the second secret": {body: `{"type":"ping"}`, head: file(t, "typed", typed), args: []string{"--at", exampleAt, "--secret-env", "OLD"}, text: `accepted
  scheme     svix
  id         msg_1
  type       ping
  timestamp  2021-02-25T15:02:10Z (+0 s from the clock)
  secret     2 of 2, $SECRET
`, jsonText: `{"accepted":true,"scheme":"svix","id":"msg_1","type":"ping","timestamp":"2021-02-25T15:02:10Z","skew":0,"matched":"2 of 2, $SECRET"}`},
		"tolerated": {args: []string{"--at", "1614265933", "--tolerance", "10m10s 1s"}, text: `accepted
  scheme     svix
  id         msg_p5jXN8AQM9LWM0D4loKWxJek
  timestamp  2021-02-25T15:02:10Z (-603 s from the clock)
  secret     1 of 1, $SECRET
`, jsonText: `{"accepted":true,"scheme":"svix","id":"msg_p5jXN8AQM9LWM0D4loKWxJek","timestamp":"2021-02-25T15:02:10Z","skew":-603,"matched":"1 of 1, $SECRET"}`},
		"stale": {args: []string{"--at", "1614265933"}, status: 1, text: `refused: stale timestamp svix-timestamp (-603 s)
  scheme     svix
  timestamp  2021-02-25T15:02:10Z (-603 s from the clock)
  secret     1 of 1, $SECRET
  then       accepted, had it come at the time it names
  - The timestamp in svix-timestamp is 603 s behind the clock, 300 s are tolerated. The signature itself is right.
` + signed + bodySigned + signature, jsonText: `{"accepted":false,"scheme":"svix","reason":"stale_timestamp","message":"stale timestamp svix-timestamp (-603 s)","timestamp":"2021-02-25T15:02:10Z","skew":-603,"matched":"1 of 1, $SECRET","accepted_then":true,"findings":[{"code":"skew","text":"The timestamp in svix-timestamp is 603 s behind the clock, 300 s are tolerated. The signature itself is right."}]` + jsonSigned},
		"future": {args: []string{"--at", "1614265327", "--tolerance", "1m 2s"}, status: 1, text: `refused: future timestamp svix-timestamp (+3 s)
  scheme     svix
  timestamp  2021-02-25T15:02:10Z (+3 s from the clock)
  secret     1 of 1, $SECRET
  then       accepted, had it come at the time it names
  - The timestamp in svix-timestamp is 3 s ahead of the clock, 2 s are tolerated. The signature itself is right.
` + signed + bodySigned + signature, jsonText: `{"accepted":false,"scheme":"svix","reason":"future_timestamp","message":"future timestamp svix-timestamp (+3 s)","timestamp":"2021-02-25T15:02:10Z","skew":3,"matched":"1 of 1, $SECRET","accepted_then":true,"findings":[{"code":"skew","text":"The timestamp in svix-timestamp is 3 s ahead of the clock, 2 s are tolerated. The signature itself is right."}]` + jsonSigned},
		"invalid": {body: exampleBody + "\n", args: []string{"--at", exampleAt}, status: 1, text: `refused: invalid signature: no secret verifies it
  scheme     svix
  - The signature matches without the trailing newline.
` + signed + "    body       21 bytes, SHA-256 46db60198dee0049b887e5d6afe5d104f1e6bd61b570934a4e2f2dfc8b3b22a5\n" + signature, jsonText: `{"accepted":false,"scheme":"svix","reason":"invalid_signature","message":"invalid signature: no secret verifies it","findings":[{"code":"newline_removed","text":"The signature matches without the trailing newline."}]` + strings.NewReplacer("20", "21", "ae858931f67887e8150d6f96c9fe03062c1df36b4464c4ddc8e002c084d5d198", "46db60198dee0049b887e5d6afe5d104f1e6bd61b570934a4e2f2dfc8b3b22a5").Replace(jsonSigned)},
		"missing": {head: file(t, "none", "Host: x\n"), args: []string{"--at", exampleAt}, status: 1, text: `refused: missing header svix-signature
  scheme     svix
  - There is no svix-signature: without it the signature cannot be checked. A proxy may have dropped it, or the request is of another sender.
  signed     {id}.{timestamp}.{body}
    id         (missing), from header:svix-id
    timestamp  (missing), from header:svix-timestamp
` + bodySigned + signature, jsonText: `{"accepted":false,"scheme":"svix","reason":"missing_header","message":"missing header svix-signature","findings":[{"code":"header_missing","text":"There is no svix-signature: without it the signature cannot be checked. A proxy may have dropped it, or the request is of another sender."}]` +
			strings.NewReplacer("msg_p5jXN8AQM9LWM0D4loKWxJek", "", "1614265330", "").Replace(jsonSigned)},
		"no verdict": {args: []string{"--at", exampleAt, "--secret-env", "SPACED"}, status: 2, text: `no verdict
  scheme     svix
  - The signature matches with the white space around secret 1 trimmed.
` + signed + bodySigned + signature, jsonText: `{"accepted":false,"scheme":"svix","reason":"unusable_secret","message":"scheme svix: secret 1: the secret begins or ends with white space; remove it","findings":[{"code":"secret_space","text":"The signature matches with the white space around secret 1 trimmed."}]` + jsonSigned},
	} {
		t.Run(name, func(t *testing.T) {
			if test.body == "" {
				test.body = exampleBody
			}
			if test.head == "" {
				test.head = head
			}
			args := append([]string{"verify", "--headers", test.head}, test.args...)
			if name != "no verdict" {
				args = append(args, "--secret-env", "SECRET")
			}
			stderr := ""
			if test.status == 2 {
				stderr = "white space"
				test.text = strings.ReplaceAll(test.text, "secret 1", "the secret")
				test.jsonText = strings.Replace(test.jsonText, "around secret 1", "around the secret", 1)
			}
			r := run(t, test.body, args...)
			if r.want(t, test.status, stderr); r.stdout != test.text {
				t.Errorf("stdout\n%s\nwant\n%s", r.stdout, test.text)
			}
			r = run(t, test.body, append(args, "--json")...)
			if r.want(t, test.status, stderr); strings.TrimSpace(r.stdout) != test.jsonText {
				t.Errorf("stdout\n%s\nwant\n%s", r.stdout, test.jsonText)
			}
		})
	}
}

// TestVerifyReads: however headers and body are given, the webhook is the same.
func TestVerifyReads(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	body := file(t, "body", exampleBody)
	crlf := strings.ReplaceAll(exampleHead, "\n", "\r\n")
	curl := "* Trying 127.0.0.1...\n> POST /hooks?a=b HTTP/2\n> Host: h\n> " + strings.ReplaceAll(exampleHead, "\n", "\n> ") + "\n} [20 bytes data]\n< HTTP/2 401\n< svix-id: other\n"
	chunked := "5\r\n" + exampleBody[:5] + "\r\nf\r\n" + exampleBody[5:] + "\r\n0\r\n\r\n"
	lines := strings.Split(strings.TrimSpace(exampleHead), "\n")
	for name, test := range map[string]struct {
		stdin string
		args  []string
	}{
		"header flags":          {exampleBody, []string{"-H", lines[0], "-H", lines[1], "--header", lines[2]}},
		"body file":             {"", []string{"-H", lines[0], "-H", lines[1], "-H", lines[2], body}},
		"body of stdin":         {exampleBody, []string{"--headers", file(t, "h", exampleHead), "-"}},
		"headers of stdin":      {exampleHead, []string{"--headers", "-", body}},
		"headers with CRLF":     {exampleBody, []string{"--headers", file(t, "h", crlf)}},
		"flag and file":         {exampleBody, []string{"--headers", file(t, "h", lines[0]+"\n"+lines[1]), "-H", lines[2]}},
		"curl -v":               {exampleBody, []string{"--headers", file(t, "h", curl)}},
		"upper case, no space":  {exampleBody, []string{"--headers", file(t, "h", strings.ToUpper(lines[0][:8])+lines[0][9:]+" \t\n"+lines[1]+"\n"+lines[2])}},
		"request":               {"", []string{"--request", file(t, "r", "POST /hooks HTTP/1.1\r\nHost: h\r\n"+crlf+"\r\n"+exampleBody)}},
		"request of stdin":      {"POST /hooks HTTP/1.1\nHost: h\n" + exampleHead + "\n" + exampleBody, []string{"--request", "-"}},
		"request, editor's end": {"", []string{"--request", file(t, "r", "POST / HTTP/1.1\nContent-Length: 20\n"+exampleHead+"\n"+exampleBody+"\n")}},
		"request, chunked":      {"", []string{"--request", file(t, "r", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"+crlf+"\r\n"+chunked)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, test.stdin, append([]string{"verify", "--secret-env", "SECRET", "--at", exampleAt}, test.args...)...)
			if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "accepted\n") {
				t.Error(r.stdout)
			}
		})
	}
	cut := file(t, "cut", "POST / HTTP/1.1\nContent-Length: 30\n"+exampleHead+"\n"+exampleBody[:10])
	r := run(t, "", "verify", "--secret-env", "SECRET", "--at", exampleAt, "--request", cut)
	if r.want(t, 1, ""); !strings.HasPrefix(r.stdout, "refused: invalid signature") {
		t.Error(r.stdout)
	}
}

// TestVerifySignsBack: verify accepts what sign prints, with an URL, a custom
// scheme and a query that holds nothing.
func TestVerifySignsBack(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	custom := []string{"--scheme", "custom", "--config", "Caddyfile", "--secret-env", "SECRET", "--url", "https://a/b?c=d"}
	signed := run(t, "x", append([]string{"sign", "--type", "t"}, custom...)...)
	signed.want(t, 0, "")
	r := run(t, "x", append([]string{"verify", "--headers", file(t, "h", signed.stdout)}, custom...)...)
	if r.want(t, 0, ""); !strings.Contains(r.stdout, "  type       t\n") {
		t.Error(r.stdout)
	}
	custom[len(custom)-1] = "https://a/b"
	r = run(t, "x", append([]string{"verify", "--headers", file(t, "h", signed.stdout)}, custom...)...)
	r.want(t, 1, "")
}

// TestVerifyKeepsSecrets: no output of a refused webhook holds a secret or the
// signature that would be right.
//
// (pitfall 20) (S-18)
func TestVerifyKeepsSecrets(t *testing.T) {
	for _, scheme := range verifier.Presets() {
		if samples.Weak(scheme) || samples.Slow(scheme) || strings.Contains(scheme.Signed, "{url}") {
			continue // a token is sent, a public key is no secret, and a URL is a flag more of the same
		}
		secret, _ := samples.Secrets(scheme, 0)
		t.Setenv("SECRET", secret)
		right := run(t, `{"type":"right"}`, "sign", "--scheme", scheme.Name, "--secret-env", "SECRET", "--id", "a")
		wrong := run(t, `{"type":"wrong"}`, "sign", "--scheme", scheme.Name, "--secret-env", "SECRET", "--id", "a")
		header := parseHeaders(t, right.stdout)
		signature := header.Get(strings.TrimPrefix(string(scheme.Signature[0].From), "header:"))
		if at := strings.LastIndexAny(strings.TrimRight(signature, "="), ",="); at >= 0 {
			signature = signature[at+1:]
		}
		if len(signature) < 40 {
			t.Fatalf("%s: no signature in %v", scheme.Name, header)
		}
		wrongFile := file(t, "wrong", wrong.stdout)
		for _, flags := range [][]string{nil, {"--json"}, {"--at", "2001-01-01T00:00:00Z"}} {
			r := run(t, `{"type":"right"}`, append([]string{"verify", "--scheme", scheme.Name, "--secret-env", "SECRET", "--headers", wrongFile}, flags...)...)
			r.want(t, 1, "")
			for _, canary := range []string{secret, strings.TrimPrefix(secret, "whsec_"), signature} {
				if strings.Contains(r.stdout+r.stderr, canary) {
					t.Errorf("%s %v: %q is told:\n%s", scheme.Name, flags, canary, r.stdout)
				}
			}
		}
	}
}

// TestReportIsOneValue: --json prints one JSON value on one line, whatever is in
// the headers.
func TestReportIsOneValue(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	for _, value := range []string{"", `"`, "<script>", "\x7f", "é", strings.Repeat("a", 1000)} {
		r := run(t, "", "verify", "--secret-env", "SECRET", "--json", "-H", "svix-signature: "+value, "-H", "svix-id: "+value)
		var got map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got["accepted"] != false || strings.Count(r.stdout, "\n") != 1 {
			t.Errorf("%q: %v in %s", value, err, fmt.Sprint(r.stdout))
		}
	}
}
