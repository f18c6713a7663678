package hookgate_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/dustin/go-humanize"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

var update = flag.Bool("update", false, "write what the table of presets says into docs/schemes.md and README.md")

// TestPresetDocs holds what is written of the presets to their table; go generate
// writes it.
func TestPresetDocs(t *testing.T) {
	for path, want := range map[string]string{"docs/schemes.md": presetDocs(t), "README.md": presetList()} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(data), "<!-- from the table of presets, by go generate -->\n")
		got, after, closed := strings.Cut(rest, "<!-- end -->")
		if !ok || !closed {
			t.Fatalf("%s has no place for the presets", path)
		}
		switch {
		case got == want:
		case *update:
			text := before + "<!-- from the table of presets, by go generate -->\n" + want + "<!-- end -->" + after
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s does not say what verifier/presets_*.go say: run go generate .", path)
		}
	}
}

// presetList names the presets.
func presetList() string {
	var names []string
	for _, s := range verifier.Presets() {
		names = append(names, "`"+s.Name+"`")
	}
	return wrap(fmt.Sprintf("Known by name are %d: %s.", len(names), strings.Join(names, ", ")))
}

// presetDocs is all that the documentation says of the presets.
func presetDocs(t *testing.T) string {
	var signed, times, notes strings.Builder
	fmt.Fprint(&signed, "| preset | signature | signed bytes | algorithm | spelled | id | type | sent, but never believed | a duplicate has |\n|---|---|---|---|---|---|---|---|---|\n")
	fmt.Fprint(&times, "| preset | signed time | may be old, ahead | largest body | answer within | retries for | remembered for |\n|---|---|---|---|---|---|---|\n")
	for _, s := range verifier.Presets() {
		source := newSource(t, s)
		at, tolerance := "none", ""
		if s.Timestamp != nil {
			public, _ := samples.Secrets(s, 0)
			v, err := verifier.New(s, []string{public}, source.Verify[0].Options)
			if err != nil {
				t.Fatal(err)
			}
			past, future, _ := v.Tolerance()
			at, tolerance = quoted(string(s.Timestamp.From)), short(past)+", "+short(future)
		}
		row(&signed, quoted(s.Name), signatures(s), quoted(s.Signed), algorithms(s), spellings(s), quoted(string(s.ID)), quoted(string(s.Type)), unsigned(s), duplicate(s))
		row(&times, quoted(s.Name), at, tolerance, bodySize(source.MaxBody), short(time.Duration(s.ResponseLimit)), horizon(s.RetryHorizon), remembered(source))
		fmt.Fprintf(&notes, "\n### %s\n\n%s\n%s", s.Name, paragraphs(s.Notes), wrap("Source: "+s.Source+"."))
	}
	return "\n" + signed.String() + "\n" + wrap("`header:X` is a header, `query:x` a value of the query, `part:t` an item of the signature's list (`t=…`), and `json:/id` a member of "+
		"the body by its JSON pointer (RFC 6901). What the signed bytes name is authenticated, and nothing else: an id or type in the body "+
		"is, as the body is signed. Where the id is empty, or the body lacks it, the event is known by the SHA-256 of what is signed.") +
		"\n### Times and sizes\n\n" + times.String() + "\n" + wrap("The table is of sources without `forward`; with it, only `travelbase` differs, and an event is remembered from its "+
		"delivery on. Both edges of a tolerance are accepted. The largest body is the provider's documented cap, or our default. Events are "+
		"remembered for the longest of 72 hours, the tolerance (past and future together), and the time over which the provider retries "+
		"and a quarter of it. [`tolerance`, `max_body` and `dedupe`](caddyfile.md#webhook) change them. What is empty is not documented.") + handshakeDocs() + notes.String() + "\n"
}

// handshakeDocs is the table of handshakes, and which preset has which.
func handshakeDocs() string {
	var table strings.Builder
	fmt.Fprint(&table, "| kind | of the presets | request | signed | told by | verify token | challenge | answer |\n|---|---|---|---|---|---|---|---|\n")
	for _, h := range verifier.Handshakes() {
		var when, of, answer []string
		for _, m := range h.When {
			when = append(when, quoted(string(m.From)+" = "+m.Is))
		}
		for _, s := range verifier.Presets() {
			if slices.ContainsFunc(s.Handshakes, func(other verifier.Handshake) bool { return other.Kind == h.Kind }) {
				of = append(of, quoted(s.Name))
			}
		}
		if h.Answer != "" {
			answer = append(answer, quoted(h.Answer))
		}
		for _, name := range slices.Sorted(maps.Keys(h.Header)) {
			answer = append(answer, quoted(name+": "+h.Header[name]))
		}
		signed := "no"
		if h.Signed {
			signed = "yes"
		}
		row(&table, quoted(h.Kind), strings.Join(of, ", "), h.Method, signed, strings.Join(when, ", "), quoted(string(h.VerifyToken)), quoted(string(h.Challenge)), strings.Join(answer, ", "))
	}
	return "\n### Kinds of handshakes\n\n" + table.String() + "\n" + wrap("`{mac}` is the HMAC-SHA256 of the challenge with the secret, in hexadecimal for `zoom` and in base64 for `x`. "+
		"What to do with them is [below](#handshakes).")
}

func row(b *strings.Builder, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func signatures(s verifier.Scheme) string {
	var all []string
	for _, l := range s.Signature {
		all = append(all, quoted(string(l.From)))
	}
	return strings.Join(all, ", ")
}

func algorithms(s verifier.Scheme) string {
	var all []string
	for _, form := range s.Keys {
		if !slices.Contains(all, string(form.Algorithm)) {
			all = append(all, string(form.Algorithm))
		}
	}
	return strings.Join(all, ", ")
}

func spellings(s verifier.Scheme) string {
	var all []string
	for _, e := range s.Encodings {
		all = append(all, string(e))
	}
	return strings.Join(all, " or ")
}

func unsigned(s verifier.Scheme) string {
	var all []string
	for _, name := range []string{s.UnsignedID, s.UnsignedType} {
		if name != "" {
			all = append(all, quoted(name))
		}
	}
	return strings.Join(all, ", ")
}

func duplicate(s verifier.Scheme) string {
	switch {
	case s.BodyRepeats:
		return "nothing in common: there are none"
	case s.BodyVaries:
		return "the same id"
	case s.ID != "" && !s.IDVaries:
		return "the same id and body"
	default:
		return "the same signed bytes"
	}
}

func bodySize(n int64) string {
	if n%1000 == 0 {
		return strings.Replace(humanize.Bytes(uint64(n)), ".0", "", 1)
	}
	return strings.Replace(humanize.IBytes(uint64(n)), ".0", "", 1)
}

func horizon(d verifier.Duration) string {
	if d == verifier.Unbounded {
		return "ever"
	}
	return short(time.Duration(d))
}

func remembered(s *gateway.Source) string {
	if v := s.Verify[0].Scheme; v.BodyRepeats && (v.ID == "" || v.IDVaries) {
		return "only if asked for"
	}
	return short(s.Dedupe.Window)
}

// paragraphs wraps each paragraph of a text.
func paragraphs(text string) string {
	var all []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		all = append(all, wrap(paragraph))
	}
	return strings.Join(all, "\n")
}

// wrap breaks a paragraph into lines as long as those of the other pages.
func wrap(text string) string {
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case length == 0:
		case length+1+n > 125:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String() + "\n"
}

// TestDocumentedSchemes: a scheme that the documentation works out for a provider
// verifies what that provider has published, or what was made from its description.
func TestDocumentedSchemes(t *testing.T) {
	tested, defined := 0, map[string]bool{}
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
			if defined[s.Name] {
				t.Errorf("%s: %s is there twice", place, s.Name)
			}
			defined[s.Name] = true
			for i := range s.Keys {
				s.Keys[i].MinBytes = 1 // published secrets are short
			}
			tested += checkVectors(t, place, s)
		}
	}
	if tested < 5 {
		t.Errorf("only %d vectors were tried", tested)
	}
}

// checkVectors returns how many there are of a scheme.
func checkVectors(t *testing.T, place string, s verifier.Scheme) int {
	data, err := os.ReadFile("testdata/vectors/" + s.Name + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Secret, Body string
		At                 time.Time
		H                  map[string]string
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, vector := range vectors {
		v, err := verifier.New(s, []string{vector.Secret}, samples.Options(s))
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		for name, value := range vector.H {
			header.Set(name, value)
		}
		if _, err := v.Verify(&verifier.Request{Method: http.MethodPost, Header: header}, []byte(vector.Body), vector.At); err != nil {
			t.Errorf("%s: the vector %q is refused: %v", place, vector.Name, err)
		}
	}
	return len(vectors)
}

// newSource returns a source of one scheme, with the defaults.
func newSource(t *testing.T, s verifier.Scheme) *gateway.Source {
	t.Helper()
	public, _ := samples.Secrets(s, 0)
	source, err := gateway.NewSource(gateway.Config{Name: "doc", Verify: []gateway.Verify{{Scheme: s, Secrets: []string{public}, Options: samples.Options(s)}}},
		gateway.NewProcess(1<<20, time.Now), new(gateway.State))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// short writes a duration without the units that are zero.
func short(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
