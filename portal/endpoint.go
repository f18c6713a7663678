package portal

import (
	"errors"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// endpointData is the page of an endpoint.
type endpointData struct {
	sender.Endpoint
	Hours   []Hour
	Pending int64
	// Filter is what the list of attempts is narrowed to, as it was typed.
	Filter   attemptFields
	Types    []string
	Attempts *list[sender.Attempt]
	Problems problems
}

// Rate is how many of a hundred attempts have failed; negative without any.
func (d *endpointData) Rate() float64 { return failureRate(sum(d.Hours).Tally) }

// attemptFields are the fields of the filter of attempts.
type attemptFields struct{ Status, Type, After, Before string }

// Some reports whether there is any.
func (f attemptFields) Some() bool { return f != attemptFields{} }

// attemptFilter reads the filter of attempts from the query.
func (v *visit) attemptFilter() (fields attemptFields, f sender.AttemptFilter, wrong problems) {
	fields = attemptFields{v.query("status"), v.query("type"), v.query("after"), v.query("before")}
	f.Page = v.paging()
	switch fields.Status {
	case "success", "fail":
		status := sender.StatusSuccess
		if fields.Status == "fail" {
			status = sender.StatusFail
		}
		f.Status = &status
	default:
		fields.Status = ""
	}
	if fields.Type != "" {
		f.EventTypes = []string{fields.Type}
	}
	wrong = problems{}
	var err error
	if f.After, err = v.date("after"); err != nil {
		wrong["after"] = aboutOf(err)
	}
	if f.Before, err = v.date("before"); err != nil {
		wrong["before"] = aboutOf(err)
	}
	return fields, f, wrong
}

// showEndpoint shows how an endpoint does, and the attempts at it.
func showEndpoint(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	d := &endpointData{Endpoint: ep, Pending: v.Store.Counts()[ep.ID].Pending, Attempts: &list[sender.Attempt]{}}
	if d.Hours, err = v.tallies.attempts(v.ctx, ep.ID, v.Sender.Now(), time.Now().Add(countFor)); err != nil {
		return nil, err
	}
	if d.Types, err = v.typeNames(); err != nil {
		return nil, err
	}
	fields, f, wrong := v.attemptFilter()
	d.Filter, d.Problems = fields, wrong
	f.WithMessage = true
	if len(wrong) > 0 {
		return v.again("endpoint", ep.URL, d)
	}
	found, err := v.Sender.AttemptsByEndpoint(v.ctx, v.app.ID, ep.ID, f)
	if errors.As(err, new(*sender.InvalidError)) {
		return nil, errNoPage // nothing but a page's own link has an iterator
	}
	if err != nil {
		return nil, err
	}
	d.Attempts = listing(v, found)
	return v.show("endpoint", ep.URL, d)
}
