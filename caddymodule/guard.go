package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/gateway"
)

func init() { caddy.RegisterModule(new(Guard)) }

// Guard removes Hookgate-* headers, in any spelling, from every request that no
// webhook handler has verified, so that an app may believe them wherever it sees
// them. The webhook directive adds it to its block; it has no options.
type Guard struct{}

// CaddyModule returns the Caddy module information.
func (*Guard) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhook_guard", New: func() caddy.Module { return new(Guard) }}
}

// ServeHTTP strips the request and goes on.
func (*Guard) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	gateway.Guard(r)
	return next.ServeHTTP(w, r)
}

var _ caddyhttp.MiddlewareHandler = (*Guard)(nil)
