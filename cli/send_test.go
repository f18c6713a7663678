package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const sentAt = "/app/customer-42/msg"

// TestSendMessage: the payload arrives byte for byte, under the key that was named.
func TestSendMessage(t *testing.T) {
	d := newDesk(t)
	d.says("POST "+sentAt, `202 {"id":"msg_1","eventType":"invoice.paid","payload":{}}`)
	payload := "{ \"amount\" : 1.0e2,\n\t\"note\":\"<&>\\u00e9\" }"
	send := []string{"send", "--app", "customer-42", "--type", "invoice.paid"}
	for _, test := range []struct {
		stdin string
		more  []string
		body  string
		key   string
	}{
		{payload, []string{"--id", "in_1"}, `{"eventType":"invoice.paid","payload":` + payload + `}`, "in_1"},
		{" " + payload + "\n", []string{"--channels", "a,b", "-"}, `{"eventType":"invoice.paid","channels":["a","b"],"payload":` + payload + `}`, ""},
		{"", []string{file(t, "event.json", "{}\n")}, `{"eventType":"invoice.paid","payload":{}}`, ""},
	} {
		r := d.run(t, test.stdin, append(send, test.more...)...)
		r.want(t, 0, "")
		golden(t, strings.Join(test.more, " "), r.stdout, "msg_1\n")
		for _, a := range d.wantAsked(t, "POST "+sentAt+"?with_content=false") {
			if key := a.header.Get("Idempotency-Key"); a.body != test.body || test.key != "" && key != test.key || len(key) < len(test.key) {
				t.Errorf("key %q, body\n%s\nwant\n%s", key, a.body, test.body)
			}
			if !json.Valid([]byte(a.body)) || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s is no JSON", a.body)
			}
		}
	}
	for _, body := range []string{"", "[]", `"text"`, "{", "{} {}", "null"} {
		d.run(t, body, send...).want(t, 2, "the body of a message has to be a JSON object")
	}
	d.wantAsked(t)
	if r := d.run(t, "{}", append(send, "--json")...); !json.Valid([]byte(r.stdout)) || !strings.Contains(r.stdout, `"id": "msg_1"`) {
		t.Errorf("printed %s", r.stdout)
	}
}

// TestSendUnclear: who does not know whether a message was taken is told how to repeat
// it; who knows is not.
func TestSendUnclear(t *testing.T) {
	d := newDesk(t)
	const hint = "It may have been taken all the same: repeat it with --id "
	for answer, unclear := range map[string]bool{"500 {}": true, "503 {}": true, `401 {"code":"a","detail":"b"}`: false, `422 {"detail":[{"loc":["body","eventType"],"msg":"bad"}]}`: false} {
		d.says("POST "+sentAt, answer)
		r := d.run(t, "{}", "send", "--app", "customer-42", "--type", "a", "--id", "in 1")
		if r.status != 2 || strings.Contains(r.stderr, hint+"'in 1'") != unclear {
			t.Errorf("%s: %d %s", answer, r.status, r.stderr)
		}
	}
	all := d.asked()
	d.Close()
	r := d.run(t, "{}", "send", "--app", "customer-42", "--type", "a")
	if r.want(t, 2, hint); len(all) != 4 {
		t.Errorf("%d requests", len(all))
	}
}

// TestSendWait: the attempts, as they come, until the message is through.
func TestSendWait(t *testing.T) {
	d := newDesk(t)
	d.says("POST "+sentAt, `202 {"id":"msg_1"}`)
	at := func(status int, next string) string {
		return `200 {"data":[{"id":"ep_1","url":"https://a/","status":0,"nextAttempt":null},{"id":"ep_2","url":"https://b/","status":` + string(rune('0'+status)) + `,"nextAttempt":` + next + `}],"iterator":"ep_2","done":true}`
	}
	one := `{"id":"atmpt_1","url":"https://a/","response":"ok","responseStatusCode":200,"responseDurationMs":12,"status":0}`
	two := `{"id":"atmpt_2","url":"https://b/","response":"no\u001b","responseStatusCode":500,"responseDurationMs":3,"status":2}`
	three := `{"id":"atmpt_3","url":"https://b/","response":"connection refused","status":2,"responseDurationMs":1}`
	list := func(items ...string) string {
		return `200 {"data":[` + strings.Join(items, ",") + `],"iterator":"x","done":true}`
	}
	wait := func(more ...string) result {
		return d.run(t, "{}", append([]string{"send", "--app", "customer-42", "--type", "a", "--wait"}, more...)...)
	}
	d.says("GET "+sentAt+"/msg_1/endpoint", at(1, `"2026-11-23T12:00:00Z"`), at(2, `"2026-11-23T12:00:05Z"`), at(2, "null"))
	d.says("GET /app/customer-42/attempt/msg/msg_1", list(), list(two, one), list(three, two, one))
	r := wait()
	golden(t, "send --wait", r.stdout, `
msg_1
delivered  200    12ms  https://a/  ok
failed     500     3ms  https://b/  no\x1b
failed       -     1ms  https://b/  connection refused
2 endpoints: 1 × delivered, 1 × failed.
`)
	if r.status != 1 || r.stderr != "" {
		t.Errorf("%d %s", r.status, r.stderr)
	}
	d.says("GET "+sentAt+"/msg_1/endpoint", at(0, "null"))
	d.says("GET /app/customer-42/attempt/msg/msg_1", list(one))
	r = wait("--json")
	var got struct {
		Message             struct{ ID string }
		Attempts, Endpoints []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.status != 0 || got.Message.ID != "msg_1" || len(got.Attempts) != 1 || len(got.Endpoints) != 2 {
		t.Errorf("%v %d %s%s", err, r.status, r.stdout, r.stderr)
	}
	d.says("GET "+sentAt+"/msg_1/endpoint", list())
	d.says("GET /app/customer-42/attempt/msg/msg_1", list())
	if r := wait(); r.status != 0 || r.stdout != "msg_1\nNo endpoint wants it.\n" {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	d.says("GET "+sentAt+"/msg_1/endpoint", "503 {}")
	wait().want(t, 2, "the message msg_1 goes on its way, but cannot be watched: ")

	d.says("GET "+sentAt+"/msg_1/endpoint", at(3, `"2026-11-23T12:00:00Z"`))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	d.runContext(t, ctx, "{}", "send", "--app", "customer-42", "--type", "a", "--wait").want(t, statusInterrupted, "The message msg_1 goes on its way.")
}

// TestEndpointTest: an example is a message like any other.
func TestEndpointTest(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envApp, "customer-42")
	d.says("POST "+hookAt+"/send-example", `202 {"id":"msg_1"}`)
	d.says("GET "+sentAt+"/msg_1/endpoint", `200 {"data":[{"id":"ep_1","status":0}],"iterator":"ep_1","done":true}`)
	d.says("GET /app/customer-42/attempt/msg/msg_1", `200 {"data":[{"id":"atmpt_1","url":"https://a/","responseStatusCode":200,"status":0}],"iterator":"x","done":true}`)
	d.wantRun(t, "msg_1\n", "endpoint", "test", hook)
	d.wantRun(t, "msg_1\ndelivered  200      0s  https://a/\n1 endpoint: 1 × delivered.\n", "endpoint", "test", "--event", "invoice.paid", "--wait", hook)
	all := d.asked()
	if all[0].body != `{"eventType":"svix.ping"}` || all[1].body != `{"eventType":"invoice.paid"}` {
		t.Errorf("bodies %s %s", all[0].body, all[1].body)
	}
}

// TestSendTo: what is posted is what sign signs, once, and the exit status says what the
// receiver made of it.
func TestSendTo(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	d := newDesk(t)
	d.asked()
	a := newMachine(t)
	elsewhere := newMachine(t)
	for _, test := range []struct {
		scheme string
		status int
		exit   int
		says   string
	}{
		{"svix", 200, 0, "200 OK in "},
		{"standard", 204, 0, "204 No Content in "},
		{"travelbase", 500, 1, "500 Internal Server Error in "},
		{"svix", 302, 1, "It leads to " + elsewhere.URL + ", which is not followed.\n"},
	} {
		a.answer = func(int, *http.Request) int { return test.status }
		if test.status == 302 {
			a.Config.Handler = http.RedirectHandler(elsewhere.URL, http.StatusFound)
		}
		before, _ := a.got()
		body := "{\"id\":\"evt_1\",\n \"type\":\"ping\"}\n"
		r := d.run(t, body, "send", "--to", a.URL+"/hooks?a=b", "--scheme", test.scheme, "--secret-env", "SECRET", "--id", "evt_1")
		if r.status != test.exit || !strings.Contains(r.stdout, test.says) || r.stderr != "" {
			t.Errorf("%s %d: %d\n%s%s", test.scheme, test.status, r.status, r.stdout, r.stderr)
		}
		if strings.Contains(r.stdout+r.stderr, testSecret[6:]) {
			t.Error("the secret is told")
		}
		if test.status == 302 {
			continue
		}
		seen, bodies := a.got()
		if len(seen) != len(before)+1 || bodies[len(before)] != body {
			t.Fatalf("%d requests, with the bodies %q", len(seen)-len(before), bodies)
		}
		got := seen[len(before)]
		verified(t, test.scheme, testSecret, got, body, noon)
		if got.Header.Get("Content-Type") != "application/json" || got.URL.Path != "/hooks" || got.Method != http.MethodPost {
			t.Errorf("%s: %s %s %v", test.scheme, got.Method, got.URL, got.Header)
		}
	}
	if seen, _ := elsewhere.got(); len(seen) > 0 {
		t.Error("a redirect is followed")
	}
	d.wantAsked(t)
}

// TestSendToAnswers: the beginning of what the receiver says, and nothing that a
// terminal would obey.
func TestSendToAnswers(t *testing.T) {
	t.Setenv("SECRET", testSecret)
	d := newDesk(t)
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer server.Close()
	send := func(more ...string) result {
		return d.run(t, "{}", append([]string{"send", "--to", server.URL, "--secret-env", "SECRET"}, more...)...)
	}
	for said, want := range map[string]string{
		"":                            "",
		"thank\nyou\x1b[2J":           "thank\nyou\\x1b[2J\n",
		strings.Repeat("a", shown+10): strings.Repeat("a", shown) + "\n…\n",
	} {
		answer = said
		r := send()
		_, text, _ := strings.Cut(r.stdout, "\n")
		if r.want(t, 0, ""); text != want {
			t.Errorf("%.20q is shown as %q", said, text)
		}
	}
	answer = "ok"
	var got posting
	if r := send("--json", "--id", "evt_1"); json.Unmarshal([]byte(r.stdout), &got) != nil || got.Status != 200 || got.ID != "evt_1" || got.Response != "ok" || r.status != 0 {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	server.Close()
	if r := send(); r.status != 1 || !strings.HasPrefix(r.stdout, "no answer after ") || !strings.Contains(r.stdout, "refused") {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	if r := send("--json"); r.status != 1 || !strings.Contains(r.stdout, `"error": "`) {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
}
