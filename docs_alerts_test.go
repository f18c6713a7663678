package hookgate_test

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.yaml.in/yaml/v3"
)

// runbook is where the pages of alerts are published.
const runbook = "https://github.com/hookgate/hookgate/blob/main/docs/operating.md#"

// metricName is what looks like a series of ours.
var metricName = regexp.MustCompile(`caddy_webhooks_\w+`)

// TestAlerts: each rule is complete, is about series that exist, and has a page, and
// there are no pages but for rules.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Alert, Expr, For    string
		Labels, Annotations map[string]string
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	operating := doc(t, "operating.md")
	var alerts []string
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			alerts = append(alerts, r.Alert)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s has the severity %q", r.Alert, s)
			}
			if !strings.HasSuffix(r.Annotations["summary"], ".") || !strings.HasSuffix(r.Annotations["description"], ".") {
				t.Errorf("%s lacks a summary or a description: %v", r.Alert, r.Annotations)
			}
			if want := runbook + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: the runbook is %s, not %s", r.Alert, r.Annotations["runbook_url"], want)
			}
			checkSeries(t, r.Alert, r.Expr)
		}
	}
	if len(alerts) < 15 {
		t.Errorf("there are only the alerts %v", alerts)
	}
	var pages []string
	for _, m := range regexp.MustCompile(`(?m)^### (Webhook\w+)$`).FindAllStringSubmatch(operating.text, -1) {
		pages = append(pages, m[1])
		section := operating.section(t, "### "+m[1])
		for _, part := range []string{"*It means* that ", "*The senders* "} {
			if !strings.Contains(section, part) {
				t.Errorf("%s: the page of %s lacks %q", operating.path, m[1], part)
			}
		}
	}
	sameSet(t, operating.path, pages, alerts)
}

// checkSeries holds a rule against the table of metrics, which is held against the
// code: series, the labels it selects or groups by, and the values of fixed lists.
func checkSeries(t *testing.T, alert, expr string) {
	t.Helper()
	labels := map[string][]string{}
	for _, row := range doc(t, "operating.md").table(t, "## Metrics") {
		labels[strings.Trim(row[0], "`")] = regexp.MustCompile(`\w+`).FindAllString(row[1], -1)
	}
	known := []string{"instance", "le"}
	for _, name := range metricName.FindAllString(expr, -1) {
		base := name
		if _, ok := labels[name]; !ok {
			base = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		}
		if _, ok := labels[base]; !ok {
			t.Errorf("%s: there is no series %s", alert, name)
		}
		known = append(known, labels[base]...)
	}
	if len(known) == 2 && !metricName.MatchString(expr) {
		t.Errorf("%s is about no series of ours", alert)
	}
	for _, m := range regexp.MustCompile(`(?:by|on) \(([\w, ]+)\)`).FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ", ") {
			if !slices.Contains(known, label) {
				t.Errorf("%s: none of its series has the label %s", alert, label)
			}
		}
	}
	words := doc(t, "guarantees.md").text + doc(t, "caddyfile.md").text
	for _, m := range regexp.MustCompile(`(\w+)[!=]~?"([^"]+)"`).FindAllStringSubmatch(expr, -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("%s: none of its series has the label %s", alert, m[1])
		}
		for value := range strings.SplitSeq(m[2], "|") {
			if !strings.Contains(words, "`"+value+"`") {
				t.Errorf("%s: %s is never %s", alert, m[1], value)
			}
		}
	}
}

// TestDocumentedManifests: manifests are YAML, keep the store on a volume, and the
// Caddyfiles in them load.
func TestDocumentedManifests(t *testing.T) {
	n := 0
	for place, text := range doc(t, "operating.md").blocks("yaml") {
		n++
		t.Run(place, func(t *testing.T) {
			decoder := yaml.NewDecoder(strings.NewReader(text))
			documents := 0
			for {
				var manifest struct {
					Kind string
					Data map[string]string
					Spec struct{ Replicas int }
				}
				err := decoder.Decode(&manifest)
				if documents > 0 && errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				documents++
				if manifest.Kind == "Deployment" || manifest.Kind == "StatefulSet" && manifest.Spec.Replicas != 1 {
					t.Errorf("a %s with %d replicas: a store has one process", manifest.Kind, manifest.Spec.Replicas)
				}
				if caddyfile, ok := manifest.Data["Caddyfile"]; ok {
					config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(provideSecrets(t, caddyfile)), nil)
					if err != nil || len(warnings) > 0 {
						t.Fatal(err, warnings)
					}
					validateJSON(t, config)
				}
			}
			if !regexp.MustCompile(`hookgate_data:/data|mountPath: /data\b`).MatchString(text) {
				t.Error("nothing is mounted at /data, where the image keeps the store")
			}
		})
	}
	if n < 2 {
		t.Errorf("only %d manifests are documented", n)
	}
}
