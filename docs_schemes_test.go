package hookgate_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/dustin/go-humanize"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// TestDocumentedPresets compares the tables of presets with their data, row for
// row.
func TestDocumentedPresets(t *testing.T) {
	p := doc(t, "schemes.md")
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + text + "`"
	}
	var signed, limits []string
	for _, s := range verifier.Presets() {
		var encodings, unsigned []string
		for _, e := range s.Encodings {
			encodings = append(encodings, string(e))
		}
		for _, name := range []string{s.UnsignedID, s.UnsignedType} {
			if name != "" {
				unsigned = append(unsigned, code(name))
			}
		}
		signed = append(signed, strings.Join([]string{
			code(s.Name), code(string(s.Signature[0].From)), code(s.Signed), strings.Join(encodings, " or "),
			code(string(s.ID)), code(string(s.Type)), strings.Join(unsigned, ", "),
		}, " | "))
		source := newSource(t, s)
		at, tolerance := "none", ""
		if s.Timestamp != nil {
			v, err := verifier.New(s, []string{docSecret}, source.Verify[0].Options)
			if err != nil {
				t.Fatal(err)
			}
			past, future, _ := v.Tolerance()
			at, tolerance = code(string(s.Timestamp.From)), short(past)+", "+short(future)
		}
		body := humanize.IBytes(uint64(source.MaxBody))
		if source.MaxBody%1000 == 0 {
			body = humanize.Bytes(uint64(source.MaxBody))
		}
		limits = append(limits, strings.Join([]string{code(s.Name), at, tolerance, strings.Replace(body, ".0", "", 1), short(source.Dedupe.Window)}, " | "))
		if !strings.Contains(p.text, "\n### "+s.Name+"\n") {
			t.Errorf("%s says nothing of %s", p.path, s.Name)
		}
	}
	for heading, want := range map[string][]string{"## The presets": signed, "### Times and sizes": limits} {
		var got []string
		for _, row := range p.table(t, heading) {
			got = append(got, strings.Join(row, " | "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s says\n%s\nthe code\n%s", p.path, heading, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestDocumentedSchemes: a scheme that the documentation works out for a provider
// verifies what that provider has published.
func TestDocumentedSchemes(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors/scheme-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Scheme, Secret, URL, Body string
		H                               map[string]string
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for place, text := range doc(t, "schemes.md").blocks("caddyfile") {
		config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		var cfg struct {
			Apps struct {
				Webhooks struct{ Schemes []verifier.Scheme } `json:"webhooks"`
			}
		}
		if err := json.Unmarshal(config, &cfg); err != nil {
			t.Fatal(err)
		}
		for _, s := range cfg.Apps.Webhooks.Schemes {
			for i := range s.Keys {
				s.Keys[i].MinBytes = 1 // published secrets are short
			}
			for _, vector := range vectors {
				if vector.Scheme != s.Name {
					continue
				}
				tested[s.Name] = true
				v, err := verifier.New(s, []string{vector.Secret}, verifier.Options{PublicURL: vector.URL})
				if err != nil {
					t.Fatal(err)
				}
				header := http.Header{}
				for name, value := range vector.H {
					header.Set(name, value)
				}
				envelope, err := v.Parse(&verifier.Request{Method: http.MethodPost, Header: header})
				if err == nil {
					_, err = envelope.Verify([]byte(vector.Body), time.Now())
				}
				if err != nil && (s.Timestamp == nil || !strings.Contains(err.Error(), "stale")) {
					t.Errorf("%s: the vector %q is refused: %v", place, vector.Name, err)
				}
			}
		}
	}
	if len(tested) < 3 {
		t.Errorf("only %v are tested", tested)
	}
}

// newSource returns a source of one scheme, with the defaults.
func newSource(t *testing.T, s verifier.Scheme) *gateway.Source {
	t.Helper()
	source, err := gateway.NewSource(gateway.Config{Name: "doc", Verify: []gateway.Verify{{Scheme: s, Secrets: []string{docSecret}}}},
		gateway.NewProcess(1<<20, time.Now), new(gateway.State))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// short writes a duration without the units that are zero.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
