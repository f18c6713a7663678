package delivery

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"

	"github.com/hookgate/hookgate/store"
)

// jobRows is how many deliveries of a job are re-armed at once.
const jobRows = 200

// jobRunning is the state of a job that is to be advanced.
const jobRunning = "running"

// jobs is the state of the goroutine that runs them, under the engine's lock.
type jobs struct{ running, asked bool }

// StartJobs says that a job was created: it is run, beside those that are running. Of
// several gateways that share the store one runs them all; it finds out by itself.
// Those that were running when the process ended go on by themselves once a
// generation has begun.
func (e *Engine) StartJobs() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.startJobs()
}

func (e *Engine) startJobs() {
	if s := e.store.Standing(); e.stopping || s.Shared && !s.Leads {
		return
	}
	e.jobs.asked = true
	if !e.jobs.running {
		e.jobs.running = true
		e.goroutines.Go(e.runJobs)
	}
}

// runJobs advances all running jobs in turn until there are none.
func (e *Engine) runJobs() {
	var trouble backoff
	for e.jobsAsked() {
		left, err := e.advanceJobs()
		switch {
		case err == nil:
			trouble.ok()
		case e.ctx.Err() != nil:
			return
		default:
			if trouble.fail(e.now()) {
				e.logger.LogAttrs(e.ctx, slog.LevelError, "a job cannot go on; trying again", slog.String("error", err.Error()))
			}
			if !e.sleep(trouble.delay) {
				return
			}
		}
		if left || err != nil {
			e.StartJobs()
		}
	}
}

// jobsAsked reports whether there is reason to go on; if not, the next StartJobs
// starts another goroutine.
func (e *Engine) jobsAsked() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := e.jobs.asked && !e.stopping
	e.jobs = jobs{running: asked}
	return asked
}

// advanceJobs does a piece of each job, and reports whether any is left. An error
// of one does not keep it from the others.
func (e *Engine) advanceJobs() (left bool, err error) {
	all, err := e.store.Jobs(e.ctx)
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(all, func(a, b store.Job) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	for _, job := range all {
		if s := e.store.Standing(); job.State != jobRunning || e.ctx.Err() != nil || s.Shared && !s.Leads {
			continue
		}
		advanced, failed := e.store.AdvanceJob(e.ctx, job.ID, jobRows)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		left = left || advanced.State == jobRunning
		e.Wake(job.Destination)
	}
	return left, err
}
