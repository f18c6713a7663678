package cli

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

// endpointSecret is one run of endpoint secret.
type endpointSecret struct{ tenant }

func newEndpointSecret(host Host) *cobra.Command {
	s := &endpointSecret{newTenant(host)}
	cmd := host.command("secret --app <application> [flags] <endpoint>", "Prints the signing secret of an endpoint", `
Prints the secret that an endpoint's webhooks are signed with, for its receiver. Of an
ed25519 one it is the public key.
`, `  # into a file that only you can read
  (umask 077; PROGRAM webhook endpoint secret --app customer-42 ep_1srOrx2ZWZBpBUvZwXKQmoEYga2 > secret)`, s.run)
	s.register(cmd)
	return cmd
}

func (s *endpointSecret) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	c, app, err := s.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	var secret struct {
		Key string `json:"key"`
	}
	what := call{method: http.MethodGet, path: endpointPath(app, args[0], "secret"), about: aboutEndpoint(app, args[0])}
	answer, err := c.do(cmd.Context(), what, &secret)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, safe(secret.Key))
		return err
	})
}

// endpointRotate is one run of endpoint rotate.
type endpointRotate struct {
	tenant
	grace  string
	secret oneSecret
}

// mostGrace is the API's bound.
const mostGrace = 7 * 24 * time.Hour

func newEndpointRotate(host Host) *cobra.Command {
	r := &endpointRotate{tenant: newTenant(host), secret: oneSecret{what: "the new secret", flag: "secret", optional: true}}
	cmd := host.command("rotate --app <application> [flags] <endpoint>", "Gives an endpoint a new signing secret", `
Gives an endpoint a new secret, which the gateway makes if none is given. For a while
its webhooks carry a signature of the old secret, too, so that its receiver can change
at leisure.
`, `  PROGRAM webhook endpoint rotate --app customer-42 --grace 2d ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, r.run)
	r.register(cmd)
	cmd.Flags().StringVar(&r.grace, "grace", "24h", "How long the old secret signs, too: 0s to 7d")
	r.secret.register(cmd.Flags())
	return cmd
}

func (r *endpointRotate) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	grace, err := verifier.ParseDuration(r.grace)
	if err != nil || grace < 0 || time.Duration(grace) > mostGrace {
		return fmt.Errorf("--grace: %.40q is no time from 0s to 7d", r.grace)
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	c, app, err := r.open(in)
	if err != nil {
		return err
	}
	secret, err := r.secret.read(in)
	if err != nil {
		return err
	}
	seconds := int64(time.Duration(grace) / time.Second)
	body := map[string]any{"gracePeriodSeconds": seconds}
	if secret != "" {
		body["key"] = secret
	}
	what := call{method: http.MethodPost, path: endpointPath(app, args[0], "secret", "rotate"), body: body, about: aboutEndpoint(app, args[0])}
	answer, err := c.do(cmd.Context(), what, nil)
	if err != nil {
		return err
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		old := "the old one does not sign any more"
		if seconds > 0 {
			old = "the old one signs, too, for " + short(time.Duration(grace))
		}
		_, err := fmt.Fprintf(w, "Endpoint %s has a new secret; %s. See it with: %s webhook endpoint secret --app %s %s\n",
			safe(args[0]), old, r.host.Program, shellQuote(safe(app)), shellQuote(safe(args[0])))
		return err
	})
}
