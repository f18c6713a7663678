package cli

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

// sign is one run of the sign command.
type sign struct {
	signing
	url, curl string
}

func newSign(host Host) *cobra.Command {
	s := &sign{signing: signing{setup: setup{host: host}}}
	cmd := host.command("sign [flags] [<body file>|-]", "Signs a webhook", `
Signs a body and prints the headers that make it a webhook, or with --curl a
command line that sends it. The body is read from standard input unless a file is
named, and signed byte for byte.

With several secrets, as during a rotation, a scheme that carries a list of
signatures gets one of each; other schemes are signed with the first.
`, `  export SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

  # the headers
  printf '{"type":"ping"}' | PROGRAM webhook sign --secret-env SECRET

  # a command line that sends it
  printf '{"id":"evt_1","type":"ping"}' > event.json
  PROGRAM webhook sign --scheme travelbase --secret-env SECRET --curl http://127.0.0.1:8080/hooks event.json`, s.run)
	s.register(cmd)
	flags := cmd.Flags()
	s.describe(flags)
	flags.StringVar(&s.timestamp, "timestamp", "", "Time to sign, in RFC 3339 or seconds since 1970 (default: now)")
	flags.StringVar(&s.url, "url", "", "URL to sign, for schemes that do (default: that of --curl)")
	flags.StringVar(&s.curl, "curl", "", "Print a curl command line that sends the webhook to this URL")
	return cmd
}

func (s *sign) run(cmd *cobra.Command, args []string) error {
	in := &stdin{Reader: cmd.InOrStdin()}
	if s.curl != "" {
		if err := checkURL(s.curl); err != nil {
			return fmt.Errorf("--curl: %w", err)
		}
	}
	scheme, secrets, err := s.load(in)
	if err != nil {
		return err
	}
	body, file, err := readBody(args, in)
	if err != nil {
		return err
	}
	at := time.Now()
	if s.timestamp != "" {
		if at, err = parseTime(s.timestamp); err != nil {
			return fmt.Errorf("--timestamp: %w", err)
		}
	}
	header, _, err := s.sign(cmd, scheme, secrets, verifier.Message{Timestamp: at, URL: cmp.Or(s.url, s.curl), Body: body})
	if err != nil {
		return err
	}
	if s.curl != "" {
		line, err := curlLine(s.curl, header, body, file)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), headerLines(header))
	return err
}

// headerLines writes headers one a line, sorted by name.
func headerLines(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	return b.String()
}
