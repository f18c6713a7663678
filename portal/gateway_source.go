package portal

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/store"
)

// Through how many events the list looks for those of a source, at most: a source with few
// of them among millions costs no more than others.
const (
	lookThrough = 50_000
	// lookPolled is for the page that is polled.
	lookPolled = 1_000
)

// sourceData is what the page of a source shows.
type sourceData struct {
	sourceRow
	// Refusals are the reasons for which something was refused.
	Refusals []reason
	// Stored says that there are events to be listed.
	Stored bool
	Events eventList
	// Jobs are the latest of this source.
	Jobs []gateway.JobInfo
}

// Job is the page of a job.
func (*sourceData) Job(id string) string { return jobPath(id) }

// Live reports whether the page asks now and then what has changed. It does not where it
// would cost something: a list by state, or one that is looked for.
func (d *sourceData) Live() bool { return d.Events.newest() }

// eventList is a page of events.
type eventList struct {
	Source, State, ID string
	Rows              []eventRow
	// Newest and Older are queries; empty if there is no such page.
	Newest, Older string
	// Back is how far the list has looked, if it ends for that.
	Back time.Time
}

// eventRow is an event in a list.
type eventRow struct{ gateway.EventInfo }

// URL is the page of the event.
func (r *eventRow) URL() string { return eventPath(r.Seq, r.Destination, "") }

// newest reports whether it is of the newest, whatever their state.
func (l *eventList) newest() bool { return l.State == "" && l.ID == "" && l.Newest == "" }

// States are those that can be chosen.
func (*eventList) States() []string { return []string{"pending", "delivered", "dead", "ignored"} }

// showSource shows a source, with its events. The name of a target comes as one part of the
// path, or where somebody has decoded that on the way as three.
func showSource(v *visit) (response, error) {
	name := v.path("source")
	if name == "" {
		name = "send/" + v.path("name") + "/" + v.path("n")
	}
	o, err := v.gateway()
	if err != nil {
		return nil, err
	}
	info, err := findSource(o, name)
	if err != nil {
		return nil, err
	}
	data := &sourceData{sourceRow: sourceRow{info}, Stored: info.Destination != "" && o.Reader != nil}
	if info.Traffic != nil {
		data.Refusals = reasonsOf(info.Traffic.Refused)
	}
	if data.Stored {
		if data.Events, err = v.events(o, &info); err != nil {
			return nil, err
		}
		jobs, err := o.Jobs(v.ctx)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs.Jobs {
			if j.Source == name && len(data.Jobs) < 5 {
				data.Jobs = append(data.Jobs, j)
			}
		}
	}
	return v.show("gateway_source", name, data)
}

func findSource(o *gateway.Operator, name string) (gateway.SourceInfo, error) {
	infos := o.SourceInfos()
	i := slices.IndexFunc(infos, func(s gateway.SourceInfo) bool { return s.Name == name })
	if i < 0 {
		return gateway.SourceInfo{}, errNoPage
	}
	return infos[i], nil
}

// events lists what the query asks for: events in a state, or those with an id.
func (v *visit) events(o *gateway.Operator, s *gateway.SourceInfo) (eventList, error) {
	list := eventList{Source: s.Name, State: v.query("state"), ID: v.query("id")}
	if list.ID != "" {
		return list, list.find(v.ctx, o, s)
	}
	f := store.Filter{Source: s.Name, Limit: perPage, Among: lookThrough}
	if list.State != "" {
		var ok bool
		if f.State, ok = store.ParseState(list.State); !ok {
			return list, errNoPage
		}
	}
	if text := v.query("before"); text != "" {
		var err error
		if f.Before, err = strconv.ParseInt(text, 10, 64); err != nil || f.Before <= 0 {
			return list, errNoPage
		}
		list.Newest = list.query("")
	}
	if list.newest() {
		f.Among = lookPolled
	}
	page, err := o.Events(v.ctx, f)
	if err != nil {
		return list, err
	}
	list.add(page.Events)
	if page.Next != "" {
		list.Older = list.query(page.Next)
		if len(page.Events) < perPage {
			seq, _ := strconv.ParseInt(page.Next, 10, 64) // it was written by us
			list.Back = time.UnixMicro(seq)               // events are numbered by the clock
		}
	}
	return list, nil
}

// find lists the events with an id, and the one with that number.
func (l *eventList) find(ctx context.Context, o *gateway.Operator, s *gateway.SourceInfo) error {
	page, err := o.Find(ctx, s.Name, l.ID)
	if err != nil {
		return err
	}
	l.add(page.Events)
	seq, err := strconv.ParseInt(l.ID, 10, 64)
	if err != nil {
		return nil //nolint:nilerr // it is no number
	}
	e, err := o.Event(ctx, seq, "", false)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case e.Source == s.Name || e.Destination == s.Destination || slices.ContainsFunc(e.Deliveries, func(d gateway.DeliveryInfo) bool { return d.Destination == s.Destination }):
		l.add([]gateway.EventInfo{e.EventInfo})
	}
	return nil
}

func (l *eventList) add(found []gateway.EventInfo) {
	for _, e := range found {
		l.Rows = append(l.Rows, eventRow{e})
	}
}

func (l *eventList) query(before string) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": l.State, "before": before} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return sourcePath(l.Source) + "?" + q.Encode()
}
