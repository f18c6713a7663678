package portal

import (
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// endpointRow is an endpoint in the list.
type endpointRow struct {
	sender.Endpoint
	Tally   store.Tally // of the last hours
	Pending int64
}

// Rate is how many of a hundred attempts have failed; negative without any.
func (r *endpointRow) Rate() float64 { return failureRate(r.Tally) }

func failureRate(t store.Tally) float64 {
	if t.Succeeded+t.Failed == 0 {
		return -1
	}
	return 100 * float64(t.Failed) / float64(t.Succeeded+t.Failed)
}

// listEndpoints shows the endpoints of an application, each with its error rate.
func listEndpoints(v *visit) (response, error) {
	found, err := v.Sender.Endpoints(v.ctx, v.app.ID, v.paging())
	if err != nil {
		return nil, err
	}
	rows := sender.List[*endpointRow]{Iterator: found.Iterator, PrevIterator: found.PrevIterator, Done: found.Done}
	counts := v.Store.Counts()
	for i := range found.Data {
		row := &endpointRow{Endpoint: found.Data[i], Pending: counts[found.Data[i].ID].Pending}
		hours, err := v.tallies.attempts(v.ctx, row.ID, v.Sender.Now())
		if err != nil {
			return nil, err
		}
		row.Tally = sum(hours).Tally
		rows.Data = append(rows.Data, row)
	}
	return v.show("endpoints", "Endpoints", listing(v, rows))
}
