package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

// endpointTest is one run of endpoint test.
type endpointTest struct {
	tenant
	event string
	wait  bool
}

// testEvent needs no event type of its own.
const testEvent = "svix.ping"

func newEndpointTest(host Host) *cobra.Command {
	t := &endpointTest{tenant: newTenant(host)}
	cmd := host.command("test --app <application> [flags] <endpoint>", "Sends an example to an endpoint", `
Sends the example of an event type to one endpoint, as a message like any other, and
prints its id. Without --event it is svix.ping, which there is always. With --wait the
command shows the attempts until it is delivered or given up; the exit status is 1 if
it was given up.
`, `  PROGRAM webhook endpoint test --app customer-42 --wait ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, t.run)
	t.register(cmd)
	cmd.Flags().StringVar(&t.event, "event", testEvent, "Event type whose example is sent")
	cmd.Flags().BoolVar(&t.wait, "wait", false, "Show the attempts until it is delivered or given up")
	return cmd
}

func (t *endpointTest) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	c, app, err := t.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	body := map[string]any{"eventType": t.event}
	what := call{
		method: http.MethodPost, path: endpointPath(app, args[0], "send-example"), body: body,
		about: fmt.Sprintf("event type %.80q, or %s", t.event, aboutEndpoint(app, args[0])),
	}
	var sent message
	answer, err := c.do(cmd.Context(), what, &sent)
	if err != nil {
		return err
	}
	if t.wait {
		return c.follow(cmd, app, &sent, answer)
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, safe(sent.ID))
		return err
	})
}
