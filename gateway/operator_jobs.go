package gateway

import (
	"context"
	"time"

	"github.com/hookgate/hookgate/store"
)

// The kinds of jobs.
const (
	// JobRecover starts the schedules of dead letters anew.
	JobRecover = store.Recover
	// JobReplay delivers again what was delivered.
	JobReplay = store.Replay
)

// JobRequest asks for a job.
type JobRequest struct {
	// Kind is one of the Job constants.
	Kind   string `json:"kind"`
	Source string `json:"source"`
	// Since and Until bound the events. To recover: given up since then, at any
	// time without; Until is not allowed. To replay: received from Since, which is
	// required, and before Until, now by default.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// DryRun only counts.
	DryRun bool `json:"dry_run,omitempty"`
}

// JobInfo is a job, or with a dry run what it would be: then it has no id.
type JobInfo struct {
	ID     string    `json:"id,omitempty"`
	Kind   string    `json:"kind"`
	Source string    `json:"source"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	// State is running, done or canceled.
	State string `json:"state,omitempty"`
	// Total is how many events it is about, Done how many of them are dealt with:
	// they are due then, and their delivery takes its time after that.
	Total int64 `json:"total"`
	Done  int64 `json:"done"`
	// Skipped is how many of those done were left alone, as their payload is not kept
	// any more.
	Skipped int64     `json:"skipped,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
}

func newJobInfo(j *store.Job) JobInfo {
	source, ok := operated(j.Destination)
	if !ok { // a task of an application
		source = j.Destination
	}
	return JobInfo{
		ID: j.ID, Kind: j.Kind, Source: source, Since: j.Since.UTC(), Until: j.Until.UTC(), State: j.State,
		Total: j.Total, Done: j.Done, Skipped: j.Skipped, Created: j.Created.UTC(), Updated: j.Updated.UTC(),
	}
}

// StartJob starts a job, or counts what it would be about. It runs in the
// background, also over a restart, until it is done or canceled.
func (o *Operator) StartJob(ctx context.Context, r JobRequest) (JobInfo, error) {
	w, err := o.writer()
	if err != nil {
		return JobInfo{}, err
	}
	j, err := o.job(r)
	if err != nil {
		return JobInfo{}, err
	}
	if r.DryRun {
		j.Total, err = w.CountJob(ctx, j)
		return newJobInfo(&j), err
	}
	if j, err = w.CreateJob(ctx, j); err != nil {
		return JobInfo{}, err
	}
	o.Engine.StartJobs()
	return newJobInfo(&j), nil
}

func (o *Operator) job(r JobRequest) (store.Job, error) {
	j := store.Job{Kind: r.Kind, Destination: destination(r.Source), Since: r.Since, Until: r.Until}
	switch {
	case r.Kind != JobRecover && r.Kind != JobReplay:
		return j, invalid("kind is %s or %s.", JobRecover, JobReplay)
	case r.Source == "":
		return j, invalid("A job needs a source.")
	case r.Kind == JobRecover && !r.Until.IsZero():
		return j, invalid("until is for %s only.", JobReplay)
	case r.Kind == JobReplay && r.Since.IsZero():
		return j, invalid("%s needs since.", JobReplay)
	}
	if r.Kind == JobReplay && j.Until.IsZero() {
		j.Until = o.Now()
	}
	if r.Kind == JobReplay && !j.Since.Before(j.Until) {
		return j, invalid("since has to be before until.")
	}
	return j, o.stored(r.Source)
}

// JobList is a list of jobs.
type JobList struct {
	Jobs []JobInfo `json:"jobs"`
}

// Jobs returns the latest jobs, the newest first.
func (o *Operator) Jobs(ctx context.Context) (JobList, error) {
	r, err := o.reader()
	if err != nil {
		return JobList{}, err
	}
	jobs, err := r.Jobs(ctx)
	if err != nil {
		return JobList{}, err
	}
	list := JobList{Jobs: make([]JobInfo, len(jobs))}
	for i := range jobs {
		list.Jobs[i] = newJobInfo(&jobs[i])
	}
	return list, nil
}

// Job returns a job.
func (o *Operator) Job(ctx context.Context, id string) (JobInfo, error) {
	r, err := o.reader()
	if err != nil {
		return JobInfo{}, err
	}
	j, err := r.Job(ctx, id)
	return newJobInfo(&j), err
}

// CancelJob ends a job. What it has made due stays so.
func (o *Operator) CancelJob(ctx context.Context, id string) (JobInfo, error) {
	w, err := o.writer()
	if err != nil {
		return JobInfo{}, err
	}
	j, err := w.CancelJob(ctx, id)
	return newJobInfo(&j), err
}
