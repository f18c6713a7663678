package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/api"
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
	return []caddy.AdminRoute{
		adminRoute("/webhooks/", gateway.NewOperatorAPI(findOperator)),
		adminRoute(api.RevokePath, http.HandlerFunc(revokeToken)),
	}
}

// adminRoute is a route whose handler answers errors, too, in its own form.
func adminRoute(pattern string, h http.Handler) caddy.AdminRoute {
	return caddy.AdminRoute{Pattern: pattern, Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	})}
}

// revokeToken ends a token of the producer's API, if a portal is running.
func revokeToken(w http.ResponseWriter, r *http.Request) {
	app, ok := runningApp()
	if !ok || app.producing.brand == nil || app.storage == nil || !app.storage.use() {
		api.RefuseRevocation(w)
		return
	}
	defer app.letGo()
	app.producing.api.Tokens().AdminHandler().ServeHTTP(w, r)
}

// runningApp returns the app of the running configuration, if it has one.
func runningApp() (*App, bool) {
	v, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return nil, false
	}
	app, ok := v.(*App)
	return app, ok
}

// findOperator returns the operator of the running configuration.
func findOperator() (*gateway.Operator, bool) {
	app, ok := runningApp()
	if !ok {
		return nil, false
	}
	return app.operator(), true
}

// operator is what operators see and do of this configuration.
func (a *App) operator() *gateway.Operator {
	o := &gateway.Operator{Uses: &secretUses, Now: time.Now}
	for _, reg := range a.sources {
		o.Sources = append(o.Sources, reg.source)
	}
	for _, p := range a.producers {
		for _, d := range p.Destinations() {
			o.Targets = append(o.Targets, d.Name)
		}
	}
	if a.storage != nil {
		o.Reader, o.Writer, o.Engine = a.storage.store, a.storage.store, a.storage.engine
	}
	return o
}

// secretUses is when each secret was last of use, over reloads.
var secretUses gateway.SecretUses

var _ caddy.AdminRouter = (*Admin)(nil)
