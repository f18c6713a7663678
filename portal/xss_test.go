package portal_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// scripts are 200 ways to have a page run hacked(): ways to begin a script, each after ways to
// get out of where a text is shown.
func scripts() (all []string) {
	for _, out := range []string{"", `">`, `'>`, "</textarea>", "</title></head>", "</pre></code>", "</script>", "-->", "{{end}}", "\u2028\u202e</summary>"} {
		for _, in := range []string{
			"<script>hacked()</script>", "<ScRiPt/x>hacked()</sCrIpT >", "<script src=//evil.example/x.js></script>", "<img src=x onerror=hacked()>",
			"<svg onload=hacked()>", "<svg><script>hacked()</script></svg>", "<body onpageshow=hacked()>", "<details open ontoggle=hacked()>",
			"<iframe src=javascript:hacked()></iframe>", "<iframe srcdoc='<script>parent.hacked()</script>'></iframe>", "<a href=javascript:hacked() autofocus onfocus=hacked()>x</a>",
			"<input autofocus onfocus=hacked()>", "<video><source onerror=hacked()></video>", "<math><mtext></form><form><mglyph><style></math><img src=x onerror=hacked()>",
			"<form action=javascript:hacked()><button autofocus>x", "<object data=javascript:hacked()>", "<meta http-equiv=refresh content='0;url=javascript:hacked()'>",
			"<style>@import 'javascript:hacked()'</style>", `" onmouseover="hacked()" style="position:fixed;inset:0" x="`, "javascript:hacked()",
		} {
			all = append(all, out+in)
		}
	}
	return all
}

// 200 scripts in every field that is stored and shown stay text: in no page is there a script
// but ours, a handler, or a URL that runs; and a browser runs none (P-07).
func TestStoredScriptsStayText(t *testing.T) {
	all := scripts()
	if len(all) != 200 {
		t.Fatalf("%d scripts", len(all))
	}
	b := newGatewayBed(t, config{brand: all[0], retry: []time.Duration{time.Hour}})
	v := b.signedIn()
	var pages []string
	some := faults.Cycles(t, len(all))
	for i := range some {
		n := i * len(all) / some
		pages = append(pages, b.hostile(all[n], n)...)
	}
	for _, path := range pages {
		got := v.get(path)
		if got.status != http.StatusOK {
			t.Fatalf("%s: %d", path, got.status)
		}
		if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			continue // what is no page has its own test
		}
		for _, wrong := range foreign(t, got.body) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	t.Run("browser", func(t *testing.T) {
		b, bed := *b, *b.bed
		b.bed = &bed
		b.TB = t
		br := b.browser(desktop) // which fails the test if one throws: hacked is no function
		br.as(api.Holder{Scope: api.Operator})
		// All at once, in an application of their own.
		for _, path := range b.hostile(strings.Join(all, " "), len(all)) {
			br.open(path)
			scripts, err := ask(br, chromedp.Evaluate[int](`document.querySelectorAll("script").length`))
			b.must(err)
			if scripts != 1 {
				t.Errorf("%s: there are %d scripts", path, scripts)
			}
		}
	})
}

// foreign returns what in a page could run, and is not ours.
func foreign(t *testing.T, page string) (wrong []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{
		"html", "head", "meta", "title", "link", "script", "body", "a", "header", "img", "span", "form", "button", "nav", "ul", "li", "main", "p", "section", "h1", "h2", "h3",
		"label", "input", "select", "option", "datalist", "textarea", "fieldset", "legend", "details", "summary", "div", "table", "thead", "tbody", "tr", "th", "td", "time", "code",
		"pre", "dl", "dt", "dd", "br", "aside", "figure", "figcaption", "svg", "g", "rect", "progress", "noscript", "strong", "em", "ol", "small", "hr",
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data != "title" && !slices.Contains(ours, n.Data) {
			wrong = append(wrong, "an element "+n.Data)
		}
		for _, a := range n.Attr {
			name, value := strings.ToLower(a.Key), strings.ToLower(strings.TrimSpace(a.Val))
			reference := name == "href" || name == "src" || name == "action" || name == "formaction"
			local := strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") || strings.HasPrefix(value, "?") || strings.HasPrefix(value, "#")
			switch {
			case strings.HasPrefix(name, "on"), name == "style", name == "srcdoc", name == "http-equiv":
				wrong = append(wrong, "an attribute "+name)
			case reference && !local && value != "https://github.com/standard-webhooks/standard-webhooks":
				wrong = append(wrong, name+" "+value)
			case n.Data == "script" && name == "src" && !strings.HasPrefix(value, "/portal/static/script.js?"):
				wrong = append(wrong, "the script "+value)
			}
		}
	}
	return wrong
}

// hostile stores a text wherever a portal shows one, and returns the pages that show it.
func (b *gatewayBed) hostile(text string, n int) (pages []string) {
	b.Helper()
	some, header := url.QueryEscape(text[:min(len(text), 500)]), strings.Map(printable, text)
	name := fmt.Sprintf("type%d", n)
	app := b.bed.app(text)
	schema, err := json.Marshal(map[string]any{"1": map[string]any{
		"title": text, "description": text, "type": "object", "properties": map[string]any{text: map[string]any{"type": "string", "description": text, "title": text}}, "examples": []any{map[string]string{text: text}},
	}})
	b.must(err)
	b.eventType(sender.EventTypeIn{Name: name, Description: text, GroupName: fmt.Sprintf("group%d", n), Schemas: schema})
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", header)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(body)
	}))
	defer service.Close()
	ep := b.endpoint(app.ID, sender.EndpointIn{URL: service.URL + "/?" + url.QueryEscape(text[:min(len(text), 500)]), Description: text[:min(len(text), 10_000)]})
	b.must(b.store.Do(b.Context(), func(tx *store.Tx) error {
		return b.sender.PutEndpointHeaders(tx, app.ID, ep.ID, map[string]string{"X-Hostile": header[:min(len(header), 4000)]})
	}))
	payload, err := json.Marshal(map[string]string{text: text})
	b.must(err)
	m := b.message(app.ID, name, string(payload))
	var attempt sender.Attempt
	b.eventually("an attempt", func() bool {
		found, err := b.sender.AttemptsByMessage(b.Context(), app.ID, m.ID, sender.AttemptFilter{})
		b.must(err)
		for _, a := range found.Data {
			attempt = a
		}
		return len(found.Data) > 0
	})
	inbox := b.as(ofApp(app.ID)).take(app.ID)
	b.deliver(http.MethodPut, inbox.url+"?"+some, string(payload), "X-Hostile", header, "User-Agent", header, "Content-Type", header)
	b.app.says(delivery.Answer{Status: http.StatusGone, Response: []byte(text), Err: errEvil(text)})
	word := strings.NewReplacer(" ", "/", ".", "/").Replace(header[:min(len(header), 200)])
	hook, err := json.Marshal(map[string]string{"type": "invoice." + word, "text": text})
	b.must(err)
	seq := b.send(fmt.Sprintf("evt_%d_%s", n, word), string(hook), func(r *http.Request) {
		r.Header.Set("X-Hostile", header)
		r.URL.RawQuery = "q=" + some
		r.RequestURI = r.URL.RequestURI()
	})
	if seq == 0 {
		b.Fatalf("the event with %.50q is not stored", text)
	}
	at := func(parts ...string) string { return at(app.ID, parts...) }
	return []string{
		eventPage(seq), eventPage(seq, "/erase"), eventPage(seq, "/forget"), at("play"), at("play", inbox.token),
		"/portal/gateway", "/portal/gateway/sources/billing", "/portal/gateway/sources/billing?id=" + some,
		at("endpoints"), at("endpoints", "new") + "?url=" + some, at("endpoints", ep.ID), at("endpoints", ep.ID) + "?type=" + some,
		at("endpoints", ep.ID, "edit"), at("endpoints", ep.ID, "delete"), at("endpoints", ep.ID, "secret"), at("endpoints", ep.ID, "headers"), at("endpoints", ep.ID, "test") + "?type=" + name + "&sent=" + m.ID,
		at("messages"), at("messages", m.ID), at("messages", m.ID, "attempts", attempt.ID), at("events"), at("events", name), at("activity"),
		"/portal/apps", "/login?next=" + some + "&done=" + some,
	}
}

func printable(c rune) rune {
	if c < ' ' || c > '~' {
		return '.'
	}
	return c
}
