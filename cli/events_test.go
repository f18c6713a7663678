package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// furnish stores an event in each of three states, a minute apart, and returns their
// numbers, the oldest first.
func (b *bed) furnish(t testing.TB) (dead, waits, delivered int64) {
	t.Helper()
	dead = b.accept(t, "msg_1", "invoice.paid", `{"a":1}`)
	b.settle(t, dead, store.Dead, store.Attempt{Number: 1, Started: noon, Took: 1200 * time.Millisecond, Outcome: "failed", Status: 500, Response: []byte("oops\n  at line 1")})
	b.now = b.now.Add(time.Minute)
	waits = b.accept(t, "msg_2", "user.new", "\x00\xff")
	b.settle(t, waits, store.Pending, store.Attempt{Number: 1, Started: noon, Took: 2 * time.Millisecond, Outcome: "unreachable", Error: "dial tcp: refused"})
	b.now = b.now.Add(time.Minute)
	delivered = b.accept(t, "msg_3", "", `{}`)
	b.settle(t, delivered, store.Delivered, store.Attempt{Number: 1, Started: noon, Outcome: "delivered", Status: 200})
	b.now = b.now.Add(time.Minute)
	return dead, waits, delivered
}

// golden compares what is printed; its first line end is for the eye.
func golden(t testing.TB, what, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("%s printed\n%s\nwant\n%s", what, got, want)
	}
}

const (
	listGolden = `
SEQ               RECEIVED  SOURCE   TYPE          STATE      ATTEMPTS  ID     NOTE
1795435320000000  60s ago   travtus  -             delivered  1         msg_3
1795435260000000  2m ago    travtus  user.new      pending    1         msg_2  next in 3m
1795435200000000  3m ago    travtus  invoice.paid  dead       1         msg_1  exhausted
`
	pageGolden = `
SEQ               RECEIVED  SOURCE   TYPE  STATE      ATTEMPTS  ID     NOTE
1795435320000000  60s ago   travtus  -     delivered  1         msg_3
There are more: add --before 1795435320000000.
`
	headGolden = `
event      1795435200000000
source     travtus
id         msg_1
type       invoice.paid
scheme     svix
timestamp  2026-11-23T12:00:00Z (3m ago)
received   2026-11-23T12:00:00Z (3m ago)
size       7 B
state      dead: exhausted
armed      2026-11-23T12:00:00Z (3m ago)
settled    2026-11-23T12:00:00Z (3m ago)

ATTEMPT  STARTED  TOOK  OUTCOME  STATUS  ERROR OR RESPONSE
1        3m ago   1.2s  failed   500     oops at line 1
`
	showGolden = headGolden + `
POST /hooks/travtus?a=b
Host: app.example.com
Content-Type: application/json

{"a":1}
`
)

// TestEventsGolden: what people see, from a running gateway and from its file, which
// are the same but for who is asked.
func TestEventsGolden(t *testing.T) {
	b := newBed(t)
	_, waits, _ := b.furnish(t)
	for _, where := range []string{"gateway", "file"} {
		var more []string
		if where == "file" {
			b.close(t)
			more = []string{"--store", b.path}
		}
		for _, test := range []struct {
			args []string
			want string
		}{
			{[]string{"events", "ls"}, listGolden},
			{[]string{"events", "ls", "--state", "ignored"}, "No events.\n"},
			{[]string{"events", "ls", "--limit", "1", "--source", "travtus"}, pageGolden},
			{[]string{"events", "show", "--payload", "travtus/msg_1"}, showGolden},
			{[]string{"events", "show", "1795435200000000"}, headGolden},
		} {
			r := b.run(t, "", append(test.args, more...)...)
			r.want(t, 0, "")
			golden(t, where+": "+strings.Join(test.args, " "), r.stdout, test.want)
		}
		r := b.run(t, "", append([]string{"events", "show", "--payload", strconv.FormatInt(waits, 10)}, more...)...)
		if r.want(t, 0, ""); !strings.Contains(r.stdout, "(2 B that are no text; --json shows them in base64)") {
			t.Errorf("%s: a body that is no text is shown as\n%s", where, r.stdout)
		}
		if asked := b.asked(); (len(asked) == 0) != (where == "file") {
			t.Errorf("%s: the gateway was asked %q", where, asked)
		}
	}
}

// TestEventsJSON: one document of what the API says.
func TestEventsJSON(t *testing.T) {
	b := newBed(t)
	dead, waits, delivered := b.furnish(t)
	var page gateway.EventPage
	r := b.run(t, "", "events", "ls", "--json")
	r.want(t, 0, "")
	if err := json.Unmarshal([]byte(r.stdout), &page); err != nil || len(page.Events) != 3 || page.Events[0].Seq != delivered || page.Next != "" {
		t.Errorf("%v in\n%s", err, r.stdout)
	}
	var detail gateway.EventDetail
	r = b.run(t, "", "events", "show", "--payload", "--json", strconv.FormatInt(waits, 10))
	r.want(t, 0, "")
	if err := json.Unmarshal([]byte(r.stdout), &detail); err != nil || string(detail.Payload.Body.Base64) != "\x00\xff" || len(detail.Attempts) != 1 {
		t.Errorf("%v in\n%s", err, r.stdout)
	}
	r = b.run(t, "", "events", "retry", "--json", strconv.FormatInt(dead, 10))
	if r.want(t, 0, ""); r.stdout != "{}\n" {
		t.Errorf("retry printed %q", r.stdout)
	}
}

// TestEventsFilters are sent as the API has them, whatever the operator wrote.
func TestEventsFilters(t *testing.T) {
	b := newBed(t)
	b.run(t, "", "events", "ls", "--source", "travtus", "--state", "dead", "--type", "a b.*", "--from", "2h", "--to", "2026-11-23T12:00:00+01:00", "--before", "12", "--limit", "7").want(t, 0, "")
	asked := b.asked()
	if len(asked) != 1 {
		t.Fatalf("asked %q", asked)
	}
	u, err := url.Parse(strings.TrimPrefix(asked[0], "GET "))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"source": {"travtus"}, "state": {"dead"}, "type": {"a b.*"}, "from": {"2026-11-23T10:00:00Z"}, "to": {"2026-11-23T11:00:00Z"}, "before": {"12"}, "limit": {"7"}}
	if u.Path != "/webhooks/events" || u.Query().Encode() != want.Encode() {
		t.Errorf("asked %s, want %v", u, want)
	}
}

// TestEventsPages: a limit beyond a page's is reached by several, without a gap or an
// overlap.
func TestEventsPages(t *testing.T) {
	b := newBed(t)
	const n = 1203
	for i := range n {
		b.accept(t, fmt.Sprintf("msg_%d", i), "a", "{}")
	}
	for limit, want := range map[int]int{1: 1, 500: 500, 501: 501, 1100: 1100, n: n, 5000: n} {
		var page gateway.EventPage
		r := b.run(t, "", "events", "ls", "--json", "--limit", strconv.Itoa(limit))
		r.want(t, 0, "")
		if err := json.Unmarshal([]byte(r.stdout), &page); err != nil {
			t.Fatal(err)
		}
		seqs := make([]int64, len(page.Events))
		for i, e := range page.Events {
			seqs[i] = -e.Seq
		}
		if len(seqs) != want || !slices.IsSorted(seqs) || len(slices.Compact(seqs)) != want || (page.Next == "") != (want == n) {
			t.Errorf("limit %d: %d events, next %q", limit, len(page.Events), page.Next)
		}
		if asked := b.asked(); len(asked) != (want+499)/500 {
			t.Errorf("limit %d: asked %q", limit, asked)
		}
	}
}

// TestTerminalIsSafe: whatever a sender put into ids, types, headers and bodies and
// an app into its answers, no command prints a byte that a terminal obeys, in either
// form.
func TestTerminalIsSafe(t *testing.T) {
	b := newBed(t)
	evil := "\x1b[2J\x1b]0;owned\a\u009b31m\u202e\r"
	seq := b.accept(t, evil, evil, evil+"\n{}")
	b.settle(t, seq, store.Dead, store.Attempt{Number: 1, Outcome: "failed", Status: 500, Error: evil})
	b.settle(t, b.accept(t, "other", "x", "{}"), store.Pending, store.Attempt{Number: 1, Outcome: "failed", Status: 500, Response: []byte(evil)})
	number := strconv.FormatInt(seq, 10)
	for _, args := range [][]string{
		{"sources"},
		{"events", "ls"},
		{"events", "show", "--payload", number},
		{"events", "show", "travtus/other"},
		{"stats"},
		{"jobs", "ls"},
		{"events", "show", "travtus/" + evil},
		{"events", "show", evil + "/x"},
		{"events", "show", evil},
		{"pause", evil},
		{"jobs", "cancel", evil},
		{"events", "recover", evil},
		{"backup", "/nowhere/" + evil},
		{"events", "ls", "--source", evil},
		{"events", "ls", "--state", evil},
		{"events", "ls", "--from", evil},
		{"events", evil},
	} {
		for _, form := range []string{"", "--json"} {
			all := args
			if form != "" {
				all = append(slices.Clone(args), form)
			}
			r := b.run(t, "", all...)
			if !prints(r.stdout, "\n") || !prints(r.stderr, "\n") {
				t.Errorf("%q printed\n%q\n%q", all, r.stdout, r.stderr)
			}
		}
	}
}

// TestEventsChange: retry, forget and erase say what they did, and erase not without
// a yes.
func TestEventsChange(t *testing.T) {
	b := newBed(t)
	dead, _, _ := b.furnish(t)
	number := strconv.FormatInt(dead, 10)
	for _, test := range []struct {
		args     []string
		stdin    string
		terminal bool
		status   int
		stdout   string
		stderr   string
		asks     string // the last request; "" for none
	}{
		{[]string{"retry", number}, "", false, 0, "Event " + number + " is due now.\n", "", "POST /webhooks/events/" + number + "/retry"},
		{[]string{"forget", "travtus/msg_1"}, "", false, 0, "Event " + number + " is forgotten: its next copy is as new.\n", "", "POST /webhooks/events/" + number + "/forget"},
		{[]string{"erase", number}, "y\n", false, 2, "", "say that you want it with --yes", ""},
		{[]string{"erase", number}, "n\n", true, 2, "", "[y/N] Error: nothing was changed", ""},
		{[]string{"erase", number}, "\n", true, 2, "", "nothing was changed", ""},
		{[]string{"erase", number}, "", true, 2, "", "reading the answer: EOF", ""},
		{[]string{"erase", number}, "YES\n", true, 0, "The payload of event " + number + " is erased.\n", "Erase the payload of event " + number + "? This cannot be undone. [y/N] ", "POST /webhooks/events/" + number + "/erase"},
		{[]string{"erase", "--yes", number}, "", false, 0, "The payload of event " + number + " is erased.\n", "", "POST /webhooks/events/" + number + "/erase"},
		{[]string{"retry", number}, "", false, 2, "", "The payload of event " + number + " is gone", "POST /webhooks/events/" + number + "/retry"},
	} {
		b.terminal = test.terminal
		r := b.run(t, test.stdin, append([]string{"events"}, test.args...)...)
		r.want(t, test.status, test.stderr)
		if r.stdout != test.stdout {
			t.Errorf("%q printed %q", test.args, r.stdout)
		}
		last := ""
		if asked := b.asked(); len(asked) > 0 {
			last = asked[len(asked)-1]
		}
		if last != test.asks {
			t.Errorf("%q asked %q, want %q", test.args, last, test.asks)
		}
	}
	if r := b.run(t, "", "events", "show", "--payload", number); !strings.Contains(r.stdout, "The payload is not kept any more.") {
		t.Errorf("erased:\n%s", r.stdout)
	}
}

// TestEventNames: a number or a source and id name an event, and what is ambiguous
// leads to numbers.
func TestEventNames(t *testing.T) {
	b := newBed(t)
	first := b.accept(t, "a/b", "x", "{}")
	b.run(t, "", "events", "forget", "travtus/a/b").want(t, 0, "")
	second := b.accept(t, "a/b", "x", "{}")
	for name, want := range map[string]string{
		"travtus/a/b": fmt.Sprintf("several events with the id \"a/b\"; name one by its number: %d, %d", second, first),
		"travtus/c":   `no event with the id "c"`,
		"nobody/c":    "there are travtus",
		"a":           "write its number, or <source>/<id>",
		"1":           "event 1: store: not found",
		"-1":          "unknown shorthand flag: '1' in -1; if it is no flag, write -- before it",
	} {
		b.run(t, "", "events", "show", name).want(t, 2, want)
	}
	b.run(t, "", "events", "show", "--", "-1").want(t, 2, `a positive decimal number; "-1" is not`)
}

// TestEventsOfSeveralPlaces: each delivery of a message with several targets can be seen
// and tried again, and none is guessed.
func TestEventsOfSeveralPlaces(t *testing.T) {
	b := newBed(t)
	b.operator.Targets = []string{"send/orders/0", "send/orders/1"}
	v, err := b.store.Accept(t.Context(), &store.Arrival{
		Source: "send/orders", To: []store.Target{{Destination: "send/orders/0"}, {Destination: "send/orders/1"}},
		ID: "order-1", Type: "order.paid", Received: b.now, Head: []byte("{}"), Body: []byte(`{"order":1}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	seq := strconv.FormatInt(v.Seq, 10)
	for _, test := range []struct {
		args []string
		want string
	}{{nil, `
DESTINATION    STATE    SHOWN
send/orders/0  pending  here
send/orders/1  pending  -
`}, {[]string{"--destination", "send/orders/1"}, `
DESTINATION    STATE    SHOWN
send/orders/0  pending  -
send/orders/1  pending  here
`}} {
		r := b.run(t, "", append([]string{"events", "show", seq}, test.args...)...)
		if r.want(t, 0, ""); !strings.HasSuffix(r.stdout, test.want) {
			t.Errorf("%q:\n%s", test.args, r.stdout)
		}
	}
	b.run(t, "", "events", "show", "--destination", "send/orders/2", seq).want(t, 2, `does not go to "send/orders/2"`)
	b.run(t, "", "events", "retry", seq).want(t, 2, "goes to 2 places: say which destination is meant, as send/orders/1.")
	b.run(t, "", "events", "retry", "--destination", "send/orders/2", seq).want(t, 2, "does not go to")
	if r := b.run(t, "", "events", "retry", "--destination", "send/orders/1", seq); r.stdout != "Event "+seq+" is due now.\n" {
		t.Errorf("%d: %s%s", r.status, r.stdout, r.stderr)
	}
}

// TestStoreFlag: a file is read where no gateway runs on it, is not changed by that,
// and takes no changes.
func TestStoreFlag(t *testing.T) {
	b := newBed(t)
	b.furnish(t)
	b.run(t, "", "events", "ls", "--store", b.path).want(t, 2, "ask the running gateway")
	b.close(t)
	before, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	r := b.run(t, "", "stats", "--store", b.path)
	golden(t, "stats", strings.Replace(r.stdout, strconv.Itoa(len(before)>>10)+" KiB", "n KiB", 1), `
state    no gateway is running on this store
used     n KiB
free     unknown
pending  1
dead     1

DESTINATION     PENDING  DEAD
source/travtus  1        1
`)
	copied := b.path + ".copy"
	r = b.run(t, "", "backup", "--store", b.path, copied)
	r.want(t, 0, "")
	golden(t, "backup", r.stdout, "Copied to "+copied+", and checked.\n")
	golden(t, "the copy", b.run(t, "", "events", "ls", "--store", copied).stdout, listGolden)
	b.run(t, "", "backup", "--store", b.path, copied).want(t, 2, "already exists")
	b.run(t, "", "events", "ls", "--store", b.path+".other").want(t, 2, "no such file")
	b.run(t, "", "events", "ls", "--store", b.path, "--admin", "localhost:1").want(t, 2, "name one")
	b.run(t, "", "events", "retry", "--store", b.path, "1").want(t, 2, "unknown flag: --store")
	if asked := b.asked(); len(asked) != 0 {
		t.Errorf("the gateway was asked %q", asked)
	}
	if after, err := os.ReadFile(b.path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
}
