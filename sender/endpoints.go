package sender

import (
	"context"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/store"
)

// maxEndpoints is how many endpoints an application may have: each message is written
// for all of them in one transaction.
const maxEndpoints = 10_000

// check checks what an endpoint is made of, and writes its URL as it is kept.
func (s *Sender) check(tx *store.Tx, in *EndpointIn) (err error) {
	if in.Scheme == "" {
		in.Scheme = SchemeSvix
	}
	local, err := s.isLocal(tx, in.URL)
	if err != nil {
		return err
	}
	if !local {
		if in.URL, err = CheckURL(in.URL, s.Guard); err != nil {
			return invalid("url", "%s", err)
		}
	}
	if !isScheme(in.Scheme) {
		return invalid("scheme", "it has to be one of %s", strings.Join(schemes, ", "))
	}
	err = firstOf(
		checkText("description", in.Description, 0, maxDescription),
		checkUID("uid", in.UID, prefixEndpoint),
		checkEventTypes("eventTypes", in.EventTypes),
		checkNames("channels", in.Channels),
		checkRate("throttleRate", in.RateLimit),
		checkMetadata(in.Metadata),
		checkHeaders(in.Headers),
	)
	if err == nil && in.Secret != "" {
		err = checkSecret("secret", in.Scheme, in.Secret)
	}
	if err == nil {
		err = knownEventTypes(tx, in.EventTypes)
	}
	return err
}

// apply makes an endpoint what in says, but for what is sealed.
func (in *EndpointIn) apply(to *Endpoint) {
	if !in.Disabled || !to.Disabled { // what has been disabled keeps its reason
		to.DisabledReason = ""
	}
	if to.Disabled && !in.Disabled {
		to.FirstFailure = moment(0) // it begins anew
	}
	to.URL, to.Description, to.UID, to.Disabled, to.Scheme = in.URL, in.Description, in.UID, in.Disabled, in.Scheme
	to.EventTypes, to.Channels, to.RateLimit, to.Metadata = in.EventTypes, in.Channels, in.RateLimit, in.Metadata
	if to.Metadata == nil {
		to.Metadata = map[string]string{}
	}
}

// CreateEndpoint makes an endpoint of an application. If its uid is taken the error is a
// [ConflictError].
func (s *Sender) CreateEndpoint(tx *store.Tx, app string, in EndpointIn) (Endpoint, error) {
	a, err := application(tx.Query, app)
	if err != nil {
		return Endpoint{}, err
	}
	if err := s.check(tx, &in); err != nil {
		return Endpoint{}, err
	}
	return s.createEndpoint(tx, &a, &in)
}

func (s *Sender) createEndpoint(tx *store.Tx, app *Application, in *EndpointIn) (Endpoint, error) {
	var count int
	if _, err := rows(tx.Query).one("SELECT COUNT(*) FROM sender_endpoints WHERE app = ? AND deleted = 0", []any{app.ID}, &count); err != nil {
		return Endpoint{}, fmt.Errorf("counting endpoints: %w", err)
	}
	if count >= maxEndpoints {
		return Endpoint{}, &RefusedError{Code: CodeLimitReached, Detail: fmt.Sprintf("An application has at most %d endpoints", maxEndpoints)}
	}
	ep := Endpoint{ID: newID(prefixEndpoint, tx.Now), AppID: app.ID, Created: now(tx), Updated: now(tx)}
	in.apply(&ep)
	n, err := tx.Exec(`INSERT INTO sender_endpoints (app, id, uid, url, description, rate, disabled, types, channels, metadata, headers, scheme, created, updated)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		ep.AppID, ep.ID, ep.UID, ep.URL, ep.Description, ep.RateLimit, number(ep.Disabled), joined(ep.EventTypes), joined(ep.Channels),
		object(ep.Metadata), s.sealHeaders(ep.ID, in.Headers), ep.Scheme, millis(ep.Created), millis(ep.Updated))
	if err != nil {
		return Endpoint{}, fmt.Errorf("making an endpoint: %w", err)
	}
	if n == 0 {
		return Endpoint{}, uidTaken("endpoint", ep.UID)
	}
	text := in.Secret
	if text == "" {
		text = newSecret(ep.Scheme)
	}
	if err := s.addSecret(tx, ep.ID, text); err != nil {
		return Endpoint{}, err
	}
	if err := s.changed(tx, ep.ID); err != nil {
		return Endpoint{}, err
	}
	s.announce(tx, operation{Type: EndpointCreated, App: *app, Endpoint: ep})
	return ep, nil
}

// PutEndpoint makes an endpoint what in says, and the endpoint itself if the application
// has none of that id or uid. Its uid is the one in says.
func (s *Sender) PutEndpoint(tx *store.Tx, app, ref string, in EndpointIn) (ep Endpoint, created bool, err error) {
	a, err := application(tx.Query, app)
	if err != nil {
		return Endpoint{}, false, err
	}
	ep, found, err := findEndpoint(tx.Query, a.ID, ref)
	if err != nil {
		return Endpoint{}, false, err
	}
	if in.Scheme == "" && found {
		in.Scheme = ep.Scheme
	}
	if err := s.check(tx, &in); err != nil {
		return Endpoint{}, false, err
	}
	if !found {
		ep, err = s.createEndpoint(tx, &a, &in)
		return ep, err == nil, err
	}
	ep, err = s.changeEndpoint(tx, &a, ep, &in)
	return ep, false, err
}

// PatchEndpoint changes some of an endpoint.
func (s *Sender) PatchEndpoint(tx *store.Tx, app, ref string, p EndpointPatch) (Endpoint, error) {
	a, ep, err := endpoint(tx.Query, app, ref)
	if err != nil {
		return Endpoint{}, err
	}
	in := EndpointIn{
		URL: or(p.URL, ep.URL), Description: or(p.Description, ep.Description), UID: p.UID.or(ep.UID), Disabled: or(p.Disabled, ep.Disabled),
		EventTypes: p.EventTypes.or(ep.EventTypes), Channels: p.Channels.or(ep.Channels), RateLimit: p.RateLimit.or(ep.RateLimit),
		Secret: or(p.Secret, ""), Metadata: or(p.Metadata, ep.Metadata), Scheme: or(p.Scheme, ep.Scheme),
	}
	if err := s.check(tx, &in); err != nil {
		return Endpoint{}, err
	}
	return s.changeEndpoint(tx, &a, ep, &in)
}

// changeEndpoint makes an endpoint what in says, which has been checked.
func (s *Sender) changeEndpoint(tx *store.Tx, app *Application, ep Endpoint, in *EndpointIn) (Endpoint, error) {
	if in.UID != "" && in.UID != ep.UID {
		if _, taken, err := findEndpoint(tx.Query, app.ID, in.UID); err != nil || taken {
			return Endpoint{}, firstOf(err, uidTaken("endpoint", in.UID))
		}
	}
	if err := s.replaceSecret(tx, &ep, in); err != nil {
		return Endpoint{}, err
	}
	in.apply(&ep)
	ep.Updated = now(tx)
	_, err := tx.Exec(`UPDATE sender_endpoints SET uid = ?, url = ?, description = ?, rate = ?, disabled = ?, reason = ?, types = ?, channels = ?,
metadata = ?, scheme = ?, updated = ?, failing = ? WHERE app = ? AND id = ?`,
		ep.UID, ep.URL, ep.Description, ep.RateLimit, number(ep.Disabled), ep.DisabledReason, joined(ep.EventTypes), joined(ep.Channels),
		object(ep.Metadata), ep.Scheme, millis(ep.Updated), millis(ep.FirstFailure), ep.AppID, ep.ID)
	if err == nil && in.Headers != nil {
		_, err = tx.Exec("UPDATE sender_endpoints SET headers = ? WHERE app = ? AND id = ?", s.sealHeaders(ep.ID, in.Headers), ep.AppID, ep.ID)
	}
	if err == nil {
		err = s.changed(tx, ep.ID)
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("changing an endpoint: %w", err)
	}
	s.announce(tx, operation{Type: EndpointUpdated, App: *app, Endpoint: ep})
	return ep, nil
}

// DeleteEndpoint deletes an endpoint with its secrets and headers. What is pending for it
// is not sent any more; what was sent to it can still be listed by message.
func (s *Sender) DeleteEndpoint(tx *store.Tx, app, ref string) error {
	a, ep, err := endpoint(tx.Query, app, ref)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE sender_endpoints SET deleted = ?, disabled = 1, headers = NULL, failing = 0 WHERE app = ? AND id = ?", millis(tx.Now), ep.AppID, ep.ID)
	if err == nil {
		_, err = tx.Exec("DELETE FROM sender_secrets WHERE endpoint = ?", ep.ID)
	}
	if err == nil {
		err = s.changed(tx, ep.ID)
	}
	if err != nil {
		return fmt.Errorf("deleting an endpoint: %w", err)
	}
	s.announce(tx, operation{Type: EndpointDeleted, App: a, Endpoint: ep})
	return nil
}

// Endpoint returns an endpoint of an application by its id or uid.
func (s *Sender) Endpoint(ctx context.Context, app, ref string) (Endpoint, error) {
	_, ep, err := endpoint(s.often(ctx), app, ref)
	return ep, err
}

// Endpoints returns a page of an application's endpoints, without deleted ones.
func (s *Sender) Endpoints(ctx context.Context, app string, p Page) (List[Endpoint], error) {
	c, err := p.read(isEndpointID)
	if err != nil {
		return List[Endpoint]{}, err
	}
	a, err := s.Application(ctx, app)
	if err != nil {
		return List[Endpoint]{}, err
	}
	condition, order, args := c.sql("id")
	endpoints, err := readEndpoints(s.reading(ctx), "app = ? AND deleted = 0"+condition+order, append([]any{a.ID}, args...))
	if err != nil {
		return List[Endpoint]{}, err
	}
	return listOf(c, endpoints, func(ep *Endpoint) string { return ep.ID }), nil
}

// IsEndpoint reports whether a destination is an endpoint's.
func IsEndpoint(destination string) bool { return isEndpointID(destination) }

func isEndpointID(id string) bool { _, ok := decodeID(prefixEndpoint, id); return ok }
