package cli

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// Host is what the subcommands need of the program they are part of.
type Host struct {
	// Program is the name by which people call it, for help texts.
	Program string
	// Schemes returns the custom schemes that a Caddyfile defines.
	Schemes func(caddyfile string) ([]verifier.Scheme, error)
	// Admin returns the way to the admin API of a running program: a transport, and
	// how the URLs begin. An empty address stands for the program's default.
	Admin func(address string) (transport http.RoundTripper, origin string, err error)
	// Migrations are those of packages that keep tables of their own in the store, which
	// are moved with it.
	Migrations []store.Migration
	// Exit returns the error with which a command has to end for the program to
	// exit with that status, which is above 1.
	Exit func(status int) error

	terminal func(stream any) bool // tests decide; nil: as it is
	poll     time.Duration         // how often a job is looked at; 0: pollEvery
	now      func() time.Time      // nil: time.Now
}

func (h Host) time() time.Time {
	if h.now != nil {
		return h.now()
	}
	return time.Now()
}

// errRefused ends the program with status 1; the report is already written.
var errRefused = errors.New("refused")

// statusTrouble is the exit status of everything that is neither success nor a
// refused webhook: wrong usage, an unreadable file, an unusable secret.
const statusTrouble = 2

// errInterrupted ends the program with the status that Ctrl-C has in a shell; what
// becomes of its work is already told.
var errInterrupted = errors.New("interrupted")

const statusInterrupted = 130

// Attach adds the subcommands to the webhook command.
func Attach(webhook *cobra.Command, host Host) {
	webhook.SilenceErrors = true
	webhook.SetFlagErrorFunc(host.flagTrouble)
	webhook.RunE = host.run(func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		return cmd.Help()
	})
	webhook.AddCommand(newSign(host), newVerify(host), newSchemes(host), newTargets(host), newDemo(),
		newSources(host), newEvents(host), newJobs(host), newPause(host), newResume(host), newStats(host), newBackup(host), newMigrate(host),
		newApp(host), newEventType(host), newEndpoint(host), newSend(host), newToken(host))
}

// run makes a command's function of f. Errors of f are told on stderr and end the
// program with status 2.
func (h Host) run(f func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errRefused):
			return errRefused
		case errors.Is(err, errInterrupted):
			return h.Exit(statusInterrupted)
		}
		return h.trouble(cmd, err)
	}
}

func (h Host) trouble(cmd *cobra.Command, err error) error {
	cmd.SilenceErrors = true
	cmd.PrintErrf("Error: %v\nSee %s --help.\n", err, cmd.CommandPath())
	return h.Exit(statusTrouble)
}

// flagTrouble is trouble with flags. An id that others have chosen may begin as a flag does.
func (h Host) flagTrouble(cmd *cobra.Command, err error) error {
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
		err = fmt.Errorf("%w; if it is no flag, write -- before it", err)
	}
	return h.trouble(cmd, err)
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
