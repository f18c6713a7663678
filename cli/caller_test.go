package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAPIRefusals: what the API refuses is told in words, with what to do about it.
func TestAPIRefusals(t *testing.T) {
	d := newDesk(t)
	for answer, want := range map[string]string{
		`401 {"code":"authentication_failed","detail":"Invalid token"}`:                              "Make one with hookgate webhook token, and export it as HOOKGATE_TOKEN",
		`403 {"code":"insufficient access","detail":"Insufficient access for the given operation."}`: "the token may not do this: it is one of an application, or one that only reads.",
		`404 {"code":"not_found","detail":"Entity not found"}`:                                       `there is no application "customer-42", or it is not the token's to see`,
		`404 <html>`: "is no API of a gateway: name the host of webhook_portal with --url",
		`409 {"code":"conflict","detail":"There is an application with this uid already.\u001b"}`:                             `There is an application with this uid already.\x1b (409)`,
		`413 {"code":"payload_too_large","detail":"Request payload is too large."}`:                                           "Request payload is too large (413)",
		`422 {"detail":[{"loc":["body","uid"],"msg":"it must not be empty","type":"value_error"},{"loc":["x"],"msg":"no."}]}`: "Error: uid: it must not be empty; x: no\n",
		`429 {"code":"rate","detail":"Slow down."}`:                                                                           "the gateway does not take this now (Slow down.); try again later",
		`503 <html>`:        "the gateway does not take this now (Service Unavailable); try again later",
		`500 {}`:            "answers 500 Internal Server Error",
		`502 <html>`:        "answers 502 Bad Gateway",
		`302 `:              "leads elsewhere, to nowhere, which is not followed",
		`200 <html>`:        "what " + d.URL + " answers cannot be read; is that the host of webhook_portal?",
		`200 {"id":"app_`:   "cannot be read",
		`422 {"detail":[]}`: "answers 422 Unprocessable Entity",
	} {
		d.says("GET /app/customer-42", answer)
		r := d.run(t, "", "app", "show", "customer-42")
		r.want(t, 2, want)
		if strings.Count(r.stderr, "\n") != 2 || r.stdout != "" {
			t.Errorf("%s: stdout\n%s\nstderr\n%s", answer, r.stdout, r.stderr)
		}
	}
	retry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "10")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"code":"unavailable","detail":"The store does not take this now."}`)
	}))
	defer retry.Close()
	d.run(t, "", "app", "list", "--url", retry.URL).want(t, 2, "try again in 10 s")
}

// TestTokenStaysHere: a redirect is not followed, with or without the token.
func TestTokenStaysHere(t *testing.T) {
	d := newDesk(t)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("it is asked %s", r.URL) }))
	defer other.Close()
	d.Config.Handler = http.RedirectHandler(other.URL, http.StatusTemporaryRedirect)
	d.run(t, "", "app", "list").want(t, 2, "leads elsewhere, to "+other.URL+", which is not followed")
	d.run(t, "{}", "send", "--app", acme, "--type", "a").want(t, 2, "leads elsewhere")
}

// TestAPIBase: all ways to write where the API is are one, and what else is in a URL is
// refused and not shown.
func TestAPIBase(t *testing.T) {
	d := newDesk(t)
	d.says("GET /app", `200 {"data":[],"iterator":null,"done":true}`)
	for _, url := range []string{d.URL, d.URL + "/", d.URL + "/api/v1", d.URL + "/api/v1/"} {
		d.wantRun(t, "No applications.\n", "app", "list", "--url", url)
		d.wantAsked(t, "GET /app?limit=50")
		t.Setenv(envURL, url)
		d.wantRun(t, "No applications.\n", "app", "list")
		d.wantAsked(t, "GET /app?limit=50")
	}
	for _, url := range []string{"webhooks.example.com", "ftp://a/", "http://", "http://user:hunter2@a/", "http://a/?key=hunter2", "http://a/#hunter2", "://hunter2"} {
		r := d.run(t, "", "app", "list", "--url", url)
		if r.want(t, 2, "--url: "); strings.Contains(r.stderr, "hunter2") {
			t.Errorf("a secret is told: %s", r.stderr)
		}
	}
	t.Setenv(envURL, "")
	d.run(t, "", "app", "list").want(t, 2, "Name its host with --url, or export HOOKGATE_URL")
	d.run(t, "", "app", "list", "--url", "http://127.0.0.1:1").want(t, 2, "no API answers at http://127.0.0.1:1 (")
}

// TestTokenFrom: the token comes from one of three places, and from no argument.
func TestTokenFrom(t *testing.T) {
	d := newDesk(t)
	d.says("GET /app", `200 {"data":[],"iterator":null,"done":true}`)
	t.Setenv("OTHER", testToken+"\n")
	list := func(stdin string, args ...string) result {
		return d.run(t, stdin, append([]string{"app", "list"}, args...)...)
	}
	t.Setenv(envToken, "wrong")
	list("", "--token-env", "OTHER").want(t, 0, "")
	list("", "--token-file", file(t, "token", testToken+"\n")).want(t, 0, "")
	list(testToken+"\n", "--token-stdin").want(t, 0, "")
	d.wantAsked(t, "GET /app?limit=50", "GET /app?limit=50", "GET /app?limit=50")
	list("", "--token-stdin", "--token-env", "OTHER").want(t, 2, "the token is in one place")
	list("", "--token-stdin").want(t, 2, "the token in standard input is empty")
	list("", "--token-file", "/does/not/exist").want(t, 2, "reading the token: open /does/not/exist")
	list("", "--token-file", file(t, "token", "two\nlines")).want(t, 2, "has several lines")
	list("", "--token", testToken[:10]).want(t, 2, "unknown flag: --token")
	d.run(t, "{}", "send", "--app", "a", "--type", "b", "--token-stdin").want(t, 2, "standard input cannot be both the token and the body")
	unset(t, envToken)
	list("").want(t, 2, "HOOKGATE_TOKEN is not set; export it before: the API asks for a token, which hookgate webhook token makes")
	d.wantAsked(t)
}

// TestLongAnswer: what does not end is not read.
func TestLongAnswer(t *testing.T) {
	d := newDesk(t)
	d.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := strings.Repeat(" ", 1<<20)
		for range 2 * maxAPIAnswer >> 20 {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	})
	d.run(t, "", "app", "list").want(t, 2, fmt.Sprintf("answers with more than %d bytes", maxAPIAnswer))
}
