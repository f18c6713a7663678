package cli

import (
	"cmp"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
)

// tokenShow is one run of token show.
type tokenShow struct {
	host       Host
	token, key oneSecret
	json       bool
}

func newTokenShow(host Host) *cobra.Command {
	s := &tokenShow{host: host, token: oneSecret{what: "the token", flag: "token", usual: envToken}, key: signingKey()}
	s.key.optional = true
	cmd := host.command("show [flags]", "Says what a token is", `
Decodes a token: whose it is, what it may do, its id, and when it ends. If there is a
key, it says whether that has signed it. Whether it was revoked only the gateway knows.

The exit status is 0 if the token is good by all that can be seen here, and 1 if it is
not: another key has signed it, or it has ended.
`, `  # the one in $HOOKGATE_TOKEN, with the key in $HOOKGATE_KEY
  PROGRAM webhook token show`, s.run)
	s.token.register(cmd.Flags())
	s.key.register(cmd.Flags())
	cmd.Flags().BoolVar(&s.json, "json", false, "Print JSON")
	return cmd
}

// tokenReport is what token show prints.
type tokenReport struct {
	ID           string           `json:"id"`
	Scope        api.Scope        `json:"scope"`
	App          string           `json:"app,omitempty"`
	Capabilities []api.Capability `json:"capabilities,omitempty"`
	Session      string           `json:"session,omitempty"`
	Issued       time.Time        `json:"issued"`
	Expires      time.Time        `json:"expires"`
	Expired      bool             `json:"expired"`
	// Signed is missing without a key.
	Signed *bool `json:"signed,omitempty"`
}

func (s *tokenShow) run(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return errors.New("a token is a secret, and no argument, which others could see: export it as " + envToken + ", or name it with --token-file or --token-stdin")
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	text, err := s.token.read(in)
	if err != nil {
		return err
	}
	tokens, known, err := s.tokens(in)
	if err != nil {
		return err
	}
	got, signed, err := tokens.Inspect(text)
	if err != nil {
		return errors.New("this is no token")
	}
	r := &tokenReport{
		ID: got.ID, Scope: got.Scope, App: got.App, Capabilities: got.Capabilities, Session: got.Session,
		Issued: got.Issued.UTC(), Expires: got.Expires.UTC(), Expired: !got.Expires.After(s.host.time()),
	}
	if known {
		r.Signed = &signed
	}
	if s.json {
		err = encodeJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.write(cmd.OutOrStdout(), &got.Holder, s.host.time())
	}
	if err == nil && (r.Expired || known && !signed) {
		err = errRefused // it is told why
	}
	return err
}

// tokens are those of the key, and whether there is one: without, none is signed.
func (s *tokenShow) tokens(in *stdin) (tokens *api.Tokens, known bool, err error) {
	key, err := s.key.read(in)
	if err != nil {
		return nil, false, err
	}
	known = key != ""
	ring, err := sender.NewKeyring(cmp.Or(key, noKey))
	if err != nil {
		return nil, false, err
	}
	return api.NewOfflineTokens(ring, s.host.time), known, nil
}

// noKey stands where a key is needed and nothing is signed with it.
const noKey = "no key of anybody, which signs nothing"

func (r *tokenReport) write(w io.Writer, h *api.Holder, now time.Time) error {
	signature := "not checked: there is no key"
	if r.Signed != nil {
		signature = "of this key"
		if !*r.Signed {
			signature = "not of this key, or for something else"
		}
	}
	return writeFields(w, [][2]string{
		{"token", r.ID},
		{"scope", string(r.Scope)},
		{"application", r.App},
		{"may", may(h)},
		{"session", r.Session},
		{"issued", exactly(r.Issued, now)},
		{"ends", exactly(r.Expires, now)},
		{"signature", signature},
	})
}
