package verifier

import (
	"fmt"
	"strings"
)

// variable is a part of the signed bytes that differs per request.
type variable string

const (
	varID        variable = "id"
	varTimestamp variable = "timestamp"
	varType      variable = "type"
	varMethod    variable = "method"
	varURL       variable = "url"
	varBody      variable = "body"
)

// fixed reports whether the variable's own grammar says where it begins and
// ends: a timestamp has one length or ends in its zone, a method is all upper
// case, and the URL is what the operator configured.
func (v variable) fixed() bool {
	return v == varTimestamp || v == varMethod || v == varURL
}

// segment is literal text or, if variable is set, a variable.
type segment struct {
	literal  string
	variable variable
}

// template is the compiled form of [Scheme.Signed]. Values are written between
// the segments and never parsed again, so that an id "{body}" is nine bytes.
type template []segment

func compileTemplate(text string) (template, error) {
	var t template
	for rest := text; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open != 0 {
			literal := rest
			if open > 0 {
				literal = rest[:open]
			}
			t = append(t, segment{literal: literal})
			rest = rest[len(literal):]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return nil, fmt.Errorf("signed %q: a { without its }", text)
		}
		v := variable(rest[1:end])
		switch v {
		case varID, varTimestamp, varType, varMethod, varURL, varBody:
		default:
			return nil, fmt.Errorf("signed %q: unknown variable {%s}; there are {id}, {timestamp}, {type}, {method}, {url} and {body}", text, v)
		}
		if t.has(v) {
			return nil, fmt.Errorf("signed %q: {%s} is there twice", text, v)
		}
		if len(t) > 0 {
			before := t[len(t)-1].variable
			if before != "" && !before.fixed() && !v.fixed() {
				return nil, fmt.Errorf("signed %q: {%s} and {%s} touch, so that bytes could move from one to the other unseen", text, before, v)
			}
		}
		t = append(t, segment{variable: v})
		rest = rest[end+1:]
	}
	if len(t) == 0 {
		return nil, fmt.Errorf("signed is empty; it is the template of the signed bytes, such as \"{timestamp}.{body}\"")
	}
	return t, nil
}

func (t template) has(v variable) bool {
	for _, s := range t {
		if s.variable == v {
			return true
		}
	}
	return false
}

// delimiter returns the byte that ends variable v, 0 if none does: v's value
// must not hold it.
func (t template) delimiter(v variable) byte {
	for i, s := range t {
		if s.variable == v && i+1 < len(t) && t[i+1].literal != "" {
			return t[i+1].literal[0]
		}
	}
	return 0
}

// values are what the variables stand for in one request; the body is apart, as
// it is never copied.
type values struct {
	id, timestamp, typ, method, url string
}

func (v *values) of(name variable) string {
	switch name {
	case varID:
		return v.id
	case varTimestamp:
		return v.timestamp
	case varType:
		return v.typ
	case varMethod:
		return v.method
	case varURL:
		return v.url
	}
	return ""
}

// split appends the signed bytes before the body to pre and those after it to
// post.
func (t template) split(v *values, pre, post []byte) (_, _ []byte) {
	out := &pre
	for i := range t {
		switch s := &t[i]; s.variable {
		case "":
			*out = append(*out, s.literal...)
		case varBody:
			out = &post
		default:
			*out = append(*out, v.of(s.variable)...)
		}
	}
	return pre, post
}
