package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// send is one run of the send command.
type send struct {
	tenant
	signing
	channels []string
	wait     bool
	to       string
}

func newSend(host Host) *cobra.Command {
	s := &send{tenant: newTenant(host), signing: signing{setup: setup{host: host}}}
	cmd := host.command("send (--app <application> --type <type> | --to <url>) [flags] [<body file>|-]", "Sends a webhook", `
With --app it gives a message to the gateway, which sends it to the application's
endpoints, and prints the message's id. The body is a JSON object, and is read from
standard input unless a file is named. A message is sent once for each --id, however
often this command is repeated; without one, each is another message. With --wait the
command shows the attempts until the message is delivered or given up everywhere.

With --to it signs a body itself, as the command sign does, and posts it to any URL,
once: no gateway is needed, nothing is stored, and no redirect is followed. It prints
the status, how long that took, and the beginning of the answer.

The exit status is 0 if the message was taken, or delivered with --wait or --to; 1 if
it was not delivered; and 2 if it was not sent.
`, `  # to the endpoints of an application
  printf '{"invoice":"in_1","amount":4200}' | PROGRAM webhook send --app customer-42 --type invoice.paid --id in_1-paid --wait

  # to an app on this machine, signed
  export SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
  printf '{"type":"ping"}' | PROGRAM webhook send --to http://127.0.0.1:8080/hooks --secret-env SECRET`, s.run)
	s.register(cmd)
	s.setup.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.id, "id", "", "What is sent once: the Idempotency-Key, or with --to the id of the event")
	flags.StringVar(&s.typ, "type", "", "Event type; with --to by default the body's")
	flags.StringSliceVar(&s.channels, "channels", nil, "Channels of the message")
	flags.BoolVar(&s.wait, "wait", false, "Show the attempts until it is delivered or given up everywhere")
	flags.StringVar(&s.to, "to", "", "Sign it here, and post it to this URL")
	return cmd
}

// The flags that only one use has.
var (
	flagsOfMessage = []string{"app", "url", "token-env", "token-file", "token-stdin", "channels", "wait"}
	flagsOfPost    = []string{"scheme", "config", "secret-env", "secret-file", "secret-stdin"}
)

func (s *send) run(cmd *cobra.Command, args []string) error {
	others, use := flagsOfPost, "--to"
	if s.to != "" {
		others, use = flagsOfMessage, "--app"
	}
	if i := slices.IndexFunc(others, cmd.Flags().Changed); i >= 0 {
		if use == "--app" {
			return fmt.Errorf("--%s does not go with --to, which posts a webhook from here", others[i])
		}
		return fmt.Errorf("--%s goes with --to <url>: what the gateway sends it signs itself", others[i])
	}
	in := &stdin{Reader: cmd.InOrStdin()}
	if s.to != "" {
		return s.post(cmd, args, in)
	}
	if s.typ == "" {
		return errors.New("--type is missing: name the event type, as invoice.paid; or name a URL with --to")
	}
	return s.create(cmd, args, in)
}
