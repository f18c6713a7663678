package caddymodule_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/caddymodule"
	"github.com/hookgate/hookgate/verifier"
)

// seeds adds the inputs of all golden Caddyfiles, cut to the blocks that begin
// with a word.
func seeds(f *testing.F, word string) {
	files, err := filepath.Glob("../testdata/caddyfile/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden Caddyfiles: %v", err)
	}
	block := regexp.MustCompile(`(?ms)^(\t*)` + word + `\b[^\n]*\{\n.*?^(\t*)\}`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), "\n----------\n")
		for _, found := range block.FindAllString(input, -1) {
			f.Add(found)
		}
	}
}

// dispense tokenizes text; ok is false if it is none of a Caddyfile.
func dispense(text string) (d *caddyfile.Dispenser, ok bool) {
	if strings.Contains(text, "import") || len(text) > 4<<10 {
		return nil, false // files are Caddy's matter
	}
	tokens, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
	if err != nil || len(tokens) == 0 {
		return nil, false
	}
	return caddyfile.NewDispenser(tokens), true
}

// roundTrip fails unless v, as JSON, is read back as it was.
func roundTrip(t *testing.T, v, empty any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	if err := json.Unmarshal(text, empty); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !reflect.DeepEqual(v, empty) {
		t.Fatalf("%s is read back as %+v", text, empty)
	}
}

// FuzzWebhookDirective: no text makes the parser panic; an error says the line;
// what is parsed survives JSON and holds no value that means nothing.
func FuzzWebhookDirective(f *testing.F) {
	seeds(f, "webhook")
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := dispense(text)
		if !ok {
			return
		}
		h := new(caddymodule.Handler)
		if err := h.UnmarshalCaddyfile(d); err != nil {
			if !strings.Contains(err.Error(), "Caddyfile:") {
				t.Fatalf("the error says no line: %v", err)
			}
			return
		}
		if len(h.Verify) == 0 || h.Source == "" || h.MaxBody < 0 || h.ReadTimeout < 0 || h.Wait < 0 || h.Timeout < 0 {
			t.Fatalf("parsed as %+v", h)
		}
		for _, v := range h.Verify {
			if v.Scheme == "" || len(v.Secrets) == 0 || v.Past < 0 || v.Future < 0 {
				t.Fatalf("parsed as %+v", v)
			}
		}
		if h.Dedupe != nil && (h.Dedupe.Off == (h.Dedupe.Window > 0) || h.Dedupe.Entries < 0) {
			t.Fatalf("parsed as %+v", h.Dedupe)
		}
		roundTrip(t, h, new(caddymodule.Handler))
	})
}

// FuzzGlobalBlock is the same for the global block; a scheme that it defines is
// one that the verifier takes.
func FuzzGlobalBlock(f *testing.F) {
	seeds(f, "webhooks")
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := dispense(text)
		if !ok {
			return
		}
		app := new(caddymodule.App)
		if err := app.UnmarshalCaddyfile(d); err != nil {
			if !strings.Contains(err.Error(), "Caddyfile:") {
				t.Fatalf("the error says no line: %v", err)
			}
			return
		}
		names := map[string]bool{}
		for _, s := range app.Schemes {
			if err := verifier.Check(s); err != nil || names[s.Name] {
				t.Fatalf("scheme %s: %v", s.Name, err)
			}
			names[s.Name] = true
			roundTrip(t, &s, new(verifier.Scheme))
		}
		if app.BodyMemory < 0 {
			t.Fatalf("parsed as %+v", app)
		}
	})
}
