package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/verifier"
)

// Host is what the subcommands need of the program they are part of.
type Host struct {
	// Program is the name by which people call it, for help texts.
	Program string
	// Schemes returns the custom schemes that a Caddyfile defines.
	Schemes func(caddyfile string) ([]verifier.Scheme, error)
	// Exit returns the error with which a command has to end for the program to
	// exit with that status, which is above 1.
	Exit func(status int) error
}

// errRefused ends the program with status 1; the report is already written.
var errRefused = errors.New("refused")

// statusTrouble is the exit status of everything that is neither success nor a
// refused webhook: wrong usage, an unreadable file, an unusable secret.
const statusTrouble = 2

// Attach adds the subcommands to the webhook command.
func Attach(webhook *cobra.Command, host Host) {
	webhook.SilenceErrors = true
	webhook.SetFlagErrorFunc(host.trouble)
	webhook.RunE = host.run(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		return cmd.Help()
	})
	webhook.AddCommand(newSign(host), newVerify(host), newTargets(host), newDemo())
}

// run makes a command's function of f. Errors of f are told on stderr and end the
// program with status 2.
func (h Host) run(f func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		return h.trouble(cmd, err)
	}
}

func (h Host) trouble(cmd *cobra.Command, err error) error {
	cmd.SilenceErrors = true
	cmd.PrintErrf("Error: %v\nSee %s --help.\n", err, cmd.CommandPath())
	return h.Exit(statusTrouble)
}

// named puts the program's name into a help text.
func (h Host) named(text string) string { return strings.ReplaceAll(text, "PROGRAM", h.Program) }

// command makes a subcommand. In its texts PROGRAM stands for the program's name.
func (h Host) command(use, short, long, example string, f func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use:           use,
		Short:         short,
		Long:          h.named(long),
		Example:       h.named(example),
		RunE:          h.run(f),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
}
