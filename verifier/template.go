package verifier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// variable is a part of the signed bytes that differs per request.
type variable uint8

const (
	literal variable = iota // none: text of the template itself
	varID
	varTimestamp
	varType
	varMethod
	varURL
	varQuery
	varBody
)

var variableNames = [...]string{varID: "id", varTimestamp: "timestamp", varType: "type", varMethod: "method", varURL: "url", varQuery: "query", varBody: "body"}

func (v variable) String() string { return variableNames[v] }

// segment is a variable, or literal text.
type segment struct {
	variable variable
	text     string
}

// template is the compiled form of [Scheme.Signed]. Values are written between
// the segments and never parsed again, so that an id "{body}" is nine bytes.
type template []segment

func compileTemplate(text string) (template, error) {
	var t template
	for rest := text; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open != 0 {
			text := rest
			if open > 0 {
				text = rest[:open]
			}
			t = append(t, segment{text: text})
			rest = rest[len(text):]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return nil, fmt.Errorf("signed %q: a { without its }", text)
		}
		v := variable(max(0, slices.Index(variableNames[:], rest[1:end])))
		if v == literal {
			return nil, fmt.Errorf("signed %q: unknown variable %s; there are {id}, {timestamp}, {type}, {method}, {url}, {query} and {body}", text, rest[:end+1])
		}
		if t.has(v) {
			return nil, fmt.Errorf("signed %q: {%s} is there twice", text, v)
		}
		t = append(t, segment{variable: v})
		rest = rest[end+1:]
	}
	if len(t) == 0 {
		return nil, errors.New("signed is empty; it is the template of the signed bytes, such as \"{timestamp}.{body}\"")
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

// The signed bytes have to be read in one way only, or a signature would also hold
// for another division of them. They are: the variables before {body} are found
// from the left, those after it from the right. A timestamp says by its grammar
// where it ends, and the URL is constant. Any other variable is bounded by literal
// text whose nearest byte its value must not hold, or ends where the first thing
// that looks like an RFC 3339 time begins.

// neighbor returns the index of the segment that bounds the i-th on the side of
// the body, -1 if the signed bytes end there.
func (t template) neighbor(i int) int {
	for _, before := range t[:i] {
		if before.variable == varBody {
			return i - 1
		}
	}
	if i+1 == len(t) {
		return -1
	}
	return i + 1
}

// touching returns two variables between which nothing says where one ends.
func (t template) touching(format TimeFormat) (a, b variable, touch bool) {
	for i, s := range t {
		switch s.variable {
		case literal, varTimestamp, varURL, varBody:
			continue
		}
		n := t.neighbor(i)
		if n < 0 || t[n].variable == literal {
			continue
		}
		switch next := t[n].variable; {
		case n < i:
		case next == varTimestamp && (format == RFC3339 && s.variable != varQuery || s.variable == varMethod):
			continue
		case next == varURL && s.variable == varMethod: // one is upper case, the other begins with http
			continue
		}
		return s.variable, t[n].variable, true
	}
	return 0, 0, false
}

// meetsTime reports whether variable v is bounded by the timestamp alone.
func (t template) meetsTime(v variable) bool {
	for i, s := range t {
		if s.variable == v {
			n := t.neighbor(i)
			return n > i && t[n].variable == varTimestamp
		}
	}
	return false
}

// delimiter returns the byte that bounds variable v, 0 if there is none: v's value
// must not hold it.
func (t template) delimiter(v variable) byte {
	for i, s := range t {
		if s.variable != v {
			continue
		}
		switch n := t.neighbor(i); {
		case n < 0 || t[n].variable != literal:
			return 0
		case n > i:
			return t[n].text[0]
		default:
			return t[n].text[len(t[n].text)-1]
		}
	}
	return 0
}

// values are what the variables stand for in one request; the body is apart, as
// it is never copied.
type values [varBody]string

// around returns the parts of the template before and after the body.
func (t template) around() (pre, post template) {
	for i, s := range t {
		if s.variable == varBody {
			return t[:i], t[i+1:]
		}
	}
	return t, nil
}

// append appends what a part without the body stands for to dst.
func (t template) append(dst []byte, v *values) []byte {
	for i := range t {
		text := t[i].text
		if t[i].variable != literal {
			text = v[t[i].variable]
		}
		dst = append(dst, text...)
	}
	return dst
}
