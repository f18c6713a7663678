package caddymodule

import (
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/gateway"
)

// Forward makes a source a stored one: its events are kept safe on disk before the
// sender hears 200, and then forwarded until a 2xx is answered.
type Forward struct {
	// The handlers that take the events, as in a route: one reverse_proxy, or a
	// subroute. They run apart from the sender's request, for each attempt anew.
	// Required.
	HandlersRaw []json.RawMessage `json:"handle,omitempty" caddy:"namespace=http.handlers inline_key=handler"`

	Schedule

	// Which event types are forwarded, as patterns in which * stands for any text.
	// The rest is answered with 200 and recorded as ignored, without its payload.
	// Default: all.
	Only []string `json:"only,omitempty"`

	// Signs the forwarded copy anew.
	Resign *Resign `json:"resign,omitempty"`

	// Headers that are kept although they are withheld by default: Authorization,
	// Cookie, Proxy-*, Forwarded, X-Forwarded-* and what bears a token.
	KeepHeader []string `json:"keep_header,omitempty"`

	// Earlier names of the source, whose events and keys it takes over.
	Was []string `json:"was,omitempty"`
}

// Resign says how the forwarded copy is signed.
type Resign struct {
	// The scheme, as in verify.
	Scheme string `json:"scheme"`

	// The secret, {env.NAME} or {file./absolute/path}. It is read when the
	// configuration loads.
	Secret string `json:"secret"`
}

// config translates the configuration.
func (f *Forward) config(a *App, source string) (*gateway.Forward, error) {
	if len(f.HandlersRaw) == 0 {
		return nil, fmt.Errorf("source %s: forward has no handler; write forward <upstream>, or forward { … } with directives in it", source)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("source %s: %w", source, err)
	}
	cfg := &gateway.Forward{
		Queue: (*queue)(a), Only: f.Only, Keep: f.KeepHeader, MaxBacklog: f.MaxBacklog, Was: f.Was,
	}
	if f.Resign != nil {
		scheme, err := a.namedScheme(source, f.Resign.Scheme)
		if err != nil {
			return nil, err
		}
		secrets, err := readSecrets("source "+source+", resign "+f.Resign.Scheme, []string{f.Resign.Secret}, a.logger)
		if err != nil {
			return nil, err
		}
		cfg.Resign = &gateway.Resign{Scheme: scheme, Secret: secrets.values[0]}
	}
	return cfg, nil
}

// provision makes the handlers part of the running configuration.
func (f *Forward) provision(ctx caddy.Context, source *gateway.Source) (*chain, error) {
	routes := caddyhttp.RouteList{{HandlersRaw: f.HandlersRaw}}
	if err := routes.Provision(ctx); err != nil {
		return nil, fmt.Errorf("source %s: forward: %w", source.Name, err)
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		server = new(caddyhttp.Server) // handlers dereference it
	}
	return &chain{source: source, routes: routes, handler: routes.Compile(nobody), server: server}, nil
}
