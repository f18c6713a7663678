package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// eventsRecover is one run of events recover.
type eventsRecover struct {
	newJob
	since string
}

func newEventsRecover(host Host) *cobra.Command {
	r := &eventsRecover{newJob: newJob{admin: admin{host: host}}}
	cmd := host.command("recover [flags] <source>", "Starts dead letters of a source anew", `
Makes due what was given up, all of it or since a time, with a schedule that starts
anew. The gateway does it in the background; this command shows how far that is.
`, `  # how many would it be?
  PROGRAM webhook events recover travtus --since 2d --dry-run

  PROGRAM webhook events recover travtus --since 2d`, r.run)
	r.register(cmd)
	cmd.Flags().StringVar(&r.since, "since", "", "Only what was given up since then, as 2h, 3d or in RFC 3339 (default: all)")
	return cmd
}

func (r *eventsRecover) run(cmd *cobra.Command, args []string) (err error) {
	if err := want(args, 1, "the source"); err != nil {
		return err
	}
	request := gateway.JobRequest{Kind: gateway.JobRecover, Source: args[0]}
	if r.since != "" {
		if request.Since, err = parsePast(r.since, r.host.time()); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}
	return r.with(cmd, func(c *client) error { return r.start(cmd, c, request) })
}

// eventsReplay is one run of events replay.
type eventsReplay struct {
	newJob
	from, to string
	yes      bool
	away     elsewhere
}

func newEventsReplay(host Host) *cobra.Command {
	r := &eventsReplay{newJob: newJob{admin: admin{host: host}}}
	cmd := host.command("replay [flags] <source> --from <time>", "Delivers again what was delivered", `
Delivers again what was received in a period and delivered. The app sees the same
events, with Hookgate-Replay: true and the Hookgate-Idempotency-Key of before. The
gateway does it in the background; this command shows how far that is.

With --to-url the events go somewhere else instead: this command itself posts what
is stored of the period, whatever its state, to a developer's machine, the oldest
first, with the headers as they were received and those of the gateway. It changes
nothing in the store. If the URL has a path, that stands for the event's own; and if
there are more events than --limit, the newest are sent.
`, `  # all of a morning again
  PROGRAM webhook events replay travtus --from 2026-02-20T06:00:00Z --to 2026-02-20T12:00:00Z

  # the last two hours to the app on this machine
  PROGRAM webhook events replay travtus --from 2h --to-url http://localhost:3000`, r.run)
	r.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&r.from, "from", "", "What was received since then, as 2h, 3d or in RFC 3339 (required)")
	flags.StringVar(&r.to, "to", "", "What was received before (default: now)")
	flags.BoolVar(&r.yes, "yes", false, "Do not ask")
	r.away.register(flags)
	return cmd
}

func (r *eventsReplay) run(cmd *cobra.Command, args []string) (err error) {
	if err := want(args, 1, "the source"); err != nil {
		return err
	}
	if r.from == "" {
		return errors.New("--from is missing: say since when, as 2h or 3d")
	}
	now := r.host.time()
	if r.away.url != "" {
		filter := eventFilter{source: args[0], typ: r.away.typ, from: r.from, to: r.to}
		q, err := filter.query(now)
		if err != nil {
			return err
		}
		return r.with(cmd, func(c *client) error { return r.away.run(cmd, c, q, r.dryRun) })
	}
	if r.away.set(cmd) {
		return errors.New("--type, --limit and --concurrency go with --to-url")
	}
	request := gateway.JobRequest{Kind: gateway.JobReplay, Source: args[0]}
	if request.Since, err = parsePast(r.from, now); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if r.to != "" {
		if request.Until, err = parsePast(r.to, now); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return r.with(cmd, func(c *client) error {
		if agreed, err := r.agreed(cmd, c, request); err != nil || !agreed {
			return err
		}
		return r.start(cmd, c, request)
	})
}

// agreed asks a person on a terminal, who may not know how many events it is.
func (r *eventsReplay) agreed(cmd *cobra.Command, c *client, request gateway.JobRequest) (bool, error) {
	if r.yes || r.dryRun || !r.host.atTerminal(cmd.InOrStdin()) {
		return true, nil
	}
	request.DryRun = true
	var job gateway.JobInfo
	if _, err := c.post(cmd.Context(), "jobs", request, &job); err != nil {
		return false, err
	}
	agreed, err := r.host.confirm(cmd, fmt.Sprintf("Deliver %s of %s again?", events(job.Total), safe(request.Source)))
	if err == nil && !agreed {
		cmd.PrintErrln("Nothing was changed.")
		err = errRefused
	}
	return agreed, err
}
