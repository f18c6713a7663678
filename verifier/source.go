package verifier

import (
	"fmt"
	"net/http"
	"strings"
)

// refKind is the first word of a [Ref].
type refKind string

const (
	inHeader refKind = "header"
	inQuery  refKind = "query"
	inPart   refKind = "part"
	inBody   refKind = "json"
)

func (r Ref) split() (refKind, string, error) {
	kind, name, _ := strings.Cut(string(r), ":")
	switch refKind(kind) {
	case inHeader, inQuery, inPart, inBody:
	default:
		return "", "", fmt.Errorf("%q is no reference; write header:<name>, query:<name>, part:<name> or json:<pointer>", r)
	}
	if name == "" {
		return "", "", fmt.Errorf("%q names nothing", r)
	}
	if refKind(kind) == inBody && name[0] != '/' {
		return "", "", fmt.Errorf("%q: a JSON pointer begins with /", r)
	}
	return refKind(kind), name, nil
}

// source is where a compiled scheme finds one value.
type source struct {
	kind  refKind
	name  string   // as the scheme spells it
	names []string // inHeader: the same in each alias family, that of the scheme first
	keys  []string // inHeader: names in canonical form
	path  pointer  // inBody
}

func (s source) String() string { return string(s.kind) + ":" + s.name }

func (c *compiled) source(r Ref) (source, error) {
	kind, name, err := r.split()
	if err != nil {
		return source{}, err
	}
	s := source{kind: kind, name: name}
	switch kind {
	case inHeader:
		if !headerName(name) {
			return s, fmt.Errorf("%q is no header name", name)
		}
		s.names = c.family(name)
		for _, name := range s.names {
			s.keys = append(s.keys, http.CanonicalHeaderKey(name))
		}
	case inPart:
		if len(c.Signature) != 1 || c.Signature[0].Pair == "" || c.Signature[0].List == "" {
			return s, fmt.Errorf("%q: the signature is no list of named items", r)
		}
	case inBody:
		s.path, err = parsePointer(name)
	}
	return s, err
}

// family returns the header names under which a value may arrive, the scheme's own
// first.
func (c *compiled) family(name string) []string {
	names := []string{name}
	for _, prefix := range c.Aliases {
		rest, ok := cutPrefixFold(name, prefix)
		if !ok {
			continue
		}
		for _, other := range c.Aliases {
			if other != prefix {
				names = append(names, other+rest)
			}
		}
		break
	}
	return names
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func headerName(name string) bool {
	for _, r := range name {
		if r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return name != ""
}
