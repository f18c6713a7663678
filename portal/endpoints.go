package portal

import (
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// endpointRow is an endpoint in the list.
type endpointRow struct {
	sender.Endpoint
	Hours   []Hour      // the last
	Tally   store.Tally // of these
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
	rows, err := v.endpointRows(found.Data, time.Now().Add(countFor))
	if err != nil {
		return nil, err
	}
	return v.show("endpoints", "Endpoints", listing(v, sender.List[*endpointRow]{Data: rows, Iterator: found.Iterator, PrevIterator: found.PrevIterator, Done: found.Done}))
}

// endpointRows counts what there was at endpoints, and gives up by a time.
func (v *visit) endpointRows(endpoints []sender.Endpoint, by time.Time) ([]*endpointRow, error) {
	rows := make([]*endpointRow, len(endpoints))
	counts, now := v.Store.Counts(), v.Sender.Now()
	for i, ep := range endpoints {
		hours, err := v.tallies.attempts(v.ctx, ep.ID, now, by)
		if err != nil {
			return nil, err
		}
		rows[i] = &endpointRow{Endpoint: ep, Hours: hours, Tally: sum(hours).Tally, Pending: counts[ep.ID].Pending}
	}
	return rows, nil
}
