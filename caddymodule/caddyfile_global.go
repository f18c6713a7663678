package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() { httpcaddyfile.RegisterGlobalOption("webhooks", parseGlobal) }

// parseGlobal reads the global webhooks block into the app's configuration.
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next()
	if existing != nil {
		return nil, d.Err("there is a webhooks block already; put everything into one")
	}
	d.Reset()
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "webhooks", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from the global options. Syntax:
//
//	webhooks {
//	    body_memory <size>
//	    scheme <name> { … }
//	}
//
// scheme may be repeated; its block is documented at unmarshalScheme.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.Errf("unexpected argument %q: the webhooks block has options in braces", d.Val())
	}
	for d.NextBlock(0) {
		switch option := d.Val(); option {
		case "body_memory":
			if a.BodyMemory != 0 {
				return d.Err("body_memory is already specified")
			}
			if err := size(d, &a.BodyMemory); err != nil {
				return err
			}
		case "scheme":
			s, err := a.unmarshalScheme(d)
			if err != nil {
				return err
			}
			a.Schemes = append(a.Schemes, s)
		default:
			return d.Errf("unknown option %q of webhooks; there are body_memory and scheme", option)
		}
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*App)(nil)
