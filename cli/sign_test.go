package cli

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// signedAt is when the webhooks of these tests are signed.
var signedAt = time.Date(2026, 2, 20, 16, 25, 51, 293e6, time.UTC)

// accepts verifies a webhook, as the gateway does, and returns its event.
func accepts(t testing.TB, scheme verifier.Scheme, secret string, o verifier.Options, header http.Header, body []byte, at time.Time) verifier.Event {
	t.Helper()
	v, err := verifier.New(scheme, []string{secret}, o)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := v.Verify(&verifier.Request{Method: http.MethodPost, Header: header}, body, at)
	if err != nil {
		t.Fatalf("%s: %v\n%v\n%s", scheme.Name, err, header, body)
	}
	event, err := verified.Event()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// parseHeaders reads what sign prints.
func parseHeaders(t testing.TB, text string) http.Header {
	t.Helper()
	r := newRequest()
	if err := addHead(r, text); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return r.Header
}

// TestSignsEveryScheme: what sign prints is what the gateway accepts.
func TestSignsEveryScheme(t *testing.T) {
	const body = "{\"id\":\"evt_1\",\"type\":\"a b\",\"event_id\":\"Ev1\"}\r\n "
	for _, scheme := range verifier.Presets() {
		public, private := samples.Secrets(scheme, 0)
		t.Setenv("SECRET", private)
		address := samples.Address(scheme, []byte(body))
		args := []string{"sign", "--scheme", scheme.Name, "--secret-env", "SECRET"}
		if strings.Contains(scheme.Signed, "{url}") {
			args = append(args, "--url", address)
		}
		if scheme.Timestamp != nil {
			args = append(args, "--timestamp", "2026-02-20T16:25:51.293Z")
		}
		r := run(t, body, args...)
		r.want(t, 0, "")
		header := parseHeaders(t, r.stdout)
		v, err := verifier.New(scheme, []string{public}, samples.Options(scheme))
		if err != nil {
			t.Fatal(err)
		}
		verified, err := v.Verify(samples.Request(address, header), []byte(body), signedAt)
		if err != nil {
			t.Fatalf("%s: %v\n%v", scheme.Name, err, header)
		}
		event, err := verified.Event()
		if err != nil {
			t.Fatal(err)
		}
		switch scheme.Name {
		case "svix", "standard":
			if !strings.HasPrefix(event.ID, "msg_") || len(event.ID) != 30 {
				t.Errorf("%s: id %q is not random", scheme.Name, event.ID)
			}
		case "travelbase":
			if event.ID != "evt_1" || header.Get("X-Webhook-Id") != "evt_1" || header.Get("X-Webhook-Event") != "" {
				t.Errorf("id %q, headers %v", event.ID, header)
			}
		case "github", "shopify":
			if !strings.HasPrefix(header.Get(scheme.UnsignedID), "msg_") {
				t.Errorf("no id in %v", header)
			}
		}
	}
}

// TestSignFlags: the flags reach what is signed, and those that do not are told.
func TestSignFlags(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	t.Setenv("OLD", oldSecret)
	seed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	private := file(t, "private", "whsk_"+base64.StdEncoding.EncodeToString(seed)+"\r\n")
	body := file(t, "body", `{"id":"evt_1","type":"order.paid"}`)
	now := []string{"sign", "--timestamp", "1771604751", body}
	for name, test := range map[string]struct {
		args []string
		want []string // lines of stdout
		note string
	}{
		"id": {[]string{"--secret-env", "SECRET", "--id", "msg_1"}, []string{
			"Svix-Id: msg_1", "Svix-Timestamp: 1771604751",
			"Svix-Signature: v1,148FGrMOUyjTBDkvXxS6Jcn6+tqSmQ0z9g8+SZslOpk=",
		}, ""},
		"milliseconds": {[]string{"--secret-env", "SECRET", "--timestamp", "1771604752999"}, []string{"Svix-Timestamp: 1771604752"}, ""},
		"rotation in the order given": {[]string{"--secret-env", "OLD", "--secret-env", "SECRET", "--id", "msg_1"}, []string{
			"Svix-Signature: v1,djhAPjScA/yu8T6PLdSMOpQDb0tBX3A/2g595il4XhU= v1,148FGrMOUyjTBDkvXxS6Jcn6+tqSmQ0z9g8+SZslOpk=",
		}, ""},
		"rotation without a list":     {[]string{"--scheme", "github", "--secret-env", "SECRET", "--secret-env", "OLD"}, nil, "Note: --timestamp has no effect: scheme github signs no time.\nNote: only the first secret signs: scheme github carries one signature.\n"},
		"ed25519 from a file":         {[]string{"--secret-file", private}, []string{"Svix-Signature: v1a,"}, ""},
		"type of the body":            {[]string{"--secret-env", "SECRET", "--type", "other"}, nil, "Note: --type has no effect: the type that counts is /type of the body, which this body lacks"},
		"same type as the body":       {[]string{"--secret-env", "SECRET", "--type", "order.paid"}, nil, ""},
		"travelbase":                  {[]string{"--scheme", "travelbase", "--secret-env", "SECRET"}, []string{"X-Webhook-Id: evt_1", "X-Webhook-Event: order.paid", "X-Webhook-Timestamp: 2026-02-20T16:25:51.000Z"}, ""},
		"travelbase, id of the body":  {[]string{"--scheme", "travelbase", "--secret-env", "SECRET", "--id", "evt_2"}, []string{"X-Webhook-Id: evt_2"}, "Note: --id only sets the header x-webhook-id, which scheme travelbase does not sign: the id that counts is /id of the body"},
		"github, id without a place":  {[]string{"--scheme", "github", "--secret-env", "SECRET", "--id", "d1"}, []string{"X-GitHub-Delivery: d1"}, "Note: --id only sets the header X-GitHub-Delivery, which scheme github does not sign.\nNote: --timestamp has no effect: scheme github signs no time."},
		"stripe, id without a header": {[]string{"--scheme", "stripe", "--secret-env", "SECRET", "--id", "d1"}, []string{"Stripe-Signature: t=1771604751,v1="}, "Note: --id has no effect: the id that counts is /id of the body"},
		"custom":                      {[]string{"--scheme", "custom", "--config", "Caddyfile", "--secret-env", "SECRET", "--url", "https://a/b", "--type", "t"}, []string{"X-Type: t", "X-Time: 1771604751000", "X-Sig: s="}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, "", append(append([]string{}, now...), test.args...)...)
			r.want(t, 0, test.note)
			for _, line := range test.want {
				if !strings.Contains("\n"+strings.ToLower(r.stdout), "\n"+strings.ToLower(line)) {
					t.Errorf("stdout\n%s\nlacks\n%s", r.stdout, line)
				}
			}
		})
	}
}

// TestSecretSources: file, environment and standard input hold the same secret;
// one newline after it is none of it.
func TestSecretSources(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	body := file(t, "body", "x")
	var first string
	for _, args := range [][]string{
		{"--secret-env", "SECRET"},
		{"--secret-stdin"},
		{"--secret-file", file(t, "a", testSecret)},
		{"--secret-file", file(t, "b", testSecret+"\n")},
		{"--secret-file", file(t, "c", testSecret+"\r\n")},
	} {
		r := run(t, testSecret+"\n", append([]string{"sign", "--id", "a", "--timestamp", "1771604751", body}, args...)...)
		r.want(t, 0, "")
		if first == "" {
			first = r.stdout
		}
		if r.stdout != first || r.stdout == "" {
			t.Errorf("%q: %s\nwant\n%s", args, r.stdout, first)
		}
	}
	r := run(t, testSecret+"\n\n", "sign", "--secret-stdin", body)
	r.want(t, 2, "secret 1: the secret begins or ends with white space")
}

// TestCurlLine pastes the line into a shell whose curl shows its arguments, and
// verifies the webhook it would send.
func TestCurlLine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the line is for a POSIX shell")
	}
	t.Setenv("SECRET", testSecret)
	dir := t.TempDir()
	odd := filepath.Join(dir, "it's a $(file) `x` \\ \"y\".json")
	if err := os.WriteFile(odd, []byte("\x00\xff\r\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, body, url, file string }{
		{name: "plain", body: `{"id":"evt_1","type":"ping"}`},
		{name: "quotes", body: `{"a":"it's \"$HOME\" $(id) ` + "`id`" + ` \\ !! * ? ~ # ; & | < >"}`},
		{name: "quote alone", body: `'`},
		{name: "newlines", body: "{\n  \"a\": 1\n}\n\n"},
		{name: "no file's name", body: "@/etc/passwd"},
		{name: "option", body: "--next"},
		{name: "empty", body: ""},
		{name: "beyond ASCII", body: `{"a":"é 𝄞"}`},
		{name: "odd URL", body: "{}", url: "https://h.example:8443/a'b?x=[1-3]&y={a,b}$HOME#f"},
		{name: "odd file", file: odd},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := test.url
			if url == "" {
				url = "http://127.0.0.1:8080/hooks"
			}
			args := []string{"sign", "--scheme", "svix", "--secret-env", "SECRET", "--timestamp", "2026-02-20T16:25:51.293Z", "--curl", url}
			if test.file != "" {
				args = append(args, test.file)
			}
			r := run(t, test.body, args...)
			r.want(t, 0, "")
			out, err := exec.CommandContext(t.Context(), "sh", "-c", `curl() { for a; do printf '%s\0' "$a"; done; }`+"\n"+r.stdout).Output()
			if err != nil {
				t.Fatalf("%v in %s", err, r.stdout)
			}
			sentURL, header, body := curlArguments(t, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
			if test.file != "" {
				test.body = "\x00\xff\r\n{}"
			}
			if sentURL != url || string(body) != test.body {
				t.Errorf("%s\nsends %q to %s", r.stdout, body, sentURL)
			}
			accepts(t, presetNamed("svix"), testSecret, verifier.Options{}, header, body, signedAt)
			wantType := "application/octet-stream"
			if strings.HasPrefix(test.body, "{") {
				wantType = "application/json"
			}
			if got := header.Get("Content-Type"); got != wantType {
				t.Errorf("Content-Type %s, want %s", got, wantType)
			}
		})
	}
	for name, body := range map[string]string{
		"NUL": "a\x00b", "carriage return": "a\r\n", "escape": "\x1b[2J", "tab": "a\tb", "no UTF-8": "\xff", "long": strings.Repeat("a", maxInline+1),
	} {
		r := run(t, body, "sign", "--secret-env", "SECRET", "--curl", "http://h/")
		if r.want(t, 2, "save it into a file"); r.stdout != "" {
			t.Errorf("%s: %s", name, r.stdout)
		}
	}
}

// curlArguments reads arguments as curl does.
func curlArguments(t testing.TB, args []string) (url string, header http.Header, body []byte) {
	t.Helper()
	header = http.Header{}
	globs := true
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-sS":
		case "-g":
			globs = false
		case "-X":
			if i++; args[i] != http.MethodPost {
				t.Errorf("method %s", args[i])
			}
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Add(name, value)
		case "--data-raw":
			i++
			body = []byte(args[i])
		case "--data-binary":
			i++
			body = []byte(args[i])
			if name, ok := strings.CutPrefix(args[i], "@"); ok {
				var err error
				if body, err = os.ReadFile(name); err != nil {
					t.Fatal(err)
				}
			}
		case "curl":
			t.Error("curl is called twice")
		default:
			url = args[i]
		}
	}
	if globs && strings.ContainsAny(url, "[]{}") {
		t.Errorf("%s is a pattern to curl", url)
	}
	return url, header, body
}

func presetNamed(name string) verifier.Scheme {
	s, _ := verifier.Preset(name)
	return s
}
