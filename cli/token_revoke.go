package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/api"
)

// tokenRevoke is one run of token revoke.
type tokenRevoke struct{ admin }

func newTokenRevoke(host Host) *cobra.Command {
	r := &tokenRevoke{admin{host: host}}
	cmd := host.command("revoke [flags] <token or id>|-", "Ends a token", `
Ends a token at once, for all gateways that share the store. It is named by its text or
by its id, which token tells when it makes one, and token show. "-" reads either from
standard input, where nobody else can see it.

The running gateway is asked by its admin API. Links to the portal are ended by
deleting the application, or over the API by expire-all.
`, `  PROGRAM webhook token revoke LB5PRX7J4QZ3WT2MCE6KHUVDYN

  # the one in a file
  PROGRAM webhook token revoke - < token`, r.run)
	r.register(cmd)
	return cmd
}

func (r *tokenRevoke) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the token, or its id,"); err != nil {
		return err
	}
	text := args[0]
	if text == "-" {
		secret := oneSecret{what: "the token", flag: "token", stdin: true}
		var err error
		if text, err = secret.read(&stdin{Reader: cmd.InOrStdin()}); err != nil {
			return err
		}
	}
	body := map[string]string{"id": text}
	if isToken(text) {
		body = map[string]string{"token": text}
	}
	return r.with(cmd, func(c *client) error {
		var revoked api.Revoked
		answer, err := c.post(cmd.Context(), "tokens/revoke", body, &revoked)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error {
			what := "is revoked"
			if revoked.Expired {
				what = "is revoked; it had ended before, " + when(revoked.Expires, r.host.time())
			}
			_, err := fmt.Fprintf(w, "Token %s %s.\n", safe(revoked.ID), what)
			return err
		})
	})
}

// isToken reports whether a text is a token, and no id of one.
func isToken(text string) bool { return strings.Contains(text, ".") }
