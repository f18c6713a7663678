package caddymodule

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/hookgate/hookgate/delivery"
	"github.com/hookgate/hookgate/gateway"
)

// Forward makes a source a stored one: its events are kept safe on disk before the
// sender hears 200, and then forwarded until a 2xx is answered.
type Forward struct {
	// The handlers that take the events, as in a route: one reverse_proxy, or a
	// subroute. They run apart from the sender's request, for each attempt anew.
	// Required.
	HandlersRaw []json.RawMessage `json:"handle,omitempty" caddy:"namespace=http.handlers inline_key=handler"`

	// The delays before the second and later attempts; the first is immediate.
	// Each is varied by up to 20 %. After the last the event is a dead letter.
	// Default: 5s 5m 30m 2h 5h 10h 10h.
	Retry []caddy.Duration `json:"retry,omitempty"`

	// Repeat the last delay until the event is given up.
	Forever bool `json:"forever,omitempty"`

	// How long after its arrival an event is given up, however many attempts are
	// left. Default: 14d.
	GiveUp caddy.Duration `json:"give_up,omitempty"`

	// How many attempts are made at once. Default: 16.
	Concurrency int `json:"concurrency,omitempty"`

	// How many events may wait; then new ones are answered with 503. Default:
	// 1000000.
	MaxBacklog int64 `json:"max_backlog,omitempty"`

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

// maxConcurrency keeps a typing error from opening a connection for every event.
const maxConcurrency = 1024

// config translates the configuration.
func (f *Forward) config(a *App, source string) (*gateway.Forward, error) {
	if len(f.HandlersRaw) == 0 {
		return nil, fmt.Errorf("source %s: forward has no handler; write forward <upstream>, or forward { … } with directives in it", source)
	}
	if f.Concurrency < 0 || f.Concurrency > maxConcurrency {
		return nil, fmt.Errorf("source %s: concurrency has to be 1 to %d", source, maxConcurrency)
	}
	if f.MaxBacklog < 0 || f.GiveUp < 0 {
		return nil, fmt.Errorf("source %s: max_backlog and give_up cannot be negative", source)
	}
	for _, delay := range f.Retry {
		if delay <= 0 {
			return nil, fmt.Errorf("source %s: the delays of retry have to be positive", source)
		}
	}
	cfg := &gateway.Forward{
		Queue: (*queue)(a), Only: f.Only, Keep: f.KeepHeader, MaxBacklog: f.MaxBacklog, Was: f.Was,
	}
	if f.Resign != nil {
		scheme, err := a.namedScheme(source, f.Resign.Scheme)
		if err != nil {
			return nil, err
		}
		secrets, err := readSecrets(source, f.Resign.Scheme, []string{f.Resign.Secret}, a.logger)
		if err != nil {
			return nil, err
		}
		cfg.Resign = &gateway.Resign{Scheme: scheme, Secret: secrets.values[0]}
	}
	return cfg, nil
}

// destination is the engine's view of it.
func (f *Forward) destination(source *gateway.Source, chain *chain) delivery.Destination {
	d := delivery.Destination{
		Name: source.Destination(), Transport: chain, Forever: f.Forever,
		GiveUp: time.Duration(f.GiveUp), Timeout: source.Timeout, Concurrency: f.Concurrency,
	}
	for _, delay := range f.Retry {
		d.Retry = append(d.Retry, time.Duration(delay))
	}
	return d
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
