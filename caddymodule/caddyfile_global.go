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
//	    store       sqlite [<file>] | postgres <dsn>
//	    retention   <age> [<size>]
//	    dead        <age>
//	    free_space  <size>
//	    body_memory <size>
//	    key         <secret> [<previous...>]
//	    url         <https://host>
//	    allow_private <cidr...>
//	    scheme <name> { … }
//	}
//
// scheme may be repeated; its block is documented at unmarshalScheme.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.Errf("unexpected argument %q: the webhooks block has options in braces", d.Val())
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		option := d.Val()
		if seen[option] && option != "scheme" {
			return d.Errf("%s is already specified", option)
		}
		seen[option] = true
		if err := a.option(d, option); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) option(d *caddyfile.Dispenser, option string) error {
	switch option {
	case "store":
		return a.unmarshalStore(d)
	case "retention":
		return a.retention(d)
	case "dead":
		return duration(d, &a.keeps().Dead)
	case "free_space":
		return size(d, &a.FreeSpace)
	case "body_memory":
		return size(d, &a.BodyMemory)
	case "key":
		return list(d, &a.Keys, "key needs a secret, {env.NAME} or {file./absolute/path}, and may have those that were used before: key <secret> [<previous...>]")
	case "url":
		if !d.AllArgs(&a.URL) {
			return d.Err("url needs the address by which people reach the portal: url <https://host>")
		}
		return nil
	case "allow_private":
		return list(d, &a.AllowPrivate, "allow_private needs at least one network: allow_private <cidr...>, such as 10.0.0.0/8")
	case "scheme":
		s, err := a.unmarshalScheme(d)
		a.Schemes = append(a.Schemes, s)
		return err
	default:
		return d.Errf("unknown option %q of webhooks; there are store, retention, dead, free_space, body_memory, key, url, allow_private and scheme", option)
	}
}

func list(d *caddyfile.Dispenser, to *[]string, usage string) (err error) {
	*to, err = words(d, usage)
	return err
}

func (a *App) unmarshalStore(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case len(args) == 2 && args[0] == enginePostgres:
		a.Store = &Store{Engine: enginePostgres, DSN: args[1]}
	case len(args) == 1 && args[0] == enginePostgres:
		return d.Err("store postgres needs a connection string, best as {env.NAME} or {file./absolute/path}: store postgres <dsn>")
	case len(args) == 2 && args[0] == engineSQLite:
		a.Store = &Store{Engine: engineSQLite, File: args[1]}
	case len(args) == 1 && args[0] == engineSQLite:
		a.Store = &Store{Engine: engineSQLite}
	default:
		return d.Err("store needs the engine and where it is: store sqlite [<file>], or store postgres <dsn>")
	}
	return nil
}

// keeps returns the retention, made if need be.
func (a *App) keeps() *Retention {
	if a.Retention == nil {
		a.Retention = new(Retention)
	}
	return a.Retention
}

func (a *App) retention(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return d.Err("retention needs an age, and may have a size: retention <age> [<size>]")
	}
	age, err := parseDuration(args[0])
	if err != nil {
		return d.Errf("retention %q: %v", args[0], err)
	}
	a.keeps().Age = age
	if len(args) == 2 {
		return parseSize(d, "retention", args[1], &a.keeps().Size)
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*App)(nil)
