package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/api"
)

func init() {
	caddy.RegisterModule(new(Portal))
	httpcaddyfile.RegisterHandlerDirective("webhook_portal", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		portal := new(Portal)
		return portal, portal.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("webhook_portal", httpcaddyfile.Before, "invoke")
}

// Portal serves the producer's side: the API that the Svix SDKs speak, below /api/v1.
// It wants a host of its own. The app needs a key.
type Portal struct{ app *App }

// CaddyModule returns the Caddy module information.
func (*Portal) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhook_portal", New: func() caddy.Module { return new(Portal) }}
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	webhook_portal [<matcher>]
func (p *Portal) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.Errf("unexpected argument %q: webhook_portal has no arguments", d.Val())
	}
	if d.NextBlock(0) {
		return d.Errf("unknown option %q: webhook_portal has no options", d.Val())
	}
	return nil
}

// Provision finds the app, and says that it has to produce.
func (p *Portal) Provision(ctx caddy.Context) (err error) {
	if p.app, err = theApp(ctx); err != nil {
		return err
	}
	return p.app.needPortal()
}

// ServeHTTP answers calls of the API, and leaves all else to the next handlers.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !api.Serves(r) {
		return next.ServeHTTP(w, r)
	}
	return p.app.serve(w, r)
}

var (
	_ caddy.Provisioner           = (*Portal)(nil)
	_ caddyfile.Unmarshaler       = (*Portal)(nil)
	_ caddyhttp.MiddlewareHandler = (*Portal)(nil)
)
