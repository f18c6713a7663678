package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// directive is a webhook directive while it is read: its forward can only be
// understood with the site around it.
type directive struct {
	*Handler
	forward caddyfile.Segment
	needs   string // the first option that means nothing without forward
}

// forwardOption reads an option that belongs to forward; ok is false if it is none.
func (d *directive) forwardOption(c *caddyfile.Dispenser, option string) (ok bool, err error) {
	switch option {
	case "forward", "retry", "give_up", "concurrency", "max_backlog", "only", "resign", "keep_header", "was":
	default:
		return false, nil
	}
	if d.Forward == nil {
		d.Forward = new(Forward)
	}
	if option == "forward" {
		d.forward = c.NextSegment()
		return true, nil
	}
	if d.needs == "" {
		d.needs = option
	}
	f := d.Forward
	switch option {
	case "only":
		f.Only, err = words(c, "only needs at least one event type: only <pattern...>, such as invoice.*")
	case "keep_header":
		f.KeepHeader, err = words(c, "keep_header needs at least one name: keep_header <name...>")
	case "was":
		f.Was, err = words(c, "was needs at least one earlier name of the source: was <name...>")
	case "resign":
		f.Resign = new(Resign)
		if !c.AllArgs(&f.Resign.Scheme, &f.Resign.Secret) {
			err = c.Err("resign needs a scheme and a secret: resign <scheme> <secret>")
		}
	default:
		_, err = f.option(c, option)
	}
	return true, err
}

func words(c *caddyfile.Dispenser, usage string) ([]string, error) {
	args := c.RemainingArgs()
	if len(args) == 0 {
		return nil, c.Err(usage)
	}
	return args, nil
}

// finish reads forward: with arguments it is a reverse_proxy, without them a block
// of directives, which are ordered as in a site.
func (d *directive) finish(h httpcaddyfile.Helper) error {
	if d.forward == nil {
		if d.needs != "" {
			return h.Errf("source %s: %s means nothing without forward, which stores events before they are passed on; add \"forward <upstream>\" or remove %s", d.Source, d.needs, d.needs)
		}
		return nil
	}
	if d.Wait != 0 {
		return h.Errf("source %s: wait means nothing with forward, as the store answers duplicates at once; remove it", d.Source)
	}
	if d.Dedupe != nil && d.Dedupe.Entries != 0 {
		return h.Errf("source %s: dedupe entries mean nothing with forward, as the store remembers every event of the window; remove the number", d.Source)
	}
	c := caddyfile.NewDispenser(d.forward)
	c.Next()
	args := c.RemainingArgs()
	block := c.NextBlock(0)
	c.Reset()
	switch {
	case len(args) > 0:
		if a := args[0]; strings.HasPrefix(a, "/") || strings.HasPrefix(a, "@") || a == "*" {
			c.Next()
			return c.Errf("forward %s: a matcher has no place here: what the source has taken it forwards; branch inside a block, or use two sources", a)
		}
		proxy := new(reverseproxy.Handler)
		if err := proxy.UnmarshalCaddyfile(c); err != nil {
			return err
		}
		if err := proxy.FinalizeUnmarshalCaddyfile(h.WithDispenser(c)); err != nil {
			return err
		}
		d.Forward.HandlersRaw = append(d.Forward.HandlersRaw, caddyconfig.JSONModuleObject(proxy, "handler", "reverse_proxy", nil))
	case block:
		sub, err := httpcaddyfile.ParseSegmentAsSubroute(h.WithDispenser(c))
		if err != nil {
			return err
		}
		d.Forward.HandlersRaw = append(d.Forward.HandlersRaw, caddyconfig.JSONModuleObject(sub, "handler", "subroute", nil))
	default:
		c.Next()
		return c.Err("forward needs an upstream, or a block of directives: forward <upstream...>, or forward { … }")
	}
	return nil
}
