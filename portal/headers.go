package portal

import (
	"maps"
	"slices"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// headersData is the page of the headers that are sent with each message to an endpoint.
type headersData struct {
	sender.Endpoint
	Rows        []headerRow
	Name, Value string // of one that was not taken
	Problems    problems
}

// headerRow is a header. The values of sensitive ones are not shown.
type headerRow struct {
	Name, Value string
	Sensitive   bool
}

func listHeaders(v *visit) (response, error) {
	d, err := v.headersData()
	if err != nil {
		return nil, err
	}
	return v.show("headers", "Custom headers", d)
}

func (v *visit) headersData() (*headersData, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	headers, sensitive, err := v.Sender.EndpointHeaders(v.ctx, v.app.ID, ep.ID)
	if err != nil {
		return nil, err
	}
	d := &headersData{Endpoint: ep}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		d.Rows = append(d.Rows, headerRow{Name: name, Value: headers[name]})
	}
	for _, name := range sensitive {
		d.Rows = append(d.Rows, headerRow{Name: name, Sensitive: true})
	}
	return d, nil
}

// setHeader sets a header, and unsetHeader unsets one.
func setHeader(v *visit) (response, error) {
	name, value := v.field("name"), v.field("value")
	err := v.change(func(tx *store.Tx) error {
		return v.Sender.PatchEndpointHeaders(tx, v.app.ID, v.path("endpoint"), map[string]string{name: value}, nil)
	})
	if wrong, ok := problemsOf(err, "headers"); ok {
		d, err := v.headersData()
		if err != nil {
			return nil, err
		}
		d.Name, d.Value, d.Problems = name, value, wrong
		return v.again("headers", "Custom headers", d)
	}
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", v.path("endpoint"), "headers"), "header-set"), nil
}

func unsetHeader(v *visit) (response, error) {
	err := v.change(func(tx *store.Tx) error {
		return v.Sender.PatchEndpointHeaders(tx, v.app.ID, v.path("endpoint"), nil, []string{v.field("name")})
	})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", v.path("endpoint"), "headers"), "header-unset"), nil
}
