package api

import (
	"encoding/json"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// eventTypeIn is what an event type is made of.
type eventTypeIn struct {
	Name         field[string]         `json:"name" api:"required,nonempty"`
	Description  field[string]         `json:"description" api:"required"`
	Archived     field[bool]           `json:"archived"`
	Deprecated   field[bool]           `json:"deprecated"`
	Schemas      field[jsontext.Value] `json:"schemas" api:"object,nullable"`
	FeatureFlags field[[]string]       `json:"featureFlags"`
	FeatureFlag  field[string]         `json:"featureFlag"`
	GroupName    field[string]         `json:"groupName"`
}

// eventTypePut is what replaces an event type: its name is the path's.
type eventTypePut struct {
	Description  field[string]         `json:"description" api:"required"`
	Archived     field[bool]           `json:"archived"`
	Deprecated   field[bool]           `json:"deprecated"`
	Schemas      field[jsontext.Value] `json:"schemas" api:"object,nullable"`
	FeatureFlags field[[]string]       `json:"featureFlags"`
	FeatureFlag  field[string]         `json:"featureFlag"`
	GroupName    field[string]         `json:"groupName"`
}

// eventTypePatch is what is changed of an event type.
type eventTypePatch struct {
	Description  field[string]         `json:"description"`
	Archived     field[bool]           `json:"archived"`
	Deprecated   field[bool]           `json:"deprecated"`
	Schemas      field[jsontext.Value] `json:"schemas" api:"object,nullable"`
	FeatureFlags field[[]string]       `json:"featureFlags"`
	FeatureFlag  field[string]         `json:"featureFlag"`
	GroupName    field[string]         `json:"groupName"`
}

// eventTypeOut is an event type as it is answered.
type eventTypeOut struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	Archived     bool           `json:"archived"`
	Deprecated   bool           `json:"deprecated"`
	Schemas      jsontext.Value `json:"schemas" api:"object,nullable"`
	FeatureFlags *[]string      `json:"featureFlags"`
	FeatureFlag  *string        `json:"featureFlag,omitzero"`
	GroupName    *string        `json:"groupName,omitzero"`
	CreatedAt    moment         `json:"createdAt"`
	UpdatedAt    moment         `json:"updatedAt"`
}

// flagsOf are feature flags, by the name of a list or by that of a single one.
func flagsOf(list field[[]string], single field[string]) field[[]string] {
	one := field[[]string]{set: single.set, null: single.null}
	if single.has() {
		one.value = []string{single.value}
	}
	return either(list, one)
}

func (in *eventTypePut) eventType() sender.EventTypeIn {
	flags := flagsOf(in.FeatureFlags, in.FeatureFlag)
	return sender.EventTypeIn{
		Description: in.Description.value, GroupName: in.GroupName.or(""), Archived: in.Archived.or(false), Deprecated: in.Deprecated.or(false),
		Schemas: json.RawMessage(in.Schemas.or(nil)), FeatureFlags: flags.or(nil),
	}
}

func (in *eventTypeIn) eventType() sender.EventTypeIn {
	put := eventTypePut{in.Description, in.Archived, in.Deprecated, in.Schemas, in.FeatureFlags, in.FeatureFlag, in.GroupName}
	t := put.eventType()
	t.Name = in.Name.value
	return t
}

// eventTypeOf writes an event type, with its schemas or without.
func eventTypeOf(t *sender.EventType, content bool) eventTypeOut {
	out := eventTypeOut{
		Name: t.Name, Description: t.Description, Archived: t.Archived, Deprecated: t.Deprecated,
		FeatureFlags: listOr(t.FeatureFlags), GroupName: textOr(t.GroupName), CreatedAt: moment(t.Created), UpdatedAt: moment(t.Updated),
	}
	if len(t.FeatureFlags) == 1 {
		out.FeatureFlag = &t.FeatureFlags[0]
	}
	if content {
		out.Schemas = jsontext.Value(t.Schemas)
	}
	if len(out.Schemas) == 0 {
		out.Schemas = jsontext.Value("null")
	}
	return out
}

func createEventType(c *call, tx *store.Tx, in *eventTypeIn) (int, eventTypeOut, error) {
	t, err := c.sender.CreateEventType(tx, in.eventType())
	return http.StatusCreated, eventTypeOf(&t, true), err
}

// listEventTypes lists what the caller may see: a token of an application sees what has
// no feature flag, or one of its own.
func listEventTypes(c *call) (int, listResponse[eventTypeOut], error) {
	filter := sender.EventTypeFilter{Page: c.query.ordered(true), Archived: c.query.bool(paramArchived, false)}
	filter.WithContent = c.query.bool(paramContent, false)
	if c.query.fail != nil {
		return 0, listResponse[eventTypeOut]{}, c.query.fail
	}
	if c.token.Scope == Application {
		filter.Flags = &c.token.FeatureFlags
	}
	list, err := c.sender.EventTypes(c.ctx, filter)
	return http.StatusOK, listOf(list, func(t *sender.EventType) eventTypeOut { return eventTypeOf(t, filter.WithContent) }), err
}

func getEventType(c *call) (int, eventTypeOut, error) {
	t, err := c.sender.EventType(c.ctx, c.path("event_type_name"))
	if err == nil && c.token.Scope == Application && !t.VisibleTo(c.token.FeatureFlags) {
		err = errNoEntity
	}
	return http.StatusOK, eventTypeOf(&t, true), err
}

func putEventType(c *call, tx *store.Tx, in *eventTypePut) (int, eventTypeOut, error) {
	t, made, err := c.sender.PutEventType(tx, c.path("event_type_name"), in.eventType())
	return madeOr(made), eventTypeOf(&t, true), err
}

func patchEventType(c *call, tx *store.Tx, in *eventTypePatch) (int, eventTypeOut, error) {
	patch := sender.EventTypePatch{
		Description: in.Description.patch(), GroupName: in.GroupName.optional(), Archived: in.Archived.patch(), Deprecated: in.Deprecated.patch(),
	}
	flags := flagsOf(in.FeatureFlags, in.FeatureFlag)
	patch.FeatureFlags = flags.optional()
	if schemas := in.Schemas.optional(); schemas != nil {
		patch.Schemas = &sender.Optional[json.RawMessage]{Value: json.RawMessage(schemas.Value), Set: schemas.Set}
	}
	t, err := c.sender.PatchEventType(tx, c.path("event_type_name"), patch)
	return http.StatusOK, eventTypeOf(&t, true), err
}

func deleteEventType(c *call, tx *store.Tx, _ *none) (int, none, error) {
	expunge := c.query.bool(paramExpunge, false)
	if c.query.fail != nil {
		return 0, none{}, c.query.fail
	}
	return http.StatusNoContent, none{}, c.sender.DeleteEventType(tx, c.path("event_type_name"), expunge)
}
