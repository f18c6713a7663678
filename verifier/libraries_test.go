package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/faults"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// judged is a webhook for a provider's library.
type judged struct {
	Scheme  string            `json:"scheme"`
	Secret  string            `json:"secret"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Good    bool              `json:"good"`
}

// spoken are the presets whose provider's library, or the best known one, takes
// part: .ci/schemes-js/drive.mjs has a function for each.
var spoken = []string{
	"github", "stripe", "slack", "shopify", "square", "twilio_json", "paddle", "zoom", "discord", "sendgrid", "box", "twitch", "sanity",
}

// TestJavaScriptLibraries: what is signed here verifies in the providers' own
// libraries, and not with a byte of it changed; what they sign verifies here. This
// needs Node and the registry of its packages. (S-08)
func TestJavaScriptLibraries(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			faults.Missing(t, tool)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "drive.mjs"} {
		data, err := os.ReadFile("../.ci/schemes-js/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Logf("npm ci: %s", out)
		faults.Missing(t, "the packages of .ci/schemes-js/package-lock.json")
	}

	var cases []judged
	now := time.Now() // by which the libraries judge
	for _, name := range spoken {
		s := preset(t, name)
		public, private := samples.Secrets(s, 0)
		body := samples.JSON(s, samples.Body, samples.Type)
		if name == "zoom" {
			body = []byte(`{"event":"meeting.started","event_ts":1795435200000,"payload":{"account_id":"a","object":{}}}`)
		}
		h := signWith(t, newSigner(t, s, private), s, verifier.Message{ID: samples.ID, Timestamp: now, Body: body})
		good := judged{Scheme: name, Secret: public, URL: samples.Address(s, body), Headers: map[string]string{}, Body: string(body), Good: true}
		for header := range h {
			good.Headers[strings.ToLower(header)] = h.Get(header)
		}
		forged := good
		forged.Body, forged.Good = strings.Replace(good.Body, `"e`, `"f`, 1), false
		if forged.Body == good.Body {
			forged.Body = strings.Replace(good.Body, `":"`, `":"x`, 1)
		}
		cases = append(cases, good, forged)
	}
	input, err := json.Marshal(map[string]any{"cases": cases, "now": now.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	drive := exec.CommandContext(ctx, "node", "drive.mjs")
	drive.Dir, drive.Stdin = dir, bytes.NewReader(input)
	var complaints bytes.Buffer
	drive.Stderr = &complaints
	out, err := drive.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, complaints.Bytes())
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var said struct {
		Verdicts []any
		Signed   map[string]map[string]string
		Judges   []string
	}
	if err := json.Unmarshal(lines[len(lines)-1], &said); err != nil || len(said.Verdicts) != len(cases) {
		t.Fatalf("%v in %s", err, out)
	}
	for i, c := range cases {
		if said.Verdicts[i] != c.Good {
			t.Errorf("%s, good %t: the library says %v of %+v", c.Scheme, c.Good, said.Verdicts[i], c)
		}
		if !c.Good {
			continue
		}
		headers := said.Signed[c.Scheme]
		if headers == nil {
			continue
		}
		h := http.Header{}
		for name, value := range headers {
			h.Set(name, value)
		}
		s := preset(t, c.Scheme)
		if _, err := newVerifier(t, s, c.Secret).Verify(samples.Request(c.URL, h), []byte(c.Body), now); err != nil {
			t.Errorf("%s: what the library signs is refused: %v", c.Scheme, err)
		}
	}
	slices.Sort(said.Judges)
	if want := slices.Sorted(slices.Values(spoken)); !slices.Equal(said.Judges, want) || len(said.Signed) < 4 {
		t.Errorf("judged by %v and signed by %d; want %v and 4", said.Judges, len(said.Signed), want)
	}
}
