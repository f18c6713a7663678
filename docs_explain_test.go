package hookgate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/cli"
	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// TestDocumentedExplanation: what the documentation shows webhook verify to say, it says.
func TestDocumentedExplanation(t *testing.T) {
	scheme, _ := verifier.Preset("svix")
	secret, _ := samples.Secrets(scheme, 0)
	t.Setenv("SECRET", secret)
	const sent, arrived = `{"type":"ping","n":1}`, "{\n  \"type\": \"ping\",\n  \"n\": 1\n}\n"
	webhook := func(args ...string) string {
		root, group, out := &cobra.Command{Use: "hookgate", SilenceErrors: true}, &cobra.Command{Use: "webhook"}, new(bytes.Buffer)
		root.AddCommand(group)
		cli.Attach(group, cli.Host{Program: "hookgate", Exit: func(int) error { return os.ErrInvalid }})
		root.SetIn(strings.NewReader(sent))
		root.SetOut(out)
		root.SetErr(out)
		root.SetArgs(append([]string{"webhook"}, args...))
		_ = root.Execute() // verify ends with the status of a refusal
		return out.String()
	}
	head := webhook("sign", "--secret-env", "SECRET", "--id", "msg_1", "--timestamp", "1795844128")
	path := filepath.Join(t.TempDir(), "captured.http")
	if err := os.WriteFile(path, []byte("POST /hooks HTTP/1.1\n"+head+"\n"+arrived), 0o600); err != nil {
		t.Fatal(err)
	}
	said := webhook("verify", "--secret-env", "SECRET", "--at", "1795844130", "--request", path)
	text, err := os.ReadFile("docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- what webhook verify says of the capture in docs_explain_test.go -->\n\n```text\n")
	if shown, _, _ := strings.Cut(rest, "```"); shown != said {
		t.Errorf("docs/operating.md shows\n%s\nwebhook verify says\n%s", shown, said)
	}
}
