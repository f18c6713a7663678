package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// task is something long that the gateway does by itself.
type task struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Data   struct {
		MessagesSent int `json:"messagesSent"`
	} `json:"data"`
}

const (
	taskRunning  = "running"
	taskFinished = "finished"
)

// endpointRecover is one run of endpoint recover.
type endpointRecover struct {
	tenant
	since, until string
	detach       bool
}

func newEndpointRecover(host Host) *cobra.Command {
	r := &endpointRecover{tenant: newTenant(host)}
	cmd := host.command("recover --app <application> --since <time> [flags] <endpoint>", "Sends again what an endpoint did not take", `
Sends again, once each, the messages whose delivery to an endpoint has failed since a
time, 14 days ago at most. The gateway does it in the background, also over a restart;
this command waits for it.
`, `  PROGRAM webhook endpoint recover --app customer-42 --since 2d ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, r.run)
	r.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&r.since, "since", "", "What has failed since then, as 2h, 3d or in RFC 3339 (required)")
	flags.StringVar(&r.until, "until", "", "What has failed before (default: now)")
	flags.BoolVar(&r.detach, "detach", false, "Do not wait for the end")
	return cmd
}

// period writes the flags as the API has them.
func (r *endpointRecover) period(now time.Time) (map[string]any, error) {
	if r.since == "" {
		return nil, errors.New("--since is missing: say since when, as 2h or 3d")
	}
	body := map[string]any{}
	for name, value := range map[string]string{"since": r.since, "until": r.until} {
		if value == "" {
			continue
		}
		at, err := parsePast(value, now)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		body[name] = at.UTC().Format(time.RFC3339Nano)
	}
	return body, nil
}

func (r *endpointRecover) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	body, err := r.period(r.host.time())
	if err != nil {
		return err
	}
	c, app, err := r.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	var begun task
	what := call{method: http.MethodPost, path: endpointPath(app, args[0], "recover"), body: body, about: aboutEndpoint(app, args[0])}
	answer, err := c.do(cmd.Context(), what, &begun)
	if err != nil {
		return err
	}
	if !r.detach {
		if answer, err = c.finish(cmd, &begun); err != nil {
			return err
		}
	}
	err = c.print(cmd, answer, func(w io.Writer) error {
		text := fmt.Sprintf("Sent again: %s.", plural(begun.Data.MessagesSent, "message"))
		switch {
		case r.detach:
			text = fmt.Sprintf("Task %s goes on by itself.", safe(begun.ID))
		case begun.Status != taskFinished:
			text = fmt.Sprintf("Task %s is %s after %s.", safe(begun.ID), safe(begun.Status), plural(begun.Data.MessagesSent, "message"))
		}
		_, err := fmt.Fprintln(w, text)
		return err
	})
	if err == nil && !r.detach && begun.Status != taskFinished {
		err = errRefused // it is told how it ended
	}
	return err
}

// finish waits for the end of a task. An interrupt ends the waiting, and not the task.
func (c *caller) finish(cmd *cobra.Command, t *task) (answer json.RawMessage, err error) {
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	for wait := c.host.patience(); ; wait.grow() {
		var now task // what is zero is not in the answer
		answer, err = c.do(ctx, call{method: http.MethodGet, path: []string{"background-task", t.ID}, about: fmt.Sprintf("task %.80q", t.ID)}, &now)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			return nil, fmt.Errorf("task %s goes on, or will when the gateway is back: %w", safe(t.ID), err)
		default:
			if *t = now; t.Status != taskRunning {
				return answer, nil
			}
		}
		if !wait.pass(ctx) {
			cmd.PrintErrf("Task %s goes on.\n", safe(t.ID))
			return nil, errInterrupted
		}
	}
}
