package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
)

// ofKey makes and reads the tokens of a key.
func ofKey(t testing.TB, key string) *api.Tokens {
	t.Helper()
	ring, err := sender.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	return api.NewOfflineTokens(ring, func() time.Time { return noon })
}

// TestToken: each command makes the token it should, and prints nothing else.
func TestToken(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envKey, testKey)
	t.Setenv("OTHER", testKey)
	t.Setenv(envURL, "")
	inFile := file(t, "key", testKey+"\n")
	for _, test := range []struct {
		args, stdin string
		want        api.Holder
		life        time.Duration
	}{
		{"", "", api.Holder{Scope: api.Organisation}, 24 * time.Hour},
		{"--ttl 3650d --key-env OTHER", "", api.Holder{Scope: api.Organisation}, 3650 * 24 * time.Hour},
		{"--operator --ttl 1m --key-file " + inFile, "", api.Holder{Scope: api.Operator}, time.Minute},
		{"--key-stdin --app " + acme, testKey + "\n", api.Holder{Scope: api.Application, App: acme}, 24 * time.Hour},
		{"--ttl 366d --read-only --app " + acme, "", api.Holder{Scope: api.Application, App: acme, Capabilities: []api.Capability{api.ViewBase}}, 366 * 24 * time.Hour},
	} {
		r := d.run(t, test.stdin, append([]string{"token"}, strings.Fields(test.args)...)...)
		r.want(t, 0, "")
		text, ok := strings.CutSuffix(r.stdout, "\n")
		got, signed, err := ofKey(t, testKey).Inspect(text)
		if err != nil || !ok || !signed || got.Scope != test.want.Scope || got.App != test.want.App || !slices.Equal(got.Capabilities, test.want.Capabilities) {
			t.Errorf("%s: %q is %+v, signed %v, %v", test.args, r.stdout, got, signed, err)
		}
		if !got.Issued.Equal(noon) || !got.Expires.Equal(noon.Add(test.life)) {
			t.Errorf("%s: from %v to %v", test.args, got.Issued, got.Expires)
		}
	}
	d.wantAsked(t) // nothing
}

// TestTokenTerminal: a person is told what it is; stdout has the token alone.
func TestTokenTerminal(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envKey, testKey)
	d.terminal = true
	for args, may := range map[string]string{
		"":                          "do everything in all applications",
		"--operator":                "do everything that the API can, as the operator",
		"--app " + acme:             "manage the endpoints of " + acme + ", and see its messages",
		"--read-only --app " + acme: "see the endpoints and messages of " + acme + ", and change nothing",
	} {
		r := d.run(t, "", append([]string{"token"}, strings.Fields(args)...)...)
		got, _, err := ofKey(t, testKey).Inspect(strings.TrimSpace(r.stdout))
		if want := "It may " + may + ". Its id is " + got.ID + ". It ends in 24h, on 2026-11-24T12:00:00Z.\n"; err != nil || r.stderr != want || r.status != 0 {
			t.Errorf("%s: %d %v\n%s\nwant\n%s", args, r.status, err, r.stderr, want)
		}
	}
	d.terminal = false
	var got struct {
		Token, ID string
		Expires   time.Time
	}
	r := d.run(t, "", "token", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || len(got.ID) != 26 || !strings.Contains(got.Token, ".") || !got.Expires.Equal(noon.Add(24*time.Hour)) || r.stderr != "" {
		t.Errorf("%v %s%s", err, r.stdout, r.stderr)
	}
}

// TestTokenLooksUp: a uid is looked up with a token of a minute, of the organisation.
func TestTokenLooksUp(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envKey, testKey)
	d.says("GET /app/customer-42", "200 "+acmeJSON)
	r := d.run(t, "", "token", "--app", "customer-42")
	r.want(t, 0, "")
	if got, signed, err := ofKey(t, testKey).Inspect(strings.TrimSpace(r.stdout)); err != nil || !signed || got.App != acme {
		t.Errorf("%q is %+v, %v", r.stdout, got, err)
	}
	all := d.asked()
	if len(all) != 1 || all[0].what != "GET /app/customer-42" {
		t.Fatalf("asked %v", all)
	}
	errand, signed, err := ofKey(t, testKey).Inspect(strings.TrimPrefix(all[0].header.Get("Authorization"), "Bearer "))
	if err != nil || !signed || errand.Scope != api.Organisation || !errand.Expires.Equal(noon.Add(time.Minute)) {
		t.Errorf("it is looked up with %+v, %v", errand, err)
	}
	d.run(t, "", "token", "--app", "nobody").want(t, 2, `there is no application "nobody"`)
	d.says("GET /app/customer-42", `401 {"code":"authentication_failed","detail":"Invalid token"}`)
	d.run(t, "", "token", "--app", "customer-42").want(t, 2, "the key is not the gateway's")
	d.says("GET /app/customer-42", `200 {"id":"org_1"}`)
	d.run(t, "", "token", "--app", "customer-42").want(t, 2, "is no application")
	t.Setenv(envURL, "")
	d.run(t, "", "token", "--app", "app_tooshort").want(t, 2, `"app_tooshort" is no id, app_ and 27 letters and digits, so it is looked up at the API; where is the API?`)
}

// TestTokenUsage: what cannot be is refused, with the bounds.
func TestTokenUsage(t *testing.T) {
	d := newDesk(t)
	unset(t, envKey)
	t.Setenv("SHORT", "too short")
	t.Setenv("KEY", testKey)
	for args, want := range map[string]string{
		"token":                                    "HOOKGATE_KEY is not set; export it before",
		"token --key-env SHORT":                    "key 1 has 9 characters",
		"token --key " + "x":                       "unknown flag: --key",
		"token more":                               `unknown command "more"`,
		"token --ttl 59s --key-env KEY":            "--ttl: a token lasts from 1m to 3650d",
		"token --ttl 3651d --key-env KEY":          "--ttl: a token lasts from 1m to 3650d",
		"token --ttl 367d --app a --key-env KEY":   "--ttl: a token of an application lasts from 1m to 366d",
		"token --ttl soon --key-env KEY":           `--ttl: "soon" is no duration`,
		"token --operator --app a --key-env KEY":   "--operator and --app do not go together",
		"token --read-only --key-env KEY":          "--read-only goes with --app",
		"token show " + testToken:                  "a token is a secret, and no argument",
		"token show --key-stdin --token-stdin":     "standard input cannot be both the token and the key",
		"token show --token-file /does/not/exist":  "reading the token: open /does/not/exist",
		"token show --key-env KEY --token-env KEY": "this is no token",
		"token revoke":                             "the token, or its id, is missing",
		"token revoke a b":                         `unknown argument "b"`,
	} {
		d.run(t, testKey, strings.Fields(args)...).want(t, 2, want)
	}
	d.wantAsked(t)
}

// TestTokenShow: what a token says, and who has signed it.
func TestTokenShow(t *testing.T) {
	d := newDesk(t)
	t.Setenv(envKey, testKey)
	t.Setenv("OTHER", testKey+", another")
	made, text, err := ofKey(t, testKey).Mint(api.Holder{Scope: api.Application, App: acme, Session: "s1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envToken, text)
	shown := func(signature string) string {
		return `
token        ` + made.ID + `
scope        application
application  ` + acme + `
may          manage the endpoints of ` + acme + `, and see its messages
session      s1
issued       2026-11-23T12:00:00Z (now)
ends         2026-11-23T13:00:00Z (in 60m)
signature    ` + signature + "\n"
	}
	d.wantRun(t, shown("of this key"), "token", "show")
	r := d.run(t, "", "token", "show", "--key-env", "OTHER")
	golden(t, "another key", r.stdout, shown("not of this key, or for something else"))
	if r.status != 1 || r.stderr != "" {
		t.Errorf("%d %s", r.status, r.stderr)
	}
	unset(t, envKey)
	d.wantRun(t, shown("not checked: there is no key"), "token", "show")
	d.wantRun(t, shown("not checked: there is no key"), "token", "show", "--token-file", file(t, "token", text+"\n"))
	var got tokenReport
	if r := d.run(t, text, "token", "show", "--json", "--token-stdin"); json.Unmarshal([]byte(r.stdout), &got) != nil || got.Signed != nil || got.App != acme || got.Expired {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	_, text, err = ofKey(t, testKey).Mint(api.Holder{Scope: api.Organisation}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envToken, text)
	if r := d.run(t, "", "token", "show"); r.status != 1 || !strings.Contains(r.stdout, "ends         2026-11-23T12:00:00Z (now)\n") {
		t.Errorf("expired: %d %s%s", r.status, r.stdout, r.stderr)
	}
}

// TestTokenRevoke: the running gateway is asked, as by the other commands of operators.
func TestTokenRevoke(t *testing.T) {
	b := newBed(t)
	var bodies []string
	answer := `{"id":"LB5PRX7J4QZ3WT2MCE6KHUVDYN"}`
	b.handle = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		_, _ = io.WriteString(w, answer)
	})
	for _, test := range []struct{ arg, stdin, body string }{
		{"LB5PRX7J4QZ3WT2MCE6KHUVDYN", "", `{"id":"LB5PRX7J4QZ3WT2MCE6KHUVDYN"}`},
		{testToken, "", `{"token":"` + testToken + `"}`},
		{"-", testToken + "\n", `{"token":"` + testToken + `"}`},
	} {
		r := b.run(t, test.stdin, "token", "revoke", test.arg)
		r.want(t, 0, "")
		golden(t, "token revoke", r.stdout, "Token LB5PRX7J4QZ3WT2MCE6KHUVDYN is revoked.\n")
		if asked := b.asked(); len(asked) != 1 || asked[0] != "POST /webhooks/tokens/revoke" || bodies[len(bodies)-1] != test.body {
			t.Errorf("asked %q %q", asked, bodies)
		}
	}
	answer = `{"id":"LB5PRX7J4QZ3WT2MCE6KHUVDYN","expires":"2026-11-23T11:00:00Z","expired":true}`
	golden(t, "an expired one", b.run(t, "", "token", "revoke", testToken).stdout, "Token LB5PRX7J4QZ3WT2MCE6KHUVDYN is revoked; it had ended before, 60m ago.\n")
	b.handle = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_token","message":"This is no token that a key of this gateway has signed."}}`)
	})
	b.run(t, "", "token", "revoke", testToken).want(t, 2, "Error: This is no token that a key of this gateway has signed.\n")
}
