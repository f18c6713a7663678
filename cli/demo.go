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
	"time"

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
what the app saw. Then this program itself sends webhooks to the gateway, and
repeats what fails. At last the app stops, events come for it, the gateway is
killed and started again, and the app comes back to them. The exit status is 0 if
all went as promised.

Everything stays on this machine: gateway and app listen on unix sockets in a
temporary directory, which also holds the stores and is removed at the end; what is
sent passes a free port of the loopback interface; and the secrets are random.
`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			executable, err := os.Executable()
			if err != nil {
				return err
			}
			d := &demo{
				executable: executable, program: cmd.Root().Name(), site: demoSite, secrets: newDemoSecrets(), patience: demoPatience,
				out: cmd.OutOrStdout(), colour: wantsColour(cmd.OutOrStdout()),
			}
			return d.run(cmd.Context())
		},
	}
}

// demoPatience is how long stored events may take to arrive once their app is back,
// which is looked for every few seconds.
const demoPatience = 20 * time.Second

// demo is one run of the demonstration.
type demo struct {
	executable string                  // runs the gateway: hookgate, or a Caddy with its modules
	program    string                  // as people call it
	site       func(app string) string // the Caddyfile's site, in front of the app at that address
	secrets    demoSecrets
	patience   time.Duration
	temp       string // where the temporary directory is made; empty: where all are
	out        io.Writer
	colour     bool
}

// run returns an error if anything differs from the promise. When it returns, an
// interrupt included, child and temporary directory are gone.
func (d *demo) run(ctx context.Context) (err error) {
	// SIGPIPE, too: a reader that goes away must not leave a child behind.
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer cancel()

	dir, err := os.MkdirTemp(d.temp, "hookgate-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	app := newDemoApp(dir)
	if err := app.start(ctx); err != nil {
		return err
	}
	defer app.stop()

	site := d.site("unix/" + demoAppSocket)
	if err := d.print("A gateway in front of a small app, both on this machine alone. Its Caddyfile:\n\n    %s\n\n",
		strings.ReplaceAll(strings.TrimSpace(site), "\n", "\n    ")); err != nil {
		return err
	}
	gateway, err := newDemoGateway(d.executable, dir, site, d.secrets)
	if err != nil {
		return err
	}
	if err := gateway.start(); err != nil {
		return err
	}
	defer gateway.stop() // also ends it if a send panics; a second stop does nothing
	differing, err := d.show(ctx, dir, gateway, app)
	log := gateway.stop()
	switch all := len(demoCases) + len(demoMessages) + len(demoSteps); {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return fmt.Errorf("%w; the gateway logged:\n%s", err, log)
	case differing > 0:
		return fmt.Errorf("%d of %d differ from the promise", differing, all)
	default:
		return d.print("\nAll %d as promised. Nothing is left behind.\nNext: a Caddyfile like this one, with your provider's secret and your app's address, and: %s run\n", all, d.program)
	}
}

// show returns how many things differ from the promise.
func (d *demo) show(ctx context.Context, dir string, gateway *demoGateway, app *demoApp) (differing int, err error) {
	if err := gateway.ready(ctx); err != nil {
		return 0, err
	}
	sender, err := newDemoSender(d.secrets)
	if err != nil {
		return 0, err
	}
	got, err := converse(ctx, gateway, app, sender)
	if err != nil {
		return 0, err
	}
	if differing, err = d.report(got); err != nil {
		return differing, err
	}
	sent, err := d.circle(ctx, dir, gateway, app)
	if differing += sent; err != nil {
		return differing, err
	}
	more, err := d.outlast(ctx, &demoOutage{gateway: gateway, app: app, sender: sender, patience: d.patience})
	return differing + more, err
}

// converse sends the cases one after the other, so that what the app saw since
// the last is of this one.
func converse(ctx context.Context, gateway *demoGateway, app *demoApp, sender *demoSender) ([]demoResult, error) {
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

// report prints the table, explains what differs, and returns how much it is.
func (d *demo) report(got []demoResult) (differing int, err error) {
	var rows, text, reasons strings.Builder
	rows.WriteString(" \tSENT\tTHE GATEWAY ANSWERED\tTHE APP SAW\n")
	for i, c := range demoCases {
		mark := "✓"
		if got[i] != c.want {
			mark = "✗"
			differing++
			reasons.WriteString(differs(c.sent, c.want.String(), got[i].String(), c.rule))
		}
		fmt.Fprintf(&rows, "%s\t%s\t%d %s\t%s\n", mark, c.sent, got[i].status, got[i].answer, got[i].saw)
	}
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	if _, err := io.WriteString(table, rows.String()); err != nil {
		return differing, err
	}
	if err := table.Flush(); err != nil {
		return differing, err
	}
	return differing, d.print("%s%s", text.String(), reasons.String())
}

// differs explains a difference.
func differs(what, promised, happened, rule string) string {
	return fmt.Sprintf("\n✗ %s\n    promised: %s\n    happened: %s\n    the rule: %s\n", what, promised, happened, rule)
}

// print writes to the user. Marks are coloured here, after the alignment, which
// counts characters.
func (d *demo) print(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if d.colour {
		text = strings.NewReplacer("✓", "\x1b[32m✓\x1b[0m", "✗", "\x1b[31m✗\x1b[0m").Replace(text)
	}
	_, err := io.WriteString(d.out, text)
	return err
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
