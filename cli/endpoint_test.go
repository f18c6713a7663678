package cli

import (
	"strings"
	"testing"
)

const hookJSON = `{"id":"` + hook + `","uid":null,"url":"https://api.acme.example/hooks","description":"main","eventTypes":["invoice.paid","invoice.sent"],` +
	`"channels":null,"throttleRate":null,"disabled":false,"metadata":{},"createdAt":"2026-11-23T10:00:00Z","updatedAt":"2026-11-23T10:00:00Z"}`

// hookAt is where the endpoint is in the API.
const hookAt = "/app/customer-42/endpoint/" + hook

// TestEndpointGolden: what the API says of endpoints.
func TestEndpointGolden(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envApp, "customer-42")
	d.says("GET /app/customer-42/endpoint", `200 {"data":[`+hookJSON+`,{"id":"ep_2","uid":"old","url":"http://10.0.0.1/\u001b","disabled":true,"scheme":"travelbase"}],"iterator":"ep_2","done":true}`)
	d.wantRun(t, `
ENDPOINT                        UID  STATE     SCHEME      EVENTS                     URL                             CREATED
ep_1srOrx2ZWZBpBUvZwXKQmoEYga2  -    enabled   svix        invoice.paid,invoice.sent  https://api.acme.example/hooks  2h ago
ep_2                            old  disabled  travelbase  all                        http://10.0.0.1/\x1b            -
`, "endpoint", "list")
	d.wantAsked(t, "GET /app/customer-42/endpoint?limit=50")
	d.says("GET "+hookAt, "200 "+hookJSON)
	d.says("GET "+hookAt+"/stats", `200 {"success":40,"pending":1,"sending":2,"fail":2,"canceled":0}`)
	d.wantRun(t, `
endpoint     ep_1srOrx2ZWZBpBUvZwXKQmoEYga2
url          https://api.acme.example/hooks
description  main
state        enabled
scheme       svix
events       invoice.paid,invoice.sent
channels     all
rate         -
attempts     40 delivered, 2 failed, 3 under way in 28 days
created      2026-11-23T10:00:00Z (2h ago)
updated      2026-11-23T10:00:00Z (2h ago)
`, "endpoint", "show", hook)
	d.asked()
	d.run(t, "", "endpoint", "show", "--json", hook).want(t, 0, "")
	d.wantAsked(t, "GET "+hookAt)
	d.run(t, "", "endpoint", "show", "ep_9").want(t, 2, `there is no endpoint "ep_9" of application "customer-42", or it is not the token's to see`)
	d.asked()
	d.says("GET /app/customer-42/attempt/endpoint/"+hook, `200 {"data":[
		{"id":"atmpt_2","msgId":"msg_2","response":"over\n\u001b[2Jloaded","responseStatusCode":503,"responseDurationMs":132,"status":2,"triggerType":1,"timestamp":"2026-11-23T11:58:00Z","msg":{"eventType":"invoice.paid"}},
		{"id":"atmpt_1","msgId":"msg_1","response":"connection refused","responseStatusCode":0,"responseDurationMs":1500,"status":2,"timestamp":"2026-11-23T11:00:00Z"},
		{"id":"atmpt_0","msgId":"msg_0","response":"","responseStatusCode":204,"responseDurationMs":9,"status":0,"timestamp":"2026-11-23T10:00:00Z"}],"iterator":"atmpt_0","done":false}`)
	d.wantRun(t, `
STARTED  MESSAGE  TYPE          RESULT           STATUS  TOOK   ERROR OR RESPONSE
2m ago   msg_2    invoice.paid  failed, by hand  503     132ms  over \x1b[2Jloaded
60m ago  msg_1    -             failed           -       1.5s   connection refused
2h ago   msg_0    -             delivered        204     9ms
There are more: add --iterator atmpt_0, or --all.
`, "endpoint", "attempts", "--only", "failed", "--from", "3h", "--to", "2026-11-23T12:00:00Z", "--limit", "3", hook)
	d.wantAsked(t, "GET "+hookAt[:len("/app/customer-42")]+"/attempt/endpoint/"+hook+"?after=2026-11-23T09%3A00%3A00Z&before=2026-11-23T12%3A00%3A00Z&limit=3&status=2&with_msg=true")
}

// TestEndpointChanges: what each command asks for, and says then.
func TestEndpointChanges(t *testing.T) {
	d := newDesk(t)
	t.Setenv("SECRET", testSecret)
	d.says("POST /app/customer-42/endpoint", "201 "+hookJSON)
	d.says("PATCH "+hookAt, "200 "+hookJSON)
	d.says("DELETE "+hookAt, "204")
	d.says("GET "+hookAt+"/secret", `200 {"key":"`+testSecret+`"}`)
	d.says("POST "+hookAt+"/secret/rotate", "204")
	for _, test := range []struct {
		args        []string
		asks, body  string
		says, stdin string
	}{
		{[]string{"add", "https://api.acme.example/hooks"}, "POST /app/customer-42/endpoint", `{"url":"https://api.acme.example/hooks"}`, hook + "\n", ""},
		{
			[]string{"add", "--events", "a,b", "--channels", "c", "--scheme", "travelbase", "--description", "main", "--uid", "u", "--rate", "7", "--disabled", "--secret-env", "SECRET", "http://h/"},
			"POST /app/customer-42/endpoint",
			`{"channels":["c"],"description":"main","disabled":true,"eventTypes":["a","b"],"scheme":"travelbase","secret":"` + testSecret + `","throttleRate":7,"uid":"u","url":"http://h/"}`, hook + "\n", "",
		},
		{[]string{"update", "--to", "https://h/2", hook}, "PATCH " + hookAt, `{"url":"https://h/2"}`, "Endpoint " + hook + " is changed.\n", ""},
		{
			[]string{"update", "--events", "", "--channels", "", "--uid", "", "--rate", "0", "--description", "", hook},
			"PATCH " + hookAt,
			`{"channels":null,"description":"","eventTypes":null,"throttleRate":null,"uid":null}`, "Endpoint " + hook + " is changed.\n", "",
		},
		{[]string{"disable", hook}, "PATCH " + hookAt, `{"disabled":true}`, "Endpoint " + hook + " is disabled: nothing is sent to it.\n", ""},
		{[]string{"enable", hook}, "PATCH " + hookAt, `{"disabled":false}`, "Endpoint " + hook + " is enabled.\n", ""},
		{[]string{"delete", "--yes", hook}, "DELETE " + hookAt, "", "Endpoint " + hook + " is deleted.\n", ""},
		{[]string{"secret", hook}, "GET " + hookAt + "/secret", "", testSecret + "\n", ""},
		{
			[]string{"rotate", hook},
			"POST " + hookAt + "/secret/rotate", `{"gracePeriodSeconds":86400}`,
			"Endpoint " + hook + " has a new secret; the old one signs, too, for 24h. See it with: hookgate webhook endpoint secret --app customer-42 " + hook + "\n", "",
		},
		{
			[]string{"rotate", "--grace", "0s", "--secret-stdin", hook},
			"POST " + hookAt + "/secret/rotate", `{"gracePeriodSeconds":0,"key":"` + testSecret + `"}`,
			"Endpoint " + hook + " has a new secret; the old one does not sign any more. See it with: hookgate webhook endpoint secret --app customer-42 " + hook + "\n", testSecret + "\n",
		},
	} {
		r := d.run(t, test.stdin, append([]string{"endpoint", test.args[0], "--app", "customer-42"}, test.args[1:]...)...)
		r.want(t, 0, "")
		golden(t, strings.Join(test.args, " "), r.stdout, test.says)
		if all := d.wantAsked(t, test.asks); len(all) == 1 && all[0].body != test.body {
			t.Errorf("%q: body %s, want %s", test.args, all[0].body, test.body)
		}
	}
	d.run(t, "", "endpoint", "delete", "--app", "customer-42", hook).want(t, 2, "say that you want it with --yes")
	d.wantAsked(t)
}

// TestEndpointRecover: the command waits for the task, and its exit status says how that
// ended.
func TestEndpointRecover(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envApp, "customer-42")
	d.says("POST "+hookAt+"/recover", `202 {"id":"qtask_1","status":"running","task":"endpoint.recover"}`)
	running := `200 {"id":"qtask_1","status":"running","data":{"messagesSent":1}}`
	d.says("GET /background-task/qtask_1", running, running, `200 {"id":"qtask_1","status":"finished","data":{"messagesSent":3}}`)
	d.wantRun(t, "Sent again: 3 messages.\n", "endpoint", "recover", "--since", "2d", hook)
	all := d.wantAsked(t, "POST "+hookAt+"/recover", "GET /background-task/qtask_1", "GET /background-task/qtask_1", "GET /background-task/qtask_1")
	if want := `{"since":"2026-11-21T12:00:00Z"}`; all[0].body != want {
		t.Errorf("body %s, want %s", all[0].body, want)
	}
	d.says("GET /background-task/qtask_1", `200 {"id":"qtask_1","status":"failed","data":{"messagesSent":1}}`)
	r := d.run(t, "", "endpoint", "recover", "--since", "2d", "--until", "1h", hook)
	if r.status != 1 || r.stdout != "Task qtask_1 is failed after 1 message.\n" {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	d.wantRun(t, "Task qtask_1 goes on by itself.\n", "endpoint", "recover", "--since", "2d", "--detach", hook)
	d.says("GET /background-task/qtask_1", "503 {}")
	d.run(t, "", "endpoint", "recover", "--since", "2d", hook).want(t, 2, "task qtask_1 goes on, or will when the gateway is back: ")
}

// TestProducerUsage: what is wrong is said before the API is asked.
func TestProducerUsage(t *testing.T) {
	d := newDesk(t)
	for args, want := range map[string]string{
		"app lst":                   `unknown command "lst"`,
		"app list more":             `unknown argument "more"`,
		"app list --limit 0":        "--limit: at least 1",
		"app list --limit 5 --all":  "--all and --limit do not go together",
		"app show":                  "the application is missing",
		"app create a b":            `unknown argument "b"`,
		"app delete":                "the application is missing",
		"endpoint list":             "--app is missing: name the application by its id or uid",
		"endpoint list --app a b":   `unknown argument "b"`,
		"endpoint add --app a":      "the URL is missing",
		"endpoint add --app a h.de": "the endpoint's URL: it has to be a whole URL",
		"endpoint add --app a http://h/ --secret whsec_": "unknown flag: --secret",
		"endpoint add --app a http://h/ --secret-env UN": "the environment variable UN is not set",
		"endpoint show --app a":                          "the endpoint is missing",
		"endpoint update --app a e":                      "there is nothing to change",
		"endpoint update --app a --to h e":               "--to: it has to be a whole URL",
		"endpoint rotate --app a --grace 8d e":           `--grace: "8d" is no time from 0s to 7d`,
		"endpoint rotate --app a --grace -1s e":          "--grace: ",
		"endpoint recover --app a e":                     "--since is missing",
		"endpoint recover --app a --since later e":       "--since: ",
		"endpoint attempts --app a --only good e":        "--only: delivered, failed or canceled",
		"endpoint attempts --app a --from later e":       "--from: ",
		"endpoint attempts --app a":                      "the endpoint is missing",
		"endpoint test --app a":                          "the endpoint is missing",
		"send":                                           "--type is missing",
		"send --type a":                                  "--app is missing",
		"send --app a --type b --secret-env C":           "--secret-env goes with --to <url>",
		"send --to http://h/ --app a":                    "--app does not go with --to",
		"send --to http://h/ --wait":                     "--wait does not go with --to",
		"send --to h":                                    "--to: it has to be a whole URL",
		"send --to http://h/":                            "there is no secret",
		"send --app a --type b /does/not/exist":          "no such file",
		"send --app a --type b":                          "the body of a message has to be a JSON object",
	} {
		r := d.run(t, "", strings.Fields(args)...)
		r.want(t, 2, want)
		if r.stdout != "" || strings.Count(r.stderr, "\n") != 2 {
			t.Errorf("%s: stdout\n%s\nstderr\n%s", args, r.stdout, r.stderr)
		}
	}
	d.wantAsked(t)
}
