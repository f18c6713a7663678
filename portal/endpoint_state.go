package portal

import (
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// enableEndpoint and disableEndpoint say whether an endpoint gets anything.
func enableEndpoint(v *visit) (response, error)  { return v.setDisabled(false, "endpoint-enabled") }
func disableEndpoint(v *visit) (response, error) { return v.setDisabled(true, "endpoint-disabled") }

func (v *visit) setDisabled(disabled bool, done string) (response, error) {
	var ep sender.Endpoint
	err := v.change(func(tx *store.Tx) (err error) {
		ep, err = v.Sender.PatchEndpoint(tx, v.app.ID, v.path("endpoint"), sender.EndpointPatch{Disabled: &disabled})
		return err
	})
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints", ep.ID), done), nil
}

// askDelete asks whether an endpoint is to be deleted.
func askDelete(v *visit) (response, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	return v.show("endpoint_delete", "Delete endpoint", &ep)
}

// deleteEndpoint deletes an endpoint.
func deleteEndpoint(v *visit) (response, error) {
	err := v.change(func(tx *store.Tx) error { return v.Sender.DeleteEndpoint(tx, v.app.ID, v.path("endpoint")) })
	if err != nil {
		return nil, err
	}
	return redirect(v.at("endpoints"), "endpoint-deleted"), nil
}
