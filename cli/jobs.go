package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/gateway"
)

// newJobs returns the commands about jobs.
func newJobs(host Host) *cobra.Command {
	cmd := host.group("jobs", "Shows and cancels the jobs of recover and replay", `
Shows the jobs that events recover and events replay have started, and cancels them.
They run within the gateway, go on over a restart, and do not need the command that
started them.
`)
	cmd.AddCommand(newJobsList(host), newJobsCancel(host))
	return cmd
}

// jobsList is one run of jobs ls.
type jobsList struct{ admin }

func newJobsList(host Host) *cobra.Command {
	l := &jobsList{admin{host: host}}
	cmd := host.command("ls [flags]", "Lists jobs, the newest first", `
Lists the latest jobs, the newest first.
`, `  PROGRAM webhook jobs ls`, l.run)
	l.register(cmd)
	return cmd
}

func (l *jobsList) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	return l.with(cmd, func(c *client) error {
		var list gateway.JobList
		answer, err := c.get(cmd.Context(), "jobs", nil, &list)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error { return writeJobs(w, list.Jobs, l.host.time()) })
	})
}

func writeJobs(w io.Writer, jobs []gateway.JobInfo, now time.Time) error {
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(w, "No jobs.")
		return err
	}
	rows := [][]string{{"JOB", "KIND", "SOURCE", "STATE", "DONE", "CREATED"}}
	for _, j := range jobs {
		rows = append(rows, []string{j.ID, j.Kind, j.Source, j.State, fmt.Sprintf("%d of %d", j.Done, j.Total), when(j.Created, now)})
	}
	return writeTable(w, rows)
}

// jobsCancel is one run of jobs cancel.
type jobsCancel struct{ admin }

func newJobsCancel(host Host) *cobra.Command {
	j := &jobsCancel{admin{host: host}}
	cmd := host.command("cancel [flags] <job>", "Cancels a job", `
Ends a job. The events that it has made due already stay due, and are delivered.
`, `  PROGRAM webhook jobs cancel job_hfzbzj9l1c`, j.run)
	j.register(cmd)
	return cmd
}

func (j *jobsCancel) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the job"); err != nil {
		return err
	}
	return j.with(cmd, func(c *client) error {
		var job gateway.JobInfo
		answer, err := c.post(cmd.Context(), "jobs/"+url.PathEscape(args[0])+"/cancel", nil, &job)
		if err != nil {
			return err
		}
		return c.print(cmd, answer, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Job %s is %s; it has made due: %s.\n", safe(job.ID), safe(job.State), events(job.Done-job.Skipped))
			return err
		})
	})
}

// newJob is what recover and replay have in common: they start a job and watch it.
type newJob struct {
	admin
	dryRun, detach bool
}

func (n *newJob) register(cmd *cobra.Command) {
	n.admin.register(cmd)
	cmd.Flags().BoolVar(&n.dryRun, "dry-run", false, "Only say how many events it would be")
	cmd.Flags().BoolVar(&n.detach, "detach", false, "Do not wait for the job's end")
}

// start starts the job, and watches it if nothing else is said.
func (n *newJob) start(cmd *cobra.Command, c *client, r gateway.JobRequest) error {
	r.DryRun = n.dryRun
	var job gateway.JobInfo
	answer, err := c.post(cmd.Context(), "jobs", r, &job)
	if err != nil {
		return err
	}
	if !n.dryRun && !n.detach {
		if job, err = n.watch(cmd, c, job); err != nil {
			return err
		}
		if answer, err = json.Marshal(job); err != nil {
			return err
		}
	}
	err = c.print(cmd, answer, func(w io.Writer) error {
		_, err := io.WriteString(w, n.outcome(&job))
		return err
	})
	if err == nil && !n.dryRun && !n.detach && job.State != "done" {
		err = errRefused // the outcome is told
	}
	return err
}

func (n *newJob) outcome(j *gateway.JobInfo) string {
	id := safe(j.ID)
	switch {
	case n.dryRun:
		return events(j.Total) + " would be made due. Nothing was changed.\n"
	case n.detach:
		return fmt.Sprintf("Job %s is about %s. See %s webhook jobs ls.\n", id, events(j.Total), n.host.Program)
	case j.State != "done":
		return fmt.Sprintf("Job %s is %s after %d of %s.\n", id, safe(j.State), j.Done, events(j.Total))
	}
	text := fmt.Sprintf("Made due: %s. The gateway delivers them as fast as the app takes them.\n", events(j.Done-j.Skipped))
	if j.Skipped > 0 {
		text += fmt.Sprintf("Left alone, as their payload is not kept any more: %s.\n", events(j.Skipped))
	}
	return text
}

// events counts events.
func events(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return strconv.FormatInt(n, 10) + " events"
}

// pollEvery is how often a job is looked at.
const pollEvery = 250 * time.Millisecond

// watch shows a job's progress until it ends. An interrupt ends the watching, and
// not the job.
func (n *newJob) watch(cmd *cobra.Command, c *client, job gateway.JobInfo) (gateway.JobInfo, error) {
	ctx, cancel := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	poll := n.host.poll
	if poll == 0 {
		poll = pollEvery
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	progress := &progress{out: cmd.ErrOrStderr(), redraw: n.host.atTerminal(cmd.ErrOrStderr())}
	for {
		progress.show(&job)
		if job.State != "running" {
			progress.end()
			return job, nil
		}
		select {
		case <-ctx.Done():
			progress.end()
			return job, n.leave(cmd, &job)
		case <-ticker.C:
		}
		var now gateway.JobInfo // what is zero is not in the answer
		_, err := c.get(ctx, "jobs/"+url.PathEscape(job.ID), nil, &now)
		switch {
		case err == nil:
			job = now
		case ctx.Err() != nil: // told above
		default:
			progress.end()
			return job, fmt.Errorf("job %s goes on, or will when the gateway is back: %w", safe(job.ID), err)
		}
	}
}

// leave says what becomes of a job that is not watched any more.
func (n *newJob) leave(cmd *cobra.Command, job *gateway.JobInfo) error {
	cmd.PrintErrf("The job goes on. Cancel it with: %s webhook jobs cancel %s\n", n.host.Program, safe(job.ID))
	return errInterrupted
}
