package verifier

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// maxTwoChanges is the size in bytes up to which a body is tried with two
// changes at a time, which costs thousands of MACs.
const maxTwoChanges = 128 << 10

// signatures searches for the fewest changes to secret, signed content and body
// under which a signature of the request is right, and reports whether there are
// any.
//
// matched says that the request is a good one of another scheme.
func (x *explainer) signatures(matched bool) bool {
	readings, contents := x.readings(), x.contents(!matched)
	most := 2
	if len(x.body) > maxTwoChanges {
		most = 1
	}
	for changes := range most + 1 {
		found, right, ok := search(readings, contents, x.body, changes)
		if !ok {
			continue
		}
		if moved(found) {
			x.Findings = nil // what was renamed is said better so
		}
		x.Findings = append(x.Findings, found...)
		x.right = changes == 0 && x.Err != nil
		x.spelling(right, found)
		if x.right {
			x.shape()
		}
		return true
	}
	return x.otherTime(readings, contents[0])
}

// moved reports whether a signature was found in a header that is not the scheme's.
func moved(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Code == "signature_header" })
}

// spelling says what is wrong with how a right signature is written.
func (x *explainer) spelling(s spelled, found []Finding) {
	l := &x.locations[0]
	name, quoted := "without a name", "nothing"
	if s.name != "" {
		name, quoted = "named "+strings.TrimSuffix(s.name, l.Pair), s.name
	}
	want := l.Prefix
	if want == "" {
		want = "nothing"
	}
	switch {
	case s.encoding != "" && !slices.Contains(x.Encodings, s.encoding):
		x.find("signature_encoding", "The signature is right, but spelled as %s; this scheme has %s.", s.encoding, joinEncodings(x.Encodings))
	case s.encoding == "" || moved(found):
	case l.Pair != "" && !slices.Contains(x.items, strings.TrimSuffix(s.name, l.Pair)):
		x.find("signature_version", "The signature is right, but %s; this scheme has %s.", name, strings.Join(x.items, " or "))
	case l.Pair == "" && s.name != l.Prefix:
		x.find("signature_prefix", "The signature is right, but has %s before it; this scheme has %s.", quoted, want)
	}
}

// search tries every way to make exactly that number of changes, and returns the
// findings of the first under which a signature matches, with that signature.
func search(readings []reading, contents []content, body []byte, changes int) ([]Finding, spelled, bool) {
	for _, w := range writings {
		if w.changes() > changes {
			continue
		}
		signed, ok := w.write(body)
		if !ok {
			continue
		}
		for i := range contents {
			for j := range readings {
				c, k := &contents[i], &readings[j]
				if w.changes()+c.changes()+k.changes() != changes {
					continue
				}
				if right, ok := c.signedBy(k, signed); ok {
					return slices.DeleteFunc([]Finding{k.Finding, c.Finding, w.Finding}, func(f Finding) bool { return f.changes() == 0 }), right, true
				}
			}
		}
	}
	return nil, spelled{}, false
}

// changes counts a finding as a change, and none as none.
func (f Finding) changes() int {
	if f.Code == "" {
		return 0
	}
	return 1
}

// offer is what the headers say, read as leniently as can be.
type offer struct {
	values     values
	signatures []spelled
}

// spelled is what may be a signature, decoded.
type spelled struct {
	name     string // what stands before it, as "v1=" or "v1,"
	bytes    []byte
	encoding Encoding // empty for a token
}

// family is the alias family whose signature header is there, 0 if none is.
func (x *explainer) family() int {
	return max(0, slices.IndexFunc(x.locations[0].from.keys, func(name string) bool { return len(x.request.Header[name]) > 0 }))
}

// offer reads the headers of an alias family.
func (x *explainer) offer(family int) (o offer) {
	o.values[varMethod], o.values[varURL], o.values[varQuery] = x.request.Method, x.options.PublicURL, x.request.RawQuery
	o.values[varTimestamp] = x.value(x.time, family)
	o.values[varID] = x.value(x.id, family)
	o.values[varType] = x.value(x.typ, family)
	for i := range x.locations {
		for _, line := range x.lines(&x.locations[i].from, family) {
			o.signatures = append(o.signatures, x.spellings(line)...)
		}
	}
	o.signatures = o.signatures[:min(len(o.signatures), maxSpelled)]
	return o
}

// value returns the first value that is not empty.
func (x *explainer) value(s *source, family int) string {
	if s == nil {
		return ""
	}
	for _, line := range x.lines(s, family) {
		if line = trim(line); line != "" {
			return line
		}
	}
	return ""
}

func (x *explainer) lines(s *source, family int) []string {
	switch s.kind {
	case inHeader:
		if family >= len(s.keys) {
			family = 0
		}
		return x.request.Header[s.keys[family]]
	case inQuery:
		query, _ := url.ParseQuery(x.request.RawQuery) // what of it can be parsed
		return query[s.name]
	case inPart:
		var parts []string
		l := &x.locations[0]
		for _, line := range x.lines(&l.from, family) {
			for item := range strings.SplitSeq(line, l.List) {
				if name, text, ok := strings.Cut(item, l.Pair); ok && trim(name) == s.name {
					parts = append(parts, text)
				}
			}
		}
		return parts
	}
	return nil
}

// maxSpelled bounds what is tried as a signature: a good one has a handful of readings.
const maxSpelled = 32

// spellings decodes whatever in a header value could be a signature.
func (c *compiled) spellings(line string) (all []spelled) {
	if len(line) > maxLine {
		return nil
	}
	token := slices.ContainsFunc(c.Keys, func(form KeyForm) bool { return form.Algorithm == Token })
	take := func(name string, b []byte, e Encoding) {
		if n := len(b); n == 20 || n == 32 || n == 48 || n >= 64 { // those of MACs, and of pairs
			all = append(all, spelled{name, b, e})
		}
	}
	add := func(name, text string) {
		if len(all) >= maxSpelled {
			return
		}
		if token {
			all = append(all, spelled{bytes: []byte(text)})
		}
		if len(name) > 16 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			name = "" // which is nothing that a person would call a name
		}
		if b, err := hex.DecodeString(text); err == nil {
			take(name, b, Hex)
		}
		unpadded := strings.TrimRight(text, "=")
		if b, err := base64.RawStdEncoding.DecodeString(unpadded); err == nil {
			take(name, b, Base64)
		} else if b, err := base64.RawURLEncoding.DecodeString(unpadded); err == nil {
			take(name, b, Base64URL)
		}
	}
	add("", trim(line))
	for _, field := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t;\"'", r) }) {
		before := ""
		for piece := range strings.SplitSeq(field, ",") {
			add(before, piece)
			for _, separator := range []string{"=", ":"} {
				if name, rest, ok := strings.Cut(piece, separator); ok && strings.Trim(rest, "=") != "" {
					add(name+separator, rest)
				}
			}
			before = piece + ","
		}
	}
	return all
}

// signedBy reports whether one of the signatures is the key's over this content
// and body, and which.
func (c *content) signedBy(k *reading, body []byte) (spelled, bool) {
	size := k.form.Algorithm.size()
	if size > 0 && !k.form.Algorithm.pair() && !slices.ContainsFunc(c.offer.signatures, func(s spelled) bool { return len(s.bytes) == size }) {
		return spelled{}, false // which spares most of the hashing
	}
	if !c.template.has(varBody) {
		body = nil
	}
	before, after := c.template.around()
	pre, post := before.append(nil, &c.offer.values), after.append(nil, &c.offer.values)
	var right func(spelled) bool
	switch k.form.Algorithm {
	case Ed25519:
		message := slices.Concat(pre, body, post)
		right = func(s spelled) bool { return k.verify(message, s.bytes) }
	case Token:
		want := sha256.Sum256(k.bytes)
		right = func(s spelled) bool {
			got := sha256.Sum256(s.bytes)
			return s.encoding == "" && hmac.Equal(got[:], want[:])
		}
	default:
		k.mac.Reset()
		k.mac.Write(pre)
		k.mac.Write(body)
		k.mac.Write(post)
		mac := k.mac.Sum(nil)
		right = func(s spelled) bool { return s.encoding != "" && hmac.Equal(s.bytes, mac) }
		if k.form.Algorithm.pair() {
			right = func(s spelled) bool { return s.encoding != "" && k.verify(mac, s.bytes) }
		}
	}
	for _, s := range c.offer.signatures {
		if right(s) {
			return s, true
		}
	}
	return spelled{}, false
}

func joinEncodings(all []Encoding) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = string(e)
	}
	return strings.Join(texts, " or ")
}
