package api

import (
	"slices"
	"time"
)

// Scope is whose a token is, and with that what it may be used for.
type Scope string

// The scopes.
const (
	// Operator tokens are of those who run the gateway. They may do all there is.
	Operator Scope = "operator"
	// Organisation tokens are of the one organisation whose gateway this is: all its
	// applications.
	Organisation Scope = "organisation"
	// Application tokens are of one application: its own endpoints, messages and attempts.
	Application Scope = "application"
)

// OrganisationID is the id of the one organisation that a gateway is for.
const OrganisationID = "org_0000000000000000000Hookgate"

// Capability is something that a token of an application may be restricted to.
type Capability string

// The capabilities, as the Svix API names them.
const (
	ViewBase              Capability = "ViewBase"
	ViewEndpointSecret    Capability = "ViewEndpointSecret"
	ManageEndpointSecret  Capability = "ManageEndpointSecret"
	ManageTransformations Capability = "ManageTransformations"
	CreateAttempts        Capability = "CreateAttempts"
	ManageEndpoint        Capability = "ManageEndpoint"
)

// Capabilities are all there are.
var Capabilities = []Capability{ViewBase, ViewEndpointSecret, ManageEndpointSecret, ManageTransformations, CreateAttempts, ManageEndpoint}

// Holder is whom a token stands for.
type Holder struct {
	Scope Scope
	// App is the application of a token of one; empty of others.
	App string
	// Capabilities restrict a token of an application. Nil does not.
	Capabilities []Capability
	// FeatureFlags are the event types that a token of an application sees beside those
	// that everybody sees.
	FeatureFlags []string
	// Session is what tokens of an application can be ended by; it may be empty.
	Session string
	// Parent is the id of the token that this one was made from, and ends with; it may be
	// empty.
	Parent string
}

// subject is the sub claim: an id.
func (h *Holder) subject() string {
	if h.Scope == Application {
		return h.App
	}
	return OrganisationID
}

// May reports whether the holder has a capability: all but restricted tokens of an
// application have all.
func (h *Holder) May(c Capability) bool {
	return h.Scope != Application || h.Capabilities == nil || slices.Contains(h.Capabilities, c)
}

// Token is a token that was checked, or is to be made.
type Token struct {
	Holder
	// ID is the jti claim.
	ID string
	// Issued is in milliseconds, Expires in seconds.
	Issued, Expires time.Time
}
