package portal

import (
	"cmp"
	"slices"
	"time"

	"github.com/hookgate/hookgate/sender"
)

const (
	// mostAdded is how many endpoints are added up.
	mostAdded = 100
	// mostWorst is how many of those that fail most are named.
	mostWorst = 10
)

// activityPage is what happened in the last hours.
type activityPage struct {
	Messages, Attempts []Hour
	Sent, Tried        Hour // the sums of these
	Waiting            int64
	Endpoints          int
	// More says that there are endpoints that are not added up.
	More bool
	// Worst are those of which most attempts have failed, in percent.
	Worst []*endpointRow
}

// Rate is how many of a hundred attempts have failed; negative without any.
func (p *activityPage) Rate() float64 { return failureRate(p.Tried.Tally) }

// SentInWords is how many messages there were.
func (p *activityPage) SentInWords() string { return p.Sent.words() }

// showActivity shows what happened in the last hours at all endpoints.
func showActivity(v *visit) (response, error) {
	by := time.Now().Add(countFor)
	messages, err := v.tallies.messages(v.ctx, v.app.ID, v.Sender.Now(), by)
	if err != nil {
		return nil, err
	}
	p := &activityPage{Messages: messages, Attempts: make([]Hour, chartHours)}
	for i := range p.Attempts {
		p.Attempts[i].Start = messages[i].Start
	}
	found, err := v.Sender.Endpoints(v.ctx, v.app.ID, sender.Page{Limit: mostAdded})
	if err != nil {
		return nil, err
	}
	p.Endpoints, p.More = len(found.Data), !found.Done
	rows, err := v.endpointRows(found.Data, by)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		for i, h := range row.Hours {
			p.Attempts[i] = p.Attempts[i].plus(h)
		}
		p.Waiting += row.Pending
		if row.Tally.Failed > 0 {
			p.Worst = append(p.Worst, row)
		}
	}
	slices.SortStableFunc(p.Worst, func(a, b *endpointRow) int {
		return cmp.Or(cmp.Compare(b.Rate(), a.Rate()), cmp.Compare(b.Tally.Failed, a.Tally.Failed))
	})
	p.Worst = p.Worst[:min(len(p.Worst), mostWorst)]
	p.Sent, p.Tried = sum(p.Messages), sum(p.Attempts)
	return v.show("activity", "Activity", p)
}
