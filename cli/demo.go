package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// newDemo returns the command that shows the gateway at work: it runs one as a
// child process with an app behind it, sends what a gateway meets, and prints
// what became of it. It fails if anything differs from the promise.
func newDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Shows the gateway at work",
		Long: `
Runs a gateway with a small app behind it, sends genuine, repeated, old, forged
and oversize webhooks, and prints what was sent, what the gateway answered and
what the app saw. The exit status is 0 if all went as promised.

Everything stays on this machine: the gateway listens on a unix socket in a
temporary directory that is removed at the end, the app on a loopback port, and
the secrets are random.
`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			executable, err := os.Executable()
			if err != nil {
				return err
			}
			d := &demo{
				executable: executable, site: demoSite, secrets: newDemoSecrets(),
				out: cmd.OutOrStdout(), colour: wantsColour(cmd.OutOrStdout()),
			}
			return d.run(cmd.Context())
		},
	}
}

// demo is one run of the demonstration.
type demo struct {
	executable string                  // runs the gateway: hookgate, or a Caddy with its modules
	site       func(app string) string // the Caddyfile's site, in front of the app at that address
	secrets    demoSecrets
	out        io.Writer
	colour     bool
}

// run returns an error if anything differs from the promise. When it returns, an
// interrupt included, child and temporary directory are gone.
func (d *demo) run(ctx context.Context) (err error) {
	// SIGPIPE, too: a reader that goes away must not leave a child behind.
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer cancel()

	app, err := startDemoApp(ctx)
	if err != nil {
		return fmt.Errorf("starting the app: %w", err)
	}
	defer app.stop()
	dir, err := os.MkdirTemp("", "hookgate-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	site := d.site(app.address)
	if _, err := fmt.Fprintf(d.out, "A gateway in front of a small app, both on this machine alone. Its Caddyfile:\n\n    %s\n\n",
		strings.ReplaceAll(strings.TrimSpace(site), "\n", "\n    ")); err != nil {
		return err
	}
	gateway, err := startDemoGateway(d.executable, dir, site, d.secrets)
	if err != nil {
		return err
	}
	defer gateway.stop() // also ends it if a send panics; a second stop does nothing
	var got []demoResult
	if err = gateway.ready(ctx); err == nil {
		got, err = d.converse(ctx, gateway, app)
	}
	log := gateway.stop()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return fmt.Errorf("%w; the gateway logged:\n%s", err, log)
	}
	return d.report(got)
}

// converse sends the cases one after the other, so that what the app saw since
// the last is of this one.
func (d *demo) converse(ctx context.Context, gateway *demoGateway, app *demoApp) ([]demoResult, error) {
	sender, err := newDemoSender(d.secrets)
	if err != nil {
		return nil, err
	}
	got := make([]demoResult, len(demoCases))
	for i, c := range demoCases {
		request, body, err := sender.request(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("making %q: %w", c.sent, err)
		}
		if got[i].status, got[i].answer, err = gateway.send(request); err != nil {
			return nil, fmt.Errorf("sending %q: %w", c.sent, err)
		}
		got[i].saw = describe(app.take(), body)
	}
	return got, nil
}

// report prints the table, and explains what differs.
func (d *demo) report(got []demoResult) error {
	var differing []int
	var rows, text strings.Builder
	rows.WriteString(" \tSENT\tTHE GATEWAY ANSWERED\tTHE APP SAW\n")
	for i, c := range demoCases {
		mark := "✓"
		if got[i] != c.want {
			mark = "✗"
			differing = append(differing, i)
		}
		fmt.Fprintf(&rows, "%s\t%s\t%d %s\t%s\n", mark, c.sent, got[i].status, got[i].answer, got[i].saw)
	}
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	if _, err := io.WriteString(table, rows.String()); err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, i := range differing {
		c := demoCases[i]
		fmt.Fprintf(&text, "\n✗ %s\n    promised: %v\n    happened: %v\n    the rule: %s\n", c.sent, c.want, got[i], c.rule)
	}
	if len(differing) == 0 {
		fmt.Fprintf(&text, "\nAll %d as promised. Nothing is left behind; Caddyfile.example shows how to go on.\n", len(got))
	}
	if _, err := io.WriteString(d.out, d.paint(text.String())); err != nil {
		return err
	}
	if len(differing) > 0 {
		return fmt.Errorf("%d of %d differ from the promise", len(differing), len(got))
	}
	return nil
}

// paint colours the marks. It comes after the alignment, which counts characters.
func (d *demo) paint(text string) string {
	if !d.colour {
		return text
	}
	return strings.NewReplacer("✓", "\x1b[32m✓\x1b[0m", "✗", "\x1b[31m✗\x1b[0m").Replace(text)
}

// wantsColour reports whether out is a terminal whose user did not decline
// colours (no-color.org).
func wantsColour(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
