package hookgate_test

import (
	"context"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/store/sqlite"
	"github.com/hookgate/hookgate/verifier"
)

// arrivals keeps what a stored source hands over.
type arrivals []*store.Arrival

// Accept implements [gateway.Queue].
func (a *arrivals) Accept(_ context.Context, arrival *store.Arrival) (store.Verdict, error) {
	*a = append(*a, arrival)
	return store.Verdict{Result: store.Stored, Seq: 1}, nil
}

// TestDocumentedHeaders compares the table of Hookgate-* headers with what apps
// are sent: behind a direct source, and by the replay of a stored one.
func TestDocumentedHeaders(t *testing.T) {
	preset, _ := verifier.Preset("svix")
	secret, _ := samples.Secrets(preset, 0)
	signer, err := verifier.NewSigner(preset, []string{secret}, verifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"type":"a.b"}`
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		if r.Header, err = signer.Sign(verifier.Message{ID: "msg_1", Timestamp: time.Now(), Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	ours := func(h http.Header) (names []string) {
		for name := range h {
			if strings.HasPrefix(name, "Hookgate-") {
				names = append(names, name)
			}
		}
		return names
	}
	var direct []string
	next := func(w http.ResponseWriter, r *http.Request) error {
		direct = ours(r.Header)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if err := newSource(t, preset).Receive(httptest.NewRecorder(), request(), next); err != nil {
		t.Fatal(err)
	}
	var kept arrivals
	source, err := gateway.NewSource(gateway.Config{
		Name: "doc", Verify: []gateway.Verify{{Scheme: preset, Secrets: []string{secret}}}, Forward: &gateway.Forward{Queue: &kept},
	}, gateway.NewProcess(1<<20, time.Now), new(gateway.State))
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Receive(httptest.NewRecorder(), request(), nil); err != nil || len(kept) != 1 {
		t.Fatalf("%v, %d events are stored", err, len(kept))
	}
	a := kept[0]
	attempt, err := source.Request(t.Context(), &store.Delivery{
		Event:  store.Event{Seq: 1, Source: a.Source, ID: a.ID, Type: a.Type, Scheme: a.Scheme, Timestamp: a.Timestamp, Received: a.Received},
		Replay: true, Head: a.Head, Body: a.Body,
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := ours(attempt.Header)
	documented := firsts(doc(t, "guarantees.md").table(t, "## The headers your app sees"))
	sameSet(t, "docs/guarantees.md", documented, stored)
	sameSet(t, "docs/guarantees.md without replay", slices.DeleteFunc(documented, func(name string) bool { return name == "Hookgate-Replay" }), direct)
}

// TestDocumentedOutcomes compares the table of outcomes with the engine's, row for
// row.
func TestDocumentedOutcomes(t *testing.T) {
	var want []string
	for _, o := range delivery.Outcomes() {
		verdict := ""
		if o.Verdict {
			verdict = "yes"
		}
		want = append(want, strings.Join([]string{"`" + o.Outcome + "`", o.When, verdict, o.Then}, " | "))
	}
	var got []string
	for _, row := range doc(t, "guarantees.md").table(t, "### What an attempt comes to") {
		got = append(got, strings.Join(row, " | "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/guarantees.md says\n%s\nthe code\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// drawings returns the indented blocks of a package's comment.
func drawings(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, block := range regexp.MustCompile(`(?m)(?:^\t.*\n|^\n)+`).FindAllString(file.Doc.Text(), -1) {
		if block = strings.Trim(block, "\n"); block != "" {
			all = append(all, regexp.MustCompile(`(?m)^\t`).ReplaceAllString(block, ""))
		}
	}
	return all
}

// TestDocumentedStates: the drawings are those of the code, and they and the tables
// have the states of the code.
func TestDocumentedStates(t *testing.T) {
	p := doc(t, "guarantees.md")
	var states []string
	for s := store.Pending; s.String() != "unknown"; s++ {
		states = append(states, s.String())
	}
	source, err := os.ReadFile("gateway/operator_sources.go")
	if err != nil {
		t.Fatal(err)
	}
	var fares []string
	for _, m := range regexp.MustCompile(`(?m)^\tSource\w+ = "(\w+)"$`).FindAllStringSubmatch(string(source), -1) {
		if m[1] != gateway.SourceDirect { // has no destination
			fares = append(fares, m[1])
		}
	}
	drawn := drawings(t, "delivery/doc.go")
	if len(states) < 4 || len(fares) < 5 || len(drawn) != 2 {
		t.Fatalf("there are the states %v and %v, and %d drawings", states, fares, len(drawn))
	}
	for i, row := range []struct {
		heading       string
		states, drawn []string
	}{
		{"### The states of a delivery", states, states},
		{"### The states of a destination", fares, []string{gateway.SourceUp, gateway.SourceDown}},
	} {
		sameSet(t, p.path+" "+row.heading, firsts(p.table(t, row.heading)), row.states)
		if !strings.Contains(p.section(t, row.heading), "```text\n"+drawn[i]+"\n```") {
			t.Errorf("%s %s: the drawing is not that of delivery/doc.go:\n%s", p.path, row.heading, drawn[i])
		}
		for _, state := range row.drawn {
			if !regexp.MustCompile(`\b` + state + `\b`).MatchString(drawn[i]) {
				t.Errorf("delivery/doc.go does not draw %s", state)
			}
		}
	}
}

// code returns the text of a folder's Go files, without its tests.
func code(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			all.Write(text)
		}
	}
	return all.String()
}

// TestDocumentedReasons: the table has the reasons for which deliveries are dead.
func TestDocumentedReasons(t *testing.T) {
	want := []string{"erased"}
	if !strings.Contains(code(t, "store"), `"erased"`) {
		t.Error("the store does not say erased")
	}
	for _, m := range regexp.MustCompile(`(?m)^\tReason\w+ += "([^"]+)"`).FindAllStringSubmatch(code(t, "delivery"), -1) {
		want = append(want, m[1])
	}
	if len(want) < 5 {
		t.Fatalf("there are the reasons %v only", want)
	}
	var got []string
	for _, row := range doc(t, "guarantees.md").table(t, "### Dead letters") {
		got = append(got, strings.Trim(row[0], "`"))
	}
	sameSet(t, "docs/guarantees.md", got, want)
}

// TestDocumentedAPI: the table has the routes of the operator's API, with all that
// they take.
func TestDocumentedAPI(t *testing.T) {
	source := code(t, "gateway")
	want := []string{"POST " + api.RevokePath}
	for _, m := range regexp.MustCompile(`(?m)^\t\{"(GET|POST)", "(/webhooks/[^"]+)"`).FindAllStringSubmatch(source, -1) {
		want = append(want, m[1]+" "+m[2])
	}
	if len(want) < 10 {
		t.Fatalf("there are the routes %v only", want)
	}
	takes := map[string][]string{}
	var got []string
	for _, row := range doc(t, "operating.md").table(t, "### The same over HTTP") {
		route := strings.Trim(row[0], "`")
		got = append(got, route)
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			if !slices.Contains(takes[route], name[1]) {
				takes[route] = append(takes[route], name[1])
			}
		}
	}
	sameSet(t, "docs/operating.md", got, want)
	for route, body := range map[string]any{
		"POST /webhooks/jobs": gateway.JobRequest{}, "POST /webhooks/backup": gateway.BackupRequest{},
		"POST /webhooks/events/{seq}/retry": gateway.RetryRequest{},
	} {
		var members []string
		for field := range reflect.TypeOf(body).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			members = append(members, name)
		}
		sameSet(t, "docs/operating.md "+route, takes[route], members)
	}
	for _, m := range regexp.MustCompile(`parameters\(r((?:, "\w+")+)\)`).FindAllStringSubmatch(source, -1) {
		names := regexp.MustCompile(`\w+`).FindAllString(m[1], -1)
		route := "GET /webhooks/events"
		if names[0] == "payload" {
			route += "/{seq}"
		}
		sameSet(t, "docs/operating.md "+route, takes[route], names)
	}
}

// TestDocumentedStoreDefaults: the defaults of forward and of the store are those of
// the code. Those that no package exports are found by how they are written there.
func TestDocumentedStoreDefaults(t *testing.T) {
	p := doc(t, "caddyfile.md")
	defaults := map[string]string{}
	for _, heading := range []string{"### forward", "## webhooks"} {
		for _, row := range p.table(t, heading) {
			defaults[strings.Trim(row[0], "`")] = strings.Trim(row[1], "`")
		}
	}
	var retry []string
	for _, d := range delivery.DefaultRetry() {
		retry = append(retry, short(d))
	}
	for option, want := range map[string]string{
		"retry":       strings.Join(retry, " "),
		"max_backlog": strconv.Itoa(gateway.DefaultMaxBacklog),
	} {
		if defaults[option] != want {
			t.Errorf("%s: %s is %s by default, not %s", p.path, option, want, defaults[option])
		}
	}
	for _, row := range []struct{ option, documented, folder, written string }{
		{"give_up", "14d", "delivery", `d\.GiveUp = .*14\*24\*time\.Hour`},
		{"concurrency", "16", "delivery", `d\.Concurrency = .*\b16\)`},
		{"concurrency", "16", "caddymodule", `maxConcurrency = 1024\n`},
		{"store", "sqlite <data>/webhooks/events.db", "caddymodule", `AppDataDir\(\), "webhooks", "events\.db"\)`},
		{"retention", "7d 10GiB", "caddymodule", `defaultAge += caddy\.Duration\(7 \* 24 \* time\.Hour\)\n`},
		{"retention", "7d 10GiB", "caddymodule", `defaultSize += 10 << 30\n`},
		{"dead", "30d", "caddymodule", `defaultDead += caddy\.Duration\(30 \* 24 \* time\.Hour\)\n`},
		{"free_space", "512MiB", "caddymodule", `defaultFreeSpace += 512 << 20\n`},
		{"body_memory", "64MiB", "caddymodule", `defaultBodyMemory += 64 << 20\n`},
	} {
		if defaults[row.option] != row.documented || !regexp.MustCompile(row.written).MatchString(code(t, row.folder)) {
			t.Errorf("%s: %s is %s by default, and the code of %s does not have %s", p.path, row.option, defaults[row.option], row.folder, row.written)
		}
	}
}

// TestDocumentedLimits: the limits of stored sources are those of the code.
func TestDocumentedLimits(t *testing.T) {
	p := doc(t, "guarantees.md")
	limits := p.section(t, "## Limits")
	for _, row := range []struct{ documented, folder, written string }{
		{"1,000,000 (`max_backlog`)", "gateway", `DefaultMaxBacklog = 1_000_000\n`},
		{"1,024 for each source", "delivery", `maxFresh += 1024\n`},
		{"32 MiB together", "delivery", `maxFreshBytes += 32 << 20\n`},
		{"512 events and", "store", `maxBatch += 512\n`},
		{"and 16 MiB;", "store", `maxBatchBytes += 16 << 20\n`},
		{"2,048 operations", "store", `queueLength += 2048\n`},
		{"64 KiB are read", "caddymodule", `maxResponse += 64 << 10\n`},
		{"2 KiB are kept", "caddymodule", `keptResponse += 2 << 10\n`},
		{"10 s, then 503", "gateway", `commitTimeout += 10 \* time\.Second\n`},
	} {
		if !strings.Contains(limits, row.documented) || !regexp.MustCompile(row.written).MatchString(code(t, row.folder)) {
			t.Errorf("%s says %q: %t; the code of %s has %s: %t", p.path, row.documented, strings.Contains(limits, row.documented),
				row.folder, row.written, regexp.MustCompile(row.written).MatchString(code(t, row.folder)))
		}
	}
	number := regexp.MustCompile(`(\d)(\d{3})(\d{3})$`).ReplaceAllString(strconv.Itoa(sqlite.MaxKeys), "$1,$2,$3")
	for _, p := range []page{p, doc(t, "operating.md")} {
		if !strings.Contains(p.text, number) {
			t.Errorf("%s does not say that a store remembers %s events at most", p.path, number)
		}
	}
}
