package sender

import (
	"context"
)

// maxEndpointsAt is how many endpoints with the same URL are of interest.
const maxEndpointsAt = 10

// placeOf is a URL, and the application whose endpoints may have it.
type placeOf struct{ app, url string }

// EndpointsAt returns the endpoints of an application that have a URL, spelled exactly so:
// the oldest ten. The answer is remembered, so that it may be asked for with each request
// to the URL; what another process has just changed may be missing for a second. The
// slice must not be changed.
func (s *Sender) EndpointsAt(ctx context.Context, app, url string) ([]Endpoint, error) {
	key := placeOf{app, url}
	found, known, changes := s.Cache.getAt(key)
	if known {
		return found, nil
	}
	found, err := readEndpoints(s.reading(ctx), "app = ? AND url = ? AND deleted = 0 ORDER BY id LIMIT ?", []any{app, url, maxEndpointsAt})
	if err != nil {
		return nil, err
	}
	s.Cache.putAt(key, found, changes)
	return found, nil
}
