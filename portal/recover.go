package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// recoverData is the page on which what an endpoint has missed is sent again.
type recoverData struct {
	sender.Endpoint
	// Missing says that it is about what was never sent to it, and not about what failed.
	Missing bool
	Spans   []recoverSpan
	// Since is zero until it was chosen; then Count is how many have failed since, and More
	// says that there are more.
	Since    time.Time
	Count    int64
	More     bool
	Problems problems
}

// recoverSpan is a choice of since when.
type recoverSpan struct {
	Value, Label string
	Since        time.Time
	Chosen       bool
	span         time.Duration
}

var recoverSpans = []recoverSpan{
	{Value: "8h", Label: "8 hours ago", span: 8 * time.Hour},
	{Value: "1d", Label: "Yesterday", span: 24 * time.Hour},
	{Value: "3d", Label: "3 days ago", span: 3 * 24 * time.Hour},
	{Value: "7d", Label: "Last week", span: 7 * 24 * time.Hour},
	{Value: "14d", Label: "2 weeks ago", span: 14 * 24 * time.Hour},
}

// maxCount is up to how many failed messages are counted.
const maxCount = 10_000

// askRecover and askMissing ask since when; and when that is chosen, say what is going to
// be sent.
func askRecover(v *visit) (response, error) { return v.askSince(false) }
func askMissing(v *visit) (response, error) { return v.askSince(true) }

func (v *visit) askSince(missing bool) (response, error) {
	d, err := v.recoverData(missing)
	if err != nil {
		return nil, err
	}
	chosen := v.query("since")
	for i := range d.Spans {
		s := &d.Spans[i]
		s.Chosen = s.Value == chosen || chosen == "" && i == 0
		if s.Value == chosen {
			d.Since = s.Since
		}
	}
	if chosen == "date" {
		at, err := v.date("date")
		if err != nil {
			d.Problems = problems{"date": aboutOf(err)}
			return v.again("recover", d.title(), d)
		}
		d.Since = at
	}
	if !d.Since.IsZero() && !missing {
		d.Count, err = v.Sender.CountFailed(v.ctx, v.app.ID, d.ID, d.Since, time.Time{}, maxCount+1)
		if wrong, ok := problemsOf(err, "since"); ok {
			d.Since, d.Problems = time.Time{}, problems{"date": wrong["since"]}
			return v.again("recover", d.title(), d)
		}
		if err != nil {
			return nil, err
		}
		d.More = d.Count > maxCount
	}
	return v.show("recover", d.title(), d)
}

func (v *visit) recoverData(missing bool) (*recoverData, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	d := &recoverData{Endpoint: ep, Missing: missing}
	now := v.Sender.Now()
	for _, s := range recoverSpans {
		s.Since = now.Add(-s.span)
		d.Spans = append(d.Spans, s)
	}
	return d, nil
}

// title is the page's.
func (d *recoverData) title() string {
	if d.Missing {
		return "Replay missing messages"
	}
	return "Recover failed messages"
}

// recoverFailed and replayMissing begin to send again.
func recoverFailed(v *visit) (response, error) { return v.recover(v.Sender.Recover) }
func replayMissing(v *visit) (response, error) { return v.recover(v.Sender.ReplayMissing) }

func (v *visit) recover(begin func(ctx context.Context, app, ep string, since, until time.Time) (sender.Task, error)) (response, error) {
	since, err := time.Parse(time.RFC3339, v.field("since"))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "This form cannot be read", "It does not say since when. Go back and try again."}
	}
	task, err := begin(v.ctx, v.app.ID, v.path("endpoint"), since, time.Time{})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", v.path("endpoint"), "tasks", task.ID), ""), nil
}

// taskData is the progress of something long.
type taskData struct {
	sender.Endpoint
	sender.Task
}

// Percent is how far it is.
func (d *taskData) Percent() int64 {
	if d.Total == 0 {
		return 100
	}
	return 100 * d.Done / d.Total
}

// Name says what it is.
func (d *taskData) Name() string {
	switch d.Kind {
	case sender.TaskRecover:
		return "Recovering failed messages"
	case sender.TaskReplay:
		return "Replaying missing messages"
	}
	return "Replaying messages"
}

// showTask shows how far a recovery or replay is.
func showTask(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	task, err := v.Sender.Task(v.ctx, v.path("task"))
	if err != nil {
		return nil, err
	}
	if task.AppID != v.app.ID {
		return nil, errNoPage
	}
	d := &taskData{ep, task}
	return v.show("task", d.Name(), d)
}
