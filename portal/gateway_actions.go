package portal

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/gateway"
)

// pauseSource lets the events of a source wait. Names of targets have slashes, so that they
// are in the form and not in the path.
func pauseSource(v *visit) (response, error) {
	o, err := v.gateway()
	if err == nil {
		err = o.Pause(v.ctx, v.field("source"))
	}
	if err != nil {
		return nil, err
	}
	return redirect(sourcePath(v.field("source")), "gateway-paused"), nil
}

// resumeSource ends a pause.
func resumeSource(v *visit) (response, error) {
	o, err := v.gateway()
	if err == nil {
		err = o.Resume(v.ctx, v.field("source"))
	}
	if err != nil {
		return nil, err
	}
	return redirect(sourcePath(v.field("source")), "gateway-resumed"), nil
}

// sourceRecovery is what the page shows that starts dead letters anew.
type sourceRecovery struct {
	Source string
	// Typed is what was typed, and Problem what is wrong with it.
	Typed, Problem string
	// Since is the time that it means; zero is all.
	Since time.Time
	// Count is how many dead letters there are since then.
	Count int64
}

// URL is the page of the source.
func (d *sourceRecovery) URL() string { return sourcePath(d.Source) }

const recoverTitle = "Recover dead letters"

// askSourceRecovery counts the dead letters of a source, all or since a time, before anything is
// done with them.
func askSourceRecovery(v *visit) (response, error) {
	o, err := v.gateway()
	if err != nil {
		return nil, err
	}
	data := &sourceRecovery{Source: v.query("source"), Typed: v.query("since")}
	if data.Since, err = v.date("since"); err != nil {
		data.Problem = aboutOf(err)
		return v.again("gateway_recover", recoverTitle, data)
	}
	if data.Since.After(o.Now()) {
		data.Problem = "This is in the future."
		return v.again("gateway_recover", recoverTitle, data)
	}
	j, err := o.StartJob(v.ctx, gateway.JobRequest{Kind: gateway.JobRecover, Source: data.Source, Since: data.Since, DryRun: true})
	if err != nil {
		return nil, err
	}
	data.Count = j.Total
	return v.show("gateway_recover", recoverTitle, data)
}

// recoverSource starts the job, and shows how far it is.
func recoverSource(v *visit) (response, error) {
	o, err := v.gateway()
	if err != nil {
		return nil, err
	}
	r := gateway.JobRequest{Kind: gateway.JobRecover, Source: v.field("source")}
	if r.Since, err = readDate(v.field("since"), ""); err != nil {
		return nil, &refusal{http.StatusBadRequest, "This form cannot be read", "Go back and count again."}
	}
	j, err := o.StartJob(v.ctx, r)
	if err != nil {
		return nil, err
	}
	return redirect(jobPath(j.ID), ""), nil
}

// jobData is what the page of a job shows.
type jobData struct {
	gateway.JobInfo
	source bool // it is a source's or a target's, and no endpoint's
}

// URL is the page of the source; empty of an endpoint's.
func (d *jobData) URL() string {
	if d.source {
		return sourcePath(d.Source)
	}
	return ""
}

// Self is the page of the job.
func (d *jobData) Self() string { return jobPath(d.ID) }

// Running reports whether it goes on.
func (d *jobData) Running() bool { return d.State == "running" }

// showJob shows how far a job is.
func showJob(v *visit) (response, error) {
	o, err := v.gateway()
	if err != nil {
		return nil, err
	}
	j, err := o.Job(v.ctx, v.path("id"))
	if err != nil {
		return nil, err
	}
	_, unknown := findSource(o, j.Source)
	return v.show("gateway_job", "Job", &jobData{j, unknown == nil})
}

// cancelJob ends a job where it is.
func cancelJob(v *visit) (response, error) {
	o, err := v.gateway()
	if err != nil {
		return nil, err
	}
	j, err := o.CancelJob(v.ctx, v.path("id"))
	if err != nil {
		return nil, err
	}
	return redirect(jobPath(j.ID), "gateway-canceled"), nil
}
