package portal

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/hookgate/hookgate/sender"
)

//go:embed snippets/*.tmpl
var snippetFiles embed.FS

// snippetTemplates are receivers that verify, in several languages, with nothing but what
// comes with the language.
var snippetTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"cgi": func(header string) string { return "HTTP_" + strings.ToUpper(strings.ReplaceAll(header, "-", "_")) },
}).ParseFS(snippetFiles, "snippets/*.tmpl"))

// snippet is a receiver in a language.
type snippet struct {
	Language string
	// File is what it may be called, and Run how it is run.
	File, Run string
	Code      string
}

// languages are those of the snippets.
var languages = []snippet{
	{Language: "Node", File: "receiver.mjs", Run: "node receiver.mjs"},
	{Language: "Python", File: "receiver.py", Run: "python3 receiver.py"},
	{Language: "Go", File: "receiver.go", Run: "go run receiver.go"},
	{Language: "Ruby", File: "receiver.rb", Run: "ruby receiver.rb  # gem install webrick"},
	{Language: "PHP", File: "receiver.php", Run: "php -S localhost:3000 receiver.php"},
}

// signing is what a snippet has to know of a scheme.
type signing struct {
	ID, Timestamp, Signature string // names of headers
	// Travelbase says that the scheme is that: the key is the secret's text, the signature
	// is hex, and the time is when the message was sent, also of a retry.
	Travelbase bool
}

var signings = map[string]signing{
	sender.SchemeSvix:       {"svix-id", "svix-timestamp", "svix-signature", false},
	sender.SchemeStandard:   {"webhook-id", "webhook-timestamp", "webhook-signature", false},
	sender.SchemeTravelbase: {"x-webhook-id", "x-webhook-timestamp", "x-webhook-signature", true},
}

// isPublicKey reports whether what a receiver has is no secret.
func isPublicKey(secret string) bool { return strings.HasPrefix(secret, "whpk_") }

// snippetsFor returns receivers for a scheme. For signatures with a private key there are
// none: not every language brings Ed25519.
func snippetsFor(scheme string, asymmetric bool) ([]snippet, error) {
	s, ok := signings[scheme]
	if !ok || asymmetric {
		return nil, nil
	}
	all := make([]snippet, 0, len(languages))
	for _, of := range languages {
		out := new(bytes.Buffer)
		if err := snippetTemplates.ExecuteTemplate(out, of.File+".tmpl", s); err != nil {
			return nil, fmt.Errorf("the snippet for %s: %w", of.Language, err)
		}
		of.Code = out.String()
		all = append(all, of)
	}
	return all, nil
}
