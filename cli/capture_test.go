package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
)

// wholeRequest is the example as one request in HTTP/1.
func wholeRequest(body string) string {
	return "POST /hooks?a=b HTTP/1.1\r\nHost: h\r\n" + strings.ReplaceAll(exampleHead, "\n", "\r\n") + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
}

// trace is what curl --trace, or with text curl --trace-ascii, writes of a request.
func trace(body string, text bool) string {
	var b strings.Builder
	b.WriteString("== Info:   Trying 127.0.0.1:8080...\n== Info: Connected to h (127.0.0.1) port 8080\n")
	for _, part := range []struct{ kind, bytes string }{{"header", wholeRequest(body)}, {"data", body}} {
		fmt.Fprintf(&b, "=> Send %s, %d bytes (0x%x)\n", part.kind, len(part.bytes), len(part.bytes))
		for at := 0; at < len(part.bytes); {
			n := min(16, len(part.bytes)-at)
			if !text {
				fmt.Fprintf(&b, "%04x: %-48s%s\n", at, hexBytes(part.bytes[at:at+n]), printing(part.bytes[at:at+n]))
				at += n
				continue
			}
			line, next := part.bytes[at:min(at+64, len(part.bytes))], 0
			if i := strings.Index(part.bytes[at:], "\r\n"); i >= 0 && i <= len(line) {
				line, next = line[:i], 2
			}
			fmt.Fprintf(&b, "%04x: %s\n", at, printing(line))
			at += len(line) + next
		}
	}
	b.WriteString("== Info: upload completely sent off: 20 bytes\n<= Recv header, 25 bytes (0x19)\n0000: HTTP/1.1 401 Unauthorized\n<= Recv data, 5 bytes (0x5)\n0000: other\n")
	return b.String()
}

func hexBytes(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString(hex.EncodeToString([]byte{c}) + " ")
	}
	return b.String()
}

func printing(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '.'
		}
	}
	return string(b)
}

// eventJSON is what events show --payload --json prints of the example.
func eventJSON(t testing.TB, change func(*gateway.EventDetail)) string {
	t.Helper()
	e := gateway.EventDetail{
		EventInfo: gateway.EventInfo{Seq: 1, Source: "travtus", ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Scheme: "svix", Received: time.Unix(1614265333, 0).UTC()},
		Payload:   &gateway.Payload{Method: http.MethodPost, URL: "/hooks?a=b", Host: "h", Body: &gateway.Content{Base64: []byte(exampleBody)}},
	}
	for line := range strings.Lines(exampleHead) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		e.Payload.Headers = append(e.Payload.Headers, gateway.HeaderLine{Name: name, Value: value})
	}
	if change != nil {
		change(&e)
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// verbose is what curl -v prints of a request, with a body below the head if one is
// given.
func verbose(body string) string {
	head := "*   Trying 127.0.0.1:8080...\n* Connected to h (127.0.0.1) port 8080\n"
	for line := range strings.SplitSeq(strings.TrimSuffix(wholeRequest(exampleBody), "\r\n\r\n"), "\r\n") {
		head += "> " + line + "\n"
	}
	return head + "> \n" + body + "} [20 bytes data]\n* upload completely sent off: 20 bytes\n< HTTP/1.1 401 Unauthorized\n< svix-id: other\n< \n{ [5 bytes data]\nother\n"
}

// TestVerifyCaptures: a webhook is accepted as its sender made it, whatever it was
// captured with.
func TestVerifyCaptures(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	body := file(t, "body", exampleBody)
	payload := eventJSON(t, nil)
	payload = payload[strings.Index(payload, `"payload": `)+len(`"payload": `):]
	payload = payload[:strings.LastIndex(payload, "}")]
	for name, test := range map[string]struct {
		capture string
		more    []string
	}{
		"request":               {capture: wholeRequest(exampleBody) + exampleBody},
		"request with LF":       {capture: strings.ReplaceAll(wholeRequest(exampleBody), "\r\n", "\n") + exampleBody + "\n"},
		"request, body apart":   {capture: wholeRequest(exampleBody), more: []string{body}},
		"curl --trace":          {capture: trace(exampleBody, false)},
		"curl --trace, CRLF":    {capture: strings.ReplaceAll(trace(exampleBody, false), "\n", "\r\n")},
		"curl --trace-ascii":    {capture: trace(exampleBody, true)},
		"curl --trace-time":     {capture: strings.NewReplacer("== Info", "12:00:00.123456 == Info", "=> Send", "12:00:00.123456 => Send").Replace(trace(exampleBody, true))},
		"curl -v, body below":   {capture: verbose(exampleBody + "\n")},
		"curl -v, body apart":   {capture: verbose(""), more: []string{body}},
		"event as JSON":         {capture: eventJSON(t, nil)},
		"its payload alone":     {capture: payload},
		"event with its scheme": {capture: eventJSON(t, func(e *gateway.EventDetail) { e.Scheme = "clerk" })},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"verify", "--secret-env", "SECRET", "--at", exampleAt, "--request", file(t, "capture", test.capture)}, test.more...)
			r := run(t, "", args...)
			if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "accepted\n") || !strings.Contains(r.stdout, "msg_p5jXN8AQM9LWM0D4loKWxJek") {
				t.Error(r.stdout)
			}
		})
	}
}

// TestVerifyCapturesTrouble: what shows no webhook, or more than one, has no verdict.
func TestVerifyCapturesTrouble(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	two := wholeRequest(exampleBody) + exampleBody
	for name, test := range map[string]struct{ capture, want string }{
		"no body in curl -v":     {verbose(""), "shows no body; name the file"},
		"two in curl -v":         {verbose("") + verbose(""), "a second request begins here"},
		"two in a trace":         {trace(exampleBody, true) + trace(exampleBody, true), "a second request begins here"},
		"two request lines":      {strings.Replace(two, "Host", "POST / HTTP/1.1\r\nHost", 1), "a second request begins here"},
		"nothing sent":           {"* Trying\n< HTTP/1.1 200\n", `no lines that begin with "> "`},
		"no request in a trace":  {"== Info: nothing\n", `no "=> Send header"`},
		"a trace without a line": {strings.Replace(trace(exampleBody, true), "001a: ", "001b: ", 1), "lines are missing"},
		"JSON of something else": {`{"a":1}`, "is no event"},
		"broken JSON":            {`{"a":`, "reading the JSON of an event"},
		"no payload":             {eventJSON(t, func(e *gateway.EventDetail) { e.Payload = nil }), "has no payload"},
		"a message":              {eventJSON(t, func(e *gateway.EventDetail) { e.Scheme = "" }), "a message of the gateway's own"},
		"a bad URL":              {eventJSON(t, func(e *gateway.EventDetail) { e.Payload.URL = "" }), "URL cannot be parsed"},
		"a scheme nobody knows":  {eventJSON(t, func(e *gateway.EventDetail) { e.Scheme = "gone" }), `unknown scheme "gone"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, "", "verify", "--secret-env", "SECRET", "--request", file(t, "capture", test.capture))
			if r.want(t, 2, test.want); r.stdout != "" {
				t.Error(r.stdout)
			}
		})
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--event", "1", "-H", "a: b"}, "--event names head and body"},
		{[]string{"--event", "1", "body"}, "--event names head and body"},
		{[]string{"--event", "1", "--request", "r"}, "--request names head and body"},
		{[]string{"--admin", "localhost:1", "-H", "a: b"}, "name an event"},
		{[]string{"--event", "x", "--store", "/does/not/exist"}, "--store"},
	} {
		run(t, "", append([]string{"verify", "--secret-env", "SECRET"}, test.args...)...).want(t, 2, test.want)
	}
}

// TestVerifyTraceDots: where a trace has dots for bytes, a refusal says that.
func TestVerifyTraceDots(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	for text, want := range map[bool]bool{true: true, false: false} {
		r := run(t, "", "verify", "--secret-env", "SECRET", "--request", file(t, "capture", trace(`{"é":1}`, text)))
		if r.want(t, 1, ""); strings.Contains(r.stdout, "--trace-ascii writes a dot") != want {
			t.Errorf("--trace-ascii %v: %s", text, r.stdout)
		}
	}
}

// TestVerifyEvent: a stored event is judged as of when it was received, by the scheme
// that it came by, from a running gateway or from its file.
func TestVerifyEvent(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	b := newBed(t)
	key := run(t, exampleBody, "sign", "--secret-env", "SECRET", "--id", "msg_1", "--timestamp", strconv.FormatInt(noon.Unix(), 10)).stdout
	seq := b.acceptHead(t, "msg_1", "", "POST /hooks/travtus HTTP/1.1\n:host: app.example.com\n"+key, exampleBody)
	changed := b.acceptHead(t, "msg_2", "", "POST /hooks/travtus HTTP/1.1\n:host: app.example.com\n"+strings.Replace(key, "msg_1", "msg_2", 1), exampleBody)
	b.now = noon.Add(time.Hour)
	for _, name := range []string{"running", "stopped"} {
		var flags []string
		if name == "stopped" {
			b.close(t)
			flags = []string{"--store", b.path}
		}
		args := func(event string) []string {
			return append([]string{"verify", "--secret-env", "SECRET", "--event", event}, flags...)
		}
		for _, event := range []string{strconv.FormatInt(seq, 10), "travtus/msg_1"} {
			r := b.run(t, "", args(event)...)
			if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "accepted\n") || !strings.Contains(r.stdout, "clock      when it was received, 2026-11-23T12:00:00Z") {
				t.Errorf("%s: %s", name, r.stdout)
			}
		}
		r := b.run(t, "", append(args("travtus/msg_1"), "--at", "2026-11-23T13:00:00Z")...)
		if r.want(t, 1, ""); !strings.HasPrefix(r.stdout, "refused: stale timestamp") || !strings.Contains(r.stdout, "then       accepted, had it come at the time it names") {
			t.Errorf("%s: %s", name, r.stdout)
		}
		r = b.run(t, "", args(strconv.FormatInt(changed, 10))...)
		if r.want(t, 1, ""); !strings.HasPrefix(r.stdout, "refused: invalid signature") {
			t.Errorf("%s: %s", name, r.stdout)
		}
		b.run(t, "", args("travtus/nobody")...).want(t, 2, "no event with the id")
	}
}

// TestVerifyKnowsItsCurl keeps what is made here from being only what is read here: a
// trace that curl itself has written.
func TestVerifyKnowsItsCurl(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	for _, name := range []string{"curl-trace.txt", "curl-trace-ascii.txt"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, string(data), "verify", "--secret-env", "SECRET", "--at", exampleAt, "--request", "-")
		if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "accepted\n") {
			t.Errorf("%s: %s", name, r.stdout)
		}
	}
	data, err := os.ReadFile("testdata/curl-v.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, exampleBody, "verify", "--secret-env", "SECRET", "--at", exampleAt, "--request", file(t, "v", string(data)), "-")
	if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "accepted\n") {
		t.Error(r.stdout)
	}
}
