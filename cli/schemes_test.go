package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// TestSchemesList: all are there, with what the documentation says of them.
func TestSchemesList(t *testing.T) {
	r := run(t, "", "schemes", "--config", "Caddyfile")
	r.want(t, 0, "")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if want := len(verifier.Presets()) + 2; len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	for _, want := range []string{
		"SCHEME SIGNATURE AUTHENTICATES A DUPLICATE HAS BODY NEEDS",
		"svix svix-signature id, type, time, body the same id and body 1MiB -",
		"github X-Hub-Signature-256 body the same signed bytes 25MB -",
		"gitlab_token X-Gitlab-Token - the same signed bytes 1MiB allow_weak",
		"twilio_json X-Twilio-Signature url, query, body the same signed bytes 1MiB allow_weak, public_url",
		"supabase webhook-signature time, body nothing 1MiB -",
		"coinbase_commerce X-CC-Webhook-Signature id, type, body the same id 1MiB -",
		"custom X-Sig type, time, url, body the same signed bytes 1MiB public_url",
	} {
		found := false
		for _, line := range lines {
			found = found || strings.Join(strings.Fields(line), " ") == want
		}
		if !found {
			t.Errorf("no line %q in\n%s", want, r.stdout)
		}
	}
	r = run(t, "", "schemes", "--json")
	var all []schemeInfo
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil || len(all) != len(verifier.Presets()) {
		t.Fatalf("%v, %d", err, len(all))
	}
	for _, i := range all {
		if !i.Preset || i.Source == "" || i.Notes == "" || i.Signed == "" || i.BodyCap == 0 || i.Authenticates == nil {
			t.Errorf("incomplete: %+v", i)
		}
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"nobody"}, `unknown scheme "nobody"`}, {[]string{"svix", "github"}, "one scheme at most"}, {[]string{"--config", "Other"}, "no such file"},
	} {
		run(t, "", append([]string{"schemes"}, test.args...)...).want(t, 2, test.want)
	}
}

// TestSchemesShow: one is a block of the Caddyfile, below what is known of it. That all
// of them adapt to themselves again, TestSchemesAreWhatTheyShow of caddymodule holds.
func TestSchemesShow(t *testing.T) {
	r := run(t, "", "schemes", "slack")
	r.want(t, 0, "")
	_, block, _ := strings.Cut(r.stdout, "scheme my_slack {")
	if want := `
	signature header:X-Slack-Signature prefix "v0="
	signed "v0:{timestamp}:{body}"
	key hmac-sha256 text
	encoding hex
	timestamp header:X-Slack-Request-Timestamp unix
	id json:/event_id
	type json:/event/type
	handshake slack
}
`; strings.ReplaceAll(block, "prefix v0=", `prefix "v0="`) != want {
		t.Errorf("block\n%s\nwant\n%s", block, want)
	}
	for _, want := range []string{"# The secret is the text itself", "# Source: docs.slack.dev/", "# verify slack {env.SECRET} is this scheme."} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	for line := range strings.Lines(r.stdout) {
		if len([]rune(line)) > 110 {
			t.Errorf("a long line: %s", line)
		}
	}
	r = run(t, "", "schemes", "--config", "Caddyfile", "custom")
	if r.want(t, 0, ""); !strings.HasPrefix(r.stdout, "scheme custom {\n") || !strings.Contains(r.stdout, "signed \"{url}\n{type}\n{timestamp}.{body}\"\n") {
		t.Error(r.stdout)
	}
	r = run(t, "", "schemes", "--json", "slack")
	var info schemeInfo
	if err := json.Unmarshal([]byte(r.stdout), &info); err != nil || info.Name != "slack" {
		t.Errorf("%v: %s", err, r.stdout)
	}
}
