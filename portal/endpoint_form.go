package portal

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// endpointForm is the form of a new endpoint, or of one that is changed.
type endpointForm struct {
	// ID and Of are those of the one that is changed; empty for a new one.
	ID, Of           string
	URL, Description string
	Scheme           string
	Rate, Channels   string
	Secret           string
	// All says that it takes every event type, and Types are all that it may select.
	All      bool
	Types    []typeChoice
	Problems problems
}

// typeChoice is an event type that an endpoint may select.
type typeChoice struct {
	Name, Group, Description string
	Chosen                   bool
}

// endpointFields are the fields of the form, as package sender names them.
var endpointFields = []string{"url", "description", "scheme", "throttleRate", "eventTypes", "channels", "secret"}

// newEndpoint shows the form of a new endpoint.
func newEndpoint(v *visit) (response, error) {
	f := &endpointForm{URL: v.query("url"), Scheme: sender.SchemeSvix, All: true}
	return v.endpointForm(f, nil)
}

// editEndpoint shows the form of an endpoint.
func editEndpoint(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	f := &endpointForm{
		ID: ep.ID, Of: ep.URL, URL: ep.URL, Description: ep.Description, Scheme: ep.Scheme, Channels: strings.Join(ep.Channels, " "), All: ep.EventTypes == nil,
	}
	if ep.RateLimit > 0 {
		f.Rate = strconv.Itoa(ep.RateLimit)
	}
	return v.endpointForm(f, ep.EventTypes)
}

// endpointForm shows the form, with the event types there are, and those that are chosen.
func (v *visit) endpointForm(f *endpointForm, chosen []string) (response, error) {
	all, err := v.allTypes()
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		f.Types = append(f.Types, typeChoice{t.Name, groupOf(&t), t.Description, slices.Contains(chosen, t.Name)})
	}
	for _, name := range chosen { // one that is not shown any more stays chosen
		if !slices.ContainsFunc(f.Types, func(t typeChoice) bool { return t.Name == name }) {
			f.Types = append(f.Types, typeChoice{Name: name, Group: "others", Chosen: true})
		}
	}
	slices.SortStableFunc(f.Types, func(a, b typeChoice) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	title := "Add endpoint"
	if f.ID != "" {
		title = "Edit endpoint"
	}
	if f.Problems != nil {
		return v.again("endpoint_form", title, f)
	}
	return v.show("endpoint_form", title, f)
}

// groupOf is what an event type stands under: its group, or else what its name begins with.
func groupOf(t *sender.EventType) string {
	if t.GroupName != "" {
		return t.GroupName
	}
	group, _, _ := strings.Cut(t.Name, ".")
	return group
}

// maxTypes is how many event types are shown to choose from.
const maxTypes = 1000

// allTypes returns the event types that the session may see.
func (v *visit) allTypes() (all []sender.EventType, err error) {
	f := v.typeFilter()
	f.Limit = 250
	for len(all) < maxTypes {
		found, err := v.Sender.EventTypes(v.ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Data...)
		if found.Done {
			break
		}
		f.Iterator = found.Iterator
	}
	return all, nil
}

// typeFilter leaves out what the session may not see.
func (v *visit) typeFilter() sender.EventTypeFilter {
	var f sender.EventTypeFilter
	if v.session.Scope == api.Application {
		f.Flags = &v.session.FeatureFlags
	}
	return f
}

// readEndpoint reads the form that somebody has filled in.
func (v *visit) readEndpoint() (*endpointForm, []string, int) {
	f := &endpointForm{
		URL: v.field("url"), Description: v.field("description"), Scheme: v.field("scheme"), Rate: v.field("throttleRate"),
		Channels: v.field("channels"), Secret: v.field("secret"), All: v.field("all") != "no",
	}
	var chosen []string
	if !f.All {
		chosen = append([]string{}, v.r.PostForm["eventTypes"]...)
	}
	rate := 0
	if f.Rate != "" {
		var err error
		if rate, err = strconv.Atoi(f.Rate); err != nil || rate <= 0 {
			rate = -1 // which is refused
		}
	}
	return f, chosen, rate
}

// createEndpoint makes an endpoint of the form.
func createEndpoint(v *visit) (response, error) {
	f, types, rate := v.readEndpoint()
	var ep sender.Endpoint
	err := v.change(func(tx *store.Tx) (err error) {
		ep, err = v.Sender.CreateEndpoint(tx, v.app.ID, sender.EndpointIn{
			URL: f.URL, Description: f.Description, Scheme: f.Scheme, RateLimit: rate, Channels: words(f.Channels), EventTypes: types, Secret: f.Secret,
		})
		return err
	})
	if wrong, ok := problemsOf(err, endpointFields...); ok {
		f.Problems, f.Secret = wrong, ""
		return v.endpointForm(f, types)
	}
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", ep.ID), "endpoint-added"), nil
}

// saveEndpoint changes an endpoint to what the form says.
func saveEndpoint(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	f, types, rate := v.readEndpoint()
	f.ID, f.Of = ep.ID, ep.URL
	channels := words(f.Channels)
	patch := sender.EndpointPatch{
		URL: &f.URL, Description: &f.Description, Scheme: &f.Scheme,
		RateLimit:  &sender.Optional[int]{Value: rate, Set: rate != 0},
		EventTypes: &sender.Optional[[]string]{Value: types, Set: types != nil},
		Channels:   &sender.Optional[[]string]{Value: channels, Set: channels != nil},
	}
	if f.Scheme == ep.Scheme {
		patch.Scheme = nil
	}
	err = v.change(func(tx *store.Tx) error {
		_, err := v.Sender.PatchEndpoint(tx, v.app.ID, ep.ID, patch)
		return err
	})
	if wrong, ok := problemsOf(err, endpointFields...); ok {
		f.Problems = wrong
		return v.endpointForm(f, types)
	}
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", ep.ID), "endpoint-saved"), nil
}
