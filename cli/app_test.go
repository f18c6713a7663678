package cli

import (
	"fmt"
	"strings"
	"testing"
)

const acmeJSON = `{"id":"` + acme + `","uid":"customer-42","name":"Acme\u001b[2J","throttleRate":5,"metadata":{"plan":"pro"},` +
	`"createdAt":"2026-11-23T10:00:00.000000Z","updatedAt":"2026-11-23T11:30:00.000000Z"}`

// TestAppGolden: what the API says of applications, in tables that no name can disturb.
func TestAppGolden(t *testing.T) {
	d := newDesk(t)
	d.says("GET /app", `200 {"data":[`+acmeJSON+`,{"id":"app_2","name":"Other","metadata":{},"createdAt":"2026-11-23T12:00:00Z"}],"iterator":"app_2","done":false}`)
	d.wantRun(t, `
APPLICATION                      UID          NAME         RATE  CREATED
app_1srOrx2ZWZBpBUvZwXKQmoEYga2  customer-42  Acme\x1b[2J  5/s   2h ago
app_2                            -            Other        -     now
There are more: add --iterator app_2, or --all.
`, "app", "list", "--limit", "2")
	d.wantAsked(t, "GET /app?limit=2")
	d.says("GET /app/customer-42", "200 "+acmeJSON)
	d.wantRun(t, `
application  app_1srOrx2ZWZBpBUvZwXKQmoEYga2
uid          customer-42
name         Acme\x1b[2J
rate         5/s
created      2026-11-23T10:00:00Z (2h ago)
updated      2026-11-23T11:30:00Z (30m ago)
metadata     plan=pro
`, "app", "show", "customer-42")
	d.says("GET /app", `200 {"data":[],"iterator":null,"done":true}`)
	d.wantRun(t, "No applications.\n", "app", "ls")
	d.wantRun(t, "{\n  \"data\": [],\n  \"iterator\": null,\n  \"done\": true\n}\n", "app", "list", "--json")
	d.says("GET /app/a%2F..%2Fb", "200 "+acmeJSON)
	d.asked()
	r := d.run(t, "", "app", "show", "--json", "a/../b")
	if r.want(t, 0, ""); !strings.Contains(r.stdout, `"name": "Acme\u001b[2J"`) {
		t.Errorf("what the API said is not printed:\n%s", r.stdout)
	}
	d.wantAsked(t, "GET /app/a%2F..%2Fb")
}

// TestAppCreate: the id alone is printed, so that a shell can keep it.
func TestAppCreate(t *testing.T) {
	d := newDesk(t)
	d.says("POST /app", "201 "+acmeJSON)
	d.wantRun(t, acme+"\n", "app", "create", "Acme Ltd")
	d.wantRun(t, acme+"\n", "app", "create", "--uid", "customer-42", "--rate", "5", "Acme Ltd")
	all := d.wantAsked(t, "POST /app", "POST /app")
	for i, want := range []string{`{"name":"Acme Ltd"}`, `{"name":"Acme Ltd","throttleRate":5,"uid":"customer-42"}`} {
		if all[i].body != want {
			t.Errorf("body %s, want %s", all[i].body, want)
		}
	}
	if a, b := all[0].header.Get("Idempotency-Key"), all[1].header.Get("Idempotency-Key"); a == b {
		t.Error("two applications have one idempotency key")
	}
}

// TestAppDelete: a person is asked; who is none has to say so.
func TestAppDelete(t *testing.T) {
	d := newDesk(t)
	d.says("DELETE /app/customer-42", "204")
	d.run(t, "", "app", "delete", "customer-42").want(t, 2, "nothing was changed; say that you want it with --yes")
	d.terminal = true
	d.run(t, "n\n", "app", "delete", "customer-42").want(t, 2, "Delete the application customer-42, its endpoints and all that waits for them? [y/N] ")
	d.wantAsked(t)
	if r := d.run(t, "y\n", "app", "delete", "customer-42"); r.status != 0 || r.stdout != "Application customer-42 is deleted.\n" {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	d.terminal = false
	d.wantRun(t, "Application customer-42 is deleted.\n", "app", "delete", "--yes", "customer-42")
	d.wantRun(t, "", "app", "delete", "--yes", "--json", "customer-42")
	d.wantAsked(t, "DELETE /app/customer-42", "DELETE /app/customer-42", "DELETE /app/customer-42")
}

// TestPages: as many as it takes, each where the last ended.
func TestPages(t *testing.T) {
	d := newDesk(t)
	page := func(from, to int, done bool) string {
		var items []string
		for i := from; i <= to; i++ {
			items = append(items, fmt.Sprintf(`{"id":"app_%d","name":"n"}`, i))
		}
		return fmt.Sprintf(`200 {"data":[%s],"iterator":"app_%d","done":%v}`, strings.Join(items, ","), to, done)
	}
	d.says("GET /app", page(1, 250, false), page(251, 300, false))
	r := d.run(t, "", "app", "list", "--limit", "300")
	if r.want(t, 0, ""); strings.Count(r.stdout, "\n") != 302 || !strings.Contains(r.stdout, "add --iterator app_300,") {
		t.Errorf("printed\n%s", r.stdout)
	}
	d.wantAsked(t, "GET /app?limit=250", "GET /app?iterator=app_250&limit=50")
	d.says("GET /app", page(1, 250, false), page(251, 260, true))
	if r := d.run(t, "", "app", "list", "--all", "--iterator", "app_0"); strings.Count(r.stdout, "\n") != 261 || r.status != 0 {
		t.Errorf("printed\n%s", r.stdout)
	}
	d.wantAsked(t, "GET /app?iterator=app_0&limit=250", "GET /app?iterator=app_250&limit=250")
	d.says("GET /app", page(1, 0, false), page(251, 252, true))
	if r := d.run(t, "", "app", "list", "--all", "--iterator", "app_250"); strings.Count(r.stdout, "\n") != 3 || r.status != 0 {
		t.Errorf("after a page that had nothing: %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	d.wantAsked(t, "GET /app?iterator=app_250&limit=250", "GET /app?iterator=app_0&limit=250")
	d.says("GET /app", page(1, 2, false))
	d.run(t, "", "app", "list", "--all").want(t, 2, "lists pages that do not end")
}
