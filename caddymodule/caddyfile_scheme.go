package caddymodule

import (
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/verifier"
)

// unmarshalScheme reads a custom scheme. Its {variables} are the verifier's,
// never Caddy's. Syntax:
//
//	scheme <name> {
//	    extends       <scheme>                       # begin with a copy of this one
//	    signature     <ref> [list <separator>] [pair <separator>] [prefix <text>]
//	    signed        <template>                     # {id} {timestamp} {type} {method} {url} {query} {body}
//	    body_sha256   <ref>                          # where the signed query has the body's digest
//	    decoded       <size>                         # {body} is the body unpacked, at most this large
//	    key           <algorithm> [text|hex|base64|base64url|pem] [prefix <text>] [item <name>] [min <bytes>] [private]
//	    encoding      <hex|base64|base64url...>      # of the signature, told apart by length
//	    timestamp     <ref> <unix|unix_ms|rfc3339> [event]
//	    tolerance     <past> [<future>]
//	    id            <ref>
//	    type          <ref>
//	    unsigned_id   <header>
//	    unsigned_type <header>
//	    aliases       <prefix> <prefix...>
//	    id_varies
//	    body_varies
//	    body_repeats
//	    response_limit <duration>
//	    retry_horizon <duration>|unbounded
//	    max_body      <size>
//	    handshake     <kind> | <method> query|header <name>
//	}
//
// A ref is header:<name>, query:<name>, part:<name> or json:<pointer>. A
// separator is one of , ; = : or the word space. signature, key and handshake may
// be repeated, and replace what was extended.
func (a *App) unmarshalScheme(d *caddyfile.Dispenser) (verifier.Scheme, error) {
	p := schemeParser{Dispenser: d, app: a, seen: map[string]bool{}}
	var name string
	if !d.AllArgs(&name) {
		return p.scheme, d.Err("scheme needs a name: scheme <name> { … }")
	}
	if _, preset := verifier.Preset(name); preset {
		return p.scheme, d.Errf("%s is a preset; give the custom scheme another name and let it extend %s", name, name)
	}
	if !gateway.ValidName(name) {
		return p.scheme, d.Errf("scheme %q: the name has to be 1 to 64 of a-z, 0-9, _ and -, and to begin with a letter or digit", name)
	}
	for _, other := range a.Schemes {
		if other.Name == name {
			return p.scheme, d.Errf("scheme %s is already defined", name)
		}
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if p.seen[option] && option != "signature" && option != "key" && option != "handshake" {
			return p.scheme, d.Errf("%s is already specified", option)
		}
		if err := p.option(option); err != nil {
			return p.scheme, err
		}
		p.seen[option] = true
	}
	p.scheme.Name = name
	if err := verifier.Check(p.scheme); err != nil {
		return p.scheme, d.WrapErr(err)
	}
	return p.scheme, nil
}

type schemeParser struct {
	*caddyfile.Dispenser
	app    *App
	scheme verifier.Scheme
	seen   map[string]bool
}

func (p *schemeParser) option(option string) error {
	s := &p.scheme
	switch option {
	case "extends":
		return p.extends()
	case "signature":
		return p.signature()
	case "signed":
		return p.text(&s.Signed)
	case "key":
		return p.key()
	case "encoding":
		s.Encodings = nil
		for _, e := range p.RemainingArgs() {
			s.Encodings = append(s.Encodings, verifier.Encoding(e))
		}
		return nil
	case "timestamp":
		return p.timestamp()
	case "tolerance":
		return p.tolerance()
	case "id":
		return p.text((*string)(&s.ID))
	case "type":
		return p.text((*string)(&s.Type))
	case "unsigned_id":
		return p.text(&s.UnsignedID)
	case "unsigned_type":
		return p.text(&s.UnsignedType)
	case "aliases":
		if s.Aliases = p.RemainingArgs(); len(s.Aliases) < 2 {
			return p.Err("aliases needs at least two prefixes of header names")
		}
		return nil
	case "body_sha256":
		return p.text((*string)(&s.BodySHA256))
	case "decoded":
		return size(p.Dispenser, &s.MaxDecoded)
	case "response_limit":
		return p.duration(&s.ResponseLimit)
	case "id_varies":
		return p.flag(&s.IDVaries)
	case "body_varies":
		return p.flag(&s.BodyVaries)
	case "body_repeats":
		return p.flag(&s.BodyRepeats)
	case "retry_horizon":
		return p.horizon()
	case "max_body":
		return size(p.Dispenser, &s.MaxBody)
	case "handshake":
		return p.handshake()
	default:
		return p.Errf("unknown option %q of scheme; there are extends, signature, signed, body_sha256, decoded, key, encoding, timestamp, tolerance, id, type, unsigned_id, unsigned_type, aliases, id_varies, body_varies, body_repeats, response_limit, retry_horizon, max_body and handshake", option)
	}
}

func (p *schemeParser) text(to *string) error {
	option := p.Val()
	if !p.AllArgs(to) {
		return p.Errf("%s needs one argument", option)
	}
	return nil
}

func (p *schemeParser) flag(to *bool) error {
	if p.NextArg() {
		return p.ArgErr()
	}
	*to = true
	return nil
}

func (p *schemeParser) extends() error {
	var name string
	if !p.AllArgs(&name) {
		return p.Err("extends needs the name of one scheme")
	}
	if len(p.seen) > 0 {
		return p.Err("extends comes first: it would undo what stands before it")
	}
	base, ok := p.app.scheme(name)
	if !ok {
		return p.Errf("extends: there is no scheme %q; presets are %s, and schemes defined above", name, presetNames())
	}
	if base.Timestamp != nil {
		t := *base.Timestamp // the preset's own stays as it is
		base.Timestamp = &t
	}
	base.Source, base.Notes = "", "" // they are of the preset
	p.scheme = base
	return nil
}

func (p *schemeParser) signature() error {
	args := p.RemainingArgs()
	if len(args) == 0 || len(args)%2 == 0 {
		return p.Err("signature needs where it is, and may have more: signature <ref> [list <separator>] [pair <separator>] [prefix <text>]")
	}
	l := verifier.Location{From: verifier.Ref(args[0])}
	for i := 1; i < len(args); i += 2 {
		switch args[i] {
		case "list":
			l.List = separator(args[i+1])
		case "pair":
			l.Pair = separator(args[i+1])
		case "prefix":
			l.Prefix = args[i+1]
		default:
			return p.Errf("signature: unknown %q; there are list, pair and prefix", args[i])
		}
	}
	if !p.seen["signature"] {
		p.scheme.Signature = nil
	}
	p.scheme.Signature = append(p.scheme.Signature, l)
	return nil
}

func separator(word string) string {
	if word == "space" {
		return " "
	}
	return word
}

func (p *schemeParser) key() error {
	args := p.RemainingArgs()
	if len(args) == 0 {
		return p.Err("key needs an algorithm, such as hmac-sha256")
	}
	k := verifier.KeyForm{Algorithm: verifier.Algorithm(args[0]), Encoding: verifier.Text}
	args = args[1:]
	if n := len(args); n > 0 && args[n-1] == "private" {
		k.Private, args = true, args[:n-1]
	}
	if len(args)%2 == 1 {
		k.Encoding, args = verifier.Encoding(args[0]), args[1:]
	}
	for i := 0; i < len(args); i += 2 {
		switch args[i] {
		case "prefix":
			k.Prefix = args[i+1]
		case "item":
			k.Item = args[i+1]
		case "min":
			n, err := strconv.Atoi(args[i+1])
			if err != nil || n < 1 {
				return p.Errf("key: min %q has to be a whole number of at least 1", args[i+1])
			}
			k.MinBytes = n
		default:
			return p.Errf("key: unknown %q; there are an encoding (text, hex, base64, base64url, pem), prefix, item, min and, at the end, private", args[i])
		}
	}
	if !p.seen["key"] {
		p.scheme.Keys = nil
	}
	p.scheme.Keys = append(p.scheme.Keys, k)
	return nil
}

func (p *schemeParser) timestamp() error {
	args := p.RemainingArgs()
	if len(args) < 2 || len(args) > 3 || (len(args) == 3 && args[2] != "event") {
		return p.Err("timestamp needs where it is and its format, and says event if it stays the same in every retry: timestamp <ref> <unix|unix_ms|rfc3339> [event]")
	}
	p.scheme.Timestamp = &verifier.Timestamp{From: verifier.Ref(args[0]), Format: verifier.TimeFormat(args[1]), OfEvent: len(args) == 3}
	return nil
}

func (p *schemeParser) tolerance() error {
	if p.scheme.Timestamp == nil {
		return p.Err("tolerance comes after timestamp, and only with one")
	}
	args := p.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return p.Err("tolerance needs how old a timestamp may be, and may have how far ahead: tolerance <past> [<future>]")
	}
	for i, to := range []*verifier.Duration{&p.scheme.Timestamp.Past, &p.scheme.Timestamp.Future}[:len(args)] {
		v, err := parseDuration(args[i])
		if err != nil {
			return p.Errf("tolerance: %v", err)
		}
		*to = verifier.Duration(v)
	}
	return nil
}

func (p *schemeParser) duration(to *verifier.Duration) error {
	option, text := p.Val(), ""
	if !p.AllArgs(&text) {
		return p.Errf("%s needs one duration", option)
	}
	v, err := parseDuration(text)
	if err != nil {
		return p.Errf("%s %q: %v", option, text, err)
	}
	*to = verifier.Duration(v)
	return nil
}

func (p *schemeParser) horizon() error {
	var text string
	if !p.AllArgs(&text) {
		return p.Err("retry_horizon needs one duration, or the word unbounded")
	}
	if text == "unbounded" {
		p.scheme.RetryHorizon = verifier.Unbounded
		return nil
	}
	v, err := parseDuration(text)
	if err != nil {
		return p.Errf("retry_horizon %q: %v", text, err)
	}
	p.scheme.RetryHorizon = verifier.Duration(v)
	return nil
}

func (p *schemeParser) handshake() error {
	args := p.RemainingArgs()
	var h verifier.Handshake
	switch {
	case len(args) == 1:
		known, ok := verifier.HandshakeOf(args[0])
		if !ok {
			return p.Errf("there is no handshake %q; there are %s, and others are passed on: handshake <method> query|header <name>", args[0], verifier.HandshakeKinds())
		}
		h = known
	case len(args) == 3 && (args[1] == "query" || args[1] == "header"):
		h = verifier.Handshake{Method: strings.ToUpper(args[0]), Challenge: verifier.Ref(args[1] + ":" + args[2])}
	default:
		return p.Err("handshake needs a method and what must be there, or the name of one that is known: handshake <kind> | <method> query|header <name>")
	}
	if !p.seen["handshake"] {
		p.scheme.Handshakes = nil
	}
	p.scheme.Handshakes = append(p.scheme.Handshakes, h)
	return nil
}
