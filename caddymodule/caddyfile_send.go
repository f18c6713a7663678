package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("webhook_send", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		send := new(Send)
		return send, send.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("webhook_send", httpcaddyfile.Before, "invoke")
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	webhook_send [<matcher>] <name> {
//	    token       <secret...>
//	    open
//	    sign        <scheme> <secret...>
//	    to          <url...>
//	    max_body    <size>
//	    timeout     <duration>
//	    retry       <delay...> [forever]
//	    give_up     <age>
//	    concurrency <n>
//	    max_backlog <events>
//	}
//
// sign and to are required, and one of token and open.
func (s *Send) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.NextArg() {
		return d.Err("webhook_send needs the producer's name: webhook_send [<matcher>] <name> { … }")
	}
	s.Name = d.Val()
	if d.NextArg() {
		return d.Errf("unexpected argument %q after the producer's name", d.Val())
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		option := d.Val()
		if seen[option] {
			return d.Errf("%s is already specified", option)
		}
		seen[option] = true
		if err := s.option(d, option); err != nil {
			return err
		}
	}
	switch {
	case s.Sign == nil:
		return d.Errf("producer %s: nothing says how to sign; add \"sign <scheme> <secret>\"", s.Name)
	case len(s.To) == 0:
		return d.Errf("producer %s: there is no target; add \"to <url>\"", s.Name)
	case len(s.Tokens) == 0 && !s.Open:
		return d.Errf("producer %s: anyone could send; add \"token <secret>\", or \"open\" on a loopback address or a unix socket", s.Name)
	case len(s.Tokens) > 0 && s.Open:
		return d.Errf("producer %s: token and open exclude each other; remove one", s.Name)
	}
	return nil
}

func (s *Send) option(d *caddyfile.Dispenser, option string) (err error) {
	switch option {
	case "token":
		s.Tokens, err = words(d, "token needs at least one secret, {env.NAME} or {file./absolute/path}: token <secret...>")
	case "open":
		if d.NextArg() {
			return d.ArgErr()
		}
		s.Open = true
	case "sign":
		args := d.RemainingArgs()
		if len(args) < 2 {
			return d.Err("sign needs a scheme and at least one secret: sign <scheme> <secret...>")
		}
		s.Sign = &Sign{Scheme: args[0], Secrets: args[1:]}
	case "to":
		s.To, err = words(d, "to needs at least one URL: to <url...>")
	case "max_body":
		err = size(d, &s.MaxBody)
	case "timeout":
		err = duration(d, &s.Timeout)
	default:
		var ok bool
		if ok, err = s.Schedule.option(d, option); !ok {
			err = d.Errf("unknown option %q; there are token, open, sign, to, max_body, timeout, retry, give_up, concurrency and max_backlog", option)
		}
	}
	return err
}

var _ caddyfile.Unmarshaler = (*Send)(nil)
