package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/cli"
	"github.com/hookgate/hookgate/verifier"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "webhook",
		Usage: "<command>",
		Short: "Sends, signs, checks, demonstrates and operates webhooks",
		Long: `
Tools around the webhook gateway. sign and verify work on one webhook, targets
makes a stream of them for load tests, and demo shows the whole gateway at work:
none of these needs a running server.

app, event-type, endpoint and send are for those who send webhooks: they ask the API of
webhook_portal, with what token makes. send --to posts a webhook by itself.

The others look after a gateway that stores events, through its admin endpoint:
which events came, what became of them, and what is to be delivered again. With
--store some read the file of a gateway that is not running.

Secrets are read from an environment variable, a file or standard input, never
from an argument, which other users of the machine could see.
`,
		CobraFunc: func(cmd *cobra.Command) {
			cli.Attach(cmd, cli.Host{
				Program:    cmp.Or(caddy.CustomBinaryName, "caddy"), // as Caddy names its root command
				Schemes:    caddyfileSchemes,
				Admin:      adminTransport,
				Migrations: migrations(),
				Exit:       exit,
			})
		},
	})
}

// exit returns the error with which a command makes Caddy exit with a status above
// 1. Only a function that Caddy wraps can make one.
func exit(status int) error {
	run := caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })
	return run(new(cobra.Command), nil)
}

// caddyfileSchemes adapts a Caddyfile and returns the custom schemes of its
// global block.
func caddyfileSchemes(path string) ([]verifier.Scheme, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": path})
	if err != nil {
		return nil, fmt.Errorf("adapting: %w", err)
	}
	var cfg struct {
		Apps struct {
			Webhooks struct {
				Schemes []verifier.Scheme `json:"schemes"`
			} `json:"webhooks"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(adapted, &cfg); err != nil {
		return nil, fmt.Errorf("reading the adapted configuration: %w", err)
	}
	return cfg.Apps.Webhooks.Schemes, nil
}
