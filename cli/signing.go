package cli

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookgate/hookgate/verifier"
)

// signing is what commands have that sign one body: the scheme, its secrets, and what
// is said of the event.
type signing struct {
	setup
	id, typ   string
	timestamp string // what a flag says, if there is one
}

// describe adds the flags that say what the event is.
func (s *signing) describe(flags *pflag.FlagSet) {
	flags.StringVar(&s.id, "id", "", "Id of the event (default: the body's, else a random one)")
	flags.StringVar(&s.typ, "type", "", "Type of the event (default: the body's)")
}

// sign makes the headers that sign a message, and returns the message as it is signed.
// What its flags do not do is told on stderr.
func (s *signing) sign(cmd *cobra.Command, scheme verifier.Scheme, secrets []string, m verifier.Message) (http.Header, verifier.Message, error) {
	signer, err := verifier.NewSigner(scheme, secrets, verifier.Options{AllowWeak: true})
	if err != nil {
		return nil, m, err
	}
	m = s.message(scheme, m)
	header, err := signer.Sign(m)
	if err != nil {
		return nil, m, err
	}
	for _, note := range s.notes(scheme, m.Body, len(secrets)) {
		cmd.PrintErrln("Note: " + note)
	}
	return header, m, nil
}

// message gives a message its id and type: what the flags say, else what the body says.
func (s *signing) message(scheme verifier.Scheme, m verifier.Message) verifier.Message {
	m.ID, m.Type = s.id, s.typ
	if m.ID == "" && scheme.UnsignedID != "" {
		m.ID = headerText(scheme.ID.Text(m.Body))
	}
	if m.ID == "" && (scheme.UnsignedID != "" || strings.HasPrefix(string(scheme.ID), "header:")) {
		m.ID = "msg_" + rand.Text()
	}
	if m.Type == "" && scheme.UnsignedType != "" {
		m.Type = headerText(scheme.Type.Text(m.Body))
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
func (s *signing) notes(scheme verifier.Scheme, body []byte, secrets int) (notes []string) {
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
