package api

import (
	"net/http"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// applicationIn is what an application is made of.
type applicationIn struct {
	Name         field[string]            `json:"name" api:"required,nonempty"`
	UID          field[string]            `json:"uid" api:"nonempty"`
	ThrottleRate field[uint16]            `json:"throttleRate" api:"min=1"`
	RateLimit    field[uint16]            `json:"rateLimit" api:"min=1"`
	Metadata     field[map[string]string] `json:"metadata"`
}

// applicationPatch is what is changed of an application.
type applicationPatch struct {
	Name         field[string]            `json:"name" api:"nonempty"`
	UID          field[string]            `json:"uid" api:"nonempty"`
	ThrottleRate field[uint16]            `json:"throttleRate" api:"min=1"`
	RateLimit    field[uint16]            `json:"rateLimit" api:"min=1"`
	Metadata     field[map[string]string] `json:"metadata"`
}

// applicationOut is an application as it is answered.
type applicationOut struct {
	ID           string            `json:"id"`
	UID          *string           `json:"uid,omitzero"`
	Name         string            `json:"name"`
	ThrottleRate *int              `json:"throttleRate,omitzero"`
	RateLimit    *int              `json:"rateLimit,omitzero"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    moment            `json:"createdAt"`
	UpdatedAt    moment            `json:"updatedAt"`
}

func (in *applicationIn) application() sender.ApplicationIn {
	rate := either(in.ThrottleRate, in.RateLimit)
	return sender.ApplicationIn{Name: in.Name.value, UID: in.UID.or(""), RateLimit: int(rate.or(0)), Metadata: in.Metadata.or(nil)}
}

func applicationOf(app *sender.Application) applicationOut {
	return applicationOut{
		ID: app.ID, UID: textOr(app.UID), Name: app.Name, ThrottleRate: numberOr(app.RateLimit), RateLimit: numberOr(app.RateLimit),
		Metadata: app.Metadata, CreatedAt: moment(app.Created), UpdatedAt: moment(app.Updated),
	}
}

// madeOr is the status of what was made, or was there.
func madeOr(made bool) int {
	if made {
		return http.StatusCreated
	}
	return http.StatusOK
}

func createApplication(c *call, tx *store.Tx, in *applicationIn) (int, applicationOut, error) {
	existing := c.query.bool(paramExisting, false)
	if c.query.fail != nil {
		return 0, applicationOut{}, c.query.fail
	}
	var app sender.Application
	var err error
	made := true
	if existing && in.UID.has() {
		app, made, err = c.sender.EnsureApplication(tx, in.application())
	} else {
		app, err = c.sender.CreateApplication(tx, in.application())
	}
	return madeOr(made), applicationOf(&app), err
}

func listApplications(c *call) (int, listResponse[applicationOut], error) {
	page := c.query.ordered(true)
	if c.query.fail != nil {
		return 0, listResponse[applicationOut]{}, c.query.fail
	}
	list, err := c.sender.Applications(c.ctx, page)
	return http.StatusOK, listOf(list, applicationOf), err
}

func getApplication(c *call) (int, applicationOut, error) {
	app, err := c.sender.Application(c.ctx, c.app)
	return http.StatusOK, applicationOf(&app), err
}

func putApplication(c *call, tx *store.Tx, in *applicationIn) (int, applicationOut, error) {
	app, made, err := c.sender.PutApplication(tx, c.app, in.application())
	return madeOr(made), applicationOf(&app), err
}

func patchApplication(c *call, tx *store.Tx, in *applicationPatch) (int, applicationOut, error) {
	rate := either(in.ThrottleRate, in.RateLimit)
	app, err := c.sender.PatchApplication(tx, c.app, sender.ApplicationPatch{
		Name: in.Name.patch(), UID: in.UID.optional(), RateLimit: rateOptional(rate), Metadata: metadataPatch(in.Metadata),
	})
	return http.StatusOK, applicationOf(&app), err
}

// rateOptional is what a patch says of a rate.
func rateOptional(rate field[uint16]) *sender.Optional[int] {
	if !rate.set {
		return nil
	}
	return &sender.Optional[int]{Value: int(rate.value), Set: !rate.null}
}

// metadataPatch is what a patch says of metadata: null makes it empty.
func metadataPatch(metadata field[map[string]string]) *map[string]string {
	if !metadata.set {
		return nil
	}
	return &metadata.value
}

// deleteApplication ends its tokens, too.
func deleteApplication(c *call, tx *store.Tx, _ *none) (int, none, error) {
	app, err := c.sender.Application(c.ctx, c.app)
	if err == nil {
		err = c.sender.DeleteApplication(tx, app.ID)
	}
	if err == nil {
		err = c.tokens.ExpireAll(tx, app.ID, nil, 0)
	}
	return http.StatusNoContent, none{}, err
}
