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
func (x *explainer) signatures() bool {
	readings, contents := x.readings(), x.contents()
	most := 2
	if len(x.body) > maxTwoChanges {
		most = 1
	}
	for changes := range most + 1 {
		found, encoding, ok := search(readings, contents, x.body, changes)
		if !ok {
			continue
		}
		x.Findings = append(x.Findings, found...)
		switch allowed := x.Encodings; {
		case encoding != "" && !slices.Contains(allowed, encoding):
			x.find("signature_encoding", "The signature is right, but spelled as %s; this scheme has %s.", encoding, joinEncodings(allowed))
		case changes == 0 && x.Err != nil:
			x.find("form", "The signature is right for this secret and this body; only the form of the headers is wrong.")
		}
		return true
	}
	return x.otherTime(readings, contents[0])
}

// search tries every way to make exactly that number of changes, and returns the
// findings of the first under which a signature matches.
func search(readings []reading, contents []content, body []byte, changes int) ([]Finding, Encoding, bool) {
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
				if encoding, ok := c.signedBy(k, signed); ok {
					return slices.DeleteFunc([]Finding{k.Finding, c.Finding, w.Finding}, func(f Finding) bool { return f.changes() == 0 }), encoding, true
				}
			}
		}
	}
	return nil, "", false
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

// spellings decodes whatever in a header value could be a signature.
func (c *compiled) spellings(line string) (all []spelled) {
	texts := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t,;\"'", r) })
	for _, text := range texts {
		for _, separator := range []string{"=", ":"} {
			if _, rest, ok := strings.Cut(text, separator); ok && rest != "" {
				texts = append(texts, rest)
			}
		}
	}
	for _, text := range append([]string{trim(line)}, texts...) {
		if slices.ContainsFunc(c.Keys, func(form KeyForm) bool { return form.Algorithm == Token }) {
			all = append(all, spelled{bytes: []byte(text)})
		}
		if b, err := hex.DecodeString(text); err == nil {
			all = append(all, spelled{b, Hex})
		}
		unpadded := strings.TrimRight(text, "=")
		if b, err := base64.RawStdEncoding.DecodeString(unpadded); err == nil {
			all = append(all, spelled{b, Base64})
		} else if b, err := base64.RawURLEncoding.DecodeString(unpadded); err == nil {
			all = append(all, spelled{b, Base64URL})
		}
	}
	return all
}

// signedBy reports whether one of the signatures is the key's over this content
// and body, and how it is spelled.
func (c *content) signedBy(k *reading, body []byte) (Encoding, bool) {
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
			return s.encoding, true
		}
	}
	return "", false
}

func joinEncodings(all []Encoding) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = string(e)
	}
	return strings.Join(texts, " or ")
}
