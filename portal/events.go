package portal

import (
	"slices"
	"strings"

	"github.com/hookgate/hookgate/sender"
)

// mostNames is how many event types are suggested.
const mostNames = 250

// typeNames are the names of the event types that the session may see.
func (v *visit) typeNames() (names []string, err error) {
	f := v.typeFilter()
	f.Limit = mostNames
	found, err := v.Sender.EventTypes(v.ctx, f)
	for i := range found.Data {
		names = append(names, found.Data[i].Name)
	}
	return names, err
}

// typesPerPage is how many event types the catalogue shows at once.
const typesPerPage = 100

// eventGroup is a part of the catalogue.
type eventGroup struct {
	Name  string
	Types []sender.EventType
}

// listEvents shows the event catalogue.
func listEvents(v *visit) (response, error) {
	f := v.typeFilter()
	f.Page = v.paging()
	f.Limit = typesPerPage
	found, err := v.Sender.EventTypes(v.ctx, f)
	if err != nil {
		return nil, err
	}
	types := listing(v, found)
	return v.show("events", "Event catalogue", &list[eventGroup]{Rows: groupsOf(found.Data), Newer: types.Newer, Older: types.Older})
}

// groupsOf sorts event types into groups.
func groupsOf(types []sender.EventType) (groups []eventGroup) {
	for i := range types {
		name := groupOf(&types[i])
		at := slices.IndexFunc(groups, func(g eventGroup) bool { return g.Name == name })
		if at < 0 {
			at, groups = len(groups), append(groups, eventGroup{Name: name})
		}
		groups[at].Types = append(groups[at].Types, types[i])
	}
	slices.SortStableFunc(groups, func(a, b eventGroup) int { return strings.Compare(a.Name, b.Name) })
	return groups
}

// eventPage is an event type with its schemas, and endpoints that take it.
type eventPage struct {
	sender.EventType
	Versions []schemaVersion
	// Older says that there are versions that are not shown.
	Older bool
	// Endpoints are some that take it; More says that there are more, or may be.
	Endpoints []sender.Endpoint
	More      bool
}

// showEvent shows what messages of a type look like.
func showEvent(v *visit) (response, error) {
	t, err := v.Sender.EventType(v.ctx, v.path("type"))
	if err != nil {
		return nil, err
	}
	if flags := v.typeFilter().Flags; flags != nil && !t.VisibleTo(*flags) {
		return nil, errNoPage
	}
	p := &eventPage{EventType: t}
	if p.Versions, p.Older, err = readVersions(t.Schemas); err != nil {
		return nil, err
	}
	if p.Endpoints, p.More, err = v.takers(t.Name); err != nil {
		return nil, err
	}
	return v.show("event", t.Name, p)
}

const (
	// mostTakers is how many endpoints are named that take an event type, and takersAmong
	// among how many they are looked for.
	mostTakers  = 10
	takersAmong = 250
)

// takers are endpoints that take an event type, and whether there may be more.
func (v *visit) takers(eventType string) (takers []sender.Endpoint, more bool, err error) {
	found, err := v.Sender.Endpoints(v.ctx, v.app.ID, sender.Page{Limit: takersAmong})
	if err != nil {
		return nil, false, err
	}
	for i := range found.Data {
		ep := &found.Data[i]
		if ep.Disabled || len(ep.EventTypes) > 0 && !slices.Contains(ep.EventTypes, eventType) {
			continue
		}
		if len(takers) == mostTakers {
			return takers, true, nil
		}
		takers = append(takers, *ep)
	}
	return takers, !found.Done, nil
}
