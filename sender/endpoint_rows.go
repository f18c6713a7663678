package sender

import (
	"fmt"
)

const endpointColumns = "app, id, uid, url, description, rate, disabled, reason, types, channels, metadata, scheme, created, updated, failing, deleted"

func scanEndpoint(scan func(...any) error, more ...any) (ep Endpoint, err error) {
	var types, channels, metadata string
	var created, updated, failing, deleted int64
	var disabled int
	err = scan(append([]any{
		&ep.AppID, &ep.ID, &ep.UID, &ep.URL, &ep.Description, &ep.RateLimit, &disabled, &ep.DisabledReason,
		&types, &channels, &metadata, &ep.Scheme, &created, &updated, &failing, &deleted,
	}, more...)...)
	if err != nil {
		return ep, err
	}
	ep.Disabled, ep.Deleted = disabled != 0, deleted != 0
	ep.EventTypes, ep.Channels = split(types), split(channels)
	ep.Created, ep.Updated, ep.FirstFailure = moment(created), moment(updated), moment(failing)
	ep.Metadata, err = readObject(metadata)
	return ep, err
}

// readEndpoints returns the endpoints for which a condition holds.
func readEndpoints(q rows, condition string, args []any) (endpoints []Endpoint, err error) {
	err = q("SELECT "+endpointColumns+" FROM sender_endpoints WHERE "+condition, args, func(scan func(...any) error) error {
		ep, err := scanEndpoint(scan)
		endpoints = append(endpoints, ep)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading endpoints: %w", err)
	}
	return endpoints, nil
}

// findEndpoint returns an endpoint of an application that is not deleted, if there is one
// of that id or uid.
func findEndpoint(q rows, app, ref string) (ep Endpoint, found bool, err error) {
	if ref == "" {
		return Endpoint{}, false, nil
	}
	endpoints, err := readEndpoints(q, "app = ? AND "+refColumn(prefixEndpoint, ref)+" = ? AND deleted = 0", []any{app, ref})
	if err != nil || len(endpoints) == 0 {
		return Endpoint{}, false, err
	}
	return endpoints[0], true, nil
}

// endpoint returns an endpoint that there has to be, and its application.
func endpoint(q rows, app, ref string) (Application, Endpoint, error) {
	a, err := application(q, app)
	if err != nil {
		return Application{}, Endpoint{}, err
	}
	ep, found, err := findEndpoint(q, a.ID, ref)
	if err == nil && !found {
		err = fmt.Errorf("endpoint %w", ErrNotFound)
	}
	return a, ep, err
}
