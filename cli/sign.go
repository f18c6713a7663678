package cli

import (
	"crypto/rand"
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
	setup
	id, typ, timestamp, url, curl string
}

func newSign(host Host) *cobra.Command {
	s := &sign{setup: setup{host: host}}
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
	flags.StringVar(&s.id, "id", "", "Id of the event (default: the body's, else a random one)")
	flags.StringVar(&s.typ, "type", "", "Type of the event (default: the body's)")
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
	signer, err := verifier.NewSigner(scheme, secrets, verifier.Options{AllowWeak: true})
	if err != nil {
		return err
	}
	header, err := signer.Sign(s.message(scheme, body, at))
	if err != nil {
		return err
	}
	for _, note := range s.notes(scheme, body, len(secrets)) {
		cmd.PrintErrln("Note: " + note)
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

// message is what is signed: what the flags say, else what the body says.
func (s *sign) message(scheme verifier.Scheme, body []byte, at time.Time) verifier.Message {
	m := verifier.Message{ID: s.id, Type: s.typ, Timestamp: at, URL: s.url, Body: body}
	if m.URL == "" {
		m.URL = s.curl
	}
	if m.ID == "" && scheme.UnsignedID != "" {
		m.ID = headerText(scheme.ID.Text(body))
	}
	if m.ID == "" && (scheme.UnsignedID != "" || strings.HasPrefix(string(scheme.ID), "header:")) {
		m.ID = "msg_" + rand.Text()
	}
	if m.Type == "" && scheme.UnsignedType != "" {
		m.Type = headerText(scheme.Type.Text(body))
	}
	return m
}

// headerText returns text if a header can carry it as an id or type, else "".
func headerText(text string) string {
	if len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return text
}

// notes says which flags do not do what one may expect of them.
func (s *sign) notes(scheme verifier.Scheme, body []byte, secrets int) (notes []string) {
	for _, n := range []struct {
		flag, value, unsigned string
		ref                   verifier.Ref
	}{{"id", s.id, scheme.UnsignedID, scheme.ID}, {"type", s.typ, scheme.UnsignedType, scheme.Type}} {
		pointer, inBody := strings.CutPrefix(string(n.ref), "json:")
		if n.value == "" || n.ref != "" && !inBody || inBody && n.ref.Text(body) == n.value {
			continue
		}
		note := "--" + n.flag + " has no effect"
		if n.unsigned != "" {
			note = fmt.Sprintf("--%s only sets the header %s, which scheme %s does not sign", n.flag, n.unsigned, scheme.Name)
		}
		if inBody {
			note += fmt.Sprintf(": the %s that counts is %s of the body, which this body lacks or has another value for", n.flag, pointer)
		}
		notes = append(notes, note+".")
	}
	if s.timestamp != "" && scheme.Timestamp == nil {
		notes = append(notes, "--timestamp has no effect: scheme "+scheme.Name+" signs no time.")
	}
	if secrets > 1 && !slices.ContainsFunc(scheme.Signature, func(l verifier.Location) bool { return l.List != "" }) {
		notes = append(notes, "only the first secret signs: scheme "+scheme.Name+" carries one signature.")
	}
	return notes
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
