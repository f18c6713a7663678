package hookgate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
)

// section returns what stands under a heading, up to the next of any level.
func (p page) section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", p.path, heading)
	}
	inside, _, _ := strings.Cut(rest, "\n#")
	return inside
}

// table returns the rows of the first table under a heading, without its head.
func (p page) table(t *testing.T, heading string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(p.section(t, heading)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "|") {
			const bar = "\x00"
			cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, bar), "|")
			for i := range cells {
				cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), bar, "|")
			}
			rows = append(rows, cells)
		} else if len(rows) > 0 {
			break
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s: no table under %q", p.path, heading)
	}
	return rows[2:]
}

// firsts returns the first word of each row's first cell, without quotes.
func firsts(rows [][]string) []string {
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i], _, _ = strings.Cut(strings.Trim(row[0], "`"), " ")
	}
	return words
}

// sameSet reports the names that only one of two sets has.
func sameSet(t *testing.T, where string, got, want []string) {
	t.Helper()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s lacks %s", where, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s has %s, which does not exist", where, name)
		}
	}
}

// TestDocumentedRefusals compares the tables of refusals with the code's, row for
// row.
func TestDocumentedRefusals(t *testing.T) {
	var want, types []string
	for _, r := range gateway.Refusals() {
		retry := ""
		if r.RetryAfter > 0 {
			retry = strconv.Itoa(int(r.RetryAfter.Seconds()))
		}
		want = append(want, fmt.Sprintf("%d `%s` %s %s", r.Status, r.Type, r.Message, retry))
		types = append(types, r.Type)
	}
	var got []string
	for _, row := range doc(t, "guarantees.md").table(t, "## Refusals") {
		got = append(got, strings.Join(row[:4], " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/guarantees.md says\n%s\nthe code\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := firsts(doc(t, "operating.md").table(t, "## Trouble")); !slices.Equal(got, types) {
		t.Errorf("docs/operating.md: the trouble table has %v, the code %v", got, types)
	}
}

var descriptor = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)

// TestDocumentedMetrics: every series is documented with its labels, and every
// name in the text exists.
func TestDocumentedMetrics(t *testing.T) {
	cfg := &caddy.Config{AppsRaw: caddy.ModuleMap{"webhooks": json.RawMessage("{}")}}
	apart(t, cfg)
	if err := caddy.Run(cfg); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}()
	descriptors := make(chan *prometheus.Desc, 100)
	ctx := caddy.ActiveContext()
	ctx.GetMetricsRegistry().Describe(descriptors)
	close(descriptors)
	labels := map[string]string{}
	var want []string
	for d := range descriptors {
		if m := descriptor.FindStringSubmatch(d.String()); m != nil && strings.HasPrefix(m[1], "caddy_webhooks_") {
			want = append(want, m[1])
			labels[m[1]] = strings.ReplaceAll(m[2], ",", "`, `")
		}
	}
	if len(want) < 5 {
		t.Fatalf("only %d series are registered", len(want))
	}
	p := doc(t, "operating.md")
	rows := p.table(t, "## Metrics")
	sameSet(t, p.path, firsts(rows), want)
	for _, row := range rows {
		if name := strings.Trim(row[0], "`"); strings.Trim(row[1], "`") != labels[name] {
			t.Errorf("%s: %s has labels %s, not %s", p.path, name, labels[name], row[1])
		}
	}
	for _, p := range pages(t) {
		for _, name := range regexp.MustCompile(`caddy_webhooks_\w*\w`).FindAllString(p.text, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !slices.Contains(want, name) && !slices.Contains(want, base) {
				t.Errorf("%s: there is no series %s", p.path, name)
			}
		}
	}
}

// options returns the options that the parser names when it meets an unknown one.
func options(t *testing.T, caddyfile string) []string {
	t.Helper()
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err == nil {
		t.Fatalf("an unknown option is taken in\n%s", caddyfile)
	}
	_, list, ok := strings.Cut(err.Error(), "there are ")
	if !ok {
		t.Fatalf("%v does not say which options there are", err)
	}
	list, _, _ = strings.Cut(list, ", at ")
	return strings.Split(strings.NewReplacer(", and with forward ", ", ", " and ", ", ").Replace(list), ", ")
}

// TestDocumentedOptions: the tables and the syntax have exactly the options that
// the parser takes.
func TestDocumentedOptions(t *testing.T) {
	reference, schemes := doc(t, "caddyfile.md"), doc(t, "schemes.md")
	var all []string
	for _, row := range []struct {
		page               page
		heading, caddyfile string
	}{
		{reference, "### verify", "localhost {\n\twebhook a {\n\t\tverify svix s {\n\t\t\tnone\n\t\t}\n\t}\n}\n"},
		{reference, "## webhooks", "{\n\twebhooks {\n\t\tnone\n\t}\n}\n"},
		{reference, "## webhook_send", "localhost {\n\twebhook_send a {\n\t\tnone\n\t}\n}\n"},
		{reference, "## webhook_portal", "localhost {\n\twebhook_portal {\n\t\tnone\n\t}\n}\n"},
		{schemes, "## Custom schemes", "{\n\twebhooks {\n\t\tscheme a {\n\t\t\tnone\n\t\t}\n\t}\n}\n"},
	} {
		want := options(t, row.caddyfile)
		all = append(all, want...)
		sameSet(t, row.page.path+" "+row.heading, firsts(row.page.table(t, row.heading)), want)
	}
	source := options(t, "localhost {\n\twebhook a {\n\t\tnone\n\t}\n}\n")
	all = append(all, source...)
	sameSet(t, reference.path+" on sources", slices.Concat(firsts(reference.table(t, "## webhook")), firsts(reference.table(t, "### forward"))), source)
	var syntax []string
	for _, text := range reference.blocks("text") {
		if !strings.HasPrefix(text, "webhook") && !strings.HasPrefix(text, "{") {
			continue // no syntax, but an example of a log
		}
		for line := range strings.Lines(text) {
			word := strings.TrimSpace(regexp.MustCompile(`^\s*\w+`).FindString(line))
			if word != "" && !strings.HasPrefix(word, "webhook") {
				syntax = append(syntax, word)
			}
		}
	}
	sameSet(t, "the syntax in docs/caddyfile.md", syntax, all)
}

// TestDocumentedDefaults compares the defaults with the code's.
func TestDocumentedDefaults(t *testing.T) {
	want := map[string]string{
		"dedupe":       fmt.Sprintf("%s %d", short(gateway.DefaultWindow), gateway.DefaultEntries),
		"max_body":     strings.ReplaceAll(humanize.IBytes(gateway.DefaultMaxBody), " ", ""),
		"read_timeout": short(gateway.DefaultReadTimeout),
		"wait":         short(gateway.DefaultWait),
		"timeout":      short(gateway.DefaultTimeout),
	}
	for _, row := range doc(t, "caddyfile.md").table(t, "## webhook") {
		name := strings.Trim(row[0], "`")
		if value := strings.Trim(row[1], "`"); want[name] != "" && want[name] != strings.Replace(value, "1MiB", "1.0MiB", 1) {
			t.Errorf("docs/caddyfile.md: %s is %s by default, not %s", name, want[name], value)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("docs/caddyfile.md lacks the defaults %v", want)
	}
}

// TestDocumentedIntake compares the refusals of webhook_send with the code's.
func TestDocumentedIntake(t *testing.T) {
	var want, got []string
	for _, r := range sender.IntakeRefusals() {
		want = append(want, fmt.Sprintf("%d `%s` %s", r.Status, r.Type, r.When))
	}
	for _, row := range doc(t, "producing.md").table(t, "## webhook_send") {
		got = append(got, strings.Join(row[:3], " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/producing.md says\n%s\nthe code\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDocumentedMessages: errors and log lines that the documentation quotes are
// in the code; "…" stands for what differs.
func TestDocumentedMessages(t *testing.T) {
	var code strings.Builder
	for _, folder := range []string{"verifier", "gateway", "store", "store/sqlite", "store/postgres", "delivery", "sender", "api", "caddymodule"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				code.Write(text)
			}
		}
	}
	reference, operating := doc(t, "caddyfile.md"), doc(t, "operating.md")
	var quoted []string
	for _, row := range reference.table(t, "## Errors worth knowing") {
		quoted = append(quoted, row[0])
	}
	logs := operating.section(t, "## Logs")
	for _, m := range regexp.MustCompile(`"msg":"([^"]+)"`).FindAllStringSubmatch(logs, -1) {
		quoted = append(quoted, m[1])
	}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(fence.ReplaceAllString(logs, ""), -1) {
		if strings.Contains(m[1], " ") {
			quoted = append(quoted, m[1])
		}
	}
	if len(quoted) < 30 {
		t.Errorf("only %q are quoted", quoted)
	}
	for _, text := range quoted {
		for part := range strings.SplitSeq(strings.Trim(text, "`"), "…") {
			if part = strings.TrimSpace(part); !strings.Contains(code.String(), part) {
				t.Errorf("the documentation quotes %q, which the code does not say", part)
			}
		}
	}
}

// TestDocumentedPlaceholders compares the table of placeholders with those that the
// adapter answers.
func TestDocumentedPlaceholders(t *testing.T) {
	source, err := os.ReadFile("caddymodule/observer.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range regexp.MustCompile(`(?m)^\tcase "(\w+)":$`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, "{http.webhook."+name[1]+"}")
	}
	if len(want) < 6 {
		t.Fatalf("the adapter answers %v only", want)
	}
	sameSet(t, "docs/caddyfile.md", firsts(doc(t, "caddyfile.md").table(t, "## Placeholders and the access log")), want)
}
