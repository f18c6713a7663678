package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/hookgate/hookgate/verifier"
)

// webhook comes before everything that changes a request (method, rewrite, uri,
// try_files), answers early (basic_auth) or branches (handle, route): what a
// provider signed is what arrived, and no way leads round the guard.
func init() {
	httpcaddyfile.RegisterDirective("webhook", parseWebhook)
	httpcaddyfile.RegisterDirectiveOrder("webhook", httpcaddyfile.Before, "method")
}

// parseWebhook expands the directive to two routes: the source behind its
// matcher, and a guard without one, so that every request of the block either was
// verified or carries no Hookgate-* headers.
func parseWebhook(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	warnExactPath(h)
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	d := directive{Handler: new(Handler)}
	if err := d.unmarshal(h.Dispenser); err != nil {
		return nil, err
	}
	if err := d.finish(h); err != nil {
		return nil, err
	}
	return append(h.NewRoute(matcher, d.Handler), h.NewRoute(nil, new(Guard))...), nil
}

// adaptWarning is text that becomes a warning of the adapter: the helper has no
// other door to them than a value that cannot be marshaled.
type adaptWarning string

// MarshalJSON fails with the warning.
func (w adaptWarning) MarshalJSON() ([]byte, error) { return nil, errors.New(string(w)) }

// warnExactPath warns of a path matcher that matches one spelling only: an app
// that is more lenient would serve the others unverified.
func warnExactPath(h httpcaddyfile.Helper) {
	if path := ""; h.Args(&path) && strings.HasPrefix(path, "/") && !strings.HasSuffix(path, "*") {
		h.JSON(adaptWarning(fmt.Sprintf("%s:%d: webhook %s matches this path alone; an app that also takes %s/ or %s.json would see those unverified: write %s*",
			h.File(), h.Line(), path, path, path, path)))
	}
	h.Reset()
	h.Next()
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	webhook [<matcher>] <source> {
//	    verify <scheme> <secret...> {
//	        tolerance  <past> [<future>]
//	        public_url <url>
//	        allow_weak
//	        handshake  answer [<kind>] [<verify token>] | pass
//	    }
//	    dedupe       <window> [<entries>] | off
//	    max_body     <size>
//	    read_timeout <duration>
//	    wait         <duration>
//	    timeout      <duration>
//	    forward      <upstream...> [{ <reverse_proxy options> }]
//	    forward      { <directives> }
//	    retry        <delay...> [forever]
//	    give_up      <age>
//	    concurrency  <n>
//	    max_backlog  <events>
//	    only         <event type pattern...>
//	    resign       <scheme> <secret>
//	    keep_header  <name...>
//	    was          <old name...>
//	}
//
// verify is required and may be repeated; every other option may not. What follows
// forward needs it; forward itself needs the site around it and is refused here.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	whole := directive{Handler: h}
	if err := whole.unmarshal(d); err != nil {
		return err
	}
	if whole.forward != nil {
		return d.Err("forward can only stand in the webhook directive of a site")
	}
	return whole.finish(httpcaddyfile.Helper{Dispenser: d})
}

func (h *directive) unmarshal(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if !d.NextArg() {
		return d.Err("webhook needs the source's name: webhook [<matcher>] <source> { … }")
	}
	h.Source = d.Val()
	if d.NextArg() {
		return d.Errf("unexpected argument %q after the source's name", d.Val())
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		option := d.Val()
		if seen[option] && option != "verify" {
			return d.Errf("%s is already specified", option)
		}
		seen[option] = true
		if err := h.option(d, option); err != nil {
			return err
		}
	}
	if len(h.Verify) == 0 {
		return d.Errf("source %s: nothing says how to verify; add \"verify <scheme> <secret>\"", h.Source)
	}
	return nil
}

func (h *directive) option(d *caddyfile.Dispenser, option string) error {
	if ok, err := h.forwardOption(d, option); ok {
		return err
	}
	switch option {
	case "verify":
		return h.verify(d)
	case "dedupe":
		return h.dedupe(d)
	case "max_body":
		return size(d, &h.MaxBody)
	case "read_timeout":
		return duration(d, &h.ReadTimeout)
	case "wait":
		return duration(d, &h.Wait)
	case "timeout":
		return duration(d, &h.Timeout)
	default:
		return d.Errf("unknown option %q; there are verify, dedupe, max_body, read_timeout, wait, timeout and forward, and with forward retry, give_up, concurrency, max_backlog, only, resign, keep_header and was", option)
	}
}

func (h *Handler) verify(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Err("verify needs a scheme and at least one secret: verify <scheme> <secret...>")
	}
	v := Verify{Scheme: args[0], Secrets: args[1:]}
	seen := map[string]bool{}
	for d.NextBlock(1) {
		option := d.Val()
		if seen[option] {
			return d.Errf("%s is already specified", option)
		}
		seen[option] = true
		switch option {
		case "tolerance":
			if err := tolerance(d, &v.Past, &v.Future); err != nil {
				return err
			}
		case "public_url":
			if !d.AllArgs(&v.PublicURL) {
				return d.Err("public_url needs one URL, as the provider has it")
			}
		case "allow_weak":
			if d.NextArg() {
				return d.ArgErr()
			}
			v.AllowWeak = true
		case "handshake":
			if err := v.handshake(d); err != nil {
				return err
			}
		default:
			return d.Errf("unknown option %q of verify; there are tolerance, public_url, allow_weak and handshake", option)
		}
	}
	h.Verify = append(h.Verify, v)
	return nil
}

// handshake tells a kind from a verify token, which is a placeholder, or too long to
// be any kind.
func (v *Verify) handshake(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 1 && args[0] == "pass" {
		return nil
	}
	if len(args) < 1 || len(args) > 3 || args[0] != "answer" {
		return d.Err("handshake says who answers the provider's check of the URL: handshake answer [<kind>] [<verify token>] | pass")
	}
	v.AnswerHandshake = new(AnswerHandshake)
	args = args[1:]
	if len(args) > 0 {
		_, kind := verifier.HandshakeOf(args[0])
		if !kind && (len(args) == 2 || args[0] != "" && args[0][0] != '{' && len(args[0]) < 16) {
			return d.Errf("there is no handshake %q; there are %s", args[0], verifier.HandshakeKinds())
		}
		if kind {
			v.AnswerHandshake.Kind, args = args[0], args[1:]
		}
	}
	if len(args) > 0 {
		v.AnswerHandshake.VerifyToken = args[0]
		if args[0] == "" {
			return d.Err("handshake: the verify token is empty; with {$NAME}, that variable is not set: write {env.NAME}")
		}
	}
	return nil
}

func (h *Handler) dedupe(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	h.Dedupe = new(Dedupe)
	if len(args) == 1 && args[0] == "off" {
		h.Dedupe.Off = true
		return nil
	}
	if len(args) < 1 || len(args) > 2 {
		return d.Err("dedupe needs a window and may have a number of entries: dedupe <window> [<entries>] | off")
	}
	window, err := parseDuration(args[0])
	if err != nil {
		return d.Errf("dedupe window %q: %v", args[0], err)
	}
	h.Dedupe.Window = window
	if len(args) == 2 {
		n := json.Number(args[1])
		entries, err := n.Int64()
		if err != nil || entries < 1 {
			return d.Errf("dedupe entries %q: it has to be a whole number of at least 1", args[1])
		}
		h.Dedupe.Entries = int(entries)
	}
	return nil
}

func tolerance(d *caddyfile.Dispenser, past, future *caddy.Duration) (err error) {
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return d.Err("tolerance needs how old a timestamp may be, and may have how far ahead: tolerance <past> [<future>]")
	}
	if *past, err = parseDuration(args[0]); err == nil && len(args) == 2 {
		*future, err = parseDuration(args[1])
	}
	if err != nil {
		return d.Errf("tolerance: %v", err)
	}
	return nil
}

// parseDuration reads a duration that must be positive: 0 never means "off".
func parseDuration(text string) (caddy.Duration, error) {
	v, err := caddy.ParseDuration(text)
	if err == nil && v <= 0 {
		err = errors.New("a duration has to be positive")
	}
	return caddy.Duration(v), err
}

func duration(d *caddyfile.Dispenser, to *caddy.Duration) error {
	option := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.Errf("%s needs one duration, such as %v", option, 10*time.Second)
	}
	v, err := parseDuration(text)
	if err != nil {
		return d.Errf("%s %q: %v", option, text, err)
	}
	*to = v
	return nil
}

// maxSize keeps a typing error from being a petabyte.
const maxSize = 1 << 40

func size(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.Errf("%s needs one size, such as 1MiB", option)
	}
	return parseSize(d, option, text, to)
}

func parseSize(d *caddyfile.Dispenser, option, text string, to *int64) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > maxSize {
		return d.Errf("%s %q: it has to be a size of 1 byte to 1 TiB, such as 1MiB", option, text)
	}
	*to = int64(n)
	return nil
}

func presetNames() string {
	presets := verifier.Presets()
	names := make([]string, len(presets))
	for i := range presets {
		names[i] = presets[i].Name
	}
	return strings.Join(names, ", ")
}

var (
	_ caddyfile.Unmarshaler       = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
