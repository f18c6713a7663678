package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/gateway"
)

func init() { caddy.RegisterModule(new(Admin)) }

// Admin adds the operator's API to Caddy's admin endpoint, below /webhooks/. It needs
// no configuration, and has the endpoint's protection and no other: who can reach it
// can read payloads.
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.webhooks", New: func() caddy.Module { return new(Admin) }}
}

// Routes implements [caddy.AdminRouter]. Caddy asks for them before the apps of a
// configuration exist, and keeps them if it then fails: which app runs is found out
// for each request.
func (*Admin) Routes() []caddy.AdminRoute {
	api := gateway.NewOperatorAPI(findOperator)
	return []caddy.AdminRoute{{Pattern: "/webhooks/", Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		api.ServeHTTP(w, r)
		return nil // also errors are answered, in the API's own form
	})}}
}

// findOperator returns the operator of the running configuration.
func findOperator() (*gateway.Operator, bool) {
	v, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return nil, false
	}
	app, ok := v.(*App)
	if !ok {
		return nil, false
	}
	o := &gateway.Operator{Uses: &secretUses, Now: time.Now}
	for _, reg := range app.sources {
		o.Sources = append(o.Sources, reg.source)
	}
	if app.storage != nil {
		o.Reader, o.Writer, o.Engine = app.storage.store, app.storage.store, app.storage.engine
	}
	return o, true
}

// secretUses is when each secret was last of use, over reloads.
var secretUses gateway.SecretUses

var _ caddy.AdminRouter = (*Admin)(nil)
