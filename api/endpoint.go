package api

import (
	"net/http"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// endpointIn is what an endpoint is made of, and what replaces one. The version of
// older SDKs says nothing to us.
type endpointIn struct {
	URL          field[string]            `json:"url" api:"required"`
	Description  field[string]            `json:"description"`
	UID          field[string]            `json:"uid" api:"nonempty"`
	Disabled     field[bool]              `json:"disabled"`
	EventTypes   field[[]string]          `json:"eventTypes" api:"nonempty"`
	FilterTypes  field[[]string]          `json:"filterTypes" api:"nonempty"`
	Channels     field[[]string]          `json:"channels" api:"nonempty"`
	ThrottleRate field[uint16]            `json:"throttleRate" api:"min=1"`
	RateLimit    field[uint16]            `json:"rateLimit" api:"min=1"`
	Secret       field[string]            `json:"secret"`
	Metadata     field[map[string]string] `json:"metadata"`
	Headers      field[map[string]string] `json:"headers"`
	Scheme       field[string]            `json:"scheme"`
}

// endpointPatch is what is changed of an endpoint.
type endpointPatch struct {
	URL          field[string]            `json:"url"`
	Description  field[string]            `json:"description"`
	UID          field[string]            `json:"uid" api:"nonempty"`
	Disabled     field[bool]              `json:"disabled"`
	EventTypes   field[[]string]          `json:"eventTypes" api:"nonempty"`
	FilterTypes  field[[]string]          `json:"filterTypes" api:"nonempty"`
	Channels     field[[]string]          `json:"channels" api:"nonempty"`
	ThrottleRate field[uint16]            `json:"throttleRate" api:"min=1"`
	RateLimit    field[uint16]            `json:"rateLimit" api:"min=1"`
	Secret       field[string]            `json:"secret"`
	Metadata     field[map[string]string] `json:"metadata"`
	Scheme       field[string]            `json:"scheme"`
}

// endpointOut is an endpoint as it is answered.
type endpointOut struct {
	ID           string            `json:"id"`
	UID          *string           `json:"uid"`
	URL          string            `json:"url"`
	Description  string            `json:"description"`
	ThrottleRate *int              `json:"throttleRate"`
	RateLimit    *int              `json:"rateLimit"`
	Version      int               `json:"version"`
	Disabled     bool              `json:"disabled"`
	EventTypes   *[]string         `json:"eventTypes"`
	FilterTypes  *[]string         `json:"filterTypes"`
	Channels     *[]string         `json:"channels"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    moment            `json:"createdAt"`
	UpdatedAt    moment            `json:"updatedAt"`
	// Scheme is there if it is not the usual one.
	Scheme string `json:"scheme,omitzero"`
}

// endpointVersion is what older SDKs require; there are no versions of endpoints.
const endpointVersion = 1

func (in *endpointIn) endpoint() sender.EndpointIn {
	types, rate := either(in.EventTypes, in.FilterTypes), either(in.ThrottleRate, in.RateLimit)
	return sender.EndpointIn{
		URL: in.URL.value, Description: in.Description.or(""), UID: in.UID.or(""), Disabled: in.Disabled.or(false),
		EventTypes: types.or(nil), Channels: in.Channels.or(nil), RateLimit: int(rate.or(0)), Secret: in.Secret.or(""),
		Metadata: in.Metadata.or(nil), Headers: in.Headers.or(nil), Scheme: in.Scheme.or(""),
	}
}

// schemeOr is a scheme, if it is not the usual one.
func schemeOr(scheme string) string {
	if scheme == sender.SchemeSvix {
		return ""
	}
	return scheme
}

func endpointOf(ep *sender.Endpoint) endpointOut {
	types := listOr(ep.EventTypes)
	return endpointOut{
		ID: ep.ID, UID: textOr(ep.UID), URL: ep.URL, Description: ep.Description,
		ThrottleRate: numberOr(ep.RateLimit), RateLimit: numberOr(ep.RateLimit), Version: endpointVersion, Disabled: ep.Disabled,
		EventTypes: types, FilterTypes: types, Channels: listOr(ep.Channels), Metadata: ep.Metadata,
		CreatedAt: moment(ep.Created), UpdatedAt: moment(ep.Updated), Scheme: schemeOr(ep.Scheme),
	}
}

func (c *call) endpoint() string { return c.path("endpoint_id") }

func createEndpoint(c *call, tx *store.Tx, in *endpointIn) (int, endpointOut, error) {
	ep, err := c.sender.CreateEndpoint(tx, c.app, in.endpoint())
	return http.StatusCreated, endpointOf(&ep), err
}

func listEndpoints(c *call) (int, listResponse[endpointOut], error) {
	page := c.query.ordered(false)
	if c.query.fail != nil {
		return 0, listResponse[endpointOut]{}, c.query.fail
	}
	list, err := c.sender.Endpoints(c.ctx, c.app, page)
	return http.StatusOK, listOf(list, endpointOf), err
}

func getEndpoint(c *call) (int, endpointOut, error) {
	ep, err := c.sender.Endpoint(c.ctx, c.app, c.endpoint())
	return http.StatusOK, endpointOf(&ep), err
}

func putEndpoint(c *call, tx *store.Tx, in *endpointIn) (int, endpointOut, error) {
	ep, made, err := c.sender.PutEndpoint(tx, c.app, c.endpoint(), in.endpoint())
	return madeOr(made), endpointOf(&ep), err
}

func patchEndpoint(c *call, tx *store.Tx, in *endpointPatch) (int, endpointOut, error) {
	types, rate := either(in.EventTypes, in.FilterTypes), either(in.ThrottleRate, in.RateLimit)
	ep, err := c.sender.PatchEndpoint(tx, c.app, c.endpoint(), sender.EndpointPatch{
		URL: in.URL.patch(), Description: in.Description.patch(), UID: in.UID.optional(), Disabled: in.Disabled.patch(),
		EventTypes: types.optional(), Channels: in.Channels.optional(), RateLimit: rateOptional(rate),
		Secret: in.Secret.patch(), Metadata: metadataPatch(in.Metadata), Scheme: in.Scheme.patch(),
	})
	return http.StatusOK, endpointOf(&ep), err
}

func deleteEndpoint(c *call, tx *store.Tx, _ *none) (int, none, error) {
	return http.StatusNoContent, none{}, c.sender.DeleteEndpoint(tx, c.app, c.endpoint())
}
